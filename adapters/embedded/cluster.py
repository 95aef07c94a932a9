"""The cluster in the folder: made once, run by the version that made it, freed of what a crash left."""

import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.embedded import binaries
from adapters.embedded.account import Account
from adapters.embedded.binaries import Binaries
from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.folder import Folder, sync_folder
from adapters.embedded.process import end_stray, is_server, launch

SUPERUSER: Final = "postgres"
_INITDB_TIMEOUT_SECONDS: Final = 300.0
_BUILTIN_LOCALES_SINCE: Final = 17
_NEW: Final = "cluster.new-"
_NO_PROCESS: Final = 2**31 - 1
"""A process number that no system gives out."""
_PORT_LINE: Final = 3
_STATUS_LINE: Final = 7


@dataclass(frozen=True, slots=True)
class PidFile:
    """What a server says about itself in ``postmaster.pid``, be it alive or not."""

    pid: int
    port: int
    ready: bool


def make_or_find(folder: Folder, account: Account) -> Binaries:
    """Make the cluster if there is none yet, and return the programs to run it with."""
    # At every start, since an initdb that was just killed may write a moment longer than we remove.
    for unfinished in folder.root.glob(f"{_NEW}*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    if not folder.cluster.exists():
        found = binaries.newest()
        _make(folder, account, found)
        return found
    try:
        major = int((folder.cluster / "PG_VERSION").read_text("ascii"))
    except FileNotFoundError as error:
        raise EmbeddedPostgresError(
            f"{folder.cluster} has no PG_VERSION, so it is no complete PostgreSQL data folder. "
            f"Restore it from a backup, or remove it to start with an empty database."
        ) from error
    except ValueError as error:
        raise EmbeddedPostgresError(
            f"{folder.cluster}/PG_VERSION is damaged. Restore the folder from a backup."
        ) from error
    if folder.password() is None:
        raise EmbeddedPostgresError(
            f"The password of the database is missing in {folder.root}. Restore the file 'password' from a "
            f"backup of the folder."
        )
    _hand_over(folder.cluster, account)
    return binaries.of_major(major, folder.cluster)


def _make(folder: Folder, account: Account, found: Binaries) -> None:
    password_file = folder.make_password(account)
    # Under another name until it is complete: what a kill or a power cut leaves is never taken for a cluster.
    fresh = Path(tempfile.mkdtemp(prefix=_NEW, dir=folder.root))
    try:
        account.own(fresh)
        _initdb(folder, account, found, fresh, password_file)
        fresh.rename(folder.cluster)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    sync_folder(folder.root)


def _initdb(folder: Folder, account: Account, found: Binaries, fresh: Path, password_file: Path) -> None:
    locale = ["--locale=C"]
    if found.major >= _BUILTIN_LOCALES_SINCE:
        locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command = [
        str(found.initdb),
        f"--pgdata={fresh}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--data-checksums",
        "--no-instructions",
        *locale,
    ]
    with launch(command, account, folder.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            _, said = process.communicate(timeout=_INITDB_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise folder.failure(
                f"initdb took more than {_INITDB_TIMEOUT_SECONDS:.0f} s and was stopped.", ""
            ) from None
        except BaseException:
            process.send_signal(signal.SIGINT)
            raise
    if process.returncode != 0:
        raise folder.failure("PostgreSQL could not make its data folder.", said.decode("utf-8", "replace"))


def _hand_over(cluster: Path, account: Account) -> None:
    # A backup that root copied back belongs to root, and PostgreSQL does not run on what is not its own.
    if cluster.stat().st_uid == account.uid or os.geteuid() != 0:
        return
    for parent, _, files, here in os.fwalk(cluster, follow_symlinks=False):
        os.chown(parent, account.uid, account.gid, follow_symlinks=False)
        for name in files:
            os.chown(name, account.uid, account.gid, dir_fd=here, follow_symlinks=False)


def read_pid_file(folder: Folder) -> PidFile | None:
    """Return what the last server wrote about itself, or None where there is nothing to be read."""
    try:
        lines = folder.pid_file.read_text("utf-8", "replace").splitlines()
        pid = abs(int(lines[0]))
    except (FileNotFoundError, IndexError, ValueError):
        return None
    port = lines[_PORT_LINE] if len(lines) > _PORT_LINE else ""
    status = lines[_STATUS_LINE] if len(lines) > _STATUS_LINE else ""
    return PidFile(pid, int(port) if port.isdigit() else 0, status.strip() == "ready")


def clear_strays(folder: Folder, account: Account) -> None:
    """End a server without an owner, and free the cluster from a process number that now is another's.

    Only for who holds the lock: then any server is a stray.
    """
    try:
        content = folder.pid_file.read_bytes()
    except FileNotFoundError:
        return
    found = read_pid_file(folder)
    if found is None:
        folder.pid_file.unlink()
        return
    if is_server(found.pid, folder.cluster):
        end_stray(found.pid, folder.cluster)
        if not folder.pid_file.exists():
            return
    # PostgreSQL would take any living process with this number for a server. The rest of the file stays:
    # from it PostgreSQL learns whether sessions of a killed server still use the shared memory.
    rest = content.partition(b"\n")[2]
    folder.write(folder.pid_file, b"%d\n%s" % (_NO_PROCESS, rest), account)
