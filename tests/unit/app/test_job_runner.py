import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from dishka import AsyncContainer, make_async_container

from adapters.memory.database import MemoryDatabase
from adapters.memory.operations import MemoryOperationsUnitOfWork
from app.clock import SystemClock
from app.job_runner import JobRunner
from app.jobs import Job
from app.settings import Settings
from domain.operations.jobs import JobOutcome, JobReport, WorkerName
from domain.operations.ports import OperationsTransaction, OperationsUnitOfWork
from domain.operations.services.jobs import JobReports, JobSlots
from domain.shared.errors import ConflictError, UnavailableError
from tests.unit.events.samples import CODEC

SETTINGS = Settings()
TERM = timedelta(seconds=0.3)
RARELY = 86_400.0 * 365


class Shaky(OperationsUnitOfWork):
    """A database that can go away."""

    def __init__(self) -> None:
        self._uow = MemoryOperationsUnitOfWork(MemoryDatabase(), CODEC, SystemClock())
        self.away = False

    def begin(self) -> AbstractAsyncContextManager[OperationsTransaction]:
        if self.away:
            raise UnavailableError("database_unavailable", "away")
        return self._uow.begin()


@pytest.fixture
def uow() -> Shaky:
    return Shaky()


def job(name: str, run: Callable[[], Awaitable[None]], every: float = RARELY) -> Job:
    async def given(_: AsyncContainer) -> None:
        await run()

    return Job(name, lambda _: every, given)


@asynccontextmanager
async def process(uow: Shaky, *jobs: Job, name: str = "a") -> AsyncIterator[asyncio.Task[None]]:
    container = make_async_container()
    runner = JobRunner(container, jobs, SETTINGS, JobSlots(uow, WorkerName(name), TERM))
    task = asyncio.create_task(runner.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await container.close()


async def report(uow: Shaky, *jobs: Job) -> list[JobReport]:
    return list(await JobReports(uow, [one.plan(SETTINGS) for one in jobs], TERM).list())


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not met():  # noqa: ASYNC110 - what is waited for knows nothing of the test
            await asyncio.sleep(0.01)


class Counted:
    """What a job does: counts, and takes its time."""

    def __init__(self, seconds: float = 0.0, error: Exception | None = None) -> None:
        self.begun = 0
        self.done = 0
        self.at_once = 0
        self.most_at_once = 0
        self._seconds = seconds
        self._error = error

    async def __call__(self) -> None:
        self.begun += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self._seconds)
            if self._error is not None:
                raise self._error
            self.done += 1
        finally:
            self.at_once -= 1


async def test_of_two_processes_one_runs_the_slot_at_the_start(uow: Shaky) -> None:
    work = Counted()
    once = job("once", work)
    (never,) = await report(uow, once)
    assert (never.last, never.next_run, never.overdue) == (None, None, False)
    async with process(uow, once), process(uow, once, name="b"):
        await asyncio.sleep(0.2)
    async with process(uow, once, name="c"):
        await asyncio.sleep(0.1)
    assert work.begun == 1
    (told,) = await report(uow, once)
    assert told.last is not None
    assert told.last.outcome is JobOutcome.SUCCEEDED
    assert told.next_run is not None
    assert told.next_run > datetime.now(UTC)


async def test_each_slot_is_run_once_by_whoever_comes_first(uow: Shaky) -> None:
    work = Counted()
    often = job("often", work, 0.2)
    async with process(uow, often), process(uow, often, name="b"):
        await asyncio.sleep(1.05)
    assert 5 <= work.begun <= 7


async def test_one_that_fails_or_is_slow_holds_up_no_other(
    uow: Shaky, caplog: pytest.LogCaptureFixture
) -> None:
    well = Counted()
    jobs = [
        job("slow", Counted(60)),
        job("broken", Counted(error=KeyError("postgresql://user:secret@host"))),
        job("refused", Counted(error=ConflictError("sensor_exists", "it is there"))),
        job("well", well, 0.2),
    ]
    async with process(uow, *jobs):
        await asyncio.sleep(0.7)
        slow, broken, refused, told = await report(uow, *jobs)
    assert well.done >= 3
    assert slow.running_since is not None
    assert slow.last is None
    assert told.last is not None
    for one, error in ((broken, "KeyError; the log says more"), (refused, "sensor_exists: it is there")):
        assert one.last is not None
        assert (one.last.outcome, one.last.error) == (JobOutcome.FAILED, error)
        assert one.next_run is not None
        assert one.next_run < datetime.now(UTC) + timedelta(seconds=31)
    assert "job broken failed" in caplog.text


async def test_a_lease_is_renewed_while_the_job_runs(uow: Shaky) -> None:
    work = Counted(1.0)
    long = job("long", work)
    async with process(uow, long), process(uow, long, name="b"):
        await until(lambda: work.done == 1)
        await asyncio.sleep(0.1)
    assert work.begun == 1


async def test_a_job_that_outlasts_its_interval_never_runs_beside_itself(uow: Shaky) -> None:
    work = Counted(0.35)
    long = job("long", work, 0.1)
    async with process(uow, long), process(uow, long, name="b"):
        await until(lambda: work.done == 3)
    assert work.most_at_once == 1


async def test_a_process_that_ends_gives_its_slot_back_at_once(uow: Shaky) -> None:
    work = Counted(60)
    long = job("long", work)
    async with process(uow, long):
        await until(lambda: work.begun == 1)
    assert work.at_once == 0
    (told,) = await report(uow, long)
    assert told.running_since is None
    async with process(uow, long, name="b"):
        await until(lambda: work.begun == 2)


async def test_a_job_is_cut_off_where_its_lease_cannot_be_renewed(
    uow: Shaky, caplog: pytest.LogCaptureFixture
) -> None:
    work = Counted(60)
    long = job("long", work)
    async with process(uow, long):
        await until(lambda: work.begun == 1)
        uow.away = True
        await until(lambda: work.at_once == 0)
        assert "its lease was lost" in caplog.text
        uow.away = False


async def test_a_job_that_another_process_has_taken_over_is_cut_off(uow: Shaky) -> None:
    work = Counted(60)
    long = job("long", work)
    async with process(uow, long):
        await until(lambda: work.begun == 1)
        async with uow.begin() as tx:
            (held,) = (await tx.job_runs.board()).states.values()
            # To whom leases are a day shorter, this one has lapsed.
            taken = await tx.job_runs.claim(long.plan(SETTINGS), WorkerName("b"), timedelta(days=-1))
            assert taken is not None
            assert taken.fence == held.fence + 1
            assert await tx.job_runs.renew(taken, timedelta(seconds=30))
        await until(lambda: work.at_once == 0)


async def test_how_a_run_ended_is_recorded_once_the_database_is_back(uow: Shaky) -> None:
    class Restart(Counted):
        async def __call__(self) -> None:
            self.begun += 1
            uow.away = True

    work = Restart()
    once = job("once", work)
    async with process(uow, once):
        await until(lambda: work.begun == 1)
        await asyncio.sleep(0.1)
        uow.away = False
        await asyncio.sleep(0.2)
    assert work.begun == 1
    (told,) = await report(uow, once)
    assert told.last is not None


async def test_a_job_that_cancels_itself_has_failed_and_ends_nothing(uow: Shaky) -> None:
    async def give_up() -> None:
        raise asyncio.CancelledError

    well = Counted()
    odd = job("odd", give_up)
    async with process(uow, odd, job("well", well, 0.2)) as task:
        await until(lambda: well.done == 2)
        assert not task.done()
        (told,) = await report(uow, odd)
    assert told.last is not None
    assert told.last.outcome is JobOutcome.FAILED
