"""Whether events get through."""

from typing import Final

from domain.operations.model import EventsHealth
from domain.operations.ports import OperationsUnitOfWork, RelayStatus
from domain.shared.health import Health, HealthCheck, HealthStatus
from domain.shared.ports import Clock

_LATE_SECONDS: Final = 10.0


class EventsMonitor(HealthCheck):
    """Looks after the outbox and the relay."""

    def __init__(self, uow: OperationsUnitOfWork, relay: RelayStatus, clock: Clock) -> None:
        self._uow = uow
        self._relay = relay
        self._clock = clock

    @property
    def name(self) -> str:
        """The key under which ``/health`` shows it."""
        return "events"

    async def check(self) -> Health:
        """Return ``DEGRADED`` where events were given up, or wait for longer than they should."""
        health = await self.health()
        well = health.parked == 0 and health.lag_seconds < _LATE_SECONDS
        return Health(
            HealthStatus.OK if well else HealthStatus.DEGRADED,
            {
                "pending": health.pending,
                "parked": health.parked,
                "leader": health.leader,
                "lag_seconds": round(health.lag_seconds, 3),
            },
        )

    async def health(self) -> EventsHealth:
        """Return what waits, what was given up, and for how long the oldest has waited."""
        async with self._uow.begin() as tx:
            backlog = await tx.outbox.backlog()
        lag = 0.0 if backlog.oldest is None else (self._clock.now() - backlog.oldest).total_seconds()
        return EventsHealth(
            pending=backlog.pending,
            parked=backlog.parked,
            leader=self._relay.leader,
            lag_seconds=max(lag, 0.0),
        )
