"""What ``/health`` asks of the database."""

import time

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
