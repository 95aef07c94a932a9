"""Keeping the metrics of rooms up to date."""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Final
from zlib import crc32

from domain.sensors.events import RoomMetricsCorrected
from domain.sensors.model import Room, RoomName, Sensor
from domain.sensors.ports import SensorSelection, SensorsTransaction, SensorsUnitOfWork
from domain.sensors.room_metrics import KeptTimes, MarkedDay, RoomMetrics
from domain.sensors.services.buckets import SETTLED_AFTER
from domain.sensors.services.calendar import bucket_edges
from domain.sensors.services.room_metrics_figures import RoomSources, room_sources, same_metrics
from domain.sensors.services.room_metrics_slots import RoomMetricsRules, Slots, compute_metrics, slots_between
from domain.sensors.services.sources import parents_of
from domain.shared.events import EventId
from domain.shared.periods import Period
from domain.shared.ports import Clock, IdFactory
from domain.shared.time import EPOCH, MICROSECOND, to_microseconds

QUARTER_HOUR: Final = timedelta(minutes=15)
_ALL: Final = 1_000_000
_TURN: Final = QUARTER_HOUR
_SENSORS_AT_ONCE: Final = 200
_DAYS_AT_ONCE: Final = 10
_MOST_SLOTS: Final = 1000
_DAY: Final = Period(days=1)


@dataclass(slots=True)
class _Found:
    """What is to be stored, by room and start; ``corrected`` are those of them that were told before."""

    metrics: dict[tuple[RoomName, datetime], RoomMetrics] = field(default_factory=dict)
    corrected: dict[tuple[RoomName, datetime], RoomMetrics] = field(default_factory=dict)
    stale: dict[RoomName, set[date]] = field(default_factory=dict)

    def mark(self, room: RoomName, days: Iterable[date]) -> None:
        """Have these days of the room looked at."""
        self.stale.setdefault(room, set()).update(days)


class RefreshRoomMetrics:
    """Works out the metrics of every room that has sensors.

    Each run works out the slot that has just ended, and again those of the last quarter of an hour, whose
    readings are on their way. In turns, so that every room is looked at in a quarter of an hour, it goes back
    over all slots for which data may come without being announced as late (`RollupsCorrected` tells of the
    others, see `MarkRoomMetrics`). What comes out as it is stored is not written. Days that are marked
    follow, the newest first, for as long as half an interval; the rest waits for the next run.
    """

    def __init__(self, uow: SensorsUnitOfWork, clock: Clock, ids: IdFactory, rules: RoomMetricsRules) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids
        self._rules = rules

    async def run(self) -> int:
        """Bring all metrics up to date; return how many were new or changed."""
        now = self._clock.now()
        end = self._rules.slot(now)
        done = await self._refresh_recent(end)
        until = now + self._rules.every / 2
        while True:
            refreshed = await self._refresh_marked(end)
            if refreshed is None or self._clock.now() >= until:
                return done + (refreshed or 0)
            done += refreshed

    async def _refresh_recent(self, end: datetime) -> int:
        every = self._rules.every
        turns = max(1, _TURN // every)
        # A quarter-hour is late by its start; then the time until the next run but one of this turn.
        whole = self._last(SETTLED_AFTER + QUARTER_HOUR + turns * every + 2 * every, end)
        short = self._last(QUARTER_HOUR + every, end)
        found = _Found()
        async with self._uow.snapshot() as tx:
            rooms, _ = await tx.rooms.list(_ALL, 0)
            sources = await _sources(tx, rooms, await tx.sensors.select(SensorSelection()))
            kept = await tx.room_metrics.kept([one.room.room_name for one in sources])
            turn = (end - EPOCH) // every % turns
            in_turn: list[RoomSources] = []
            others: dict[RoomName, RoomSources] = {}
            for one in sources:
                name = one.room.room_name
                is_behind = name not in kept or kept[name].newest < end - 2 * every
                if is_behind or crc32(name.encode()) % turns == turn:
                    in_turn.append(one)
                else:
                    others[name] = one
            for some in _portions([*others.values()]):
                reaching = await self._compare(tx, some, short, end, found, kept)
                in_turn.extend(others[name] for name in reaching)
            for some in _portions(in_turn):
                for name in await self._compare(tx, some, whole, end, found, kept):
                    if kept[name].oldest < whole.first:
                        found.mark(name, [self._rules.day(whole.first - MICROSECOND)])
        for name, times in kept.items():
            if times.newest + every < whole.first:
                found.mark(name, self._days(times.newest, whole.first))
        await self._store(found, ())
        if self._rules.kept_for is not None:
            async with self._uow.begin() as tx:
                await tx.room_metrics.purge(self._clock.now() - self._rules.kept_for)
        return len(found.metrics)

    def _last(self, length: timedelta, end: datetime) -> Slots:
        """Return the slots of the time before ``end``."""
        first = max(self._rules.slot(end - length), end - _MOST_SLOTS * self._rules.every)
        return slots_between(first, end, self._rules)

    async def _refresh_marked(self, end: datetime) -> int | None:
        """Work some marks off; None where there are none."""
        found = _Found()
        async with self._uow.snapshot() as tx:
            marks = await tx.room_metrics.marked(_DAYS_AT_ONCE)
            if not marks:
                return None
            names = tuple({mark.room_name for mark in marks})
            rooms = [room for name in names if (room := await tx.rooms.get(name)) is not None]
            sensors = await tx.sensors.select(SensorSelection(room_names=names))
            sources = {one.room.room_name: one for one in await _sources(tx, rooms, sensors)}
            kept = await tx.room_metrics.kept(names)
            for day, of_day in groupby(marks, key=lambda mark: mark.day):
                some = [sources[mark.room_name] for mark in of_day if mark.room_name in sources]
                slots = self._slots_of(day, end)
                if slots is None:
                    continue
                # What a definition changed does not go through all of the past, what data changed does.
                reaching = await self._compare(tx, some, slots, end, found, kept, create=False)
                for name, before in reaching.items():
                    changed = found.metrics[name, before.start]
                    if changed.coverage != before.coverage and kept[name].oldest < slots.first:
                        found.mark(name, [self._rules.day(slots.first - MICROSECOND)])
        await self._store(found, marks)
        return len(found.metrics)

    def _slots_of(self, day: date, end: datetime) -> Slots | None:
        """Return the slots that end on the local day, or at the midnight after it."""
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=self._rules.zone).astimezone(UTC)
        midnight, next_midnight = bucket_edges(noon, noon + MICROSECOND, _DAY, self._rules.zone)
        first, end = self._rules.slot(midnight), min(next_midnight, end)
        return slots_between(first, end, self._rules) if end - first >= self._rules.every else None

    async def _compare(
        self,
        tx: SensorsTransaction,
        rooms: Sequence[RoomSources],
        slots: Slots,
        end: datetime,
        found: _Found,
        kept: Mapping[RoomName, KeptTimes],
        *,
        create: bool = True,
    ) -> dict[RoomName, RoomMetrics]:
        """Find what differs from what is stored.

        Returns the rooms whose first slot changed, with what it was before: that can reach further back (an
        outage is over, and its energy is spread).
        """
        names = [room.room.room_name for room in rooms]
        stored = {
            (one.room_name, one.start): one
            for one in await tx.room_metrics.between(names, slots.first, slots.end)
        }
        reaching: dict[RoomName, RoomMetrics] = {}
        for one in await compute_metrics(tx, rooms, slots):
            times, place = kept.get(one.room_name), (one.room_name, one.start)
            before = stored.get(place)
            if before is None:
                if create or (times is not None and one.start >= times.oldest):
                    found.metrics[place] = one
            elif not same_metrics(before, one):
                found.metrics[place] = one
                # The slot before the newest was worked out while its last readings were on their way.
                if one.end <= end - 2 * self._rules.every:
                    found.corrected[place] = one
                if one.start == slots.first:
                    reaching[one.room_name] = before
        return reaching

    def _days(self, start: datetime, end: datetime) -> list[date]:
        first, last = self._rules.day(start), self._rules.day(end)
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]

    async def _store(self, found: _Found, marks: Collection[MarkedDay]) -> None:
        async with self._uow.begin() as tx:
            await tx.room_metrics.put([*found.metrics.values()])
            await tx.room_metrics.unmark(marks)
            await tx.room_metrics.mark(found.stale)
            if found.corrected:
                tx.events.add(self._corrected(found.corrected.values()))

    def _corrected(self, metrics: Iterable[RoomMetrics]) -> RoomMetricsCorrected:
        ranges: list[tuple[RoomName, datetime, datetime]] = []
        for one in sorted(metrics, key=lambda one: (one.room_name, one.start)):
            if ranges and ranges[-1][0] == one.room_name and ranges[-1][2] == one.start:
                ranges[-1] = (one.room_name, ranges[-1][1], one.end)
            else:
                ranges.append((one.room_name, one.start, one.end))
        return RoomMetricsCorrected(
            event_id=EventId(self._ids.new()),
            occurred_at=self._clock.now(),
            room_names=tuple(room for room, _, _ in ranges),
            starts_us=array("q", [to_microseconds(start) for _, start, _ in ranges]),
            ends_us=array("q", [to_microseconds(end) for _, _, end in ranges]),
        )


async def _sources(
    tx: SensorsTransaction, rooms: Iterable[Room], sensors: Sequence[Sensor]
) -> list[RoomSources]:
    """Return the rooms that have sensors to be looked at, with those."""
    inside = [one for one in sensors if one.definition.room_name is not None]
    parents = await parents_of(tx, inside)
    of_rooms: dict[RoomName | None, list[Sensor]] = {}
    for one in inside:
        of_rooms.setdefault(one.definition.room_name, []).append(one)
    chosen = [room_sources(room, of_rooms.get(room.room_name, ()), parents) for room in rooms]
    return [one for one in chosen if one.all]


def _portions(rooms: Sequence[RoomSources]) -> Iterator[Sequence[RoomSources]]:
    """Yield the rooms in portions, so that few readings are in memory at a time."""
    portion: list[RoomSources] = []
    held = 0
    for room in rooms:
        if portion and held + len(room.all) > _SENSORS_AT_ONCE:
            yield portion
            portion, held = [], 0
        portion.append(room)
        held += len(room.all)
    if portion:
        yield portion
