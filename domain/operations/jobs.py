"""Periodic jobs: slots of time, of which each is run once, by one process."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType

from domain.shared.time import EPOCH

JobName = NewType("JobName", str)
WorkerName = NewType("WorkerName", str)

MOST_ATTEMPTS: Final = 5
"""So many processes may die over a slot; then it is left, for what it does may be what kills them."""
STEP_BACK: Final = timedelta(minutes=1)
"""A lease that lasts longer than one can by more than this was given before the clock was set back."""
_RECORDED_FROM: Final = timedelta(minutes=1)
_LATE: Final = timedelta(minutes=1)


class JobOutcome(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class JobPlan:
    """A job and its interval."""

    name: JobName
    every: timedelta

    @property
    def recorded(self) -> bool:
        """Whether each run is kept for a week; of a job that runs all the time only the last one is."""
        return self.every >= _RECORDED_FROM


def slot_of(time: datetime, every: timedelta) -> datetime:
    """Return the start of the interval, counted from the epoch, in which the time lies."""
    return EPOCH + (time - EPOCH) // every * every


@dataclass(frozen=True, slots=True)
class JobClaim:
    """The right to run a slot; ``fence`` tells it from an earlier one that was lost."""

    job: JobName
    slot: datetime
    fence: int
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnd:
    """How a run ended; ``error`` says why it failed. A slot that failed is tried again after ``retry_in``."""

    outcome: JobOutcome
    error: str | None = None
    retry_in: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """A run that ended."""

    started_at: datetime
    ended_at: datetime
    outcome: JobOutcome
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """The newest slot that was claimed, and the last run that ended.

    ``free_at``: while a worker has the slot, the end of its lease; after that, the time from which the same
    slot may be tried again, None once that is done.
    """

    job: JobName
    every: timedelta
    slot: datetime
    fence: int
    attempts: int
    claimed_at: datetime
    worker: WorkerName | None
    free_at: datetime | None
    last: JobRun | None = None

    def held(self, now: datetime, term: timedelta) -> bool:
        """Return whether a worker has the slot, under a lease of ``term`` that is in force."""
        if self.worker is None or self.free_at is None:
            return False
        return now < self.free_at <= now + term + STEP_BACK

    def claimable(self, slot: datetime, every: timedelta, now: datetime, term: timedelta) -> bool:
        """Return whether the slot, which is the one of now, may be claimed.

        One that is behind the newest was run before, unless the clock was set back by more than an interval:
        then it stands for another time, and waiting for the clock to come back could take for ever.
        """
        if self.held(now, term):
            return False
        if slot > self.slot or slot + every < self.slot:
            return True
        if slot < self.slot:
            return False
        if self.worker is not None:
            return self.attempts < MOST_ATTEMPTS
        return self.free_at is not None and self.free_at <= now

    def wait(self, every: timedelta, now: datetime, term: timedelta) -> timedelta:
        """Return when to look again, if nothing can be claimed now."""
        slot = slot_of(now, every)
        next_slot = slot_of(max(slot, min(self.slot, slot + every)), every) + every
        if self.held(now, term) and self.free_at is not None:
            # A process that runs an older slot goes on to the next by itself: others wait for its death.
            return (self.free_at if self.slot < slot else min(self.free_at, next_slot)) - now
        if self.slot == slot and self.worker is None and self.free_at is not None:
            return min(max(self.free_at, now), next_slot) - now
        return next_slot - now

    def next_run(self, now: datetime, term: timedelta) -> datetime:
        """Return when the job runs next; now, where it should have run already."""
        due = self.slot + self.every
        if self.worker is None and self.free_at is not None:
            due = min(due, self.free_at)
        if self.worker is not None and not self.held(now, term) and self.attempts < MOST_ATTEMPTS:
            due = now
        return max(due, now)

    def overdue(self, now: datetime) -> bool:
        """Return whether a whole interval went by in which no process ran the job."""
        return now > self.slot + 2 * self.every + _LATE


@dataclass(frozen=True, slots=True)
class JobBoard:
    """The state of all jobs that were ever claimed, by the one clock that all processes share."""

    now: datetime
    states: Mapping[JobName, JobState]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """A job as people see it; what is None has not happened yet."""

    name: JobName
    every: timedelta
    running_since: datetime | None = None
    last: JobRun | None = None
    next_run: datetime | None = None
    overdue: bool = False
