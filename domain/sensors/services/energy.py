"""The energy of the site, its rooms and sensors, and what it costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from domain.sensors.errors import unknown_tariff
from domain.sensors.model import RoomName, Sensor, SensorId
from domain.sensors.ports import SensorSelection, SensorsTransaction, SensorsUnitOfWork
from domain.sensors.services.buckets import SETTLED_AFTER, Aggregate, edges_of, energy_kwh
from domain.sensors.services.grouping import GroupBy, check_known, check_size, check_work, key_of, portions
from domain.sensors.services.groups import Group, GroupBucket
from domain.sensors.services.sources import energy_sources, parents_of, power_sources
from domain.sensors.services.tariff_costs import BucketCost, CostPlan
from domain.sensors.services.totals import read_totals
from domain.sensors.tariffs import TariffName
from domain.shared.periods import Period
from domain.shared.ports import Clock
from domain.shared.quantities import Direction, Quality, Quantity, UnitConversion

YIELDING: Final = (Quantity.POWER, Quantity.ENERGY)
"""Quantities from which energy can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyQuestion:
    """Of which sensors, when, and by which tariff."""

    start: datetime
    end: datetime
    resolution: Period
    group_by: GroupBy = GroupBy.NONE
    zone: ZoneInfo | None = None
    tariff: TariffName | None = None
    sensor_ids: tuple[SensorId, ...] | None = None
    room_names: tuple[RoomName, ...] | None = None


@dataclass(frozen=True, slots=True)
class EnergySeries:
    """The energy of one group by buckets, and beside each its cost where a tariff was named."""

    key: str | None
    buckets: Sequence[GroupBucket]
    costs: Sequence[BucketCost] | None


@dataclass(frozen=True, slots=True)
class EnergyReport:
    """The series by key; ``currency`` is that of the tariff."""

    series: Sequence[EnergySeries]
    currency: str | None


@dataclass(frozen=True, slots=True)
class TrustedFigure:
    """A figure, None where nothing is known, and how far it can be trusted."""

    value: float | None
    coverage: float
    quality: Quality


class Energy:
    """Adds energy up over rooms, devices and the whole site, each device once."""

    def __init__(self, uow: SensorsUnitOfWork, clock: Clock, zone: ZoneInfo) -> None:
        self._uow = uow
        self._clock = clock
        self._zone = zone

    async def report(self, question: EnergyQuestion) -> EnergyReport:
        """Return kWh by buckets, with cost and CO2 where a tariff is named.

        Raises:
            NotFoundError: ``unknown_tariff``, ``unknown_sensor``, ``unknown_room``.
            InvalidError: ``end_before_start``, ``too_many_buckets``, ``invalid_resolution``.

        """
        zone = question.zone or self._zone
        edges = edges_of(question.start, question.end, question.resolution, zone)
        watermark = self._clock.now() - SETTLED_AFTER
        async with self._uow.snapshot() as tx:
            plan, currency = await _plan(tx, question.tariff, edges)
            groups = await energy_groups(tx, question.group_by, question.sensor_ids, question.room_names)
            sizes = [len(members) for members in groups.values()]
            check_size(sizes, len(edges) - 1)
            if plan is not None:
                check_work(sum(sizes) * len(plan.rates))
            series = [
                EnergySeries(
                    key,
                    _local(await grouped_energy(tx, members, edges, watermark), zone),
                    None if plan is None else plan.costs(await _energies(tx, members, plan.edges)),
                )
                for key, members in groups.items()
            ]
        return EnergyReport(series, currency)

    async def today(self) -> TrustedFigure:
        """Return the site's energy since local midnight in kWh; the coverage is that of the time so far."""
        now = self._clock.now()
        midnight = datetime.combine(now.astimezone(self._zone).date(), time.min, self._zone)
        async with self._uow.snapshot() as tx:
            groups = await energy_groups(tx, GroupBy.NONE)
            members = next(iter(groups.values()), [])
            if midnight >= now or not members:
                return TrustedFigure(None, 0.0, Quality.MISSING)
            (bucket,) = await grouped_energy(tx, members, [midnight, now], now)
        return TrustedFigure(bucket.aggregates[Aggregate.ENERGY], bucket.coverage, bucket.quality)

    async def power_now(self) -> TrustedFigure:
        """Return the site's power in kW: the newest readings of its power sensors that are not stale.

        The coverage is the share of sensors that have one.
        """
        now = self._clock.now()
        async with self._uow.snapshot() as tx:
            sensors = await tx.sensors.select(SensorSelection(quantities=YIELDING))
            sources = power_sources(sensors, await parents_of(tx, sensors))
            latest = await tx.readings.latest([sensor.key for sensor in sources])
        values = [
            -reading.value if sensor.definition.direction is Direction.EXPORT else reading.value
            for sensor in sources
            if (reading := latest.get(sensor.key)) is not None
            and reading.quality is not Quality.BAD
            and now - reading.time <= sensor.effective_max_gap
        ]
        if not values:
            return TrustedFigure(None, 0.0, Quality.MISSING)
        coverage = len(values) / len(sources)
        return TrustedFigure(sum(values), coverage, Quality.OK if coverage == 1 else Quality.ESTIMATED)


async def energy_groups(
    tx: SensorsTransaction,
    group_by: GroupBy,
    sensor_ids: tuple[SensorId, ...] | None = None,
    room_names: tuple[RoomName, ...] | None = None,
) -> Mapping[str | None, list[Sensor]]:
    """Return the sensors whose energy counts, by group; those without a room under None.

    Each sensor of its own is asked about by name, so there even a submeter counts.
    """
    where = SensorSelection(sensor_ids=sensor_ids, room_names=room_names, quantities=YIELDING)
    await check_known(tx, where)
    sensors = await tx.sensors.select(where)
    parents = await parents_of(tx, sensors)
    grouped: dict[str | None, list[Sensor]] = {}
    for sensor in sensors:
        grouped.setdefault(key_of(group_by, sensor), []).append(sensor)
    if group_by is GroupBy.SENSOR:
        counted = grouped
    else:
        counted = {key: energy_sources(members, parents) for key, members in grouped.items()}
    return {key: counted[key] for key in sorted(counted, key=lambda key: (key is None, key or ""))}


async def _plan(
    tx: SensorsTransaction, name: TariffName | None, edges: Sequence[datetime]
) -> tuple[CostPlan | None, str | None]:
    if name is None:
        return None, None
    tariff = await tx.tariffs.get(name)
    if tariff is None:
        raise unknown_tariff(name)
    return CostPlan.of(tariff, edges), tariff.currency


async def grouped_energy(
    tx: SensorsTransaction, members: Sequence[Sensor], edges: Sequence[datetime], watermark: datetime
) -> list[GroupBucket]:
    """Return the energy of the members together, by buckets."""
    group = Group(edges, (Aggregate.ENERGY,), UnitConversion())
    for some in portions(members, len(edges)):
        found = await read_totals(tx, some, edges)
        for sensor in some:
            group.add(sensor, found[sensor.key])
    return group.buckets(watermark)


async def _energies(
    tx: SensorsTransaction, members: Sequence[Sensor], edges: Sequence[datetime]
) -> list[float | None]:
    """Return the kWh of each interval between the edges, None where no member knows any."""
    energies: list[float | None] = [None] * max(len(edges) - 1, 0)
    for some in portions(members, len(edges)):
        found = await read_totals(tx, some, edges)
        for sensor in some:
            for number, total in enumerate(found[sensor.key].buckets):
                energy = energy_kwh(total, sensor)
                if energy is not None:
                    energies[number] = (energies[number] or 0.0) + energy
    return energies


def _local(buckets: Sequence[GroupBucket], zone: ZoneInfo) -> list[GroupBucket]:
    return [
        replace(bucket, start=bucket.start.astimezone(zone), end=bucket.end.astimezone(zone))
        for bucket in buckets
    ]
