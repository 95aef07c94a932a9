"""A file server, its files, and copies of them in memory; a test puts files on it, and faults."""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from domain.ingestion.errors import FileServerError, TransferError
from domain.ingestion.file_ports import FileServer, LocalFile, RemoteFolder, RemotePage, Spool
from domain.ingestion.files import FoundFile

_BLOCK = 1 << 16


class MemoryLocalFile(LocalFile):
    """A file's content; ``is_discarded`` once nobody wants it any more."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.is_discarded = False

    @property
    def size(self) -> int:
        return len(self._content)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self._content).hexdigest()

    def blocks(self) -> Iterator[bytes]:
        for start in range(0, len(self._content), _BLOCK):
            yield self._content[start : start + _BLOCK]

    async def discard(self) -> None:
        self.is_discarded = True


class MemorySpool(Spool):
    """Keeps copies in a list, where a test finds those that were not discarded."""

    def __init__(self) -> None:
        self.kept: list[MemoryLocalFile] = []

    async def keep(self, blocks: AsyncIterator[bytes]) -> LocalFile:
        file = MemoryLocalFile(b"".join([block async for block in blocks]))
        self.kept.append(file)
        return file


@dataclass(frozen=True, slots=True)
class MemoryRemoteFile:
    """A file on the server."""

    content: bytes
    modified: datetime | None


@dataclass
class MemoryFileServer(FileServer):
    """Files by path. ``away`` is raised by every call, ``faults`` by the fetching of these paths.

    ``fetched`` are the paths in the order in which they were asked for.
    """

    files: dict[str, MemoryRemoteFile] = field(default_factory=dict)
    away: FileServerError | None = None
    faults: dict[str, TransferError | FileServerError] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    page: int = 1_000

    @property
    def name(self) -> str:
        return "memory://files/"

    def put(self, path: str, content: bytes, modified: datetime | None) -> None:
        """Put a file on the server, in place of the one that was there."""
        self.files[path] = MemoryRemoteFile(content, modified)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[RemoteFolder]:
        self.check()
        yield MemoryRemoteFolder(self)

    def check(self) -> None:
        """Raise what keeps the server from being used."""
        if self.away is not None:
            raise self.away

    def look(self, path: str) -> FoundFile | None:
        """Return how a file is listed now."""
        file = self.files.get(path)
        return None if file is None else FoundFile(path, len(file.content), file.modified)


class MemoryRemoteFolder(RemoteFolder):
    """The files of a `MemoryFileServer`, folder by folder."""

    def __init__(self, server: MemoryFileServer) -> None:
        self._server = server

    async def pages(self) -> AsyncIterator[RemotePage]:
        self._server.check()
        folders: dict[str, list[FoundFile]] = {"/": []}
        for path, file in sorted(self._server.files.items()):
            folder = path.rpartition("/")[0] or "/"
            folders.setdefault(folder, []).append(FoundFile(path, len(file.content), file.modified))
        size = self._server.page
        for folder, found in folders.items():
            for start in range(0, max(1, len(found)), size):
                self._server.check()
                yield RemotePage(folder, found[start : start + size], is_new_folder=start == 0)

    async def look(self, path: str) -> FoundFile | None:
        self._server.check()
        return self._server.look(path)

    async def fetch(self, found: FoundFile, arrived: Callable[[int], None]) -> LocalFile:
        self._server.check()
        self._server.fetched.append(found.path)
        fault = self._server.faults.get(found.path)
        if fault is not None:
            raise fault
        file = self._server.files.get(found.path)
        if file is None:
            raise TransferError("gone", f"{found.path} is not there any more")
        if (len(file.content), file.modified) != (found.size, found.modified):
            raise TransferError("changed", f"{found.path} is being written")
        arrived(len(file.content))
        return MemoryLocalFile(file.content)
