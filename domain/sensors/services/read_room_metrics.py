"""Reading the metrics of rooms."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.sensors.errors import unknown_room
from domain.sensors.model import RoomName
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.room_metrics import RoomMetrics
from domain.sensors.services.room_metrics_slots import RoomMetricsRules
from domain.shared.errors import InvalidError
from domain.shared.ports import Clock
from domain.shared.time import MICROSECOND

_SHOWN: Final = timedelta(hours=24)
_FRESH_INTERVALS: Final = 2


@dataclass(frozen=True, slots=True)
class NewestMetrics:
    """The newest metrics of a room; ``stale`` where the room may be quite different by now."""

    metrics: RoomMetrics
    stale: bool


@dataclass(frozen=True, slots=True)
class RoomMetricsPage:
    """Metrics, oldest first; ``next_after`` is where to go on, None at the end."""

    metrics: Sequence[RoomMetrics]
    next_after: datetime | None


class ReadRoomMetrics:
    """Answers how rooms are and were."""

    def __init__(self, uow: SensorsUnitOfWork, clock: Clock, rules: RoomMetricsRules) -> None:
        self._uow = uow
        self._clock = clock
        self._rules = rules

    async def newest(self, rooms: Collection[RoomName]) -> Mapping[RoomName, NewestMetrics]:
        """Return the newest metrics of each of the rooms that has any.

        They are stale once their slot ended more than two intervals ago.
        """
        fresh_from = self._clock.now() - _FRESH_INTERVALS * self._rules.every
        async with self._uow.begin() as tx:
            found = await tx.room_metrics.newest(rooms)
        return {room: NewestMetrics(one, one.end < fresh_from) for room, one in found.items()}

    async def page(
        self,
        room: RoomName,
        start: datetime | None,
        end: datetime | None,
        after: datetime | None,
        limit: int,
    ) -> RoomMetricsPage:
        """Return a page of the slots that start in ``[start, end)`` and after ``after``.

        Without ``end`` up to now, without ``start`` those of the 24 hours before ``end``.

        Raises:
            NotFoundError: ``unknown_room``.
            InvalidError: ``end_before_start``.

        """
        end = end or self._clock.now()
        try:
            start = start or end - _SHOWN
        except OverflowError:
            start = end
        if end < start:
            raise InvalidError("end_before_start", "end lies before start")
        if after is not None:
            start = max(start, after + MICROSECOND)
        async with self._uow.begin() as tx:
            if await tx.rooms.get(room) is None:
                raise unknown_room(room)
            found = await tx.room_metrics.page(room, start, end, limit + 1)
        page = found[:limit]
        return RoomMetricsPage(page, page[-1].start if len(found) > limit else None)
