"""The rules for energy stated plainly, from readings alone: what stored summaries answer must equal this.

Every reading gives a piece of time with a rate, and a bucket gets from each piece what lies inside it. The
product answers from `summaries`; this is what it is tested against, and what a reader may start with.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from domain.sensors.linking import HOUR_US, Piece, register_increase
from domain.sensors.model import QualityCode, ReadingColumns, Sensor
from domain.shared.quantities import Accumulation
from domain.shared.time import MICROSECOND

_Good = Sequence[tuple[int, float, bool]]
"""Time, value and whether it is an estimate."""


@dataclass(slots=True)
class Tally:
    """What the pieces gave one bucket: an amount, in value times hours or in the register's own unit."""

    amount: float = 0.0
    covered_us: int = 0
    estimated: bool = False


def pieces(sensor: Sensor, columns: ReadingColumns) -> Iterator[Piece]:
    """Yield the pieces between the readings, in order of time; BAD ones are passed over as if absent."""
    good = [
        (time, value, code == QualityCode.ESTIMATED)
        for time, value, code in zip(columns.times_us, columns.values, columns.qualities, strict=True)
        if code != QualityCode.BAD
    ]
    match sensor.definition.accumulation:
        case Accumulation.INSTANTANEOUS:
            yield from _between_states(good, _microseconds(sensor.effective_max_gap))
        case Accumulation.CUMULATIVE:
            yield from _between_registers(good, sensor)
        case Accumulation.MEAN | Accumulation.DELTA:
            yield from _intervals(good, sensor)


def tallies(found: Iterator[Piece], edges_us: Sequence[int]) -> list[Tally]:
    """Return what the pieces give each of the buckets between the edges."""
    result = [Tally() for _ in edges_us[1:]]
    bucket = 0
    for piece in found:
        while bucket < len(result) and edges_us[bucket + 1] <= piece.start_us:
            bucket += 1
        at = bucket
        while at < len(result) and edges_us[at] < piece.end_us:
            start, end = max(piece.start_us, edges_us[at]), min(piece.end_us, edges_us[at + 1])
            if start < end:
                tally, cut = result[at], (start, end) != (piece.start_us, piece.end_us)
                tally.estimated |= piece.estimated or (piece.shapeless and cut)
                if piece.counted:
                    tally.amount += piece.amount(start, end)
                    tally.covered_us += end - start
            at += 1
    return result


def _microseconds(length: timedelta) -> int:
    return length // MICROSECOND


def _between_states(good: _Good, max_gap_us: int) -> Iterator[Piece]:
    for (start, before, one_guessed), (end, after, other_guessed) in pairwise(good):
        if end - start <= max_gap_us:
            yield Piece(start, end, before, after, one_guessed or other_guessed)


def _between_registers(good: _Good, sensor: Sensor) -> Iterator[Piece]:
    max_gap_us = _microseconds(sensor.effective_max_gap)
    limit = sensor.max_power_kw
    rollover = sensor.definition.rollover_at
    modulus = None if rollover is None else sensor.conversion.to_canonical(rollover)
    for (start, before, one_guessed), (end, after, other_guessed) in pairwise(good):
        increase, doubtful = register_increase(before, after, modulus)
        rate = increase * HOUR_US / (end - start)
        if limit is not None and rate > limit:
            yield Piece(start, end, 0.0, 0.0, estimated=True, counted=False)
        else:
            estimated = doubtful or one_guessed or other_guessed
            yield Piece(start, end, rate, rate, estimated, shapeless=end - start > max_gap_us)


def _intervals(good: _Good, sensor: Sensor) -> Iterator[Piece]:
    resolution = sensor.definition.resolution
    longest = _microseconds(sensor.effective_max_gap if resolution is None else resolution)
    is_delta = sensor.definition.accumulation is Accumulation.DELTA
    for number, (start, value, guessed) in enumerate(good):
        if number + 1 < len(good):
            # Never into the next interval: a day of 23 hours is shorter than its resolution says.
            end = min(start + longest, good[number + 1][0])
        elif resolution is not None:
            end = start + longest
        else:
            return  # nobody knows yet how long the last one is
        rate = value * HOUR_US / (end - start) if is_delta else value
        yield Piece(start, end, rate, rate, guessed)
