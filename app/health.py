"""What ``/health`` asks of the database."""

import time
from datetime import timedelta
from typing import Final

from domain.demand_response.services.scheduler import Scheduler
from domain.ingestion.model import DeviceStatus
from domain.ingestion.services.devices import ReportDevices
from domain.ingestion.services.sources import Sources
from domain.operations.jobs import JobOutcome
from domain.operations.ports import OperationsUnitOfWork
from domain.operations.services.jobs import JobReports
from domain.operations.storage_engine import StorageEngine
from domain.shared.errors import UnavailableError
from domain.shared.health import Health, HealthCheck, HealthStatus
from domain.shared.ports import Clock

_LATE: Final = timedelta(seconds=30)
"""A step that is so long overdue is taken by no process: the lease of a dead one has lapsed by then."""


class DatabaseCheck(HealthCheck):
    """Asks the database what it is."""

    name = "database"

    def __init__(self, uow: OperationsUnitOfWork) -> None:
        self._uow = uow

    async def check(self) -> Health:
        begun = time.perf_counter()
        engine: StorageEngine | None = None
        try:
            async with self._uow.begin() as tx:
                engine = await tx.storage.engine()
        except UnavailableError:
            status = HealthStatus.DOWN
        else:
            status = HealthStatus.OK if engine.warning is None else HealthStatus.DEGRADED
        figures: dict[str, float | str | bool | None] = {
            "latency_ms": round((time.perf_counter() - begun) * 1000, 2)
        }
        if engine is not None:
            figures |= {"engine": engine.name, "version": engine.version}
            if engine.warning is not None:
                figures["warning"] = engine.warning
        return Health(status, figures)


class PollersCheck(HealthCheck):
    """Counts devices by status; ill where most of them do not answer, since some always do not."""

    name = "pollers"

    def __init__(self, devices: ReportDevices) -> None:
        self._devices = devices

    async def check(self) -> Health:
        counts = dict(await self._devices.counts())
        ill = counts.get(DeviceStatus.OFFLINE, 0) * 2 > sum(counts.values())
        return Health(
            HealthStatus.DEGRADED if ill else HealthStatus.OK,
            {status.value: counts.get(status, 0) for status in DeviceStatus},
        )


class FtpCheck(HealthCheck):
    """Looks at how the scans of the FTP server ended; well where there is none, or none was scanned yet."""

    name = "ftp"

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def check(self) -> Health:
        server = await self._sources.ftp()
        if server is None:
            return Health(HealthStatus.OK, {"configured": False})
        state = server.state
        well = state.status in {DeviceStatus.ONLINE, DeviceStatus.UNKNOWN}
        last = None if state.last is None else state.last.ended
        return Health(
            HealthStatus.OK if well else HealthStatus.DEGRADED,
            {
                "configured": True,
                "server": server.name,
                "state": state.status.value,
                "last_scan": None if last is None else last.isoformat(),
                "running": state.running is not None,
            },
        )


class JobsCheck(HealthCheck):
    """Looks at how the jobs ended last, whichever process ran them; ill too where none runs them any more."""

    name = "jobs"

    def __init__(self, jobs: JobReports) -> None:
        self._jobs = jobs

    async def check(self) -> Health:
        reports = await self._jobs.list()
        failed = [one.name for one in reports if one.last and one.last.outcome is JobOutcome.FAILED]
        overdue = [one.name for one in reports if one.overdue]
        return Health(
            HealthStatus.DEGRADED if failed or overdue else HealthStatus.OK,
            {
                "run": sum(one.last is not None for one in reports),
                "failed": ", ".join(failed) or None,
                "overdue": ", ".join(overdue) or None,
            },
        )


class DemandResponseCheck(HealthCheck):
    """Looks at whether events are moved on and commands sent, whichever process does it."""

    name = "demand_response"

    def __init__(self, scheduler: Scheduler, clock: Clock) -> None:
        self._scheduler = scheduler
        self._clock = clock

    async def check(self) -> Health:
        found = await self._scheduler.next_due(), await self._scheduler.next_command()
        next_step = min((one for one in found if one is not None), default=None)
        late = timedelta() if next_step is None else max(self._clock.now() - next_step, timedelta())
        return Health(
            HealthStatus.DEGRADED if late > _LATE else HealthStatus.OK,
            {
                "next_step": None if next_step is None else next_step.isoformat(),
                "late_seconds": round(late.total_seconds(), 1),
            },
        )
