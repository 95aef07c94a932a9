"""What ``/health`` asks of the database."""

import time

from app.jobs import JobLog
from domain.ingestion.model import DeviceStatus
from domain.ingestion.services.devices import ReportDevices
from domain.operations.ports import OperationsUnitOfWork
from domain.shared.errors import UnavailableError
from domain.shared.health import Health, HealthCheck, HealthStatus


class DatabaseCheck(HealthCheck):
    """Opens and closes a transaction."""

    name = "database"

    def __init__(self, uow: OperationsUnitOfWork) -> None:
        self._uow = uow

    async def check(self) -> Health:
        begun = time.perf_counter()
        try:
            async with self._uow.begin():
                pass
        except UnavailableError:
            status = HealthStatus.DOWN
        else:
            status = HealthStatus.OK
        return Health(status, {"latency_ms": round((time.perf_counter() - begun) * 1000, 2)})


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


class JobsCheck(HealthCheck):
    """Looks at how the jobs of this process ended last."""

    name = "jobs"

    def __init__(self, log: JobLog) -> None:
        self._log = log

    async def check(self) -> Health:
        failed = sorted(name for name, run in self._log.items() if not run.succeeded)
        return Health(
            HealthStatus.DEGRADED if failed else HealthStatus.OK,
            {"run": len(self._log), "failed": ", ".join(failed) or None},
        )
