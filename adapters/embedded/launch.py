"""Run a program that ends with its starter and, started by root, has an account without rights.

    python -I -S launch.py STARTER signal|watch UID GID FOLDER PROGRAM [ARGUMENT ...]

A script of its own and standard library only: what it does to its process must not be done in a fork of
a process with threads, and it starts in 15 ms.

``signal`` asks the Linux kernel to interrupt the program once the thread that started us has ended.
``watch`` is for other platforms and other threads: this script stays, looks twice a second whether the
starter is still its parent, and interrupts the program once it is not. On Linux the program also ends
with a killed watchdog; elsewhere a watchdog killed by SIGKILL leaves it running until the next start.

Root gives up every right before it runs the program. Only where UID can reach the program or the folder
in no other way (they lie below a folder such as /root) one capability is left: to read everywhere, or
where that is not enough or not to be had (Docker), to pass over file permissions.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_KEEPCAPS: Final = 8
_PR_SET_SECUREBITS: Final = 28
_SECBIT_NO_SETUID_FIXUP: Final = 1 << 2
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_RAISE: Final = 2
_CAPABILITY_VERSION_3: Final = 0x20080522
_CAP_DAC_OVERRIDE: Final = 1
_CAP_DAC_READ_SEARCH: Final = 2
_LENT: Final = {None: "", _CAP_DAC_READ_SEARCH: "CAP_DAC_READ_SEARCH", _CAP_DAC_OVERRIDE: "CAP_DAC_OVERRIDE"}
"""The least first: none at all."""
_LOOK_SECONDS: Final = 0.5

_LINUX: Final = sys.platform == "linux"
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Become the program, or watch over it."""
    starter, watch, uid, gid = int(sys.argv[1]), sys.argv[2] == "watch", int(sys.argv[3]), int(sys.argv[4])
    folder, command = sys.argv[5], sys.argv[6:]
    # A shell starts its background jobs with SIGINT ignored; the program must hear it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        if os.geteuid() == 0:
            _become(uid, gid, command[0], folder)
        if watch:
            sys.exit(_watch(starter, command))
        _run(starter, command)
    except OSError as error:
        sys.exit(f"launch: cannot run {command[0]} as user {uid}: {error}")


def _run(starter: int, command: list[str]) -> None:
    if _LINUX:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
    # A starter that died before the line above sends no signal any more.
    if os.getppid() != starter:
        sys.exit("launch: the process that started this one has ended")
    os.execv(command[0], command)  # noqa: S606 - the command comes from process.py


def _watch(starter: int, command: list[str]) -> int:
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes)
    watchdog = os.getpid()
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        _run(watchdog, command)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, lambda forwarded, _: os.kill(child, forwarded))
    signal.signal(signal.SIGCHLD, lambda *_: None)
    interrupted = False
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if os.getppid() != starter and not interrupted:
            os.kill(child, signal.SIGINT)
            interrupted = True
        if select.select([woken], [], [], _LOOK_SECONDS)[0]:
            os.read(woken, 512)


def _become(uid: int, gid: int, program: str, folder: str) -> None:
    if _LINUX:
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        # PostgreSQL looks at its own programs with access(2), which disregards capabilities without this.
        with contextlib.suppress(PermissionError):
            _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
        _prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    held = _permitted() if _LINUX else 0
    for capability, name in _LENT.items():
        wanted = 0 if capability is None else 1 << capability
        if wanted & ~held:
            continue
        if _LINUX:
            _set_capabilities(wanted, held)
        if capability is not None:
            _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)
        if _reaches(program, folder):
            if _LINUX:
                _set_capabilities(wanted, wanted)
            if name:
                sys.stderr.write(f"launch: user {uid} is lent {name} to reach {program} and {folder}\n")
            return
    sys.exit(
        f"launch: user {uid} cannot run {program} or cannot enter {folder}, and this container or machine "
        f"leaves root no capability to lend (CAP_DAC_READ_SEARCH or CAP_DAC_OVERRIDE, with CAP_SETPCAP). "
        f"Put both below folders that every user may enter, or start the dashboard as an ordinary user."
    )


def _reaches(program: str, folder: str) -> bool:
    # A trial tells more than modes do: access lists and security modules have their say too.
    if not os.access(program, os.R_OK | os.X_OK):
        return False
    try:
        os.close(os.open(folder, os.O_RDONLY))
        trial = os.posix_spawn(
            program,
            [program, "--version"],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
        )
    except OSError:
        return False
    return os.waitstatus_to_exitcode(os.waitpid(trial, 0)[1]) == 0


def _permitted() -> int:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    _checked(_LIBC.capget(header, data))
    return int(data[1]) & (1 << _CAP_DAC_OVERRIDE | 1 << _CAP_DAC_READ_SEARCH)


def _set_capabilities(effective: int, permitted: int) -> None:
    # Inheritable as well as effective: an ambient capability must be both, and is dropped with either.
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(effective, permitted, effective)
    _checked(_LIBC.capset(header, data))


def _prctl(option: int, *arguments: int) -> None:
    padded = (*arguments, 0, 0, 0, 0)[:4]
    _checked(_LIBC.prctl(option, *(ctypes.c_ulong(argument) for argument in padded)))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main()
