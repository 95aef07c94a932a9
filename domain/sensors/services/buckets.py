"""Calendar buckets: what they hold, and how far they can be trusted."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from operator import attrgetter
from typing import Final
from zoneinfo import ZoneInfo

from domain.sensors.linking import HOUR_US
from domain.sensors.model import Sensor
from domain.sensors.services.calendar import bucket_edges
from domain.sensors.services.totals import SensorTotals
from domain.sensors.summaries import Total
from domain.shared.errors import InvalidError
from domain.shared.periods import Period
from domain.shared.quantities import Accumulation, Direction, Quality, Quantity, UnitConversion
from domain.shared.time import MICROSECOND

COVERED: Final = 0.95
"""The share of a bucket's time from which it counts as whole."""

SETTLED_AFTER: Final = timedelta(hours=1)
"""Data that come later than this still correct a bucket, and are rare."""

BEYOND_RETENTION: Final = "beyond_retention"
"""Why a bucket has no answer: its readings are gone, and it cuts a quarter-hour of which the sum is left."""

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

    __hash__ = str.__hash__
    """That of an enum is written in Python, and a call may look some hundred thousand of these up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket ``[start, end)``.

    ``expected`` is the number of readings that the sensor's resolution promises, None without one;
    ``coverage`` the share of the time that readings account for; ``settled`` says that no late data are
    awaited any more; ``reason`` why there is no answer where there could have been one.
    """

    start: datetime
    end: datetime
    aggregates: Mapping[Aggregate, float | None]
    expected: int | None
    actual: int
    coverage: float
    quality: Quality
    settled: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class BucketSeries:
    """Buckets in order of time, with values in ``unit``."""

    unit: str
    buckets: Sequence[Bucket]


def edges_of(start: datetime, end: datetime, resolution: Period, zone: ZoneInfo) -> list[datetime]:
    """Return the edges of the zone's buckets within ``[start, end)``, the outer ones ``start`` and ``end``.

    Raises:
        InvalidError: ``end_before_start``, ``too_many_buckets``, ``invalid_resolution``.

    """
    if end < start:
        raise InvalidError("end_before_start", "end lies before start")
    edges = bucket_edges(start, end, resolution, zone)
    return [start, *edges[1:-1], end] if edges else []


def has_data(bucket: Bucket) -> bool:
    """Whether there is anything to say of the bucket, if only why there is nothing."""
    return bucket.actual > 0 or bucket.coverage > 0 or bucket.reason is not None


def sensor_buckets(
    found: SensorTotals,
    edges: Sequence[datetime],
    sensor: Sensor,
    zone: ZoneInfo,
    watermark: datetime,
    conversion: UnitConversion,
    aggregates: Collection[Aggregate],
) -> list[Bucket]:
    """Return the buckets of one sensor, its times in the zone, its figures in the conversion's unit."""
    local = [edge.astimezone(zone) for edge in edges]
    figures = figuring(sensor, conversion, aggregates)
    buckets: list[Bucket] = []
    for number, (start, end) in enumerate(pairwise(edges)):
        total = found.buckets[number]
        coverage = total.covered_us / ((end - start) // MICROSECOND)
        buckets.append(
            Bucket(
                start=local[number],
                end=local[number + 1],
                aggregates=figures(total),
                expected=expected_readings(sensor, start, end),
                actual=total.count,
                coverage=coverage,
                quality=quality_of(coverage, estimated=total.estimated),
                settled=end <= watermark,
                reason=BEYOND_RETENTION if number in found.gone else None,
            )
        )
    return buckets


def expected_readings(sensor: Sensor, start: datetime, end: datetime) -> int | None:
    """Return how many readings the sensor's resolution promises for the time, None without one."""
    resolution = sensor.definition.resolution
    return None if resolution is None else max(1, round((end - start) / resolution))


def quality_of(coverage: float, *, estimated: bool) -> Quality:
    """Return how far a bucket can be trusted, in a word."""
    if coverage == 0:
        return Quality.MISSING
    return Quality.ESTIMATED if estimated or coverage < COVERED else Quality.OK


def figuring(
    sensor: Sensor, conversion: UnitConversion, wanted: Collection[Aggregate]
) -> Callable[[Total], dict[Aggregate, float | None]]:
    """Return what gives the aggregates of a bucket of the sensor; all but energy in the conversion's unit."""
    factor, offset = conversion.factor, conversion.offset
    energy = energy_sign(sensor)

    def of_readings(value: Callable[[Total], float]) -> Callable[[Total], float | None]:
        return lambda total: (value(total) - offset) / factor if total.count else None

    def of_time(total: Total) -> float | None:
        covered_us = total.covered_us
        return (total.amount * HOUR_US / covered_us - offset) / factor if covered_us else None

    # The mean is weighted by time where values are states, else that of the readings.
    weighted = sensor.definition.accumulation in _STATES
    known: dict[Aggregate, Callable[[Total], float | None]] = {
        Aggregate.MEAN: of_time if weighted else of_readings(lambda total: total.total / total.count),
        Aggregate.MIN: of_readings(attrgetter("minimum")),
        Aggregate.MAX: of_readings(attrgetter("maximum")),
        Aggregate.SUM: lambda total: (total.total - total.count * offset) / factor if total.count else None,
        Aggregate.COUNT: attrgetter("count"),
        Aggregate.FIRST: of_readings(attrgetter("first")),
        Aggregate.LAST: of_readings(attrgetter("last")),
        Aggregate.ENERGY: lambda total: energy * total.amount + 0.0 if energy and total.covered_us else None,
    }
    asked = [(one, known[one]) for one in wanted]
    return lambda total: {one: figure(total) for one, figure in asked}


def energy_kwh(total: Total, sensor: Sensor) -> float | None:
    """Return the energy of the bucket: consumption positive, generation and export negative."""
    sign = energy_sign(sensor)
    # Nothing exported is 0, not -0.
    return sign * total.amount + 0.0 if sign and total.covered_us else None


def energy_sign(sensor: Sensor) -> int:
    """Return by what the sensor's amounts become energy: -1 for generation and export, 0 if they are none."""
    if not yields_energy(sensor):
        return 0
    return -1 if sensor.definition.direction is Direction.EXPORT else 1


def yields_energy(sensor: Sensor) -> bool:
    """Whether energy can be told from the sensor: power over time, or energy itself."""
    states = sensor.definition.accumulation in _STATES
    return sensor.definition.quantity is (Quantity.POWER if states else Quantity.ENERGY)
