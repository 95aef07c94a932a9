"""A chunk of readings is stored once, and its receipt can be had again."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.memory.sensors_unit_of_work import MemorySensorsUnitOfWork
from adapters.memory.surroundings import MemoryClock
from domain.sensors.events import ReadingsStored
from domain.sensors.model import SensorId, Source
from domain.sensors.ports import SensorsTransaction, SensorsUnitOfWork
from domain.sensors.receipt_ports import ChunkName
from domain.sensors.services.checking import Submission
from domain.sensors.services.upkeep import REJECTIONS_KEPT, Upkeep
from domain.shared.errors import InvalidError, UnavailableError
from tests.unit.sensors.samples import ME, NOW, NOW_US, SECOND_US, World, definition, world

FILE, OTHER = Source("ftp:/a.sgl_v2"), Source("ftp:/b.sgl_v2")
FIRST, SECOND = ChunkName("1"), ChunkName("2")


def submission(*rows: tuple[str, int, float]) -> Submission:
    return Submission(
        sensor_ids=[row[0] for row in rows],
        times_us=[NOW_US - row[1] * SECOND_US for row in rows],
        values=[row[2] for row in rows],
    )


MIXED = submission(
    ("x", 3, 1.0), ("nobody", 3, 1.0), ("x", 2, math.nan), ("x", 3, 2.0), ("x", -1000, 1.0), ("x", 3, 2.0)
)


async def of_sensors(*names: str, uow: SensorsUnitOfWork | None = None) -> World:
    found = world(uow)
    for name in names:
        await found.sensors.create(definition(name), ME)
    return found


async def test_a_chunk_that_is_sent_again_gets_its_receipt_and_is_not_written() -> None:
    w = await of_sensors("x")
    first = await w.write.write(MIXED, FILE, chunk=FIRST)
    assert (first.received, first.created, first.unchanged, first.rejected) == (6, 1, 1, 4)
    assert [(one.index, one.code) for one in first.errors] == [
        (0, "duplicate_in_batch"),
        (1, "unknown_sensor"),
        (2, "not_a_number"),
        (4, "in_future"),
    ]
    events = len(w.database.events)
    assert await w.write.write(MIXED, FILE, chunk=FIRST) == first
    assert len(w.database.events) == events
    assert (await w.read.rejections(None, 10, 0))[1] == 4


async def test_it_is_the_name_that_counts_and_not_what_is_sent() -> None:
    w = await of_sensors("x")
    first = await w.write.write(submission(("x", 1, 1.0)), FILE, chunk=FIRST)
    assert await w.write.write(submission(("x", 5, 5.0), ("x", 4, 4.0)), FILE, chunk=FIRST) == first
    second = await w.write.write(submission(("x", 1, 1.0)), FILE, chunk=SECOND)
    assert (second.created, second.unchanged) == (0, 1)
    other = await w.write.write(submission(("x", 0, 1.0)), OTHER, chunk=FIRST)
    assert other.created == 1
    assert len({first.receipt_id, second.receipt_id, other.receipt_id}) == 3


async def test_a_chunk_without_a_good_reading_has_a_receipt_too() -> None:
    w = await of_sensors()
    refused = await w.write.write(submission(("nobody", 1, 1.0)), FILE, chunk=FIRST)
    assert refused.rejected == 1
    await w.sensors.create(definition("nobody"), ME)
    assert await w.write.write(submission(("nobody", 1, 1.0)), FILE, chunk=FIRST) == refused
    empty = await w.write.write(submission(), FILE, chunk=SECOND)
    assert await w.write.write(submission(), FILE, chunk=SECOND) == empty


async def test_a_dry_run_keeps_no_receipt_and_tells_one_that_is_kept() -> None:
    w = await of_sensors("x")
    foretold = await w.write.write(MIXED, FILE, chunk=FIRST, dry_run=True)
    assert foretold.created == 1
    stored = await w.write.write(MIXED, FILE, chunk=FIRST)
    assert stored.created == 1
    assert await w.write.write(MIXED, FILE, chunk=FIRST, dry_run=True) == stored


async def test_a_chunk_that_is_refused_as_a_whole_can_be_sent_again() -> None:
    w = await of_sensors("x")
    with pytest.raises(InvalidError):
        await w.write.write(MIXED, FILE, chunk=FIRST, atomic=True)
    assert (await w.write.write(submission(("x", 1, 1.0)), FILE, chunk=FIRST, atomic=True)).created == 1


@pytest.mark.parametrize("sent", [MIXED, submission(("nobody", 1, 1.0))], ids=["stored", "all refused"])
async def test_tasks_that_send_the_same_chunk_at_once_store_it_once(sent: Submission) -> None:
    w = await of_sensors("x", "y")
    chunks = [w.write.write(sent, FILE, chunk=FIRST) for _ in range(5)]
    bystanders = [w.write.write(submission(("y", n, 1.0)), OTHER, chunk=ChunkName(str(n))) for n in range(5)]
    *receipts, last = await asyncio.gather(*chunks, *bystanders, w.write.write(MIXED, OTHER))
    assert receipts[:5] == [receipts[0]] * 5
    assert [one.created for one in receipts[5:]] == [1] * 5
    assert last.rejected == 4
    assert (await w.read.rejections(receipts[0].receipt_id, 10, 0))[1] == receipts[0].rejected
    page = await w.read.page(SensorId("y"), start=None, end=None, after=None, limit=10)
    assert len(page.readings) == 5


class LosesAnswers(SensorsUnitOfWork):
    """Commits, and then the connection is gone before the answer is there, as often as a test says."""

    def __init__(self) -> None:
        self.database = MemoryDatabase()
        self.inner = MemorySensorsUnitOfWork(self.database, MemoryClock(NOW))
        self.losses = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SensorsTransaction]:
        async with self.inner.begin() as tx:
            yield tx
        if self.losses:
            self.losses -= 1
            raise UnavailableError("database_unavailable", "the connection to the database was lost")

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[SensorsTransaction]:
        async with self.inner.snapshot() as tx:
            yield tx


async def test_an_answer_that_was_lost_after_the_commit_is_given_when_it_is_sent_again() -> None:
    uow = LosesAnswers()
    w = await of_sensors("x", uow=uow)
    await w.write.write(submission(("x", 100, 0.0)), OTHER)  # the sensor is known from here on
    uow.losses = 1
    with pytest.raises(UnavailableError):
        await w.write.write(MIXED, FILE, chunk=FIRST)
    again = await w.write.write(MIXED, FILE, chunk=FIRST)
    assert (again.created, again.unchanged, again.rejected) == (1, 1, 4)
    assert [one.index for one in again.errors] == [0, 1, 2, 4]
    stored = [event for event in uow.database.events if isinstance(event, ReadingsStored)]
    assert [len(event.values) for event in stored] == [1, 1]


async def test_receipts_are_purged_with_what_was_refused() -> None:
    w = await of_sensors("x")
    upkeep = Upkeep(w.uow, w.clock)
    first = await w.write.write(MIXED, FILE, chunk=FIRST)
    w.clock.advance(REJECTIONS_KEPT)
    assert await upkeep.purge_rejections() == 0
    assert await w.write.write(MIXED, FILE, chunk=FIRST) == first
    w.clock.advance(timedelta(seconds=1))
    assert await upkeep.purge_rejections() == 4
    later = await w.write.write(submission(("x", 3, 2.0)), FILE, chunk=FIRST)
    assert (later.created, later.unchanged) == (0, 1)
    assert later.receipt_id != first.receipt_id
