"""A file server, a database, and the processes that read the one into the other, all in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from adapters.memory.database import MemoryDatabase
from adapters.memory.file_server import MemoryFileServer, MemoryLocalFile, MemorySpool
from adapters.memory.ingestion import MemoryIngestionUnitOfWork, MemoryReadingSink, MemoryUnitCatalog
from adapters.memory.surroundings import MemoryClock, MemoryIdFactory
from adapters.pollers.file_monitor import FileMonitor
from adapters.pollers.meter_files.file_format import MeterFileFormat
from adapters.pollers.meter_files.formats import FORMATS, SuffixedMeterFileFormats
from domain.ingestion.errors import FileServerError
from domain.ingestion.file_ports import FileFacts, FileServer, LocalFile, RemoteFolder, RemotePage
from domain.ingestion.files import (
    CollectionName,
    FileId,
    FileOrigin,
    FileReceipt,
    FileStatus,
    FoundFile,
    MeterFile,
    ParsedChunk,
    RejectedLine,
    collection_of,
)
from domain.ingestion.ftp_state import FtpPlan
from domain.ingestion.model import ChunkKey, ReadingBatch, SensorId, WorkerId, WriteOutcome
from domain.ingestion.ports import IngestionTransaction, IngestionUnitOfWork, UnitCatalog
from domain.ingestion.scans import Scan
from domain.ingestion.services.brought_files import BroughtFiles
from domain.ingestion.services.fetch_file import FetchFile
from domain.ingestion.services.files import ReadFiles
from domain.ingestion.services.import_file import ImportFile
from domain.ingestion.services.process_file import CLAIM_TERM, FileRules, ProcessFile
from domain.ingestion.services.reread_files import RereadFiles
from domain.ingestion.services.scan_requests import Scans
from domain.ingestion.services.scan_server import ScanRules, ScanServer
from domain.ingestion.services.upload_file import UploadFile
from domain.shared.errors import DomainError, UnavailableError
from domain.shared.events import Actor
from domain.shared.time import to_microseconds

ANNA = Actor("anna")
FIRST_HOUR = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PATH = "/site/PT1_2026.sgl_v2"
GONE = FileServerError("connection_lost", "the server went away")


def text(*values: float | str, first: int = 0, head: str = "") -> bytes:
    """A meter file with a value an hour; a value that is no number makes its line a reject."""
    lines = [
        f"{FIRST_HOUR + HOUR * number:%Y-%m-%d %H:%M};{value}" for number, value in enumerate(values, first)
    ]
    return "\n".join([*head.splitlines(), *lines, ""]).encode()


def hour(number: int) -> datetime:
    return FIRST_HOUR + HOUR * number


def receipt(**counts: int) -> FileReceipt:
    """A receipt of these counts; all that is counted was received."""
    return FileReceipt(received=sum(counts.values()), **counts)


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


class World:
    """What processes share: the server, the database, the sink, the time."""

    def __init__(self) -> None:
        self.clock = MemoryClock()
        self.database = MemoryDatabase()
        self.ids = MemoryIdFactory()
        self.server = ScriptedFileServer()
        self.sink = FaultySink()
        self.spool = MemorySpool()
        self.me = Process(self, "me")

    def put(self, path: str, content: bytes, *, age: timedelta | None = HOUR) -> None:
        """Put a file on the server; its time is so long ago, or not known."""
        self.server.put(path, content, None if age is None else self.clock.now() - age)

    def pass_minutes(self, minutes: float = 2) -> None:
        """Let time pass: more than any claim or lease lasts."""
        self.clock.advance(timedelta(minutes=minutes))

    def restarted(self, name: str = "restarted") -> "Process":
        """Another process, long enough after the other died."""
        self.server.fuse = self.sink.fuse = None
        self.pass_minutes()
        return Process(self, name)

    def series(self, sensor_id: str) -> Sequence[float]:
        """What the sink has of a sensor, by time."""
        return [one.value for one in self.sink.readings if one.sensor_id == sensor_id]

    @property
    def all_discarded(self) -> bool:
        """Whether no copy of a file is left."""
        return all(one.is_discarded for one in [*self.server.copies, *self.spool.kept])

    def told(self, kind: type) -> list[object]:
        """The committed events of a kind."""
        return [event for event in self.database.events if isinstance(event, kind)]


class Process:
    """One process, with all use cases of files."""

    def __init__(
        self,
        world: World,
        name: str,
        *,
        formats: Sequence[MeterFileFormat] = FORMATS,
        interval: timedelta | None = timedelta(hours=6),
        has_server: bool = True,
        sink: FaultySink | None = None,
    ) -> None:
        self.world = world
        self.name = name
        worker, clock, ids = WorkerId(name), world.clock, world.ids
        server: FileServer | None = world.server if has_server else None
        plan = FtpPlan(world.server.name, interval) if has_server else FtpPlan(None, None)
        self.fuse = Fuse()
        self.uow = FaultyUnitOfWork(MemoryIngestionUnitOfWork(world.database, clock), self.fuse)
        self.formats = SuffixedMeterFileFormats(MemoryUnitCatalog(), formats)
        self.process = ProcessFile(
            self.uow,
            sink or world.sink,
            self.formats,
            clock,
            ids,
            worker,
            FileRules(ZoneInfo("Europe/Lisbon"), first_pause=timedelta()),
        )
        fetch = FetchFile(self.process)
        rules = ScanRules(second_look=timedelta())
        self.scanner = ScanServer(self.uow, server, self.formats, fetch, clock, ids, worker, rules)
        self.reread = RereadFiles(self.uow, server, fetch, clock, ids)
        brought = BroughtFiles(clock, ids, worker)
        self.upload = UploadFile(self.uow, world.spool, brought, self.process, clock, ids)
        self.importing = ImportFile(self.uow, brought, self.process)
        self.files = ReadFiles(self.uow, plan, clock, ids)
        self.scans = Scans(self.uow, plan, clock, ids)

    def monitor(self, *, scans_at_start: bool, every: float = 60.0) -> FileMonitor:
        return FileMonitor(
            self.scans, self.scanner, self.reread, self.upload, scans_at_start=scans_at_start, every=every
        )

    def kill_after(self, contacts: int) -> None:
        """Kill this process at the contact with the outside that comes after so many others."""
        self.fuse.left = contacts
        self.world.server.fuse = self.world.sink.fuse = self.fuse

    async def scan(self) -> Scan:
        """Scan once, long after the server's files were written."""
        return await self.scanner.run_now()

    async def uploaded(
        self, name: str, content: bytes, collection: str = "/", *, block: int = 1 << 16
    ) -> MeterFile:
        return await self.upload(name, blocks(content, block), ANNA, CollectionName(collection))

    async def file(self, path: str = PATH, origin: FileOrigin = FileOrigin.FTP) -> MeterFile:
        """What is known of a file."""
        async with self.uow.begin() as tx:
            return (await tx.files.known(origin, [path]))[path]

    async def all_files(self) -> Sequence[MeterFile]:
        async with self.uow.begin() as tx:
            return (await tx.files.list(None, None, 10_000, 0))[0]

    async def rejects(self, file: MeterFile) -> Sequence[RejectedLine]:
        return (await self.files.rejects(file.file_id, 100, 0))[0]

    async def claimed(self, path: str = PATH, origin: FileOrigin = FileOrigin.FTP) -> MeterFile:
        """A file that is taken up by this process, and known from now on if it was not."""
        async with self.uow.begin() as tx:
            file = (await tx.files.known(origin, [path])).get(path)
            if file is None:
                file = self.new(path, origin)
                await tx.files.add([file])
            held = await tx.files.claim(file.file_id, WorkerId(self.name), CLAIM_TERM)
        assert held is not None
        return held

    async def read(self, content: bytes, path: str = PATH) -> MeterFile:
        """Read a file of the server, which is taken up for that, from a copy of its content."""
        return await self.process(await self.claimed(path), MemoryLocalFile(content))

    def new(self, path: str, origin: FileOrigin = FileOrigin.FTP) -> MeterFile:
        return MeterFile(
            file_id=FileId(self.world.ids.new()),
            origin=origin,
            path=path,
            collection=collection_of(path),
            status=FileStatus.DISCOVERED,
            size=0,
            modified=None,
            discovered_at=self.world.clock.now(),
        )


async def blocks(content: bytes, size: int = 1 << 16) -> AsyncIterator[bytes]:
    """A content as it arrives."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


def key(sensor_id: str, number: int) -> tuple[SensorId, int]:
    """Where the sink keeps a sensor's value of an hour."""
    return SensorId(sensor_id), to_microseconds(hour(number))
