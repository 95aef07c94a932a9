"""Stored summaries and readings as `Summary`, some hundred thousand a second."""

# ruff: noqa: S608 - statements are put together from constants and integers

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, Final

from adapters.timescale.copied import POSTGRES_EPOCH_US, array, copied, row_layout, timestamp
from domain.sensors.covering import Level, Span
from domain.sensors.model import SensorKey
from domain.sensors.summaries import Summary

# The fields of `Summary` in its order; the sensor comes last and is read apart.
COLUMNS: Final = (
    "first_us",
    "first_value",
    "first_quality",
    "last_us",
    "last_value",
    "last_quality",
    "count",
    "total",
    "minimum",
    "maximum",
    "amount",
    "covered_us",
    "estimated",
)
_SUMMARY: Final = row_layout("q d h q d h i d d d d q ? 4x")
_SENSOR_OF_SUMMARY: Final = row_layout("8x 8x 2x 8x 8x 2x 4x 8x 8x 8x 8x 8x 1x i")
_READING: Final = row_layout("q d h 4x")
_SENSOR_OF_READING: Final = row_layout("8x 8x 2x i")

_NAMES: Final = ", ".join(COLUMNS)
# OFFSET 0: one range of the index for each span, whatever the planner thinks of their number.
_STORED: Final = f"""SELECT {_NAMES}, key
FROM (SELECT unnest({{0}}) AS key, unnest({{1}}) AS level,
    unnest({{2}}) AS low, unnest({{3}}) AS high) AS span
CROSS JOIN LATERAL (
  SELECT {_NAMES} FROM sensors.rollups AS stored
  WHERE stored.sensor_key = span.key AND stored.level = span.level
    AND stored.bucket >= span.low AND stored.bucket < span.high OFFSET 0) AS stored"""
# The bounds of all spans are there for the planner, who leaves out the partitions beyond them. 2 is BAD.
_READINGS: Final = """SELECT stored.time, stored.value, stored.quality, span.key
FROM (SELECT key, timestamptz 'epoch' + low * interval '1 microsecond' AS low,
    timestamptz 'epoch' + high * interval '1 microsecond' AS high
  FROM (SELECT unnest({0}) AS key, unnest({1}) AS low, unnest({2}) AS high) AS numbers OFFSET 0) AS span
CROSS JOIN LATERAL (
  SELECT time, value, quality FROM sensors.readings
  WHERE sensor_key = span.key AND time >= span.low AND time < span.high AND quality <> 2
    AND time >= {3} AND time < {4} OFFSET 0) AS stored"""


async def stored_summaries(
    driver: Any,  # noqa: ANN401 - asyncpg is untyped
    wanted: Mapping[SensorKey, Sequence[Span]],
) -> dict[SensorKey, list[Summary]]:
    """Return the summaries of the spans, and each good reading where they say so, in order of time."""
    spans = [(key, span) for key, of_sensor in wanted.items() for span in of_sensor if span.low < span.high]
    stored = [(key, span) for key, span in spans if span.level is not Level.READINGS]
    raw = [(key, span) for key, span in spans if span.level is Level.READINGS]
    found: dict[SensorKey, list[Summary]] = {}
    if stored:
        rows = await copied(
            driver,
            _STORED.format(
                array(key for key, _ in stored),
                array(span.level.value for _, span in stored),
                array(span.low for _, span in stored),
                array(span.high for _, span in stored),
            ),
        )
        with _no_collections():
            parts = list(map(Summary._make, _SUMMARY.iter_unpack(rows)))
            _collect(found, _SENSOR_OF_SUMMARY.iter_unpack(rows), parts)
    if raw:
        rows = await copied(
            driver,
            _READINGS.format(
                array(key for key, _ in raw),
                array((span.low for _, span in raw), "int8"),
                array((span.high for _, span in raw), "int8"),
                timestamp(min(span.low for _, span in raw)),
                timestamp(max(span.high for _, span in raw)),
            ),
        )
        with _no_collections():
            _collect(found, _SENSOR_OF_READING.iter_unpack(rows), _singles(_READING.iter_unpack(rows)))
    for of_sensor in found.values():
        # Nearly in order as they come; the first field tells.
        of_sensor.sort()
    return found


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the collector of garbage from looking at many new tuples again and again: half the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _collect(
    found: dict[SensorKey, list[Summary]], sensors: Iterable[tuple[int]], parts: Sequence[Summary]
) -> None:
    """Append to each sensor's summaries those that stand beside its key."""
    start = 0
    for (key,), run in groupby(sensors):
        stop = start + sum(1 for _ in run)
        found.setdefault(SensorKey(key), []).extend(parts[start:stop])
        start = stop


def _singles(rows: Iterable[tuple[int, float, int]]) -> list[Summary]:
    """Return what `single` makes of each reading, without a call for each."""
    make = tuple.__new__
    return [
        make(Summary, (time, value, quality, time, value, quality, 1, value, value, value, 0.0, 0, False))
        for since_2000, value, quality in rows
        for time in (since_2000 + POSTGRES_EPOCH_US,)
    ]
