from datetime import timedelta

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.memory.operations import MemoryOperationsUnitOfWork
from adapters.memory.surroundings import MemoryClock
from domain.operations.jobs import JobClaim, JobName, JobOutcome, JobPlan, JobReport, WorkerName
from domain.operations.ports import OperationsUnitOfWork
from domain.operations.services.jobs import JobReports, JobSlots, retry_after
from tests.unit.events.samples import CODEC

HOUR = timedelta(hours=1)
PLAN = JobPlan(JobName("job"), HOUR)


@pytest.fixture
def uow(clock: MemoryClock) -> OperationsUnitOfWork:
    return MemoryOperationsUnitOfWork(MemoryDatabase(), CODEC, clock)


@pytest.fixture
def slots(uow: OperationsUnitOfWork) -> JobSlots:
    return JobSlots(uow, WorkerName("a"))


async def won(slots: JobSlots) -> JobClaim:
    claim = await slots.claim(PLAN)
    assert isinstance(claim, JobClaim)
    return claim


async def told(uow: OperationsUnitOfWork) -> JobReport:
    (report,) = await JobReports(uow, [PLAN]).list()
    return report


def test_retries_come_ever_more_rarely_up_to_an_hour() -> None:
    seconds = [retry_after(attempt).total_seconds() for attempt in (1, 2, 3, 8, 10_000)]
    assert seconds == [30, 60, 120, 3600, 3600]


async def test_slots_that_nobody_ran_are_not_made_up_for(slots: JobSlots, clock: MemoryClock) -> None:
    assert await slots.succeed(await won(slots))
    clock.advance(100 * HOUR + timedelta(minutes=20))
    assert await slots.succeed(await won(slots))
    assert await slots.claim(PLAN) == timedelta(minutes=40)
    clock.advance(timedelta(minutes=40))
    await won(slots)


async def test_the_other_process_looks_again_when_the_lease_it_saw_ends(
    slots: JobSlots, uow: OperationsUnitOfWork, clock: MemoryClock
) -> None:
    claim = await won(slots)
    other = JobSlots(uow, WorkerName("b"))
    clock.advance(timedelta(seconds=5))
    assert await other.claim(PLAN) == timedelta(seconds=10)
    assert await slots.renew(claim)
    clock.advance(timedelta(seconds=10))
    assert await other.claim(PLAN) == timedelta(seconds=5)
    clock.advance(timedelta(seconds=5))
    assert isinstance(await other.claim(PLAN), JobClaim)
    assert not await slots.renew(claim)
    assert not await slots.succeed(claim)
    assert not await slots.fail(claim, "late")
    assert (await told(uow)).last is None


async def test_what_people_see_of_a_job(
    slots: JobSlots, uow: OperationsUnitOfWork, clock: MemoryClock
) -> None:
    began = clock.now()
    claim = await won(slots)
    assert (await told(uow)).running_since == began
    clock.advance(timedelta(seconds=3))
    assert await slots.fail(claim, "x" * 10_000)
    failed = await told(uow)
    assert failed.running_since is None
    assert failed.last is not None
    assert (failed.last.started_at, failed.last.ended_at) == (began, clock.now())
    assert (failed.last.outcome, failed.last.error) == (JobOutcome.FAILED, "x" * 500)
    assert failed.next_run == clock.now() + timedelta(seconds=30)
    clock.advance(timedelta(seconds=30))
    claim = await won(slots)
    assert claim.attempt == 2
    assert await slots.succeed(claim)
    assert (await told(uow)).next_run == began + HOUR


async def test_a_clock_that_is_set_stops_no_job(slots: JobSlots, clock: MemoryClock) -> None:
    assert await slots.succeed(await won(slots))
    clock.advance(timedelta(days=365))
    assert await slots.succeed(await won(slots))
    clock.advance(timedelta(days=-365))
    assert await slots.succeed(await won(slots))
    clock.advance(-timedelta(minutes=30))
    assert isinstance(await slots.claim(PLAN), timedelta)


async def test_records_go_after_a_week(slots: JobSlots, clock: MemoryClock) -> None:
    assert await slots.succeed(await won(slots))
    clock.advance(timedelta(days=7))
    assert await slots.purge() == 0
    clock.advance(timedelta(seconds=1))
    assert await slots.purge() == 1
