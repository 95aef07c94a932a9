"""What the first rows tell of all: how far their times lie apart, and whether they ascend."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from adapters.pollers.meter_files.fields import is_silent, split_fields
from adapters.pollers.meter_files.layout import Layout
from adapters.pollers.meter_files.metadata import LONGEST_RESOLUTION
from adapters.pollers.meter_files.times import InvalidTimeError, parse_time
from domain.shared.periods import Period, period_of
from domain.shared.time import MICROSECOND

USUAL: Final = Period(elapsed=timedelta(minutes=15))
"""What a step is taken for where no two rows tell."""

_SURE: Final = 2
_LONGEST_US: Final = LONGEST_RESOLUTION // MICROSECOND


@dataclass(frozen=True, slots=True)
class Survey:
    """The most common step between times (days as calendar days), and their direction.

    ``steps`` are those of the meters by how the file writes them, ``step`` is that of all; ``is_sure`` where
    it came twice, and no meter has another one.
    """

    step: Period | None
    steps: Mapping[str, Period]
    is_sure: bool
    descending: bool

    def step_of(self, meter: str) -> Period | None:
        """Return the step of a meter, that of all where its own is not told."""
        return self.steps.get(meter, self.step)


def survey(lines: Sequence[str], layout: Layout) -> Survey:
    """Look at the first rows of data."""
    steps: defaultdict[str, Counter[int]] = defaultdict(Counter)
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
            steps[meter][abs(step)] += 1
            descents += 1 if step < 0 else -1
    found = {meter: _usual(counted) for meter, counted in steps.items()}
    of_all = sum(steps.values(), Counter[int]())
    step_us = _usual(of_all) if of_all else 0
    return Survey(
        step=_period(step_us) if step_us else None,
        steps={meter: _period(step) for meter, step in found.items()},
        is_sure=of_all[step_us] >= _SURE and set(found.values()) == {step_us},
        descending=descents > 0,
    )


def _usual(counted: Mapping[int, int]) -> int:
    # Of equally common ones the shortest: the others may well be gaps.
    return min(counted, key=lambda one: (-counted[one], one))


def _period(step_us: int) -> Period:
    return period_of(step_us * MICROSECOND)
