"""How things are now: loads, rooms and connections, as others know them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.shared.quantities import Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReading:
    """The newest reading of a power sensor, in kW; None and its quality ``MISSING`` where there was none.

    ``span`` is the time that it is the mean of, from ``time`` on; zero for a momentary value. ``interval``
    is how often readings come, ``max_gap`` how old the newest may get before it is stale.
    """

    time: datetime | None
    power_kw: float | None
    quality: Quality
    span: timedelta
    interval: timedelta
    max_gap: timedelta

    def age(self, now: datetime) -> timedelta | None:
        """Return how old it is; None where there is none."""
        return None if self.time is None else now - self.time

    def is_fresh(self, now: datetime) -> bool:
        """Whether it can be taken for the load of now."""
        age = self.age(now)
        return self.power_kw is not None and age is not None and age <= self.max_gap


@dataclass(frozen=True, slots=True)
class RoomComfort:
    """A room now: whether it is inside its comfort band, and in words what it is like.

    ``comfortable`` is None where it has no band, or nothing is known of it.
    """

    comfortable: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Connection:
    """Whether a device that is polled answers; ``since`` when that is so."""

    online: bool
    since: datetime | None = None
