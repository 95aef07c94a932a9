"""A clock that its owner moves and ids that count up: for what must repeat exactly, above all tests."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from domain.shared.ports import Clock, IdFactory

_START: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class MemoryClock(Clock):
    """Stands still until it is told to move."""

    def __init__(self, now: datetime = _START) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def advance(self, by: timedelta) -> None:
        """Let so much time pass."""
        self.time += by


class MemoryIdFactory(IdFactory):
    """1, 2, 3 ..."""

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> UUID:
        self._last += 1
        return UUID(int=self._last)

    def secret(self) -> str:
        self._last += 1
        return f"secret-{self._last}"
