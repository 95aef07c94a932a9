"""Readings of one sensor in calendar buckets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import fmean
from typing import Final
from zoneinfo import ZoneInfo

from domain.sensors.errors import unknown_sensor
from domain.sensors.integration import HOUR_US, Tally, pieces, tallies
from domain.sensors.model import QualityCode, ReadingColumns, Sensor, SensorId
from domain.sensors.ports import SensorsUnitOfWork, UnitCatalog
from domain.sensors.services.calendar import bucket_edges
from domain.shared.errors import InvalidError
from domain.shared.periods import Period
from domain.shared.ports import Clock
from domain.shared.quantities import Accumulation, Direction, Quality, Quantity, UnitConversion
from domain.shared.time import to_microseconds

COVERED: Final = 0.95
"""The share of a bucket's time from which it counts as whole."""

SETTLED_AFTER: Final = timedelta(hours=1)
"""Data that come later than this still correct a bucket, and are rare."""

_STATES: Final = frozenset({Accumulation.INSTANTANEOUS, Accumulation.MEAN})


class Aggregate(StrEnum):
    """What can be asked of a bucket; ``mean`` is weighted by time, ``energy`` is in kWh."""

    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    COUNT = "count"
    FIRST = "first"
    LAST = "last"
    ENERGY = "energy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket ``[start, end)``.

    ``expected`` is the number of readings that the sensor's resolution promises, None without one;
    ``coverage`` the share of the time that readings account for; ``settled`` says that no late data are
    awaited any more.
    """

    start: datetime
    end: datetime
    aggregates: Mapping[Aggregate, float | None]
    expected: int | None
    actual: int
    coverage: float
    quality: Quality
    settled: bool


@dataclass(frozen=True, slots=True)
class BucketSeries:
    """Buckets in order of time, with values in ``unit``."""

    unit: str
    buckets: Sequence[Bucket]


class BucketReadings:
    """Sums readings up by calendar buckets. BAD readings count for nothing."""

    def __init__(self, uow: SensorsUnitOfWork, units: UnitCatalog, clock: Clock, zone: ZoneInfo) -> None:
        self._uow = uow
        self._units = units
        self._clock = clock
        self._zone = zone

    async def of(
        self,
        wanted: SensorId,
        start: datetime,
        end: datetime,
        resolution: Period,
        *,
        zone: ZoneInfo | None = None,
        unit: str | None = None,
        keep_empty: bool = False,
    ) -> BucketSeries:
        """Return the buckets of the zone that cover ``[start, end)``; the outer ones end there.

        Raises:
            NotFoundError: ``unknown_sensor``.
            InvalidError: ``end_before_start``, ``too_many_buckets``, ``invalid_resolution``,
                ``unit_mismatch``.

        """
        if end < start:
            raise InvalidError("end_before_start", "end lies before start")
        zone = zone or self._zone
        edges = bucket_edges(start, end, resolution, zone)
        async with self._uow.begin() as tx:
            sensor = (await tx.sensors.find([wanted])).get(wanted)
            if sensor is None:
                raise unknown_sensor(wanted)
            columns = await tx.readings.columns(sensor.key, start, end, neighbours=True)
        conversion = UnitConversion()
        if unit is not None:
            conversion = self._units.conversion(unit, sensor.definition.quantity)
        if edges:
            edges = [start, *edges[1:-1], end]
        watermark = self._clock.now() - SETTLED_AFTER
        buckets = _buckets(columns, edges, sensor, zone, conversion, watermark)
        return BucketSeries(
            unit or sensor.canonical_unit, [bucket for bucket in buckets if keep_empty or _holds_data(bucket)]
        )


def _holds_data(bucket: Bucket) -> bool:
    return bucket.actual > 0 or bucket.coverage > 0


def _buckets(
    columns: ReadingColumns,
    edges: Sequence[datetime],
    sensor: Sensor,
    zone: ZoneInfo,
    conversion: UnitConversion,
    watermark: datetime,
) -> list[Bucket]:
    edges_us = [to_microseconds(edge) for edge in edges]
    found = tallies(pieces(sensor, columns), edges_us)
    times, row = columns.times_us, 0
    while edges_us and row < len(times) and times[row] < edges_us[0]:
        row += 1
    buckets: list[Bucket] = []
    for number, (start, end) in enumerate(pairwise(edges)):
        first = row
        while row < len(times) and times[row] < edges_us[number + 1]:
            row += 1
        values = [
            value
            for value, code in zip(columns.values[first:row], columns.qualities[first:row], strict=True)
            if code != QualityCode.BAD
        ]
        resolution = sensor.definition.resolution
        coverage = found[number].covered_us / (edges_us[number + 1] - edges_us[number])
        buckets.append(
            Bucket(
                start=start.astimezone(zone),
                end=end.astimezone(zone),
                aggregates=_aggregates(values, found[number], sensor, conversion),
                expected=None if resolution is None else max(1, round((end - start) / resolution)),
                actual=len(values),
                coverage=coverage,
                quality=quality_of(coverage, estimated=found[number].estimated),
                settled=end <= watermark,
            )
        )
    return buckets


def quality_of(coverage: float, *, estimated: bool) -> Quality:
    """Return how far a bucket can be trusted, in a word."""
    if coverage == 0:
        return Quality.MISSING
    return Quality.ESTIMATED if estimated or coverage < COVERED else Quality.OK


def _aggregates(
    values: Sequence[float], tally: Tally, sensor: Sensor, conversion: UnitConversion
) -> dict[Aggregate, float | None]:
    given = [conversion.from_canonical(value) for value in values]
    mean: float | None = None
    if sensor.definition.accumulation in _STATES:
        if tally.covered_us:
            mean = conversion.from_canonical(tally.amount * HOUR_US / tally.covered_us)
    elif given:
        mean = fmean(given)
    return {
        Aggregate.MEAN: mean,
        Aggregate.MIN: min(given, default=None),
        Aggregate.MAX: max(given, default=None),
        Aggregate.SUM: sum(given) if given else None,
        Aggregate.COUNT: len(given),
        Aggregate.FIRST: given[0] if given else None,
        Aggregate.LAST: given[-1] if given else None,
        Aggregate.ENERGY: _energy_kwh(tally, sensor),
    }


def _energy_kwh(tally: Tally, sensor: Sensor) -> float | None:
    """Return the energy of the bucket: consumption positive, generation and export negative."""
    definition = sensor.definition
    states = definition.accumulation in _STATES
    if definition.quantity is not (Quantity.POWER if states else Quantity.ENERGY) or not tally.covered_us:
        return None
    return -tally.amount if definition.direction is Direction.EXPORT else tally.amount
