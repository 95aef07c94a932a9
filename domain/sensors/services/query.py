"""Many sensors in calendar buckets in one call, each for itself or put together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from domain.sensors.errors import unknown_room, unknown_sensor
from domain.sensors.model import Sensor
from domain.sensors.ports import SensorSelection, SensorsTransaction, SensorsUnitOfWork, UnitCatalog
from domain.sensors.services.buckets import (
    SETTLED_AFTER,
    Aggregate,
    Bucket,
    edges_of,
    sensor_buckets,
)
from domain.sensors.services.calendar import MAX_BUCKETS
from domain.sensors.services.filling import Fill, filled
from domain.sensors.services.groups import ADDITIVE, Group
from domain.sensors.services.sources import Parents, energy_sources, parents_of, power_sources
from domain.sensors.services.totals import read_totals
from domain.shared.errors import InvalidError, Problem
from domain.shared.periods import Period
from domain.shared.ports import Clock
from domain.shared.quantities import CANONICAL_UNITS, Quantity, UnitConversion

AT_ONCE: Final = 10_000
"""Buckets of single sensors that are worked out at a time."""

Item = TypeVar("Item")

MAX_MEMBER_BUCKETS: Final = 1_000_000
"""Buckets of single sensors that one call may be put together from."""


class GroupBy(StrEnum):
    """What makes one series."""

    SENSOR = "sensor"
    ROOM = "room"
    QUANTITY = "quantity"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which sensors, and what of them. ``aggregates`` None: all that make sense."""

    where: SensorSelection
    start: datetime
    end: datetime
    resolution: Period
    aggregates: tuple[Aggregate, ...] | None = None
    group_by: GroupBy = GroupBy.SENSOR
    zone: ZoneInfo | None = None
    unit: str | None = None
    energy_unit: str = "kWh"
    fill: Fill = Fill.NONE


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its key (None for sensors without a room), its unit, and its buckets."""

    key: str | None
    unit: str
    aggregates: Sequence[Aggregate]
    buckets: Sequence[Bucket]


@dataclass(slots=True)
class _Members:
    """The sensors of one series that count, and in which unit their values are given."""

    key: str | None
    sensors: Sequence[Sensor]
    aggregates: tuple[Aggregate, ...]
    unit: str
    conversion: UnitConversion


class QueryReadings:
    """Answers questions over many sensors."""

    def __init__(self, uow: SensorsUnitOfWork, units: UnitCatalog, clock: Clock, zone: ZoneInfo) -> None:
        self._uow = uow
        self._units = units
        self._clock = clock
        self._zone = zone

    async def run(self, query: Query) -> Sequence[Series]:
        """Return the series by key; of a group nothing is counted twice.

        Raises:
            NotFoundError: ``unknown_sensor``, ``unknown_room``.
            InvalidError: ``end_before_start``, ``too_many_buckets``, ``invalid_resolution``,
                ``unit_mismatch``, ``mixed_dimensions``.

        """
        zone = query.zone or self._zone
        edges = edges_of(query.start, query.end, query.resolution, zone)
        energy = self._units.conversion(query.energy_unit, Quantity.ENERGY)
        watermark = self._clock.now() - SETTLED_AFTER
        found: list[Series] = []
        async with self._uow.snapshot() as tx:
            sensors = await self._selected(tx, query.where)
            parents = await parents_of(tx, sensors)
            groups = self._groups(query, sensors, parents)
            check_size([len(group.sensors) for group in groups], len(edges) - 1)
            for members in groups:
                if query.group_by is GroupBy.SENSOR:
                    continue
                group = Group(edges, members.aggregates, members.conversion)
                for portion in portions(members.sensors, len(edges)):
                    totals = await read_totals(tx, portion, edges)
                    for sensor in portion:
                        group.add(sensor, totals[sensor.key])
                found.append(_series(members, group.buckets(watermark), zone, energy, query.fill))
            if query.group_by is GroupBy.SENSOR:
                for some in portions(groups, len(edges)):
                    totals = await read_totals(tx, [members.sensors[0] for members in some], edges)
                    for members in some:
                        (sensor,) = members.sensors
                        buckets = sensor_buckets(
                            totals[sensor.key],
                            edges,
                            sensor,
                            zone,
                            watermark,
                            members.conversion,
                            members.aggregates,
                        )
                        found.append(_series(members, buckets, zone, energy, query.fill))
        return found

    async def _selected(self, tx: SensorsTransaction, where: SensorSelection) -> Sequence[Sensor]:
        if where.sensor_ids is not None:
            known = await tx.sensors.find(where.sensor_ids)
            for wanted in where.sensor_ids:
                if wanted not in known:
                    raise unknown_sensor(wanted)
        for room in where.room_names or ():
            if await tx.rooms.get(room) is None:
                raise unknown_room(room)
        return await tx.sensors.select(where)

    def _groups(self, query: Query, sensors: Sequence[Sensor], parents: Parents) -> list[_Members]:
        by_key: dict[str | None, list[Sensor]] = {}
        for sensor in sensors:
            by_key.setdefault(key_of(query.group_by, sensor), []).append(sensor)
        if query.group_by is GroupBy.NONE and not by_key:
            by_key["all"] = []
        groups = [
            self._members(query, key, members, parents)
            for key, members in sorted(by_key.items(), key=lambda item: (item[0] is None, item[0] or ""))
        ]
        if query.unit is not None and groups and not any(group.unit == query.unit for group in groups):
            raise InvalidError("unit_mismatch", f"{query.unit!r} is no unit of what is asked for")
        return groups

    def _members(
        self, query: Query, key: str | None, sensors: Sequence[Sensor], parents: Parents
    ) -> _Members:
        quantities = {sensor.definition.quantity for sensor in sensors}
        units = {sensor.canonical_unit for sensor in sensors}
        unit, conversion = self._unit(query.unit, sensors)
        if query.group_by is GroupBy.SENSOR:
            return _Members(key, sensors, query.aggregates or tuple(Aggregate), unit, conversion)
        only_energy = query.aggregates == (Aggregate.ENERGY,)
        if quantities == {Quantity.POWER, Quantity.ENERGY} and (only_energy or query.aggregates is None):
            sources = energy_sources(sensors, parents)
            unit = query.energy_unit
            return _Members(key, sources, (Aggregate.ENERGY,), unit, UnitConversion())
        if only_energy and quantities & ADDITIVE:
            sources = energy_sources(sensors, parents)
        elif len(units) > 1 or len(quantities) > 1:
            named = ", ".join(sorted(quantities))
            raise InvalidError(
                "mixed_dimensions",
                f"{named} cannot be put together: name one of `quantities`, or group by quantity or sensor",
                [Problem("/group_by", "mixed_dimensions", f"this group holds {named}")],
            )
        elif quantities == {Quantity.POWER}:
            sources = power_sources(sensors, parents)
        elif quantities == {Quantity.ENERGY}:
            sources = energy_sources(sensors, parents)
        else:
            sources = [*sensors]
        return _Members(key, sources, query.aggregates or tuple(Aggregate), unit, conversion)

    def _unit(self, wanted: str | None, sensors: Sequence[Sensor]) -> tuple[str, UnitConversion]:
        """Return the unit of a series: the one asked for where it is of the series' dimension."""
        quantities = {sensor.definition.quantity for sensor in sensors}
        own = sensors[0].canonical_unit if sensors else CANONICAL_UNITS[Quantity.OTHER]
        if wanted is None or len(quantities) != 1:
            return own, UnitConversion()
        try:
            return wanted, self._units.conversion(wanted, next(iter(quantities)))
        except InvalidError:
            return own, UnitConversion()


def key_of(group_by: GroupBy, sensor: Sensor) -> str | None:
    """Return the key of the series that the sensor belongs to."""
    match group_by:
        case GroupBy.SENSOR:
            return sensor.sensor_id
        case GroupBy.ROOM:
            return sensor.definition.room_name
        case GroupBy.QUANTITY:
            return sensor.definition.quantity.value
        case GroupBy.NONE:
            return "all"


def check_size(sizes: Sequence[int], buckets: int) -> None:
    """Raise `InvalidError` (``too_many_buckets``) where groups of these sizes have too many buckets."""
    if len(sizes) * buckets > MAX_BUCKETS:
        raise InvalidError("too_many_buckets", f"one call answers {MAX_BUCKETS:,} buckets at most")
    if sum(sizes) * buckets > MAX_MEMBER_BUCKETS:
        raise InvalidError(
            "too_many_buckets",
            f"one call puts together {MAX_MEMBER_BUCKETS:,} buckets of single sensors at most: "
            "ask for a longer resolution, a shorter time or fewer sensors",
        )


def portions(items: Sequence[Item], edges: int) -> Iterator[Sequence[Item]]:
    """Yield so many at a time as have about `AT_ONCE` buckets."""
    size = max(1, AT_ONCE // max(edges, 1))
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _series(
    members: _Members, buckets: Sequence[Bucket], zone: ZoneInfo, energy: UnitConversion, fill: Fill
) -> Series:
    found = [
        replace(
            bucket,
            start=bucket.start.astimezone(zone),
            end=bucket.end.astimezone(zone),
            aggregates=_in_energy_unit(bucket.aggregates, energy),
        )
        for bucket in filled(buckets, fill)
    ]
    return Series(members.key, members.unit, members.aggregates, found)


def _in_energy_unit(
    aggregates: Mapping[Aggregate, float | None], energy: UnitConversion
) -> Mapping[Aggregate, float | None]:
    value = aggregates.get(Aggregate.ENERGY)
    if value is None or energy.is_identity:
        return aggregates
    return {**aggregates, Aggregate.ENERGY: energy.from_canonical(value)}
