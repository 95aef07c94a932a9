"""A clock and ids that a test holds in its hand."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.shared.ports import Clock, IdFactory


class FakeClock(Clock):
    """Stands still until it is told to move."""

    def __init__(self, now: datetime = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def advance(self, by: timedelta) -> None:
        self.time += by


class SequentialIds(IdFactory):
    """1, 2, 3 ..."""

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> UUID:
        self._last += 1
        return UUID(int=self._last)

    def secret(self) -> str:
        self._last += 1
        return f"secret-{self._last}"
