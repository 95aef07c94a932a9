"""What goes wrong when a test says so: the store, the sink, the file server, a parser."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

from adapters.memory.file_server import MemoryFileServer, MemoryLocalFile
from adapters.memory.ingestion import MemoryReadingSink
from adapters.pollers.meter_files.file_format import MeterFileFormat
from adapters.pollers.meter_files.formats import FORMATS
from domain.ingestion.errors import FileServerError
from domain.ingestion.file_ports import FileFacts, LocalFile, RemoteFolder, RemotePage
from domain.ingestion.files import (
    FoundFile,
    ParsedChunk,
)
from domain.ingestion.model import ChunkKey, ReadingBatch, WriteOutcome
from domain.ingestion.ports import IngestionTransaction, IngestionUnitOfWork, UnitCatalog
from domain.shared.errors import DomainError, UnavailableError

GONE = FileServerError("connection_lost", "the server went away")
AWAY = UnavailableError("database_unavailable", "the database is away")


class KilledError(BaseException):
    """The process is killed: from here on it does nothing any more."""


class Fuse:
    """Kills a process at its ``left``-th contact with the outside from now on; None never."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.contacts = 0

    def burn(self) -> None:
        self.contacts += 1
        if self.left is None:
            return
        if self.left <= 0:
            raise KilledError
        self.left -= 1


class FaultyUnitOfWork(IngestionUnitOfWork):
    """A unit of work that can be away, and whose process can be killed before or after each commit."""

    def __init__(self, uow: IngestionUnitOfWork, fuse: Fuse) -> None:
        self._uow = uow
        self._fuse = fuse
        self.away = False
        self.begun = 0
        self.on_begin: Callable[[], Awaitable[None]] | None = None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[IngestionTransaction]:
        self.begun += 1
        self._fuse.burn()
        if self.away:
            raise UnavailableError("database_unavailable", "the database is away")
        if self.on_begin is not None:
            await self.on_begin()
        async with self._uow.begin() as tx:
            yield tx
            self._fuse.burn()
        self._fuse.burn()


class FaultySink(MemoryReadingSink):
    """A sink that fails as often as ``failures`` says, and calls ``after`` what it has stored."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[DomainError] = []
        self.sent: list[ChunkKey] = []
        self.after: Callable[[ChunkKey], Awaitable[None]] | None = None
        self.fuse: Fuse | None = None

    async def write_chunk(self, batch: ReadingBatch, chunk: ChunkKey) -> WriteOutcome:
        if self.fuse is not None:
            self.fuse.burn()
        self.sent.append(chunk)
        if self.failures:
            raise self.failures.pop(0)
        outcome = await super().write_chunk(batch, chunk)
        if self.after is not None:
            await self.after(chunk)
        if self.fuse is not None:
            self.fuse.burn()
        return outcome


class ScriptedFileServer(MemoryFileServer):
    """A server that can break off in the middle; ``copies`` are what was brought here.

    ``pages_until_gone`` says after how many pages a listing breaks off. ``meanwhile`` is called whenever a
    file is looked at again, or about to be fetched.
    """

    def __init__(self) -> None:
        super().__init__()
        self.copies: list[MemoryLocalFile] = []
        self.pages_until_gone: int | None = None
        self.meanwhile: Callable[[str], None] | None = None
        self.on_leave: Callable[[], None] | None = None
        self.looked_at: list[str] = []
        self.fuse: Fuse | None = None

    def remove(self, path: str) -> None:
        """Delete a file, if it is there."""
        self.files.pop(path, None)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[RemoteFolder]:
        async with super().connect() as folder:
            yield _ScriptedFolder(self, folder)
        if self.on_leave is not None:
            self.on_leave()


class _ScriptedFolder(RemoteFolder):
    def __init__(self, server: ScriptedFileServer, folder: RemoteFolder) -> None:
        self._server = server
        self._folder = folder

    async def pages(self) -> AsyncIterator[RemotePage]:
        number = 0
        async for page in self._folder.pages():
            if number == self._server.pages_until_gone:
                raise GONE
            yield page
            number += 1

    async def look(self, path: str) -> FoundFile | None:
        self._server.looked_at.append(path)
        self._tell(path)
        return await self._folder.look(path)

    async def fetch(self, found: FoundFile, arrived: Callable[[int], None]) -> LocalFile:
        if self._server.fuse is not None:
            self._server.fuse.burn()
        self._tell(found.path)
        copy = await self._folder.fetch(found, arrived)
        assert isinstance(copy, MemoryLocalFile)
        self._server.copies.append(copy)
        return copy

    def _tell(self, path: str) -> None:
        if self._server.meanwhile is not None:
            self._server.meanwhile(path)


class BrokenFormat(MeterFileFormat):
    """A parser with a fault: after a file's good chunks it fails inside, where a line says ``BREAK``."""

    suffixes = (".csv",)

    def __init__(self, fault: Exception | None = None) -> None:
        self._fault = fault or ZeroDivisionError("a fault of the parser")

    def chunks(
        self, facts: FileFacts, name_meter: str, units: UnitCatalog, blocks: Iterator[bytes]
    ) -> Iterator[ParsedChunk]:
        content = b"".join(blocks)
        good = content.partition(b"BREAK")[0]
        if good:
            yield from FORMATS[0].chunks(facts, name_meter, units, iter([good]))
        if good != content:
            raise self._fault
