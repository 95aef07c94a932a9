"""What passed between many readings that follow each other, where none of the special cases comes up.

The rules are those of `linking`, in whole columns: ten times as fast as one pair at a time.
"""

from collections.abc import Callable, Sequence
from operator import add, gt, mul, sub, truediv
from typing import Final

from domain.sensors.linking import HOUR_US
from domain.sensors.model import Sensor
from domain.shared.quantities import Accumulation
from domain.shared.time import MICROSECOND

LinkMany = Callable[
    [Sequence[int], Sequence[float], Sequence[int], Sequence[float]], tuple[float, int] | None
]
"""From times (µs) and values of good readings, none an estimate, and of the next one of each.

To the amount and the µs of all pieces together; None where a pair needs the rules for one pair at a time.
"""

_STATES: Final = 2 * HOUR_US


def linking_many(sensor: Sensor) -> LinkMany:
    """Return the rule of this sensor for many pairs."""
    match sensor.definition.accumulation:
        case Accumulation.INSTANTANEOUS:
            return _states(sensor)
        case Accumulation.CUMULATIVE:
            return _registers(sensor)
        case Accumulation.MEAN | Accumulation.DELTA:
            return _intervals(sensor)


def _states(sensor: Sensor) -> LinkMany:
    max_gap_us = sensor.effective_max_gap // MICROSECOND

    def link(
        starts: Sequence[int], before: Sequence[float], ends: Sequence[int], after: Sequence[float]
    ) -> tuple[float, int] | None:
        lengths = list(map(sub, ends, starts))
        if max(lengths) > max_gap_us:
            return None
        return sum(map(mul, map(add, before, after), lengths)) / _STATES, sum(lengths)

    return link


def _registers(sensor: Sensor) -> LinkMany:
    limit = sensor.max_power_kw

    def link(
        starts: Sequence[int], before: Sequence[float], ends: Sequence[int], after: Sequence[float]
    ) -> tuple[float, int] | None:
        if any(map(gt, before, after)):
            return None
        increases, lengths = list(map(sub, after, before)), list(map(sub, ends, starts))
        if limit is not None and max(map(truediv, increases, lengths)) * HOUR_US > limit:
            return None
        return sum(increases), sum(lengths)

    return link


def _intervals(sensor: Sensor) -> LinkMany:
    resolution = sensor.definition.resolution
    longest_us = (sensor.effective_max_gap if resolution is None else resolution) // MICROSECOND
    is_delta = sensor.definition.accumulation is Accumulation.DELTA

    def link(
        starts: Sequence[int], before: Sequence[float], ends: Sequence[int], _after: Sequence[float]
    ) -> tuple[float, int] | None:
        lengths = list(map(sub, ends, starts))
        if max(lengths) > longest_us:
            lengths = [min(length, longest_us) for length in lengths]
        amount = sum(before) if is_delta else sum(map(mul, before, lengths)) / HOUR_US
        return amount, sum(lengths)

    return link
