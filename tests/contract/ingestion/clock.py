from datetime import UTC, datetime

from domain.shared.ports import Clock


class RunningClock(Clock):
    """Leases go by the database's own clock, which runs: so does this one."""

    def now(self) -> datetime:
        return datetime.now(UTC)
