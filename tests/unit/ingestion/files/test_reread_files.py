from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from unittest.mock import patch

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from adapters.pollers.meter_files import delimited
from domain.ingestion.errors import FileServerError, TransferError
from domain.ingestion.events import FileReadAgain
from domain.ingestion.files import FileOrigin, FileReceipt, FileStatus, MeterFile
from domain.ingestion.model import ChunkKey, Fault
from domain.ingestion.scans import ScanStatus
from domain.shared.errors import ConflictError, DomainError, UnavailableError
from tests.unit.ingestion.files.faulty import GONE, KilledError
from tests.unit.ingestion.files.world import ANNA, PATH, Process, World, key, receipt, text

OTHER = "/site/PT2_2026.sgl_v2"


@pytest.fixture
def world() -> World:
    world = World()
    world.put(PATH, text(1, 2, "x"))
    world.put(OTHER, text(4))
    return world


async def read_again(process: Process, *paths: str) -> None:
    for path in paths:
        await process.files.read_again((await process.file(path)).file_id, ANNA)


async def test_a_file_of_the_server_is_read_again_without_a_scan(world: World, me: Process) -> None:
    await me.scan()
    await read_again(me, PATH)
    waiting = await me.file()
    assert (waiting.status, waiting.generation, waiting.receipt) == (
        FileStatus.DISCOVERED,
        2,
        FileReceipt(),
    )
    (asked,) = world.database.audit
    assert isinstance(asked, FileReadAgain)
    world.server.fetched.clear()
    other = Process(world, "other")
    await other.reread()
    again = await other.file()
    assert (again.status, again.receipt) == (FileStatus.PARTIAL, receipt(unchanged=2, rejected=1))
    assert [one.line for one in await other.rejects(again)] == [3]
    assert world.server.fetched == [PATH]
    assert world.all_discarded
    assert len((await other.scans.list(10, 0))[0]) == 1


async def test_where_nothing_waits_the_server_is_left_alone(world: World, me: Process) -> None:
    await me.scan()
    world.server.away = GONE
    await me.reread()
    assert world.server.fetched == [PATH, OTHER]


async def test_a_scan_that_runs_does_it_anyway(world: World, me: Process) -> None:
    await me.scan()
    await read_again(me, PATH)
    await me.scans.request(ANNA)
    world.server.fetched.clear()
    await me.reread()
    assert not world.server.fetched
    assert await me.scanner.take()
    assert world.server.fetched == [PATH]
    assert (await me.file()).generation == 2


async def test_a_file_that_was_left_in_the_middle_is_taken_up(world: World, me: Process) -> None:
    async def kill(_: ChunkKey) -> None:
        me.kill_after(0)

    await me.scan()
    await read_again(me, PATH)
    world.sink.after = kill
    with pytest.raises(KilledError):
        await me.reread()
    world.sink.after = None
    other = world.restarted()
    await other.reread()
    assert (await other.file()).receipt == receipt(unchanged=2, rejected=1)


async def test_a_file_that_another_process_reads_is_left_to_it(world: World, me: Process) -> None:
    await me.scan()
    await read_again(me, PATH, OTHER)
    held = await Process(world, "other").claimed()
    await me.reread()
    assert await me.file() == held
    assert (await me.file(OTHER)).status is FileStatus.PROCESSED
    with pytest.raises(ConflictError) as refused:
        await read_again(me, PATH)
    assert refused.value.code == "file_busy"


async def test_a_file_whose_reader_died_can_be_asked_for_again(world: World, me: Process) -> None:
    await me.scan()
    await read_again(me, PATH)
    await Process(world, "other").claimed()
    world.pass_minutes()
    await read_again(me, PATH)
    assert (await me.file()).generation == 3


async def test_a_server_that_is_away_leaves_them_to_the_next_scan(world: World, me: Process) -> None:
    await me.scan()
    await read_again(me, PATH, OTHER)
    world.server.away = FileServerError("timeout", "no answer")
    await me.reread()
    for path in (PATH, OTHER):
        waiting = await me.file(path)
        assert (waiting.status, waiting.error) == (FileStatus.DISCOVERED, Fault("timeout", "no answer"))
    world.server.away = None
    world.server.fetched.clear()
    world.pass_minutes()
    await me.reread()
    assert not world.server.fetched
    scan = await me.scan()
    assert (scan.files_done, scan.files_skipped, scan.files_failed) == (2, 0, 0)
    assert (await me.file(OTHER)).receipt == receipt(unchanged=1)
    assert (await me.file(OTHER)).error is None


async def test_a_server_that_is_away_is_left_alone_for_a_minute(world: World, me: Process) -> None:
    """However many files wait: more than are taken at once, or one that is asked for now."""
    await me.scan()
    await read_again(me, PATH)
    world.server.away = GONE
    await me.reread()
    world.server.away = None
    await read_again(me, OTHER)
    world.server.fetched.clear()
    world.clock.advance(timedelta(seconds=59))
    await me.reread()
    assert not world.server.fetched
    world.clock.advance(timedelta(seconds=1))
    await me.reread()
    assert world.server.fetched == [OTHER]


async def test_a_server_lost_in_between_leaves_the_rest_to_the_next_scan(world: World, me: Process) -> None:
    await me.scan()
    await read_again(me, PATH, OTHER)
    world.server.faults[OTHER] = GONE
    await me.reread()
    assert (await me.file()).status is FileStatus.PARTIAL
    left = await me.file(OTHER)
    assert (left.status, left.error) == (FileStatus.DISCOVERED, GONE.fault)
    assert world.all_discarded


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("gone", FileStatus.FAILED),
        ("too_large", FileStatus.FAILED),
        ("timeout", FileStatus.DISCOVERED),
        ("changed", FileStatus.DISCOVERED),
    ],
)
async def test_one_that_cannot_be_had_keeps_no_other_from_being_read(
    world: World, me: Process, code: str, status: FileStatus
) -> None:
    await me.scan()
    await read_again(me, PATH, OTHER)
    world.server.faults[PATH] = TransferError(code, "not to be had")
    await me.reread()
    left = await me.file()
    assert (left.status, left.error) == (status, Fault(code, "not to be had"))
    assert (await me.file(OTHER)).status is FileStatus.PROCESSED
    world.server.fetched.clear()
    await me.reread()
    assert not world.server.fetched


async def test_the_database_may_be_away(world: World, me: Process) -> None:
    await me.scan()
    await read_again(me, PATH)
    world.sink.unavailable = True
    with pytest.raises(UnavailableError):
        await me.reread()
    waiting = await me.file()
    assert (waiting.status, waiting.error) == (FileStatus.DISCOVERED, None)
    assert world.all_discarded
    world.sink.unavailable = False
    await me.reread()
    assert (await me.file()).status is FileStatus.PARTIAL


async def test_a_file_of_a_server_that_is_not_configured_any_more(world: World, me: Process) -> None:
    await me.scan()
    alone = Process(world, "alone", has_server=False)
    with pytest.raises(ConflictError) as refused:
        await read_again(alone, PATH)
    assert refused.value.code == "ftp_not_configured"
    await read_again(me, PATH)
    await alone.reread()
    assert (await alone.file()).status is FileStatus.DISCOVERED


async def test_uploads_are_no_files_of_the_server(world: World, me: Process) -> None:
    uploaded = await me.uploaded("PT3_a.csv", text(1))
    await me.files.read_again(uploaded.file_id, ANNA)
    await me.reread()
    assert (await me.file("/PT3_a.csv", FileOrigin.UPLOAD)).status is FileStatus.DISCOVERED
    assert not world.server.fetched


# Whatever happened: after a scan without a fault, all is as the server has it.

OWN = ("/site/A_1.sgl_v2", "/site/B_1.csv")
"""Each of a meter of its own, whose values change."""
SHARED = ("/site/S_1.sgl_v2", "/site/S_2.csv", "/other/S_1.csv")
"""Of one meter, whose values are the same wherever they stand; two of one collection may be duplicates."""


@dataclass(frozen=True)
class Content:
    """So many rows, with the values of a version; the third row of odd versions is a reject."""

    rows: int
    version: int

    def values(self, path: str) -> Sequence[float | str]:
        if path in SHARED:
            return [number * 1.5 for number in range(self.rows)]
        found: list[float | str] = [number + self.version / 8 for number in range(self.rows)]
        if self.version % 2 and self.rows > 2:
            found[2] = "x"
        return found


@dataclass
class Bench:
    """A world, and what its server has held."""

    world: World = field(default_factory=World)
    now: dict[str, Content] = field(default_factory=dict)
    ever: dict[tuple[str, int], set[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.process = self.world.me

    def put(self, path: str, content: Content) -> None:
        self.world.clock.advance(timedelta(minutes=10))
        self.now[path] = content
        values = content.values(path)
        for number, value in enumerate(values):
            if not isinstance(value, str):
                self.ever.setdefault(key(_meter(path), number), set()).add(value)
        self.world.put(path, text(*values), age=timedelta(minutes=5))

    def delete(self, path: str) -> None:
        self.now.pop(path, None)
        self.world.server.remove(path)

    async def scan(self, crash_after: int | None) -> None:
        if crash_after is not None:
            self.process.kill_after(crash_after)
        try:
            if not await self.process.scanner.take():
                await self.process.scanner.run_now()
        except KilledError:
            event("killed")
            self.process = self.world.restarted()
        else:
            self.process.fuse.left = None

    async def reprocess(self, path: str, crash_after: int | None) -> None:
        known = {one.path: one for one in await self.process.all_files()}
        if path in known:
            try:
                await self.process.files.read_again(known[path].file_id, ANNA)
            except DomainError as busy:
                assert busy.code == "file_busy"  # noqa: PT017 - it may also be free
        if crash_after is not None:
            self.process.kill_after(crash_after)
        try:
            await self.process.reread()
        except KilledError:
            event("killed")
            self.process = self.world.restarted()
        else:
            self.process.fuse.left = None


def _meter(path: str) -> str:
    return path.rpartition("/")[2].partition("_")[0]


CONTENTS = st.builds(Content, rows=st.sampled_from([1, 3, 5]), version=st.integers(0, 3))
PATHS = st.sampled_from([*OWN, *SHARED])
CRASHES = st.none() | st.integers(0, 60)
STEPS = st.one_of(
    st.tuples(st.just("put"), PATHS, CONTENTS),
    st.tuples(st.just("put"), PATHS, CONTENTS),
    st.tuples(st.just("delete"), PATHS, st.none()),
    st.tuples(st.just("scan"), PATHS, CRASHES),
    st.tuples(st.just("scan"), PATHS, CRASHES),
    st.tuples(st.just("reprocess"), PATHS, CRASHES),
)


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(STEPS, min_size=3, max_size=16))
async def test_whatever_happened_a_clean_scan_makes_it_right(
    steps: list[tuple[str, str, Content | int | None]],
) -> None:
    bench = Bench()
    with patch.object(delimited, "CHUNK_READINGS", 2):
        for what, path, more in steps:
            if isinstance(more, Content):
                bench.put(path, more)
            elif what == "delete":
                bench.delete(path)
            elif what == "scan":
                await bench.scan(more)
            else:
                await bench.reprocess(path, more)
        bench.process = bench.world.restarted()
        scan_ended = await bench.process.scanner.take() or await bench.process.scan()
    assert scan_ended
    (last, *_), _ = await bench.process.scans.list(1, 0)
    assert (last.status, last.files_seen) == (ScanStatus.COMPLETED, len(bench.now))
    await _is_right(bench)


async def _is_right(bench: Bench) -> None:
    files = {one.path: one for one in await bench.process.all_files()}
    assert bench.now.keys() <= files.keys()
    sunk = bench.world.sink.values
    for path, content in bench.now.items():
        values = content.values(path)
        for number, value in enumerate(values):
            if not isinstance(value, str):
                assert sunk[key(_meter(path), number)] == value
        _has_ended_well(files[path], files, values)
    for file in files.values():
        counted = file.receipt
        assert counted.received == (counted.created + counted.updated + counted.unchanged + counted.rejected)
        if file.path not in bench.now and file.status is FileStatus.FAILED:
            assert file.error is not None
            assert file.error.code == "gone"
        rejects = await bench.process.rejects(file)
        assert [one.line for one in rejects] == [3] * counted.rejected
    for where, value in sunk.items():
        assert value in bench.ever[where]
    collections, _ = await bench.process.files.collections(10, 0)
    for one in collections:
        held = [file.receipt.stored for file in files.values() if file.collection == one.name]
        assert (one.files, one.readings) == (len(held), sum(held))
    assert bench.world.all_discarded


def _has_ended_well(file: MeterFile, files: dict[str, MeterFile], values: Sequence[float | str]) -> None:
    if file.status is FileStatus.DUPLICATE:
        event("duplicate")
        assert file.receipt == FileReceipt()
        firsts = {one.file_id for one in files.values() if one.collection == file.collection}
        assert file.duplicate_of in firsts - {file.file_id}
        return
    has_rejects = "x" in values
    assert file.status is (FileStatus.PARTIAL if has_rejects else FileStatus.PROCESSED)
    assert file.receipt.received == file.lines == len(values)
    assert file.receipt.rejected == has_rejects
    assert file.offset == file.size
