"""What passed between two readings that follow each other: the rules for energy, one pair at a time."""

from collections.abc import Callable
from typing import Final, NamedTuple

from domain.sensors.model import QualityCode, Sensor
from domain.shared.quantities import Accumulation
from domain.shared.time import MICROSECOND

HOUR_US: Final = 3_600_000_000
_RESET_BELOW: Final = 0.1
"""A register that falls under this share of its earlier value was reset."""


class Piece(NamedTuple):
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

    @property
    def whole_amount(self) -> float:
        """What passed in all of it."""
        return (self.start_rate + self.end_rate) / 2 * (self.end_us - self.start_us) / HOUR_US


Link = Callable[[int, float, int, int, float, int], Piece | None]
"""From (time in µs, value, `QualityCode`) of a reading and of the next one to what lies between them."""

LastLink = Callable[[int, float, int], Piece | None]
"""The same for the last reading of all, which has no next one."""


def linking(sensor: Sensor) -> Link:
    """Return the rule of this sensor for two good readings that follow each other."""
    match sensor.definition.accumulation:
        case Accumulation.INSTANTANEOUS:
            return _states(sensor)
        case Accumulation.CUMULATIVE:
            return _registers(sensor)
        case Accumulation.MEAN | Accumulation.DELTA:
            return _intervals(sensor)


def last_link(sensor: Sensor) -> LastLink:
    """Return the rule of this sensor for its last reading: only an interval of known length has a piece."""
    accumulation, resolution = sensor.definition.accumulation, sensor.definition.resolution
    if resolution is None or accumulation not in {Accumulation.MEAN, Accumulation.DELTA}:
        return lambda _time, _value, _quality: None
    length_us = resolution // MICROSECOND
    is_delta = accumulation is Accumulation.DELTA

    def last(start: int, value: float, quality: int) -> Piece | None:
        rate = value * HOUR_US / length_us if is_delta else value
        return Piece(start, start + length_us, rate, rate, estimated=quality == QualityCode.ESTIMATED)

    return last


def register_increase(before: float, after: float, modulus: float | None) -> tuple[float, bool]:
    """Return by how much a register grew, and whether that is a guess.

    A fall under a tenth is a reset, after which the new value is a lower bound; a fall from within a tenth
    of the modulus is a wrap, which is exact; a smaller fall counts nothing.
    """
    if after >= before:
        return after - before, False
    if modulus is not None and before >= (1 - _RESET_BELOW) * modulus and after < _RESET_BELOW * before:
        return modulus - before + after, False
    if 0 <= after < _RESET_BELOW * before:
        return after, True
    return 0.0, True


def _states(sensor: Sensor) -> Link:
    max_gap_us = sensor.effective_max_gap // MICROSECOND
    guessed = QualityCode.ESTIMATED

    def link(
        start: int, before: float, before_quality: int, end: int, after: float, after_quality: int
    ) -> Piece | None:
        if end - start > max_gap_us:
            return None
        return Piece(start, end, before, after, guessed in (before_quality, after_quality))

    return link


def _registers(sensor: Sensor) -> Link:
    max_gap_us = sensor.effective_max_gap // MICROSECOND
    limit = sensor.max_power_kw
    rollover = sensor.definition.rollover_at
    modulus = None if rollover is None else sensor.conversion.to_canonical(rollover)
    guessed = QualityCode.ESTIMATED

    def link(
        start: int, before: float, before_quality: int, end: int, after: float, after_quality: int
    ) -> Piece | None:
        increase, estimated = register_increase(before, after, modulus)
        rate = increase * HOUR_US / (end - start)
        if limit is not None and rate > limit:
            return Piece(start, end, 0.0, 0.0, estimated=True, counted=False)
        estimated = estimated or guessed in (before_quality, after_quality)
        return Piece(start, end, rate, rate, estimated, end - start > max_gap_us)

    return link


def _intervals(sensor: Sensor) -> Link:
    resolution = sensor.definition.resolution
    longest_us = (sensor.effective_max_gap if resolution is None else resolution) // MICROSECOND
    is_delta = sensor.definition.accumulation is Accumulation.DELTA
    guessed = QualityCode.ESTIMATED

    def link(
        start: int, value: float, quality: int, following: int, _after: float, _after_quality: int
    ) -> Piece | None:
        # Never into the next interval: a day of 23 hours is shorter than its resolution says.
        end = min(start + longest_us, following)
        rate = value * HOUR_US / (end - start) if is_delta else value
        return Piece(start, end, rate, rate, quality == guessed)

    return link
