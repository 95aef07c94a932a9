"""What is done again and again: one table of jobs, each with its interval and its use case.

Of all processes one runs each slot of a job (`app.job_runner`). A job may be cut off and done once more, in
this process or another, so that each has to stand that.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NewType

from dishka import AsyncContainer

from app.settings import Settings
from domain.demand_response.services.auto_answers import AnswerInvitations
from domain.demand_response.services.flexibility import TellFlexibility
from domain.demand_response.services.performance import MeasureEvents
from domain.ingestion.services.scan_requests import Scans
from domain.operations.jobs import JobName, JobPlan
from domain.operations.services.idempotency import Idempotency
from domain.operations.services.jobs import JobSlots
from domain.sensors.services.alarms import Alarms
from domain.sensors.services.rollups import Rollups
from domain.sensors.services.room_metrics import RefreshRoomMetrics
from domain.sensors.services.upkeep import Upkeep


@dataclass(frozen=True, slots=True)
class Job:
    """A use case and the setting (seconds) that says how often it is run."""

    name: str
    every: Callable[[Settings], float]
    run: Callable[[AsyncContainer], Awaitable[object]]

    def plan(self, settings: Settings) -> JobPlan:
        """Return its name and interval."""
        return JobPlan(JobName(self.name), timedelta(seconds=self.every(settings)))


JobPlans = NewType("JobPlans", Sequence[JobPlan])


async def _room_metrics(container: AsyncContainer) -> None:
    await (await container.get(RefreshRoomMetrics)).run()


async def _alarms(container: AsyncContainer) -> None:
    await (await container.get(Alarms)).check()


async def _ended_alarms(container: AsyncContainer) -> None:
    await (await container.get(Alarms)).purge()


async def _scans(container: AsyncContainer) -> None:
    await (await container.get(Scans)).purge()


async def _partitions(container: AsyncContainer) -> None:
    await (await container.get(Upkeep)).prepare_storage()


async def _rollups(container: AsyncContainer) -> None:
    await (await container.get(Rollups)).refresh()


async def _retention(container: AsyncContainer) -> None:
    settings: Settings = await container.get(Settings)
    if settings.retention_days:
        upkeep: Upkeep = await container.get(Upkeep)
        await upkeep.remove_readings(timedelta(days=settings.retention_days))


async def _compression(container: AsyncContainer) -> None:
    settings: Settings = await container.get(Settings)
    if settings.compress_after_days:
        upkeep: Upkeep = await container.get(Upkeep)
        await upkeep.compress_readings(timedelta(days=settings.compress_after_days))


async def _rejections(container: AsyncContainer) -> None:
    await (await container.get(Upkeep)).purge_rejections()


async def _auto_response(container: AsyncContainer) -> None:
    await (await container.get(AnswerInvitations))()


async def _flexibility(container: AsyncContainer) -> None:
    await (await container.get(TellFlexibility))()


async def _event_reports(container: AsyncContainer) -> None:
    await (await container.get(MeasureEvents)).keep()


async def _corrected_reports(container: AsyncContainer) -> None:
    await (await container.get(MeasureEvents)).keep(again=True)


async def _idempotency(container: AsyncContainer) -> None:
    await (await container.get(Idempotency)).purge()


async def _job_runs(container: AsyncContainer) -> None:
    await (await container.get(JobSlots)).purge()


JOBS: Final = (
    Job("rollups", lambda settings: settings.rollup_interval, _rollups),
    Job("compression", lambda settings: settings.compression_interval, _compression),
    Job("retention", lambda settings: settings.retention_interval, _retention),
    Job("room_metrics", lambda settings: settings.room_metrics_interval, _room_metrics),
    Job("auto_response", lambda settings: settings.auto_response_interval, _auto_response),
    Job("flexibility", lambda settings: settings.auto_response_interval, _flexibility),
    Job("event_reports", lambda settings: settings.event_scheduler_interval, _event_reports),
    Job("corrected_reports", lambda settings: settings.upkeep_interval, _corrected_reports),
    Job("alarms", lambda settings: settings.alarm_interval, _alarms),
    Job("partitions", lambda settings: settings.upkeep_interval, _partitions),
    Job("rejections", lambda settings: settings.upkeep_interval, _rejections),
    Job("ended_alarms", lambda settings: settings.upkeep_interval, _ended_alarms),
    Job("scans", lambda settings: settings.upkeep_interval, _scans),
    Job("idempotency", lambda settings: settings.upkeep_interval, _idempotency),
    Job("job_runs", lambda settings: settings.upkeep_interval, _job_runs),
)
"""All of them."""
