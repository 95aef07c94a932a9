"""Processes of PostgreSQL that end with us, and those a predecessor left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from adapters.embedded.account import Account
from adapters.embedded.errors import EmbeddedPostgresError

_LAUNCH: Final = Path(__file__).with_name("launch.py")
_PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "NIX_LD", "NIX_LD_LIBRARY_PATH")
_POLL_SECONDS: Final = 0.01
_STOP_STEPS: Final = (
    (signal.SIGINT, 60.0),  # fast: sessions end, a checkpoint is written
    (signal.SIGQUIT, 10.0),  # immediate: the next start recovers from the log
    (signal.SIGKILL, 10.0),
)


def launch(
    command: list[str], account: Account, folder: Path, *, stdout: IO[bytes] | int, stderr: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    """Start a program as ``account``; it is interrupted when this process ends, however it ends."""
    # The kernel's signal comes when the *thread* that started the child ends.
    by_kernel = sys.platform == "linux" and threading.current_thread() is threading.main_thread()
    launcher = [
        sys.executable,
        "-I",
        "-S",
        str(_LAUNCH),
        str(os.getpid()),
        "signal" if by_kernel else "watch",
        str(account.uid),
        str(account.gid),
        str(folder),
    ]
    # Our environment may hold secrets, and PG* variables that would change what the programs do.
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return subprocess.Popen(  # noqa: S603 - our own script and a program of our own dependency
        launcher + command,
        cwd="/",
        env=environment | {"LC_ALL": "C", "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        # Ctrl-C in a terminal goes to the whole group; the server must outlive what we still do then.
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes], what: str) -> None:
    """End a server that we started."""
    _end(process.send_signal, lambda: process.poll() is not None, what)


def end_stray(pid: int, cluster: Path) -> None:
    """End a server of this cluster that nobody owns any more."""
    try:
        _end(
            lambda number: os.kill(pid, number),
            lambda: not is_server(pid, cluster),
            f"the server {pid} of {cluster}",
        )
    except PermissionError as error:
        raise EmbeddedPostgresError(
            f"Process {pid} runs PostgreSQL on {cluster} as another user. Stop it, then start again."
        ) from error


def is_server(pid: int, cluster: Path) -> bool:
    """Say whether the process is a PostgreSQL server on this cluster; pids are used again by others."""
    try:
        words = [os.fsdecode(word) for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")]
    except ProcessLookupError:
        return False
    except OSError:
        return sys.platform != "linux" and _ps_shows_server(pid, cluster)
    return Path(words[0]).name == "postgres" and str(cluster) in words


def _ps_shows_server(pid: int, cluster: Path) -> bool:
    line = subprocess.run(  # noqa: S603 - fixed command, a number as argument
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False, text=True
    ).stdout
    return "/postgres " in line and str(cluster) in line


def _end(send: Callable[[int], None], ended: Callable[[], bool], what: str) -> None:
    for number, patience in _STOP_STEPS:
        if ended():
            return
        try:
            send(number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if ended():
                return
            time.sleep(_POLL_SECONDS)
    raise EmbeddedPostgresError(
        f"Could not end {what}, not even by SIGKILL. Look at the disk, then try again."
    )
