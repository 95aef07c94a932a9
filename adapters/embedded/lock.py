"""The lock that says who owns the server of a folder."""

import fcntl
import os
import weakref
from pathlib import Path
from typing import Final

from adapters.embedded.account import Account


class OwnerLock:
    """An advisory file lock, held for as long as its owner's process lives and no longer.

    Held for the owner's life rather than for its start: whoever gets it knows, without a guess at process
    numbers, that no owner lives and that any server still there is a stray. The kernel frees it at once
    when the owner is killed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def acquire(self, account: Account) -> bool:
        """Take the lock unless another process has it; never waits."""
        if self._fd is not None:
            return True
        fd = self._open(account)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        _held.add(self)
        return True

    def release(self) -> None:
        """Give the lock back, if it is ours."""
        _held.discard(self)
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self, account: Account) -> int:
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            fd = os.open(self._path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return os.open(self._path, flags)
        account.own(fd)
        return fd


_held: Final[weakref.WeakSet[OwnerLock]] = weakref.WeakSet()


def _let_go_in_fork() -> None:
    # A forked worker shares the lock of its parent, and would keep it beyond the parent's death.
    for lock in list(_held):
        lock.release()


os.register_at_fork(after_in_child=_let_go_in_fork)
