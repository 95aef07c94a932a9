"""Readings of one sensor in calendar buckets."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from statistics import fmean
from zoneinfo import ZoneInfo

from domain.sensors.errors import unknown_sensor
from domain.sensors.model import QualityCode, ReadingColumns, Sensor, SensorId
from domain.sensors.ports import SensorsUnitOfWork, UnitCatalog
from domain.sensors.services.calendar import bucket_edges
from domain.shared.errors import InvalidError
from domain.shared.periods import Period
from domain.shared.quantities import Quality, UnitConversion
from domain.shared.time import to_microseconds

_COVERED = 0.95


class Aggregate(StrEnum):
    """What can be asked of a bucket. ``mean`` is that of its readings, not yet weighted by time."""

    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    COUNT = "count"
    FIRST = "first"
    LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket ``[start, end)``; ``expected`` and ``coverage`` are None for a sensor without a resolution."""

    start: datetime
    end: datetime
    aggregates: Mapping[Aggregate, float | None]
    expected: int | None
    actual: int
    coverage: float | None
    quality: Quality


@dataclass(frozen=True, slots=True)
class BucketSeries:
    """Buckets in order of time, with values in ``unit``."""

    unit: str
    buckets: Sequence[Bucket]


class BucketReadings:
    """Sums readings up by calendar buckets. BAD readings count for nothing."""

    def __init__(self, uow: SensorsUnitOfWork, units: UnitCatalog, zone: ZoneInfo) -> None:
        self._uow = uow
        self._units = units
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
        """Return the buckets of the zone that cover ``[start, end)``.

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
            columns = await tx.readings.columns(sensor.key, start, end)
        conversion = (
            UnitConversion() if unit is None else self._units.conversion(unit, sensor.definition.quantity)
        )
        buckets = _buckets(
            columns, [max(start, edges[0]), *edges[1:]] if edges else [], sensor, zone, conversion
        )
        return BucketSeries(
            unit or sensor.canonical_unit, [bucket for bucket in buckets if keep_empty or bucket.actual]
        )


def _buckets(
    columns: ReadingColumns,
    edges: Sequence[datetime],
    sensor: Sensor,
    zone: ZoneInfo,
    conversion: UnitConversion,
) -> list[Bucket]:
    times, row = columns.times_us, 0
    buckets: list[Bucket] = []
    for start, end in itertools.pairwise(edges):
        first, limit = row, to_microseconds(end)
        while row < len(times) and times[row] < limit:
            row += 1
        values = [
            conversion.from_canonical(value)
            for value, code in zip(columns.values[first:row], columns.qualities[first:row], strict=True)
            if code != QualityCode.BAD
        ]
        resolution = sensor.definition.resolution
        expected = None if resolution is None else max(1, round((end - start) / resolution))
        coverage = None if expected is None else min(1.0, len(values) / expected)
        buckets.append(
            Bucket(
                start=start.astimezone(zone),
                end=end.astimezone(zone),
                aggregates=_aggregates(values),
                expected=expected,
                actual=len(values),
                coverage=coverage,
                quality=_quality(len(values), coverage),
            )
        )
    return buckets


def _aggregates(values: Sequence[float]) -> dict[Aggregate, float | None]:
    if not values:
        return {**dict.fromkeys(Aggregate), Aggregate.COUNT: 0}
    return {
        Aggregate.MEAN: fmean(values),
        Aggregate.MIN: min(values),
        Aggregate.MAX: max(values),
        Aggregate.SUM: sum(values),
        Aggregate.COUNT: len(values),
        Aggregate.FIRST: values[0],
        Aggregate.LAST: values[-1],
    }


def _quality(actual: int, coverage: float | None) -> Quality:
    if not actual:
        return Quality.MISSING
    return Quality.OK if coverage is None or coverage >= _COVERED else Quality.ESTIMATED
