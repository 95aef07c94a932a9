"""What is done again and again: one table of jobs, each with its interval and its use case."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dishka import AsyncContainer

from domain.operations.services.idempotency import Idempotency
from domain.sensors.services.upkeep import Upkeep
from domain.shared.errors import UnavailableError
from domain.shared.ports import Clock

_LOG: Final = logging.getLogger(__name__)
_RETRY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Job:
    """A use case and its rhythm; doing it twice does no harm, so every worker may."""

    name: str
    every: timedelta
    run: Callable[[AsyncContainer], Awaitable[None]]


async def _partitions(container: AsyncContainer) -> None:
    upkeep: Upkeep = await container.get(Upkeep)
    await upkeep.prepare_storage()


async def _rejections(container: AsyncContainer) -> None:
    upkeep: Upkeep = await container.get(Upkeep)
    await upkeep.purge_rejections()


async def _idempotency(container: AsyncContainer) -> None:
    idempotency: Idempotency = await container.get(Idempotency)
    await idempotency.purge()


JOBS: Final = (
    Job("partitions", timedelta(hours=6), _partitions),
    Job("rejections", timedelta(hours=1), _rejections),
    Job("idempotency", timedelta(hours=1), _idempotency),
)
"""All of them."""


@dataclass(frozen=True, slots=True)
class JobRun:
    """How a job ended last in this process."""

    ended: datetime
    duration: timedelta
    succeeded: bool


class JobLog(dict[str, JobRun]):
    """The last run of each job of this process, by its name."""


class Jobs:
    """Runs each job at the start and then in its rhythm; one that fails is tried again soon."""

    def __init__(self, container: AsyncContainer, jobs: Sequence[Job], log: JobLog, clock: Clock) -> None:
        self._container = container
        self._jobs = jobs
        self._log = log
        self._clock = clock

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for job in self._jobs:
                tasks.create_task(self._again(job), name=job.name)

    async def _again(self, job: Job) -> None:
        while True:
            pause = job.every.total_seconds()
            began, succeeded = self._clock.now(), False
            try:
                async with self._container() as scope:
                    await job.run(scope)
                succeeded = True
            except UnavailableError as away:
                _LOG.warning("job %s has to wait: %s", job.name, away.detail)
                pause = min(pause, _RETRY_SECONDS)
            except Exception:  # noqa: BLE001 - one job that fails must not end the others
                _LOG.exception("job %s failed", job.name)
                pause = min(pause, _RETRY_SECONDS)
            ended = self._clock.now()
            self._log[job.name] = JobRun(ended, ended - began, succeeded)
            await asyncio.sleep(pause)
