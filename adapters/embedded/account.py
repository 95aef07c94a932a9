"""Who runs the server. PostgreSQL refuses root, so root lends it an account without rights."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.embedded.errors import EmbeddedPostgresError

_ROOT: Final = 0
_UNPRIVILEGED: Final = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """The user and group of the server's processes and files."""

    uid: int
    gid: int

    def own(self, file: int | Path) -> None:
        """Give a file that we just made to the account; only root has to."""
        if os.geteuid() != _ROOT:
            return
        try:
            os.chown(file, self.uid, self.gid)
        except OSError as error:
            raise EmbeddedPostgresError(
                f"PostgreSQL does not run as root, and root may not give files to user {self.uid} here "
                f"({error.strerror}). Start this program as an ordinary user, outside of a container "
                f"without capabilities, or on a disk that knows owners."
            ) from error


def account_for(folder: Path) -> Account:
    """Return who runs the server of this folder: ourselves or, for root, the folder's owner or nobody."""
    owner = folder.stat()
    if os.geteuid() != _ROOT:
        if owner.st_uid != os.geteuid():
            raise EmbeddedPostgresError(
                f"{folder} belongs to user {owner.st_uid}, but this process runs as user {os.geteuid()}. "
                f"Run it as the folder's owner, or choose another folder."
            )
        return Account(os.geteuid(), os.getegid())
    if owner.st_uid != _ROOT:
        try:
            return Account(owner.st_uid, pwd.getpwuid(owner.st_uid).pw_gid)
        except KeyError:
            return Account(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam(_UNPRIVILEGED)
    except KeyError as error:
        raise EmbeddedPostgresError(
            f"PostgreSQL does not run as root, and there is no user {_UNPRIVILEGED!r} to lend it. "
            f"Start this program as an ordinary user, or let one own {folder}."
        ) from error
    return Account(nobody.pw_uid, nobody.pw_gid)
