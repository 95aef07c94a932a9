"""Whether the statement that claims a slot decides as the domain does."""

from datetime import timedelta
from itertools import product

import pytest

from adapters.timescale.database import Database
from adapters.timescale.job_runs import TimescaleJobRunStore
from domain.operations.jobs import JobName, JobPlan, WorkerName, slot_of

EVERY = timedelta(days=1)
TERM = timedelta(seconds=15)
SLOTS = (-2, -1, 0, 1, 2, 4000)
FREE_AT = (None, -40, -1, 10, 60, 100, 10**8)


@pytest.mark.parametrize("plan", [JobPlan(JobName("job"), every) for every in (EVERY, EVERY / 7)])
async def test_every_state_is_judged_alike(database: Database, plan: JobPlan) -> None:
    async with database.transaction("ops") as session:
        store = TimescaleJobRunStore(session)
        for ahead, free_at, worker, attempts in product(SLOTS, FREE_AT, (None, "a"), (4, 5)):
            now = (await store.board()).now
            await session.driver.execute("SAVEPOINT clean")
            await session.driver.execute(
                "INSERT INTO ops.jobs (job, every, slot, fence, attempts, claimed_at, worker, free_at)"
                " VALUES ($1, $2, $3, 7, $4, now(), $5, $6)",
                plan.name,
                EVERY,
                slot_of(now, EVERY) + ahead * EVERY,
                attempts,
                worker,
                None if free_at is None else now + timedelta(seconds=free_at),
            )
            board = await store.board()
            state = board.states[plan.name]
            expected = state.claimable(slot_of(board.now, plan.every), plan.every, board.now, TERM)
            claim = await store.claim(plan, WorkerName("b"), TERM)
            assert (claim is not None) == expected, state
            await session.driver.execute("ROLLBACK TO SAVEPOINT clean")
        session.roll_back()
