"""The slots of room metrics, and what the sensors of rooms gave a row of them."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from domain.sensors.model import Reading, SensorKey
from domain.sensors.ports import SensorsTransaction
from domain.sensors.room_metrics import RoomMetrics
from domain.sensors.services.buckets import energy_kwh
from domain.sensors.services.calendar import bucket_edges
from domain.sensors.services.room_metrics_figures import (
    Given,
    RoomSources,
    SlotInput,
    given,
    room_mean,
    slot_metrics,
)
from domain.sensors.services.totals import SensorTotals, read_totals
from domain.sensors.summaries import Total
from domain.shared.periods import Period
from domain.shared.quantities import Quantity
from domain.shared.time import EPOCH, MICROSECOND

_DAY: Final = Period(days=1)


@dataclass(frozen=True, slots=True)
class RoomMetricsRules:
    """How long a slot is, whose midnight counts, and how long metrics are kept (None: for ever)."""

    every: timedelta
    zone: ZoneInfo
    kept_for: timedelta | None = None

    def slot(self, time: datetime) -> datetime:
        """Return the start of the slot that holds the time: slots are counted from the epoch."""
        return EPOCH + (time - EPOCH) // self.every * self.every

    def day(self, time: datetime) -> date:
        """Return the local day of a moment."""
        return time.astimezone(self.zone).date()


@dataclass(frozen=True, slots=True)
class Slots:
    """Slots that follow each other, and the buckets that their readings are summed up in.

    The first bucket is the slot before. ``buckets`` are the numbers of each slot's buckets: midnight may cut
    one in two. Energy of the day before ``first`` lies in ``[midnight, first)``.
    """

    first: datetime
    end: datetime
    edges: Sequence[datetime]
    buckets: Sequence[range]
    midnights: frozenset[datetime]
    midnight: datetime


def slots_between(first: datetime, end: datetime, rules: RoomMetricsRules) -> Slots:
    """Return the slots from ``first`` on that end by ``end``; there has to be one."""
    starts = [first + number * rules.every for number in range((end - first) // rules.every)]
    end = starts[-1] + rules.every
    before = first - rules.every
    midnights = bucket_edges(before, end, _DAY, rules.zone)
    edges = sorted({before, *starts, end, *(one for one in midnights if before < one < end)})
    places = [bisect_left(edges, start) for start in (*starts, end)]
    of_first = bucket_edges(starts[0] + rules.every - MICROSECOND, starts[0] + rules.every, _DAY, rules.zone)
    return Slots(
        first,
        end,
        edges,
        [range(low, high) for low, high in pairwise(places)],
        frozenset(midnights),
        of_first[0],
    )


async def compute_metrics(
    tx: SensorsTransaction, rooms: Sequence[RoomSources], slots: Slots
) -> list[RoomMetrics]:
    """Return the metrics of the rooms in the slots, in order; ``tx`` has to be a snapshot.

    Left out are slots before a room's first reading, and those whose readings are gone.
    """
    sensors = list({one.key: one for room in rooms for one in room.all}.values())
    totals = await read_totals(tx, sensors, slots.edges)
    earlier: Mapping[SensorKey, SensorTotals] = {}
    if slots.midnight < slots.first:
        counted = list({one.key: one for room in rooms for one in room.energy}.values())
        earlier = await read_totals(tx, counted, [slots.midnight, slots.first])
    latest = await tx.readings.latest([one.key for one in sensors])
    return [one for room in rooms for one in _of_room(room, slots, totals, earlier, latest)]


def _of_room(
    room: RoomSources,
    slots: Slots,
    totals: Mapping[SensorKey, SensorTotals],
    earlier: Mapping[SensorKey, SensorTotals],
    latest: Mapping[SensorKey, Reading],
) -> list[RoomMetrics]:
    today = _Today(room, slots, totals)
    if earlier and not today.begin(earlier):
        return []
    found: list[RoomMetrics] = []
    co2 = room.averaged[Quantity.CO2]
    co2_before = room_mean(co2, _there(room, slots, range(slots.buckets[0].start), totals, latest))
    for buckets in slots.buckets:
        today.count(buckets)
        there = _there(room, slots, buckets, totals, latest)
        slot = SlotInput(
            start=slots.edges[buckets.start],
            end=slots.edges[buckets.stop],
            of_sensors=there,
            energy_kwh=today.energy_kwh,
            co2_before=co2_before,
        )
        co2_before = room_mean(co2, there)
        gone = any(number in totals[one.key].gone for one in room.all for number in buckets)
        if there and not gone:
            found.append(slot_metrics(room, slot))
    return found


class _Today:
    """The energy of a room since local midnight, slot after slot."""

    def __init__(self, room: RoomSources, slots: Slots, totals: Mapping[SensorKey, SensorTotals]) -> None:
        self._room = room
        self._slots = slots
        self._totals = totals
        self.energy_kwh: float | None = None

    def begin(self, earlier: Mapping[SensorKey, SensorTotals]) -> bool:
        """Begin with what passed before the first slot; False where that cannot be told any more."""
        for sensor in self._room.energy:
            if earlier[sensor.key].gone:
                return False
            self._add(energy_kwh(earlier[sensor.key].buckets[0], sensor))
        return True

    def count(self, buckets: range) -> None:
        """Go on with a slot."""
        for number in buckets:
            if self._slots.edges[number] in self._slots.midnights:
                self.energy_kwh = None
            for sensor in self._room.energy:
                self._add(energy_kwh(self._totals[sensor.key].buckets[number], sensor))

    def _add(self, energy: float | None) -> None:
        if energy is not None:
            self.energy_kwh = (self.energy_kwh or 0.0) + energy


def _there(
    room: RoomSources,
    slots: Slots,
    buckets: range,
    totals: Mapping[SensorKey, SensorTotals],
    latest: Mapping[SensorKey, Reading],
) -> dict[SensorKey, Given]:
    """Return what each sensor gave the slot that these buckets make up, from its first reading on."""
    start, end = slots.edges[buckets.start], slots.edges[buckets.stop]
    return {
        one.key: given(one, _joined(totals[one.key].buckets, buckets), latest.get(one.key), start, end)
        for one in room.all
        if totals[one.key].expected_from < buckets.stop
    }


def _joined(all_: Sequence[Total], buckets: range) -> Total:
    if len(buckets) == 1:
        return all_[buckets.start]
    joined = Total()
    for part in (all_[number] for number in buckets):
        joined.amount += part.amount
        joined.covered_us += part.covered_us
        joined.estimated |= part.estimated
        if part.count:
            joined.minimum = min(part.minimum, joined.minimum) if joined.count else part.minimum
            joined.maximum = max(part.maximum, joined.maximum) if joined.count else part.maximum
            joined.count += part.count
            joined.total += part.total
    return joined
