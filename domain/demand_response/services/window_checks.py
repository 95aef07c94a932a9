"""What is wrong with windows of the week."""

from collections.abc import Iterator, Sequence
from typing import Final

from domain.demand_response.model import WeekWindow
from domain.shared.errors import Problem
from domain.shared.weeks import MINUTES_A_DAY

_MOST: Final = 100


def window_problems(place: str, windows: Sequence[WeekWindow] | None) -> Iterator[Problem]:
    """Yield each fault of the windows at this JSON pointer."""
    if windows is None:
        return
    if len(windows) > _MOST:
        yield Problem(place, "too_long", f"at most {_MOST} windows")
    for number, window in enumerate(windows):
        if not window.days:
            yield Problem(f"{place}/{number}/days", "invalid_value", "it names no day")
        if not 0 <= window.since < MINUTES_A_DAY:
            yield Problem(f"{place}/{number}/from", "invalid_value", "from 00:00 to 23:59")
        if not 0 < window.until <= MINUTES_A_DAY:
            yield Problem(f"{place}/{number}/to", "invalid_value", "from 00:01 to 24:00")
