"""A file server, a database, and the processes that read the one into the other, all in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from adapters.memory.database import MemoryDatabase
from adapters.memory.file_server import MemoryLocalFile, MemorySpool
from adapters.memory.ingestion import MemoryIngestionUnitOfWork, MemoryUnitCatalog
from adapters.memory.surroundings import MemoryClock, MemoryIdFactory
from adapters.pollers.file_monitor import FileMonitor
from adapters.pollers.meter_files.file_format import MeterFileFormat
from adapters.pollers.meter_files.formats import FORMATS, SuffixedMeterFileFormats
from domain.ingestion.file_ports import FileServer
from domain.ingestion.files import (
    CollectionName,
    FileId,
    FileOrigin,
    FileReceipt,
    FileStatus,
    MeterFile,
    RejectedLine,
    collection_of,
)
from domain.ingestion.ftp_state import FtpPlan
from domain.ingestion.model import ChunkKey, SensorId, WorkerId
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
from domain.shared.events import Actor
from domain.shared.time import to_microseconds
from tests.unit.ingestion.files.faulty import FaultySink, FaultyUnitOfWork, Fuse, ScriptedFileServer

Event = TypeVar("Event")

ANNA = Actor("anna")
FIRST_HOUR = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PATH = "/site/PT1_2026.sgl_v2"
A, B, C = "/site/PT1_a.sgl_v2", "/site/PT2_b.sgl_v2", "/site/PT3_c.sgl_v2"


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


def counts(scan: Scan) -> tuple[int, int, int, int]:
    """Return how many files were seen, skipped, done and failed."""
    return scan.files_seen, scan.files_skipped, scan.files_done, scan.files_failed


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

    def told(self, kind: type[Event]) -> list[Event]:
        """The committed events of a kind."""
        return [event for event in self.database.events if isinstance(event, kind)]

    def hang(self) -> asyncio.Event:
        """Have whoever stores the next chunk hang after it; the event says that it does."""
        stuck = asyncio.Event()

        async def hang(_: ChunkKey) -> None:
            stuck.set()
            await asyncio.sleep(3600)

        self.sink.after = hang
        return stuck


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


def kill_once_noted(process: Process) -> Callable[[ChunkKey], Awaitable[None]]:
    """Kill the process once it has stored a chunk and noted that."""

    async def kill(_: ChunkKey) -> None:
        process.kill_after(3)

    return kill
