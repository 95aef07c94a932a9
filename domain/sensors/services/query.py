"""Many sensors in calendar buckets in one call, each for itself or put together."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.sensors.model import Sensor
from domain.sensors.ports import SensorSelection, SensorsTransaction, SensorsUnitOfWork, UnitCatalog
from domain.sensors.services.buckets import (
    SETTLED_AFTER,
    Aggregate,
    Bucket,
    edges_of,
    sensor_buckets,
)
from domain.sensors.services.conversions import conversion_to
from domain.sensors.services.filling import Fill, filled
from domain.sensors.services.grouping import GroupBy, check_known, check_size, key_of, portions
from domain.sensors.services.groups import ADDITIVE, ALWAYS_ADD, Group
from domain.sensors.services.sources import (
    Parents,
    energy_sources,
    level_sources,
    parents_of,
    power_sources,
)
from domain.sensors.services.totals import read_totals
from domain.shared.errors import InvalidError, Problem
from domain.shared.periods import Period
from domain.shared.ports import Clock
from domain.shared.quantities import CANONICAL_UNITS, Quantity, UnitConversion


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
    """One series: its key (None for sensors without a room), its unit, and its buckets.

    ``energy_unit`` is that of the aggregate of this name, None where it was not asked for.
    """

    key: str | None
    unit: str
    energy_unit: str | None
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
        energy = self._energy_unit(query.energy_unit)
        now = self._clock.now()
        async with self._uow.snapshot() as tx:
            sensors, parents = await self._selected(tx, query)
            groups = self._groups(query, sensors, parents)
            check_size([len(group.sensors) for group in groups], len(edges) - 1)
            answers = self._each if query.group_by is GroupBy.SENSOR else self._together
            return [
                Series(
                    members.key,
                    members.unit,
                    query.energy_unit if Aggregate.ENERGY in members.aggregates else None,
                    members.aggregates,
                    [_answered(bucket, zone, energy) for bucket in filled(buckets, query.fill, now)],
                )
                async for members, buckets in answers(tx, groups, edges, zone)
            ]

    async def _together(
        self, tx: SensorsTransaction, groups: Sequence[_Members], edges: Sequence[datetime], _zone: ZoneInfo
    ) -> AsyncIterator[tuple[_Members, Sequence[Bucket]]]:
        watermark = self._clock.now() - SETTLED_AFTER
        for members in groups:
            group = Group(edges, members.aggregates, members.conversion)
            for some in portions(members.sensors, len(edges)):
                totals = await read_totals(tx, some, edges)
                for sensor in some:
                    group.add(sensor, totals[sensor.key])
            yield members, group.buckets(watermark)

    async def _each(
        self, tx: SensorsTransaction, groups: Sequence[_Members], edges: Sequence[datetime], zone: ZoneInfo
    ) -> AsyncIterator[tuple[_Members, Sequence[Bucket]]]:
        watermark = self._clock.now() - SETTLED_AFTER
        for some in portions(groups, len(edges)):
            totals = await read_totals(tx, [members.sensors[0] for members in some], edges)
            for members in some:
                (sensor,) = members.sensors
                yield (
                    members,
                    sensor_buckets(
                        totals[sensor.key],
                        edges,
                        sensor,
                        zone,
                        watermark,
                        members.conversion,
                        members.aggregates,
                    ),
                )

    async def _selected(self, tx: SensorsTransaction, query: Query) -> tuple[Sequence[Sensor], Parents]:
        where = query.where
        await check_known(tx, where)
        if query.group_by is GroupBy.SENSOR:
            return await tx.sensors.select(where), Parents.among(())
        if where.quantities is None or ADDITIVE.isdisjoint(where.quantities):
            found = await tx.sensors.select(where)
            return found, await parents_of(tx, found)
        # A meter's power may say of its register what that hangs below, and the other way round.
        wider = tuple({*where.quantities, *ADDITIVE})
        found = await tx.sensors.select(replace(where, quantities=wider))
        asked = [sensor for sensor in found if sensor.definition.quantity in where.quantities]
        return asked, await parents_of(tx, found)

    def _groups(self, query: Query, sensors: Sequence[Sensor], parents: Parents) -> list[_Members]:
        by_key: dict[str | None, list[Sensor]] = {}
        for sensor in sensors:
            by_key.setdefault(key_of(query.group_by, sensor), []).append(sensor)
        if query.group_by is GroupBy.NONE and not by_key:
            by_key["all"] = []
        if query.unit is not None and sensors:
            self._check_unit(query.unit, sensors)
        return [
            self._members(query, key, members, parents)
            for key, members in sorted(by_key.items(), key=lambda item: (item[0] is None, item[0] or ""))
        ]

    def _members(
        self, query: Query, key: str | None, sensors: Sequence[Sensor], parents: Parents
    ) -> _Members:
        asked = None if query.aggregates is None else tuple(dict.fromkeys(query.aggregates))
        aggregates = asked or tuple(Aggregate)
        quantities = {sensor.definition.quantity for sensor in sensors}
        units = {sensor.canonical_unit for sensor in sensors}
        is_mixed = len(quantities) > 1 or len(units) > 1
        only_energy = asked is not None and Aggregate.ENERGY in asked and ALWAYS_ADD.issuperset(asked)
        if asked is None and is_mixed and quantities <= ADDITIVE:
            only_energy, aggregates = True, (Aggregate.ENERGY,)
        if only_energy and quantities & ADDITIVE:
            sources = energy_sources(sensors, parents)
            if query.group_by is GroupBy.SENSOR:
                sources = [*sensors]
            return _Members(key, sources, aggregates, query.energy_unit, UnitConversion())
        unit, conversion = self._unit(query, sensors)
        if is_mixed:
            raise _mixed(quantities, units)
        if query.group_by is GroupBy.SENSOR:
            sources = [*sensors]
        elif quantities == {Quantity.POWER}:
            sources = power_sources(sensors, parents)
        elif quantities == {Quantity.ENERGY}:
            sources = level_sources(sensors, parents)
        else:
            sources = [*sensors]
        return _Members(key, sources, aggregates, unit, conversion)

    def _unit(self, query: Query, sensors: Sequence[Sensor]) -> tuple[str, UnitConversion]:
        """Return the unit of a series: the one asked for where it is of the series' dimension."""
        if not sensors:
            named = set(query.where.quantities or ())
            return CANONICAL_UNITS[named.pop() if len(named) == 1 else Quantity.OTHER], UnitConversion()
        conversion = None if query.unit is None else self._conversion(query.unit, sensors[0])
        if query.unit is None or conversion is None:
            return sensors[0].canonical_unit, UnitConversion()
        return query.unit, conversion

    def _conversion(self, unit: str, sensor: Sensor) -> UnitConversion | None:
        try:
            return conversion_to(self._units, unit, sensor)
        except InvalidError:
            return None

    def _check_unit(self, unit: str, sensors: Sequence[Sensor]) -> None:
        kinds = {(sensor.definition.quantity, sensor.canonical_unit): sensor for sensor in sensors}
        if all(self._conversion(unit, sensor) is None for sensor in kinds.values()):
            detail = f"{unit[:64]!r} is no unit of what is asked for; that of energy is `energy_unit`"
            raise InvalidError("unit_mismatch", detail, [Problem("/unit", "unit_mismatch", detail)])

    def _energy_unit(self, unit: str) -> UnitConversion:
        try:
            return self._units.conversion(unit, Quantity.ENERGY)
        except InvalidError as error:
            problem = Problem("/energy_unit", error.code, error.detail)
            raise InvalidError(error.code, error.detail, [problem]) from error


def _mixed(quantities: Collection[Quantity], units: Collection[str]) -> InvalidError:
    named = ", ".join(sorted(quantities))
    if len(quantities) == 1:
        named += " in " + ", ".join(repr(unit) for unit in sorted(units))
    detail = f"{named} cannot be put together: name one of `quantities`, or group by quantity or sensor"
    return InvalidError("mixed_dimensions", detail, [Problem("/group_by", "mixed_dimensions", detail)])


def _answered(bucket: Bucket, zone: ZoneInfo, energy: UnitConversion) -> Bucket:
    """Return the bucket with its times in the zone and its energy in its unit."""
    value = bucket.aggregates.get(Aggregate.ENERGY)
    aggregates = bucket.aggregates
    if value is not None and not energy.is_identity:
        aggregates = {**aggregates, Aggregate.ENERGY: energy.from_canonical(value)}
    elif bucket.start.tzinfo is zone:
        return bucket
    return replace(
        bucket,
        start=bucket.start.astimezone(zone),
        end=bucket.end.astimezone(zone),
        aggregates=aggregates,
    )
