"""What the readings of many sensors give buckets of time, from stored summaries as far as they go."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from domain.sensors.covering import Level, Span, covering
from domain.sensors.model import Sensor, SensorKey
from domain.sensors.ports import SensorsTransaction
from domain.sensors.rollup_ports import Neighbours
from domain.sensors.summaries import Summary, Total, totals
from domain.shared.time import to_microseconds

QUARTER_US = Level.QUARTER_HOUR.length_us


@dataclass(frozen=True, slots=True)
class SensorTotals:
    """What one sensor gave each bucket.

    ``gone`` are the buckets that cannot be answered, since they cut a quarter-hour of which only the sum
    is left. ``expected_from`` is the first bucket for which the sensor's readings are expected: that of its
    very first one, or 0 where it never sent any.
    """

    buckets: Sequence[Total]
    gone: frozenset[int]
    expected_from: int


async def read_totals(
    tx: SensorsTransaction, sensors: Sequence[Sensor], edges: Sequence[datetime]
) -> Mapping[SensorKey, SensorTotals]:
    """Return what each sensor gave the buckets between the edges; ``tx`` has to be a snapshot."""
    edges_us = [to_microseconds(edge) for edge in edges]
    if len(edges_us) < 2 or not sensors:  # noqa: PLR2004 - a bucket has two edges
        return {sensor.key: SensorTotals([], frozenset(), 0) for sensor in sensors}
    keys = [sensor.key for sensor in sensors]
    start_us, end_us = edges_us[0], edges_us[-1]
    stale = await tx.rollups.stale(keys, start_us // QUARTER_US, -(-end_us // QUARTER_US))
    wanted, cut = await _wanted(tx, keys, edges_us, stale)
    parts = await tx.rollups.summaries(wanted)
    ends = await tx.rollups.neighbours(keys, start_us, end_us)
    return {
        sensor.key: _folded(sensor, parts.get(sensor.key, ()), ends.get(sensor.key), edges_us, cut)
        for sensor in sensors
    }


async def _wanted(
    tx: SensorsTransaction,
    keys: Sequence[SensorKey],
    edges_us: Sequence[int],
    stale: Mapping[SensorKey, Sequence[int]],
) -> tuple[dict[SensorKey, Sequence[Span]], frozenset[tuple[SensorKey, int]]]:
    """Return the spans of each sensor, and the sealed quarter-hours that an edge cuts."""
    shared: dict[tuple[int, ...], list[Span]] = {}
    wanted: dict[SensorKey, Sequence[Span]] = {}
    for key in keys:
        of_sensor = tuple(stale.get(key, ()))
        if of_sensor not in shared:
            shared[of_sensor] = _covering(tuple(edges_us), of_sensor)
        wanted[key] = shared[of_sensor]
    looked_into = {
        of_sensor: [quarter for quarter in _quarters(spans) if not _has(of_sensor, quarter)]
        for of_sensor, spans in shared.items()
    }
    asked = {key: quarters for key in keys if (quarters := looked_into[tuple(stale.get(key, ()))])}
    cut = await tx.rollups.sealed(asked) if asked else frozenset()
    by_key: dict[SensorKey, list[int]] = {}
    for key, quarter in sorted(cut):
        by_key.setdefault(key, []).append(quarter)
    for key, quarters in by_key.items():
        wanted[key] = [
            *wanted[key],
            *(Span(Level.QUARTER_HOUR, quarter, quarter + 1) for quarter in quarters),
        ]
    return wanted, cut


@lru_cache(maxsize=8)
def _covering(edges_us: tuple[int, ...], stale: tuple[int, ...]) -> list[Span]:
    """Return `covering`: a call asks for it again and again, for some sensors at a time."""
    return covering(edges_us, stale)


def _quarters(spans: Sequence[Span]) -> list[int]:
    """Return the quarter-hours that are looked into reading by reading."""
    return [
        quarter
        for span in spans
        if span.level is Level.READINGS
        for quarter in range(max(span.low // QUARTER_US, 0), -(-span.high // QUARTER_US))
    ]


def _has(numbers: Sequence[int], wanted: int) -> bool:
    at = bisect_left(numbers, wanted)
    return at < len(numbers) and numbers[at] == wanted


def _folded(
    sensor: Sensor,
    parts: Sequence[Summary],
    ends: Neighbours | None,
    edges_us: Sequence[int],
    cut: frozenset[tuple[SensorKey, int]],
) -> SensorTotals:
    before, after = (None, None) if ends is None else (ends.before, ends.after)
    ordered = sorted(parts)
    expected_from = 0
    if before is None and (first := ordered[0] if ordered else after) is not None:
        expected_from = min(bisect_right(edges_us, first.first_us), len(edges_us)) - 1
    line = [one for one in (before, *ordered, after) if one is not None]
    buckets = totals(sensor, line, edges_us)
    gone: set[int] = set()
    for key, quarter in cut:
        if key == sensor.key:
            low = max(bisect_right(edges_us, quarter * QUARTER_US) - 1, 0)
            high = min(bisect_left(edges_us, (quarter + 1) * QUARTER_US), len(buckets))
            gone.update(range(low, high))
    for number in gone:
        buckets[number] = Total()
    return SensorTotals(buckets, frozenset(gone), expected_from)
