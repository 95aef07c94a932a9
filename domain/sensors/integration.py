"""How much of a bucket's time its readings account for, and what passed in that time.

This is the plain statement of the rules for energy: every reading gives a piece of time with a rate, and
a bucket gets from each piece what lies inside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from domain.sensors.model import QualityCode, ReadingColumns, Sensor
from domain.shared.quantities import Accumulation
from domain.shared.time import MICROSECOND

HOUR_US = 3_600_000_000
_RESET_BELOW = 0.1
"""A register that falls under this share of its earlier value was reset."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The time ``[start_us, end_us)`` with a rate (amount per hour) that goes straight from end to end.

    ``estimated``: the amount is a guess. ``shapeless``: it is known in sum only, so that it is a guess where
    a border cuts it. ``counted``: readings account for this time.
    """

    start_us: int
    end_us: int
    start_rate: float
    end_rate: float
    estimated: bool = False
    shapeless: bool = False
    counted: bool = True

    def amount(self, start_us: int, end_us: int) -> float:
        """Return what passed in ``[start_us, end_us)``, which lies inside: the trapezoid rule."""
        slope = (self.end_rate - self.start_rate) / (self.end_us - self.start_us)
        middle = (start_us - self.start_us + end_us - self.start_us) / 2
        return (self.start_rate + slope * middle) * (end_us - start_us) / HOUR_US


@dataclass(slots=True)
class Tally:
    """What the pieces gave one bucket: an amount, in value times hours or in the register's own unit."""

    amount: float = 0.0
    covered_us: int = 0
    estimated: bool = False


def pieces(sensor: Sensor, columns: ReadingColumns) -> Iterator[Piece]:
    """Yield the pieces between the readings, in order of time; BAD ones are passed over as if absent."""
    good = [
        (time, value)
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


def _between_states(good: Sequence[tuple[int, float]], max_gap_us: int) -> Iterator[Piece]:
    for (start, before), (end, after) in pairwise(good):
        if end - start <= max_gap_us:
            yield Piece(start, end, before, after)


def _between_registers(good: Sequence[tuple[int, float]], sensor: Sensor) -> Iterator[Piece]:
    max_gap_us = _microseconds(sensor.effective_max_gap)
    limit = sensor.definition.max_power_kw
    rollover = sensor.definition.rollover_at
    modulus = None if rollover is None else sensor.conversion.to_canonical(rollover)
    for (start, before), (end, after) in pairwise(good):
        increase, estimated = register_increase(before, after, modulus)
        rate = increase * HOUR_US / (end - start)
        if limit is not None and rate > limit:
            yield Piece(start, end, 0.0, 0.0, estimated=True, counted=False)
        else:
            yield Piece(start, end, rate, rate, estimated, shapeless=end - start > max_gap_us)


def register_increase(before: float, after: float, modulus: float | None) -> tuple[float, bool]:
    """Return by how much a register grew, and whether that is a guess.

    A fall under a tenth is a reset, after which the new value is a lower bound; a fall from within a tenth
    of the modulus is a wrap, which is exact; a smaller fall counts nothing.
    """
    if after >= before:
        return after - before, False
    if modulus is not None and before >= (1 - _RESET_BELOW) * modulus and after < _RESET_BELOW * before:
        return modulus - before + after, False
    if after < _RESET_BELOW * before:
        return after, True
    return 0.0, True


def _intervals(good: Sequence[tuple[int, float]], sensor: Sensor) -> Iterator[Piece]:
    resolution = sensor.definition.resolution
    longest = _microseconds(sensor.effective_max_gap if resolution is None else resolution)
    is_delta = sensor.definition.accumulation is Accumulation.DELTA
    for number, (start, value) in enumerate(good):
        if number + 1 < len(good):
            # Never into the next interval: a day of 23 hours is shorter than its resolution says.
            end = min(start + longest, good[number + 1][0])
        elif resolution is not None:
            end = start + longest
        else:
            return  # nobody knows yet how long the last one is
        rate = value * HOUR_US / (end - start) if is_delta else value
        yield Piece(start, end, rate, rate)
