import asyncio
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from domain.operations.jobs import (
    JobBoard,
    JobClaim,
    JobEnd,
    JobName,
    JobOutcome,
    JobPlan,
    JobState,
    WorkerName,
    slot_of,
)
from domain.operations.ports import OperationsUnitOfWork

LONG = timedelta(seconds=60)
SHORT = timedelta(seconds=0.3)
A, B = WorkerName("a"), WorkerName("b")
DONE = JobEnd(outcome=JobOutcome.SUCCEEDED)


@pytest.fixture
def plan() -> JobPlan:
    """A job whose slot does not end during a test."""
    return JobPlan(JobName(f"job {uuid4()}"), timedelta(days=10_000))


async def claim(
    uow: OperationsUnitOfWork, plan: JobPlan, worker: WorkerName, term: timedelta = LONG
) -> JobClaim | None:
    async with uow.begin() as tx:
        return await tx.job_runs.claim(plan, worker, term)


async def won(
    uow: OperationsUnitOfWork, plan: JobPlan, worker: WorkerName, term: timedelta = LONG
) -> JobClaim:
    found = await claim(uow, plan, worker, term)
    assert found is not None
    return found


async def board(uow: OperationsUnitOfWork) -> JobBoard:
    async with uow.begin() as tx:
        return await tx.job_runs.board()


async def state(uow: OperationsUnitOfWork, plan: JobPlan) -> JobState:
    return (await board(uow)).states[plan.name]


async def end(uow: OperationsUnitOfWork, held: JobClaim, how: JobEnd = DONE) -> bool:
    async with uow.begin() as tx:
        return await tx.job_runs.end(held, how)


async def test_a_slot_is_claimed_once_and_done_once(uow: OperationsUnitOfWork, plan: JobPlan) -> None:
    held = await won(uow, plan, A)
    assert held.attempt == 1
    for worker in (A, B):
        assert await claim(uow, plan, worker) is None
    running = await state(uow, plan)
    assert (running.worker, running.last) == (A, None)
    assert held.slot == running.slot == slot_of(running.claimed_at, plan.every)
    assert await end(uow, held)
    assert await claim(uow, plan, B) is None
    done = await state(uow, plan)
    assert done.worker is None
    assert done.last is not None
    assert done.last.outcome is JobOutcome.SUCCEEDED
    assert done.last.started_at == running.claimed_at <= done.last.ended_at <= (await board(uow)).now
    assert not await end(uow, held), "it ended before"


async def test_of_many_that_come_at_once_one_wins(uow: OperationsUnitOfWork, plan: JobPlan) -> None:
    for number in range(5):
        job = JobPlan(JobName(f"{plan.name} {number}"), plan.every)
        claims = await asyncio.gather(*(claim(uow, job, WorkerName(str(one))) for one in range(8)))
        assert sum(one is not None for one in claims) == 1


async def test_each_slot_has_its_run(uow: OperationsUnitOfWork, plan: JobPlan) -> None:
    often = JobPlan(plan.name, timedelta(seconds=0.15))
    slots: list[datetime] = []
    while len(slots) < 4:
        if (held := await claim(uow, often, A)) is not None:
            slots.append(held.slot)
            assert await end(uow, held)
            assert held.attempt == 1
        await asyncio.sleep(0.02)
    assert len(set(slots)) == 4
    assert all(slot == slot_of(slot, often.every) for slot in slots)


async def test_a_job_never_runs_beside_itself(uow: OperationsUnitOfWork, plan: JobPlan) -> None:
    often = JobPlan(plan.name, timedelta(seconds=0.1))
    held = await won(uow, often, A)
    await asyncio.sleep(0.25)
    assert await claim(uow, often, B) is None
    assert await end(uow, held)
    later = await won(uow, often, B)
    assert later.slot > held.slot


async def test_a_lease_that_lapsed_is_taken_over_and_its_old_holder_is_shut_out(
    uow: OperationsUnitOfWork, plan: JobPlan
) -> None:
    old = await won(uow, plan, A, SHORT)
    assert await claim(uow, plan, B, SHORT) is None
    await asyncio.sleep(0.4)
    new = await won(uow, plan, B)
    assert (new.slot, new.attempt) == (old.slot, 2)
    assert new.fence > old.fence
    async with uow.begin() as tx:
        assert not await tx.job_runs.renew(old, LONG)
        assert not await tx.job_runs.end(old, DONE)
        await tx.job_runs.release(old)
    held = await state(uow, plan)
    assert (held.worker, held.last) == (B, None)
    assert await end(uow, new)


async def test_a_renewed_lease_does_not_lapse(uow: OperationsUnitOfWork, plan: JobPlan) -> None:
    held = await won(uow, plan, A, SHORT)
    async with uow.begin() as tx:
        assert await tx.job_runs.renew(held, LONG)
    await asyncio.sleep(0.4)
    assert await claim(uow, plan, B) is None


async def test_a_slot_that_was_given_back_is_free_at_once(uow: OperationsUnitOfWork, plan: JobPlan) -> None:
    held = await won(uow, plan, A)
    async with uow.begin() as tx:
        await tx.job_runs.release(held)
    assert (await won(uow, plan, B)).attempt == 1


async def test_a_slot_that_failed_is_tried_again_when_it_is_time(
    uow: OperationsUnitOfWork, plan: JobPlan
) -> None:
    failed = JobEnd(outcome=JobOutcome.FAILED, error="no such host", retry_in=SHORT)
    assert await end(uow, await won(uow, plan, A), failed)
    last = (await state(uow, plan)).last
    assert last is not None
    assert (last.outcome, last.error) == (JobOutcome.FAILED, "no such host")
    assert await claim(uow, plan, B) is None
    await asyncio.sleep(0.4)
    again = await won(uow, plan, B)
    assert again.attempt == 2
    assert (await state(uow, plan)).last == last, "while it runs again, how it ended last still stands"
    assert await end(uow, again)
    assert await claim(uow, plan, A) is None


async def test_a_slot_over_which_processes_die_is_left_in_the_end(
    uow: OperationsUnitOfWork, plan: JobPlan
) -> None:
    moment = timedelta(milliseconds=1)
    for attempt in range(1, 6):
        assert (await won(uow, plan, A, moment)).attempt == attempt
        await asyncio.sleep(0.01)
    assert await claim(uow, plan, B) is None


async def test_an_interval_that_changed(uow: OperationsUnitOfWork, plan: JobPlan) -> None:
    assert await end(uow, await won(uow, plan, A))
    shorter = JobPlan(plan.name, timedelta(minutes=10))
    held = await won(uow, shorter, A)
    assert await end(uow, held)
    assert (await state(uow, plan)).every == shorter.every
    assert await claim(uow, plan, A) is None, "the long slot has had its run"


async def test_old_records_are_purged(uow: OperationsUnitOfWork, plan: JobPlan) -> None:
    assert await end(uow, await won(uow, plan, A))
    often = JobPlan(JobName(f"{plan.name} often"), timedelta(seconds=59))
    assert await end(uow, await won(uow, often, A))
    async with uow.begin() as tx:
        assert await tx.job_runs.purge(LONG) == 0
        assert await tx.job_runs.purge(-LONG) == 1, "only the slow job's run was recorded"
    assert {plan.name, often.name} <= set((await board(uow)).states)


async def test_the_engine_has_a_name_and_a_version(uow: OperationsUnitOfWork) -> None:
    async with uow.begin() as tx:
        engine = await tx.storage.engine()
    assert engine.name in {"memory", "postgresql", "timescaledb"}
    assert engine.version[0].isdigit()
    assert engine.warning is None
