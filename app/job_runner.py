"""Runs the jobs of a process: claims their slots, keeps each lease while the job runs, tells how it ended."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any, Final

from dishka import AsyncContainer

from app.jobs import Job
from app.settings import Settings
from domain.operations.jobs import JobClaim, JobPlan
from domain.operations.services.jobs import JobSlots
from domain.shared.errors import DomainError, UnavailableError

_LOG: Final = logging.getLogger(__name__)
_SHORTEST_PAUSE: Final = 0.02
# The database's clock may be set while we wait for what it said.
_LONGEST_PAUSE: Final = 60.0
_AWAY_PAUSE: Final = 5.0
_BROKEN_PAUSE: Final = 30.0
_FAREWELL_SECONDS: Final = 3.0


class _Lease:
    """A claim and how long it surely holds, counted on this process's own clock from before it was made."""

    def __init__(self, slots: JobSlots, claim: JobClaim, asked: float) -> None:
        self._slots = slots
        self._claim = claim
        self._term = slots.term.total_seconds()
        self._lapses = asked + self._term

    async def keep(self) -> None:
        """Renew the lease again and again; return once it is lost."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(self._term / 3, max(self._lapses - loop.time(), 0.0)))
            asked = loop.time()
            try:
                # Also after it lapsed (a process may be paused): it still holds if nobody has taken over.
                async with asyncio.timeout(max(self._lapses - asked, self._term / 3)):
                    if not await self._slots.renew(self._claim):
                        return
                self._lapses = asked + self._term
            except (UnavailableError, TimeoutError):
                if loop.time() >= self._lapses:
                    return

    async def end(self, error: str | None) -> None:
        """Record how the run ended, within the lease."""
        claim = self._claim
        while True:
            try:
                ended = await (
                    self._slots.succeed(claim) if error is None else self._slots.fail(claim, error)
                )
            except UnavailableError:
                if asyncio.get_running_loop().time() >= self._lapses:
                    _LOG.warning("job %s: how it ended cannot be recorded", claim.job)
                    return
                await asyncio.sleep(min(self._term / 10, 1.0))
                continue
            if not ended:
                _LOG.warning("job %s: another process had taken over before it ended", claim.job)
            return

    async def give_back(self) -> None:
        """Let another process run the slot at once."""
        try:
            await self._slots.release(self._claim)
        except UnavailableError:
            _LOG.warning("job %s cannot be given back: it is taken over later", self._claim.job)


class JobRunner:
    """Runs every job beside the others, each in the slots that this process wins."""

    def __init__(
        self, container: AsyncContainer, jobs: Sequence[Job], settings: Settings, slots: JobSlots
    ) -> None:
        self._container = container
        self._jobs = [(job, job.plan(settings)) for job in jobs]
        self._slots = slots
        self._waiting: set[str] = set()

    async def run(self) -> None:
        """Run until cancelled; slots that are being run are given back then."""
        async with asyncio.TaskGroup() as tasks:
            for job, plan in self._jobs:
                tasks.create_task(self._again(job, plan), name=f"job {job.name}")

    async def _again(self, job: Job, plan: JobPlan) -> None:
        while True:
            try:
                pause = await self._turn(job, plan)
                self._waiting.discard(job.name)
            except UnavailableError as away:
                pause = _AWAY_PAUSE
                if job.name not in self._waiting:
                    _LOG.warning("job %s has to wait: %s", job.name, away.detail)
                self._waiting.add(job.name)
            except Exception:  # noqa: BLE001 - whatever is wrong with one job must not end the others
                pause = _BROKEN_PAUSE
                _LOG.exception("job %s cannot be started", job.name)
            await asyncio.sleep(pause)

    async def _turn(self, job: Job, plan: JobPlan) -> float:
        """Run the slot of now, if it is this process's; return how long to wait for the next turn."""
        asked = asyncio.get_running_loop().time()
        claim = await self._slots.claim(plan)
        if isinstance(claim, timedelta):
            return min(max(claim.total_seconds(), _SHORTEST_PAUSE), _LONGEST_PAUSE)
        lease = _Lease(self._slots, claim, asked)
        work = asyncio.create_task(self._work(job), name=f"job {job.name} at work")
        keeping = asyncio.create_task(lease.keep(), name=f"job {job.name} renews")
        try:
            await asyncio.wait({work, keeping}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            over = work.done()
            await _stop(work, keeping)
            await _within(lease.end(_error(work)) if over else lease.give_back())
            raise
        over = work.done()
        await _stop(work, keeping)
        if over:
            await _within(lease.end(_error(work)))
        else:
            _LOG.warning("job %s was cut off: its lease was lost", job.name)
        return 0.0

    async def _work(self, job: Job) -> str | None:
        """Run the job; return what went wrong, in words that everybody may read."""
        try:
            async with self._container() as scope:
                await job.run(scope)
        except UnavailableError as away:
            _LOG.warning("job %s failed: %s", job.name, away.detail)
            return f"{away.code}: {away.detail}"
        except DomainError as error:
            _LOG.exception("job %s failed", job.name)
            return f"{error.code}: {error.detail}"
        except Exception as error:  # noqa: BLE001 - as above; its own words may tell secrets
            _LOG.exception("job %s failed", job.name)
            return f"{type(error).__name__}; the log says more"
        return None


def _error(work: asyncio.Task[str | None]) -> str | None:
    return "cancelled from within" if work.cancelled() else work.result()


async def _stop(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=_FAREWELL_SECONDS)


async def _within(last: Coroutine[Any, Any, None]) -> None:
    """Wait for what is to be done even where this process ends meanwhile, though not for ever."""
    task = asyncio.create_task(last)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=_FAREWELL_SECONDS)
        task.cancel()
        raise
