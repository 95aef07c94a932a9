"""Requests that share transactions: who waits for whom, and what the fault of one does to the others."""

import asyncio
import gc
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.memory.sensors_unit_of_work import MemorySensorsUnitOfWork
from adapters.memory.surroundings import MemoryClock, MemoryIdFactory
from domain.sensors.errors import OverlapError, StaleSensorsError
from domain.sensors.events import ReadingsStored
from domain.sensors.model import Outcome, ReadingBatch, ReceiptId, Rejected, Sensor, SensorRun, Source
from domain.sensors.ports import SensorsTransaction, SensorsUnitOfWork
from domain.sensors.services.group_commit import (
    EXPECT_OVERLAP_FOR,
    MAX_HINTS,
    ROWS_PER_TRANSACTION,
    GroupCommit,
    OverlapHints,
    Write,
)
from domain.shared.errors import UnavailableError
from domain.shared.quantities import UnitConversion
from tests.unit.sensors.samples import NOW, NOW_US, SECOND_US, definition

A = Source("a")
CREATED, UPDATED, UNCHANGED = Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED


class GatedUnitOfWork(SensorsUnitOfWork):
    """Lets transactions begin when told to, counts them, and fails where a test says so."""

    def __init__(self) -> None:
        self.database = MemoryDatabase()
        self.inner = MemorySensorsUnitOfWork(self.database, MemoryClock(NOW))
        self.open = asyncio.Event()
        self.open.set()
        self.begun = 0
        self.fault: Callable[[], BaseException | None] = lambda: None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SensorsTransaction]:
        self.begun += 1
        await self.open.wait()
        if (error := self.fault()) is not None:
            raise error
        async with self.inner.begin() as tx:
            yield tx

    def snapshot(self) -> AbstractAsyncContextManager[SensorsTransaction]:
        return self.begin()


@pytest.fixture
def uow() -> GatedUnitOfWork:
    return GatedUnitOfWork()


@pytest.fixture
def commit(uow: GatedUnitOfWork) -> GroupCommit:
    return GroupCommit(uow, MemoryClock(NOW), MemoryIdFactory())


async def add_sensor(uow: GatedUnitOfWork, name: str) -> Sensor:
    async with uow.inner.begin() as tx:
        return await tx.sensors.add(definition(name), UnitConversion(), "kW", NOW)


def write_of(
    sensor: Sensor, values: list[float], *, first: int = 0, source: Source = A, rejected: int = 0
) -> Write:
    batch = ReadingBatch(
        runs=[SensorRun(sensor.key, sensor.version, source, 0, len(values))] if values else [],
        times_us=array("q", [NOW_US - (first + row) * SECOND_US for row in range(len(values))][::-1]),
        values=array("d", values),
        qualities=array("b", bytes(len(values))),
    )
    refused = [Rejected(row, "x", "unknown_sensor", "", "", "") for row in range(rejected)]
    return Write(receipt_id=ReceiptId(MemoryIdFactory().new()), source=source, batch=batch, rejected=refused)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def stored(uow: GatedUnitOfWork) -> list[ReadingsStored]:
    return [event for event in uow.database.events if isinstance(event, ReadingsStored)]


async def test_what_waits_together_goes_together(uow: GatedUnitOfWork, commit: GroupCommit) -> None:
    sensor = await add_sensor(uow, "a")
    uow.open.clear()
    tasks = [asyncio.create_task(commit.write(write_of(sensor, [1.0], first=n))) for n in range(40)]
    await settle()
    assert uow.begun == 1  # all that were there when the writer began
    late = [asyncio.create_task(commit.write(write_of(sensor, [1.0], first=40 + n))) for n in range(40)]
    await settle()
    assert uow.begun == 2
    uow.open.set()
    assert await asyncio.gather(*tasks, *late) == [bytes([CREATED])] * 80
    assert [sum(event.counts) for event in stored(uow)] == [40, 40]


async def test_a_transaction_is_bounded_but_for_one_request(
    uow: GatedUnitOfWork, commit: GroupCommit
) -> None:
    sensor = await add_sensor(uow, "a")
    uow.open.clear()
    sizes = [ROWS_PER_TRANSACTION - 1, 1, 1, 5 * ROWS_PER_TRANSACTION]
    first = 0
    tasks = []
    for size in sizes:
        tasks.append(asyncio.create_task(commit.write(write_of(sensor, [1.0] * size, first=first))))
        first += size
    await settle()
    uow.open.set()
    assert [len(one) for one in await asyncio.gather(*tasks)] == sizes
    assert sorted(len(event.values) for event in stored(uow)) == [
        1,
        ROWS_PER_TRANSACTION,
        5 * ROWS_PER_TRANSACTION,
    ]


async def test_a_caller_that_leaves_before_its_turn_takes_its_batch_back(
    uow: GatedUnitOfWork, commit: GroupCommit
) -> None:
    sensor = await add_sensor(uow, "a")
    uow.open.clear()
    running = [asyncio.create_task(commit.write(write_of(sensor, [1.0], first=n))) for n in range(2)]
    await settle()
    more = [asyncio.create_task(commit.write(write_of(sensor, [1.0], first=n))) for n in range(2, 4)]
    await settle()
    gone, stays = [asyncio.create_task(commit.write(write_of(sensor, [1.0], first=n))) for n in range(4, 6)]
    await settle()
    gone.cancel()
    running[0].cancel()  # too late: it is being stored
    await settle()
    uow.open.set()
    assert await stays == await running[1] == await more[0] == bytes([CREATED])
    async with uow.inner.begin() as tx:
        page = await tx.readings.page(sensor.key, None, None, None, 10)
    assert len(page) == 5
    assert gone.cancelled()


async def test_callers_that_left_leave_no_warning(
    uow: GatedUnitOfWork, commit: GroupCommit, caplog: pytest.LogCaptureFixture
) -> None:
    sensor = await add_sensor(uow, "a")
    uow.open.clear()
    uow.fault = lambda: UnavailableError("database_unavailable", "away")
    tasks = [asyncio.create_task(commit.write(write_of(sensor, [1.0], first=n))) for n in range(3)]
    await settle()
    for task in tasks:
        task.cancel()
    await settle()
    uow.open.set()
    await settle()
    del tasks, task
    gc.collect()
    await settle()
    assert not caplog.records  # asyncio logs an exception that nobody takes


async def test_one_stale_request_does_not_fail_the_others(uow: GatedUnitOfWork, commit: GroupCommit) -> None:
    good, stale = await add_sensor(uow, "good"), await add_sensor(uow, "stale")
    async with uow.inner.begin() as tx:
        await tx.sensors.delete(stale.key)
    writes = [write_of(good, [1.0]), write_of(stale, [1.0]), write_of(good, [2.0], first=1)]
    answers = await asyncio.gather(*(commit.write(one) for one in writes), return_exceptions=True)
    assert answers[0] == answers[2] == bytes([CREATED])
    assert isinstance(answers[1], StaleSensorsError)


async def test_a_request_whose_refusals_cannot_be_kept_fails_alone(
    uow: GatedUnitOfWork, commit: GroupCommit
) -> None:
    sensor = await add_sensor(uow, "a")
    failures = iter([RuntimeError("as a group"), None, RuntimeError("by itself"), None])
    uow.fault = lambda: next(failures)
    answers = await asyncio.gather(
        *(commit.write(write_of(sensor, [1.0], first=n, rejected=1)) for n in range(3)),
        return_exceptions=True,
    )
    assert [isinstance(one, RuntimeError) for one in answers] == [False, True, False]


async def test_a_database_that_is_away_is_asked_once_for_a_group(
    uow: GatedUnitOfWork, commit: GroupCommit
) -> None:
    sensor = await add_sensor(uow, "a")
    uow.fault = lambda: UnavailableError("database_unavailable", "away")
    answers = await asyncio.gather(
        *(commit.write(write_of(sensor, [1.0], first=n)) for n in range(30)), return_exceptions=True
    )
    assert all(isinstance(one, UnavailableError) for one in answers)
    assert uow.begun == 1
    uow.fault = lambda: None
    assert await commit.write(write_of(sensor, [1.0])) == bytes([CREATED])


async def test_the_later_of_two_requests_stands(uow: GatedUnitOfWork, commit: GroupCommit) -> None:
    sensor = await add_sensor(uow, "a")
    values = [float(n) for n in range(12)]
    answers = await asyncio.gather(
        *(commit.write(write_of(sensor, [value], source=Source(f"s{value}"))) for value in values)
    )
    assert answers == [bytes([CREATED]), *[bytes([UPDATED])] * 11]
    async with uow.inner.begin() as tx:
        (reading,) = await tx.readings.page(sensor.key, None, None, None, 10)
    assert reading.value == values[-1]


async def test_requests_of_one_sensor_and_time_never_run_side_by_side(
    uow: GatedUnitOfWork, commit: GroupCommit
) -> None:
    sensor, other = await add_sensor(uow, "a"), await add_sensor(uow, "b")
    uow.open.clear()
    tasks = [asyncio.create_task(commit.write(write_of(sensor, [1.0])))]
    await settle()
    tasks.append(asyncio.create_task(commit.write(write_of(sensor, [2.0], source=Source("later")))))
    await settle()
    assert uow.begun == 1
    tasks.append(asyncio.create_task(commit.write(write_of(other, [1.0]))))
    await settle()
    assert uow.begun == 1  # the queue keeps its order
    uow.open.set()
    assert await asyncio.gather(*tasks) == [bytes([CREATED]), bytes([UPDATED]), bytes([CREATED])]


async def test_a_write_right_after_the_last_one_finds_a_writer(
    uow: GatedUnitOfWork, commit: GroupCommit
) -> None:
    sensor = await add_sensor(uow, "a")

    async def client(number: int) -> None:
        for row in range(25):
            await commit.write(write_of(sensor, [1.0], first=number * 100 + row))

    async with asyncio.timeout(20):
        await asyncio.gather(*(client(number) for number in range(4)))


async def test_the_event_holds_what_was_created_or_updated(uow: GatedUnitOfWork, commit: GroupCommit) -> None:
    sensor = await add_sensor(uow, "a")
    await commit.write(write_of(sensor, [1.0, 2.0, 3.0]))
    person = Source("person")
    assert list(await commit.write(write_of(sensor, [0.0, 1.0, 9.0, 3.0], source=person))) == [
        CREATED,
        UNCHANGED,
        UPDATED,
        UNCHANGED,
    ]
    first, second = stored(uow)
    assert list(first.values) == [1.0, 2.0, 3.0]
    assert (list(second.sensor_keys), list(second.counts)) == ([sensor.key], [2])
    assert list(second.values) == [0.0, 9.0]
    assert list(second.times_us) == [NOW_US - 3 * SECOND_US, NOW_US - SECOND_US]
    await commit.write(write_of(sensor, [1.0, 9.0, 3.0], source=person))
    assert len(stored(uow)) == 2  # nothing new, no event


async def test_a_preview_says_what_the_write_would_and_stores_nothing(
    uow: GatedUnitOfWork, commit: GroupCommit
) -> None:
    sensor = await add_sensor(uow, "a")
    await commit.write(write_of(sensor, [1.0]))
    events = len(uow.database.events)
    write = write_of(sensor, [1.0, 5.0], source=Source("b"), rejected=2)
    outcomes = await commit.preview(write)
    assert len(uow.database.events) == events
    async with uow.inner.begin() as tx:
        assert (await tx.rejections.list(None, 10, 0))[1] == 0
    assert outcomes == await commit.write(write)


async def test_overlap_is_tried_once_and_then_expected(uow: GatedUnitOfWork, commit: GroupCommit) -> None:
    sensor = await add_sensor(uow, "a")
    await commit.write(write_of(sensor, [1.0]))
    begun = uow.begun
    await commit.write(write_of(sensor, [1.0]))
    assert uow.begun == begun + 2  # as new, and again as overlapping
    await commit.write(write_of(sensor, [1.0]))
    assert uow.begun == begun + 3
    with pytest.raises(OverlapError):
        async with uow.inner.begin() as tx:
            await tx.readings.write(write_of(sensor, [1.0], source=Source("b")).batch, overlapping=False)


def test_hints_lapse_and_are_bounded() -> None:
    hints = OverlapHints()
    hints.overlapped({A})
    for _ in range(EXPECT_OVERLAP_FOR):
        assert hints.expect_overlap({A, Source("b")})
        hints.all_new({A})
    assert not hints.expect_overlap({A})
    for number in range(MAX_HINTS + 5):
        hints.overlapped({Source(str(number))})
    assert len(hints) == MAX_HINTS
    assert not hints.expect_overlap({Source("4")})
    assert hints.expect_overlap({Source("5")})
