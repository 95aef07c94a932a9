"""Claims on the slots of periodic jobs in memory, and what this storage is."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from adapters.memory.database import MemorySession
from domain.operations.job_ports import JobRunStore, StorageEngineInfo
from domain.operations.jobs import (
    JobBoard,
    JobClaim,
    JobEnd,
    JobName,
    JobPlan,
    JobRun,
    JobState,
    WorkerName,
    slot_of,
)
from domain.operations.storage_engine import StorageEngine
from domain.shared.ports import Clock

_ENGINE: Final = StorageEngine("memory", "1")


@dataclass(slots=True)
class JobsState:
    """The state of each job; when each recorded run began; and the engine that this storage passes for."""

    jobs: dict[JobName, JobState] = field(default_factory=dict)
    recorded: dict[tuple[JobName, datetime], datetime] = field(default_factory=dict)
    engine: StorageEngine = _ENGINE


class MemoryJobRunStore(JobRunStore):
    """Jobs in a dictionary."""

    def __init__(self, session: MemorySession, clock: Clock) -> None:
        self._state = session.state(JobsState)
        self._clock = clock

    async def claim(self, plan: JobPlan, worker: WorkerName, term: timedelta) -> JobClaim | None:
        now = self._clock.now()
        slot = slot_of(now, plan.every)
        held = self._state.jobs.get(plan.name)
        if held is not None and not held.claimable(slot, plan.every, now, term):
            return None
        claimed = JobState(
            job=plan.name,
            every=plan.every,
            slot=slot,
            fence=held.fence + 1 if held else 1,
            attempts=held.attempts + 1 if held and held.slot == slot else 1,
            claimed_at=now,
            worker=worker,
            free_at=now + term,
            last=held.last if held else None,
        )
        self._state.jobs[plan.name] = claimed
        if plan.recorded:
            self._state.recorded[plan.name, slot] = now
        return JobClaim(plan.name, slot, claimed.fence, claimed.attempts)

    async def renew(self, claim: JobClaim, term: timedelta) -> bool:
        state = self._held_by(claim)
        if state is None:
            return False
        self._state.jobs[claim.job] = replace(state, free_at=self._clock.now() + term)
        return True

    async def end(self, claim: JobClaim, end: JobEnd) -> bool:
        state = self._held_by(claim)
        if state is None:
            return False
        now = self._clock.now()
        run = JobRun(
            started_at=state.claimed_at,
            ended_at=max(now, state.claimed_at),
            outcome=end.outcome,
            error=end.error,
        )
        free_at = None if end.retry_in is None else now + end.retry_in
        self._state.jobs[claim.job] = replace(state, worker=None, free_at=free_at, last=run)
        return True

    async def release(self, claim: JobClaim) -> None:
        state = self._held_by(claim)
        if state is not None:
            self._state.jobs[claim.job] = replace(
                state, worker=None, free_at=self._clock.now(), attempts=state.attempts - 1
            )

    async def board(self) -> JobBoard:
        return JobBoard(self._clock.now(), dict(self._state.jobs))

    async def purge(self, kept: timedelta) -> int:
        before = self._clock.now() - kept
        old = [run for run, started_at in self._state.recorded.items() if started_at < before]
        for run in old:
            del self._state.recorded[run]
        return len(old)

    def _held_by(self, claim: JobClaim) -> JobState | None:
        state = self._state.jobs.get(claim.job)
        held = state is not None and state.fence == claim.fence and state.worker is not None
        return state if held else None


class MemoryStorageEngineInfo(StorageEngineInfo):
    """Says what a test has laid out."""

    def __init__(self, session: MemorySession) -> None:
        self._state = session.state(JobsState)

    async def engine(self) -> StorageEngine:
        return self._state.engine
