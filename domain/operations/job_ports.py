"""What periodic jobs need of the storage, and what it tells of itself."""

from abc import abstractmethod
from datetime import timedelta
from typing import Protocol

from domain.operations.jobs import JobBoard, JobClaim, JobEnd, JobPlan, WorkerName
from domain.operations.storage_engine import StorageEngine


class JobRunStore(Protocol):
    """Keeps which slot of each job was claimed, by whom and for how long, and how runs ended.

    All times in it, and the slot of now, are those of the store's one clock.
    """

    @abstractmethod
    async def claim(self, plan: JobPlan, worker: WorkerName, term: timedelta) -> JobClaim | None:
        """Claim the job's slot of now for ``term``; None where it is not `JobState.claimable`."""

    @abstractmethod
    async def renew(self, claim: JobClaim, term: timedelta) -> bool:
        """Let the lease end ``term`` from now; False where the claim was lost."""

    @abstractmethod
    async def end(self, claim: JobClaim, end: JobEnd) -> bool:
        """Record how the run ended; False, and nothing is recorded, where the claim was lost."""

    @abstractmethod
    async def release(self, claim: JobClaim) -> None:
        """Give the slot back before it is done, where the claim still holds."""

    @abstractmethod
    async def board(self) -> JobBoard:
        """Return the state of every job."""

    @abstractmethod
    async def purge(self, kept: timedelta) -> int:
        """Delete the records of runs that began so long ago; return how many."""


class StorageEngineInfo(Protocol):
    """Knows what the data are kept in."""

    @abstractmethod
    async def engine(self) -> StorageEngine:
        """Return the engine that answers now."""
