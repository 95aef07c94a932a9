"""Who runs which slot of which job, and how the last runs went."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from domain.operations.jobs import (
    JobClaim,
    JobEnd,
    JobOutcome,
    JobPlan,
    JobReport,
    WorkerName,
)
from domain.operations.ports import OperationsUnitOfWork

LEASE_TERM: Final = timedelta(seconds=15)
RUNS_KEPT: Final = timedelta(days=7)
_FIRST_RETRY: Final = timedelta(seconds=30)
_LAST_RETRY: Final = timedelta(hours=1)
_MAX_ERROR: Final = 500


def retry_after(attempt: int) -> timedelta:
    """Return for how long to wait after the attempt of this number failed: 30 s, doubling up to an hour."""
    doubled = min(attempt - 1, 10)
    return min(_FIRST_RETRY * (1 << doubled), _LAST_RETRY)


class JobSlots:
    """This worker's part in running each slot of each job once, among all processes.

    Slots and leases go by the clock of the store, so that the clocks of the processes need not agree.
    """

    def __init__(self, uow: OperationsUnitOfWork, worker: WorkerName, term: timedelta = LEASE_TERM) -> None:
        self._uow = uow
        self._worker = worker
        self.term = term

    async def claim(self, plan: JobPlan) -> JobClaim | timedelta:
        """Return the claim on the slot of now, else for how long to wait until there may be one.

        Only the newest slot can be claimed: what nobody ran while all processes were down is not made up for.
        A job never runs beside itself: while one slot is being run, no other of the same job is given out.
        """
        async with self._uow.begin() as tx:
            claim = await tx.job_runs.claim(plan, self._worker, self.term)
            if claim is not None:
                return claim
            board = await tx.job_runs.board()
        state = board.states.get(plan.name)
        return timedelta() if state is None else state.wait(plan.every, board.now, self.term)

    async def renew(self, claim: JobClaim) -> bool:
        """Prolong the lease; False where another worker has taken over."""
        async with self._uow.begin() as tx:
            return await tx.job_runs.renew(claim, self.term)

    async def succeed(self, claim: JobClaim) -> bool:
        """Record that the slot is done; False, and nothing is recorded, where another has taken over."""
        async with self._uow.begin() as tx:
            return await tx.job_runs.end(claim, JobEnd(outcome=JobOutcome.SUCCEEDED))

    async def fail(self, claim: JobClaim, error: str) -> bool:
        """Record that the run failed, so that it is tried again soon; as `succeed` for the rest."""
        end = JobEnd(outcome=JobOutcome.FAILED, error=error[:_MAX_ERROR], retry_in=retry_after(claim.attempt))
        async with self._uow.begin() as tx:
            return await tx.job_runs.end(claim, end)

    async def release(self, claim: JobClaim) -> None:
        """Give the slot back before it is done, so that another worker can run it at once."""
        async with self._uow.begin() as tx:
            await tx.job_runs.release(claim)

    async def purge(self) -> int:
        """Forget runs older than a week, and return how many."""
        async with self._uow.begin() as tx:
            return await tx.job_runs.purge(RUNS_KEPT)


class JobReports:
    """How the jobs fare, whichever process runs them."""

    def __init__(
        self, uow: OperationsUnitOfWork, plans: Sequence[JobPlan], term: timedelta = LEASE_TERM
    ) -> None:
        self._uow = uow
        self._plans = plans
        self._term = term

    async def list(self) -> Sequence[JobReport]:
        """Return a report of every job, in the order of the plans."""
        async with self._uow.begin() as tx:
            board = await tx.job_runs.board()
        reports = []
        for plan in self._plans:
            state = board.states.get(plan.name)
            if state is None:
                reports.append(JobReport(name=plan.name, every=plan.every))
                continue
            running = state.held(board.now, self._term)
            reports.append(
                JobReport(
                    name=plan.name,
                    every=state.every,
                    running_since=state.claimed_at if running else None,
                    last=state.last,
                    next_run=state.next_run(board.now, self._term),
                    overdue=state.overdue(board.now),
                )
            )
        return reports
