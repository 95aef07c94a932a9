"""What ``/health`` asks of the database."""

import time
from collections.abc import Callable

from domain.operations.ports import OperationsUnitOfWork
from domain.shared.errors import UnavailableError
from domain.shared.health import Health, HealthCheck, HealthStatus


class DatabaseCheck(HealthCheck):
    """Opens and closes a transaction."""

    name = "database"

    def __init__(self, uow: OperationsUnitOfWork, seconds: Callable[[], float] = time.perf_counter) -> None:
        self._uow = uow
        self._seconds = seconds

    async def check(self) -> Health:
        begun = self._seconds()
        try:
            async with self._uow.begin():
                pass
        except UnavailableError:
            status = HealthStatus.DOWN
        else:
            status = HealthStatus.OK
        return Health(status, {"latency_ms": round((self._seconds() - begun) * 1000, 2)})
