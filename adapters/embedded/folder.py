"""The folder of an embedded PostgreSQL: what lies in it, and who may touch it.

embedded.lock     held by the process that owns the server
password          of the superuser, readable by its owner alone
postgres.log      and postgres.log.1, the one before
cluster/          PostgreSQL's own data folder, complete from its first moment
cluster.new-*/    one in the making
"""

import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Final

from adapters.embedded.account import Account, account_for
from adapters.embedded.errors import EmbeddedPostgresError

_LOCK: Final = "embedded.lock"
_PRIVATE: Final = 0o700
_LOG_LIMIT_BYTES: Final = 10_000_000
_DISK_FULL: Final = ("No space left on device", "Check free disk space", "Disk quota exceeded")
_TAIL_BYTES: Final = 4_000
_TAIL_LINES: Final = 15


class Folder:
    """Paths and small files of one embedded PostgreSQL."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().resolve()
        self.lock = self.root / _LOCK
        self.cluster = self.root / "cluster"
        self.pid_file = self.cluster / "postmaster.pid"
        self.log = self.root / "postgres.log"
        self._password = self.root / "password"

    def prepare(self) -> Account:
        """Make the folder, or check that it is ours, and return who runs its server."""
        self.root.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        account = account_for(self.root)
        names = {path.name for path in self.root.iterdir() if not path.name.startswith(".")} - {"lost+found"}
        if names and _LOCK not in names:
            what = "the data of another PostgreSQL" if "PG_VERSION" in names else "files of something else"
            raise EmbeddedPostgresError(f"{self.root} holds {what}. Choose a new or an empty folder.")
        account.own(self.root)
        if stat.S_IMODE(self.root.stat().st_mode) != _PRIVATE:
            self.root.chmod(_PRIVATE)
        return account

    def password(self) -> str | None:
        """Return the superuser's password, if there is one yet."""
        try:
            return self._password.read_text("ascii").strip() or None
        except FileNotFoundError:
            return None

    def make_password(self, account: Account) -> Path:
        """Return the file with the superuser's password, which is made once and never changed."""
        if self.password() is None:
            self.write(self._password, secrets.token_urlsafe(32).encode("ascii"), account)
        return self._password

    def write(self, path: Path, content: bytes, account: Account) -> None:
        """Write a private file that is there completely or not at all, also after a power cut."""
        fd, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(fd, "wb") as file:
                account.own(fd)
                file.write(content)
                file.flush()
                os.fsync(fd)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)

    def open_log(self, account: Account) -> int:
        """Open the log for a server, after one that grew large has been put aside."""
        if self.log_size() > _LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_name("postgres.log.1"))
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        new = not self.log.exists()
        fd = os.open(self.log, flags, 0o600)
        if new:
            account.own(fd)
        return fd

    def log_size(self) -> int:
        """Return the length of the log in bytes."""
        try:
            return self.log.stat().st_size
        except FileNotFoundError:
            return 0

    def log_since(self, offset: int) -> str:
        """Return the end of the log, at most from ``offset`` on."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(offset, self.log_size() - _TAIL_BYTES))
                return file.read(_TAIL_BYTES).decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def failure(self, what: str, said: str) -> EmbeddedPostgresError:
        """Return an error with the last lines that PostgreSQL said, and never the password."""
        password = self.password()
        lines = said.replace(password, "***") if password else said
        advice = f"The folder is {self.root}" + (f", the whole log {self.log}." if self.log.exists() else ".")
        if any(full in said for full in _DISK_FULL):
            advice = f"The disk is full: make room for {self.root}, then start again. {advice}"
        told = "\n".join(f"    {line}" for line in lines.splitlines()[-_TAIL_LINES:])
        return EmbeddedPostgresError(
            f"{what} Its last lines:\n{told}\n{advice}" if told else f"{what} {advice}"
        )


def sync_folder(path: Path) -> None:
    """Make a new name in a folder survive a power cut."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
