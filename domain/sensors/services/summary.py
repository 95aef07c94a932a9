"""The site at a glance: energy, mean and peak power, who used most, and whom to look after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domain.sensors.linking import HOUR_US
from domain.sensors.model import RoomName, Sensor, SensorId, SensorKey, Staleness
from domain.sensors.ports import SensorFilter, SensorsTransaction, SensorsUnitOfWork
from domain.sensors.services.buckets import COVERED, Aggregate, edges_of, energy_kwh
from domain.sensors.services.calendar import MAX_BUCKETS
from domain.sensors.services.energy import energy_groups, grouped_energy
from domain.sensors.services.grouping import GroupBy, portions
from domain.sensors.services.groups import GroupBucket
from domain.sensors.services.sources import meters
from domain.sensors.services.totals import read_totals
from domain.sensors.summaries import Total
from domain.shared.errors import InvalidError
from domain.shared.periods import Period
from domain.shared.ports import Clock
from domain.shared.quantities import Quality

_QUARTER_HOUR: Final = timedelta(minutes=15)
_DAY: Final = timedelta(days=1)
_QUARTER_HOUR_PERIOD: Final = Period(elapsed=_QUARTER_HOUR)
_TOP: Final = 5
_MOST_SEARCHED: Final = 500_000
"""In so many quarter-hours of single meters the peak is sought: a year of 14."""
_MOST_STALE: Final = 1000


@dataclass(frozen=True, slots=True)
class SensorShare:
    """A sensor's energy, and its share of the whole site's (None where that is 0)."""

    sensor_id: SensorId
    name: str
    energy_kwh: float
    share: float | None


@dataclass(frozen=True, slots=True)
class RoomShare:
    """A room's energy, and its share of the whole site's (None where that is 0)."""

    room_name: RoomName
    energy_kwh: float
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A time range in figures, None where nothing is known.

    ``mean_power_kw`` is the energy that is known by the length of the time. ``peak_power_kw`` is the highest
    mean of a quarter-hour of the clock, ``peak_time`` its start, ``load_factor`` the mean power divided by
    it; ``peak_reason`` says why no peak was sought. ``change_percent`` is None where the time before is known
    less than this one.
    """

    start: datetime
    end: datetime
    energy_kwh: float | None
    mean_power_kw: float | None
    peak_power_kw: float | None
    peak_time: datetime | None
    load_factor: float | None
    peak_reason: str | None
    previous: GroupBucket
    change_percent: float | None
    top_sensors: Sequence[SensorShare]
    top_rooms: Sequence[RoomShare]
    stale_sensors: Sequence[SensorId]
    coverage: float
    coverage_min: float
    missing_sensors: Sequence[SensorId]
    quality: Quality


class Summarise:
    """Sums the site up."""

    def __init__(self, uow: SensorsUnitOfWork, clock: Clock, zone: ZoneInfo) -> None:
        self._uow = uow
        self._clock = clock
        self._zone = zone

    async def of(
        self, start: datetime | None = None, end: datetime | None = None, zone: ZoneInfo | None = None
    ) -> Summary:
        """Return the figures of ``[start, end)``: the last 24 hours where nothing is given.

        Raises:
            InvalidError: ``end_before_start``, ``out_of_calendar``.

        """
        now = self._clock.now()
        if end is None:
            end = now if start is None or now - start < _DAY else start + _DAY
        if start is None:
            start = _earlier(end, _DAY)
        if end <= start:
            raise InvalidError("end_before_start", "end lies before start, or at it")
        zone = zone or self._zone
        earlier = _earlier(start, end - start)
        async with self._uow.snapshot() as tx:
            members = (await energy_groups(tx, GroupBy.NONE)).get("all", [])
            users = meters([sensor for (sensor,) in (await energy_groups(tx, GroupBy.SENSOR)).values()])
            rooms = await energy_groups(tx, GroupBy.ROOM)
            (whole,) = await grouped_energy(tx, members, [start, end], now)
            (before,) = await grouped_energy(tx, members, [earlier, start], now)
            in_rooms = [one for sensors in rooms.values() for one in sensors]
            asked = {one.key: one for one in (*members, *users, *in_rooms)}
            energies = await _energies(tx, list(asked.values()), start, end)
            quarters = (end - start) // _QUARTER_HOUR
            searched = quarters < MAX_BUCKETS - 1 and quarters * len(members) <= _MOST_SEARCHED
            peak = await _peak(tx, members, _quarter_hours(start, end)) if searched else None
            stale, _ = await tx.sensors.list(
                SensorFilter(status=Staleness.STALE), now=now, limit=_MOST_STALE, offset=0
            )
        energy = whole.aggregates[Aggregate.ENERGY]
        mean = None if energy is None else energy / ((end - start) / timedelta(hours=1))
        return Summary(
            start=start.astimezone(zone),
            end=end.astimezone(zone),
            energy_kwh=energy,
            mean_power_kw=mean,
            peak_power_kw=None if peak is None else peak[0],
            peak_time=None if peak is None else peak[1].astimezone(zone),
            load_factor=mean / peak[0] if peak is not None and peak[0] > 0 and mean is not None else None,
            peak_reason=None if searched else "range_too_long",
            previous=before,
            change_percent=_change(before, whole),
            top_sensors=_top_sensors(users, energies, energy),
            top_rooms=_top_rooms(rooms, energies, energy),
            stale_sensors=[state.sensor.sensor_id for state in stale],
            coverage=whole.coverage,
            coverage_min=whole.coverage_min,
            missing_sensors=whole.missing_sensors,
            quality=whole.quality,
        )


def _earlier(start: datetime, length: timedelta) -> datetime:
    try:
        return start - length
    except OverflowError as error:
        raise InvalidError("out_of_calendar", "the time before would leave the years 1 to 9999") from error


def _quarter_hours(start: datetime, end: datetime) -> list[datetime]:
    return edges_of(start, end, _QUARTER_HOUR_PERIOD, ZoneInfo("UTC"))


async def _energies(
    tx: SensorsTransaction, meters: Sequence[Sensor], start: datetime, end: datetime
) -> Mapping[SensorKey, Total]:
    found = await read_totals(tx, meters, [start, end])
    return {key: totals.buckets[0] for key, totals in found.items()}


async def _peak(
    tx: SensorsTransaction, members: Sequence[Sensor], edges: Sequence[datetime]
) -> tuple[float, datetime] | None:
    """Return the highest mean power of a whole quarter-hour, and when that begins.

    A member's mean is over the time that its readings account for, as everywhere.
    """
    powers: list[float | None] = [None] * (len(edges) - 1)
    for some in portions(members, len(edges)):
        found = await read_totals(tx, some, edges)
        for sensor in some:
            for number, total in enumerate(found[sensor.key].buckets):
                power = _power(total, sensor)
                if power is not None:
                    powers[number] = (powers[number] or 0.0) + power
    whole = [
        (power, edges[number])
        for number, power in enumerate(powers)
        if power is not None and edges[number + 1] - edges[number] == _QUARTER_HOUR
    ]
    # Of equal ones the earliest.
    return max(whole, key=lambda one: one[0], default=None)


def _power(total: Total, sensor: Sensor) -> float | None:
    energy = energy_kwh(total, sensor)
    return None if energy is None else energy * HOUR_US / total.covered_us


def _change(before: GroupBucket, now: GroupBucket) -> float | None:
    earlier, later = before.aggregates[Aggregate.ENERGY], now.aggregates[Aggregate.ENERGY]
    if not earlier or later is None or before.coverage < COVERED * now.coverage:
        return None
    return (later - earlier) / abs(earlier) * 100


def _top_sensors(
    meters: Sequence[Sensor], energies: Mapping[SensorKey, Total], whole: float | None
) -> list[SensorShare]:
    used = [
        SensorShare(one.sensor_id, one.definition.name, energy, energy / whole if whole else None)
        for one in meters
        if (energy := energy_kwh(energies[one.key], one)) is not None
    ]
    return sorted(used, key=lambda one: (-one.energy_kwh, one.sensor_id))[:_TOP]


def _top_rooms(
    rooms: Mapping[str | None, Sequence[Sensor]], energies: Mapping[SensorKey, Total], whole: float | None
) -> list[RoomShare]:
    used: list[RoomShare] = []
    for room, members in rooms.items():
        known = [energy for one in members if (energy := energy_kwh(energies[one.key], one)) is not None]
        if room is not None and known:
            energy = sum(known)
            used.append(RoomShare(RoomName(room), energy, energy / whole if whole else None))
    return sorted(used, key=lambda one: (-one.energy_kwh, one.room_name))[:_TOP]
