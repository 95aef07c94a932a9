"""Copies of files while they are read: private, locked, and gone when nobody wants them any more."""

import asyncio
import fcntl
import hashlib
import os
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from adapters.pollers.local_file import BLOCK, blocks_of
from domain.ingestion.errors import TransferError
from domain.ingestion.file_ports import LocalFile, Spool
from domain.shared.errors import UnavailableError

_KEPT_SECONDS: Final = 7 * 24 * 3600.0
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_SUFFIX: Final = ".part"


class _OwnFile:
    """A file that this process alone writes, by a lock that ends with it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.close = weakref.finalize(self, os.close, descriptor)

    def remove(self) -> None:
        """Remove it, before the lock is let go: who waits for it then finds another file, or none."""
        self.path.unlink(missing_ok=True)
        self.close()


class SpooledFile(LocalFile):
    """A whole copy."""

    def __init__(self, own: _OwnFile, size: int, sha256: str) -> None:
        self._own = own
        self._size = size
        self._sha256 = sha256

    @property
    def size(self) -> int:
        return self._size

    @property
    def sha256(self) -> str:
        return self._sha256

    def blocks(self) -> Iterator[bytes]:
        return blocks_of(self._own.path)

    async def discard(self) -> None:
        await asyncio.to_thread(self._own.remove)


class PartialFile:
    """A copy that is being made; ``size`` is what is there so far."""

    def __init__(self, own: _OwnFile) -> None:
        self._own: _OwnFile | None = own
        self._descriptor = own.descriptor
        self.size = 0
        self._content = hashlib.sha256()

    def read_what_is_there(self) -> None:
        """Go on where an earlier process left off (blocks the thread)."""
        while block := os.pread(self._descriptor, BLOCK, self.size):
            self._content.update(block)
            self.size += len(block)

    async def append(self, block: bytes) -> None:
        """Write what came next, also where the task is cancelled meanwhile.

        Raises:
            TransferError: ``disk_full``.

        """
        writing = asyncio.ensure_future(asyncio.to_thread(self._write, block))
        cancelled: asyncio.CancelledError | None = None
        while not writing.done():
            # A thread cannot be called back: its bytes would come to stand after others.
            try:
                await asyncio.wait({writing})
            except asyncio.CancelledError as error:
                cancelled = error
        try:
            writing.result()
        except OSError as error:
            raise _not_kept(error) from None
        if cancelled is not None:
            raise cancelled

    def _write(self, block: bytes) -> None:
        rest = memoryview(block)
        while rest:
            written = os.pwrite(self._descriptor, rest, self.size)
            self._content.update(rest[:written])
            self.size += written
            rest = rest[written:]

    def restart(self) -> None:
        """Forget what is there."""
        os.ftruncate(self._descriptor, 0)
        self.size = 0
        self._content = hashlib.sha256()

    def finished(self) -> SpooledFile:
        """Return the whole file; this one is at its end."""
        if self._own is None:
            raise RuntimeError("the file is closed")
        own, self._own = self._own, None
        return SpooledFile(own, self.size, self._content.hexdigest())

    def close(self) -> None:
        """Leave it for another time, unless it is finished or discarded."""
        if self._own is not None:
            self._own.close()
            self._own = None

    def discard(self) -> None:
        """Remove it."""
        if self._own is not None:
            self._own.remove()
            self._own = None


class SpoolFolder(Spool):
    """Keeps the copies in one folder, which several processes may share.

    Files that nobody wrote to for seven days are removed when a process uses the folder first.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_ready = False

    async def keep(self, blocks: AsyncIterator[bytes]) -> LocalFile:
        try:
            part = await asyncio.to_thread(self.open_part, uuid4().hex, resume=False)
            try:
                async for block in blocks:
                    await part.append(block)
            except BaseException:
                part.discard()
                raise
        except TransferError as error:
            raise UnavailableError(error.fault.code, error.fault.detail) from None
        return part.finished()

    def open_part(self, name: str, *, resume: bool) -> PartialFile:
        """Open a file of this name to go on with it, another one where somebody else has it.

        Blocks the thread.

        Raises:
            TransferError: ``disk_full``.

        """
        try:
            self._prepare()
            own = _opened(self._folder / f"{name}{_SUFFIX}")
            if own is None:
                own = _opened(self._folder / f"{name}.{uuid4().hex}{_SUFFIX}")
            if own is None:
                raise FileExistsError(0, "a new file is locked")
            part = PartialFile(own)
            if resume:
                part.read_what_is_there()
            else:
                part.restart()
        except OSError as error:
            raise _not_kept(error) from None
        return part

    def _prepare(self) -> None:
        if self._is_ready:
            return
        self._folder.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
        self._folder.chmod(_FOLDER_MODE)
        # The clock of the file system, which stamped them, not that of the application.
        latest = time.time() - _KEPT_SECONDS
        for path in self._folder.glob(f"*{_SUFFIX}"):
            with suppress(OSError):
                if path.stat().st_mtime < latest and (own := _opened(path)) is not None:
                    own.remove()
        self._is_ready = True


def _opened(path: Path) -> _OwnFile | None:
    """Return the file with its lock, None where another process or file object has it."""
    while True:
        own = _OwnFile(path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE))
        try:
            fcntl.flock(own.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            own.close()
            return None
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(own.descriptor).st_ino:
                return own
        own.close()  # its last owner removed it in the moment before the lock


def _not_kept(error: OSError) -> TransferError:
    return TransferError("disk_full", f"the file cannot be kept here: {error.strerror}")
