"""Metrics of rooms in memory."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from adapters.memory.database import MemorySession
from adapters.memory.sensors import SensorsState
from domain.sensors.model import RoomName
from domain.sensors.room_metrics import KeptTimes, MarkedDay, RoomMetrics, RoomMetricsStore


@dataclass(slots=True)
class RoomMetricsState:
    """What the store of room metrics holds: by room and start, and the versions of marks."""

    metrics: dict[RoomName, dict[datetime, RoomMetrics]] = field(default_factory=dict)
    marks: dict[tuple[RoomName, date], int] = field(default_factory=dict)


class MemoryRoomMetricsStore(RoomMetricsStore):
    """Metrics in dicts."""

    def __init__(self, session: MemorySession) -> None:
        self._state = session.state(RoomMetricsState)
        self._rooms = session.state(SensorsState).rooms

    async def put(self, metrics: Sequence[RoomMetrics]) -> None:
        for one in metrics:
            if one.room_name in self._rooms:
                self._state.metrics.setdefault(one.room_name, {})[one.start] = one

    async def newest(self, rooms: Collection[RoomName]) -> Mapping[RoomName, RoomMetrics]:
        return {room: of_room[-1] for room in rooms if (of_room := self._of(room))}

    async def between(
        self, rooms: Collection[RoomName], start: datetime, end: datetime
    ) -> Sequence[RoomMetrics]:
        return [one for room in sorted(rooms) for one in self._of(room) if start <= one.start < end]

    async def page(self, room: RoomName, start: datetime, end: datetime, limit: int) -> Sequence[RoomMetrics]:
        return [one for one in self._of(room) if start <= one.start < end][:limit]

    async def kept(self, rooms: Collection[RoomName]) -> Mapping[RoomName, KeptTimes]:
        return {
            room: KeptTimes(of_room[0].start, of_room[-1].start)
            for room in rooms
            if (of_room := self._of(room))
        }

    async def purge(self, before: datetime) -> int:
        purged = 0
        for of_room in self._state.metrics.values():
            for start in [one for one in of_room if one < before]:
                del of_room[start]
                purged += 1
        return purged

    async def delete(self, room: RoomName) -> None:
        self._state.metrics.pop(room, None)
        for place in [one for one in self._state.marks if one[0] == room]:
            del self._state.marks[place]

    async def mark(self, days: Mapping[RoomName, Collection[date]]) -> None:
        for room, of_room in days.items():
            for day in of_room:
                if room in self._rooms:
                    self._state.marks[room, day] = self._state.marks.get((room, day), 0) + 1

    async def marked(self, limit: int) -> Sequence[MarkedDay]:
        ordered = sorted(self._state.marks, key=lambda place: (-place[1].toordinal(), place[0]))
        return [MarkedDay(*place, self._state.marks[place]) for place in ordered[:limit]]

    async def unmark(self, marks: Collection[MarkedDay]) -> None:
        for one in marks:
            if self._state.marks.get((one.room_name, one.day)) == one.version:
                del self._state.marks[one.room_name, one.day]

    def _of(self, room: RoomName) -> list[RoomMetrics]:
        of_room = self._state.metrics.get(room, {})
        return [of_room[start] for start in sorted(of_room)]
