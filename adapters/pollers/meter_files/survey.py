"""What the first rows tell of all: how far their times lie apart, and whether they ascend."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from adapters.pollers.meter_files.fields import is_silent, split_fields
from adapters.pollers.meter_files.layout import Layout
from adapters.pollers.meter_files.metadata import LONGEST_RESOLUTION
from adapters.pollers.meter_files.times import InvalidTimeError, parse_time
from domain.shared.periods import Period, period_of
from domain.shared.time import MICROSECOND

_USUAL: Final = Period(elapsed=timedelta(minutes=15))
_LONGEST_US: Final = LONGEST_RESOLUTION // MICROSECOND


@dataclass(frozen=True, slots=True)
class Survey:
    """The most common step between the times of a meter (days as calendar days), and their direction."""

    step: Period
    descending: bool


def survey(lines: Sequence[str], layout: Layout) -> Survey:
    """Look at the first rows of data."""
    steps: Counter[int] = Counter()
    descents = 0
    last: dict[str, int] = {}
    for line in lines:
        if is_silent(line, layout.separator):
            continue
        fields = split_fields(line, layout.separator)
        if len(fields) <= max(layout.time_at, layout.clock_at or 0, layout.meter_at or 0):
            continue
        try:
            time, offset = parse_time(layout.time_of(fields))
        except InvalidTimeError:
            continue
        meter = "" if layout.meter_at is None else fields[layout.meter_at]
        now = time - (offset or 0)
        step = now - last.get(meter, now)
        last[meter] = now
        if 0 < abs(step) <= _LONGEST_US:
            steps[abs(step)] += 1
            descents += 1 if step < 0 else -1
    # Of equally common ones the shortest: the others may well be gaps.
    step_us = min(steps, key=lambda one: (-steps[one], one), default=0)
    return Survey(period_of(step_us * MICROSECOND) if step_us else _USUAL, descending=descents > 0)
