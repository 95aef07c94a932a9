"""The buckets of several sensors put together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from domain.sensors.model import Sensor, SensorId
from domain.sensors.services.buckets import (
    BEYOND_RETENTION,
    COVERED,
    Aggregate,
    Bucket,
    expected_readings,
    figuring,
)
from domain.sensors.services.totals import SensorTotals
from domain.sensors.summaries import Total
from domain.shared.quantities import Accumulation, Direction, Quality, Quantity, UnitConversion
from domain.shared.time import MICROSECOND

ADDITIVE: Final = frozenset({Quantity.POWER, Quantity.ENERGY})
"""Of a group these add up; everything else is averaged over the members that have data."""

ALWAYS_ADD: Final = frozenset({Aggregate.COUNT, Aggregate.ENERGY})
"""These add up whatever the sensors measure."""

_TURNED: Final = {Aggregate.MIN: Aggregate.MAX, Aggregate.MAX: Aggregate.MIN}
"""The least of what flows out is the most of what flows in, below zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupBucket(Bucket):
    """A bucket of a group: ``coverage`` is the mean over the members expected in that time.

    ``coverage_min`` is that of the weakest; ``missing_sensors`` are those without data.
    """

    coverage_min: float
    missing_sensors: Sequence[SensorId]


@dataclass(slots=True)
class _Sum:
    """One bucket while members are added."""

    figures: dict[Aggregate, float] = field(default_factory=dict)
    given: dict[Aggregate, int] = field(default_factory=dict)
    expected: int | None = 0
    actual: int = 0
    coverages: float = 0.0
    weakest: float = 1.0
    members: int = 0
    estimated: bool = False
    missing: list[SensorId] = field(default_factory=list)
    gone: bool = False


class Group:
    """Adds members up, one after the other: a dead one does not take the others' figures away.

    States, amounts and the totals of registers are three kinds of values: where members are of several, only
    energy and the count of readings have a sum.
    """

    def __init__(
        self,
        edges: Sequence[datetime],
        aggregates: Collection[Aggregate],
        conversion: UnitConversion,
    ) -> None:
        self._edges = edges
        self._aggregates = aggregates
        self._conversion = conversion
        self._sums = [_Sum() for _ in edges[1:]]
        self._kinds: set[Accumulation] = set()

    def add(self, sensor: Sensor, totals: SensorTotals) -> None:
        """Add a member's buckets from its first reading on."""
        additive = sensor.definition.quantity in ADDITIVE
        turned = additive and sensor.definition.direction is Direction.EXPORT
        taken = [(one, _TURNED.get(one, one) if turned else one) for one in self._aggregates]
        figures = figuring(sensor, self._conversion, {source for _, source in taken})
        accumulation = sensor.definition.accumulation
        self._kinds.add(
            Accumulation.INSTANTANEOUS if accumulation is Accumulation.MEAN else accumulation,
        )
        for number in range(totals.expected_from, len(self._sums)):
            bucket, total = self._sums[number], totals.buckets[number]
            start, end = self._edges[number], self._edges[number + 1]
            self._count(bucket, sensor, total, start, end)
            bucket.gone |= number in totals.gone
            found = figures(total)
            for aggregate, source in taken:
                value = found[source]
                if value is not None:
                    signed = -value if turned and aggregate not in ALWAYS_ADD else value
                    bucket.figures[aggregate] = bucket.figures.get(aggregate, 0.0) + signed
                    # What adds up is divided by one.
                    adds = additive or aggregate in ALWAYS_ADD
                    bucket.given[aggregate] = 1 if adds else bucket.given.get(aggregate, 0) + 1

    def _count(self, bucket: _Sum, sensor: Sensor, total: Total, start: datetime, end: datetime) -> None:
        coverage = total.covered_us / ((end - start) // MICROSECOND)
        promised = expected_readings(sensor, start, end)
        known = bucket.expected is not None and promised is not None
        bucket.expected = (bucket.expected or 0) + (promised or 0) if known else None
        bucket.actual += total.count
        bucket.members += 1
        bucket.coverages += coverage
        bucket.weakest = min(bucket.weakest, coverage)
        bucket.estimated |= total.estimated or coverage < COVERED
        if not total.count and not total.covered_us:
            bucket.missing.append(sensor.sensor_id)

    def buckets(self, watermark: datetime) -> list[GroupBucket]:
        """Return the sums; null only where all members are missing."""
        return [
            self._bucket(bucket, self._edges[number], self._edges[number + 1], watermark)
            for number, bucket in enumerate(self._sums)
        ]

    def _bucket(self, bucket: _Sum, start: datetime, end: datetime, watermark: datetime) -> GroupBucket:
        coverage = bucket.coverages / bucket.members if bucket.members else 0.0
        quality = Quality.ESTIMATED if bucket.estimated else Quality.OK
        return GroupBucket(
            start=start,
            end=end,
            aggregates={one: self._figure(bucket, one) for one in self._aggregates},
            expected=bucket.expected,
            actual=bucket.actual,
            coverage=coverage,
            quality=quality if coverage else Quality.MISSING,
            settled=end <= watermark,
            reason=BEYOND_RETENTION if bucket.gone else None,
            coverage_min=bucket.weakest if bucket.members else 0.0,
            missing_sensors=bucket.missing,
        )

    def _figure(self, bucket: _Sum, aggregate: Aggregate) -> float | None:
        if aggregate not in bucket.figures:
            return 0 if aggregate is Aggregate.COUNT else None
        if len(self._kinds) > 1 and aggregate not in ALWAYS_ADD:
            return None
        return bucket.figures[aggregate] / bucket.given[aggregate]
