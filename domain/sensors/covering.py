"""Which stored summaries cover a time, and where only readings will do."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import pairwise
from typing import Final, NamedTuple

SECOND_US: Final = 1_000_000


class Level(IntEnum):
    """The lengths of stored summaries in seconds, counted from the epoch; `READINGS` are not summed up."""

    READINGS = 0
    QUARTER_HOUR = 900
    HOUR = 3600
    DAY = 86_400

    @property
    def length_us(self) -> int:
        """The length of one summary in µs, and of a reading's place: 1."""
        return self.value * SECOND_US or 1

    @property
    def finer(self) -> "Level":
        """The next shorter one."""
        return _FINER[self]


_FINER: Final = {
    Level.DAY: Level.HOUR,
    Level.HOUR: Level.QUARTER_HOUR,
    Level.QUARTER_HOUR: Level.READINGS,
}
_STORED: Final = (Level.DAY, Level.HOUR, Level.QUARTER_HOUR)
QUARTERS: Final = {Level.QUARTER_HOUR: 1, Level.HOUR: 4, Level.DAY: 96}
"""How many quarter-hours each level holds."""
_FEW_EDGES: Final = 1000
"""So many buckets are covered each for itself; of more short ones all with summaries of one level."""
_COARSE_US: Final = 23 * Level.HOUR.length_us


class Span(NamedTuple):
    """The summaries ``[low, high)`` of a level by their number since the epoch; readings by µs."""

    level: Level
    low: int
    high: int


def covering(edges_us: Sequence[int], stale: Sequence[int] = ()) -> list[Span]:
    """Return, in order, the fewest summaries that cover the buckets between the edges and that no edge cuts.

    ``stale`` are quarter-hours, sorted, whose readings changed since they were summed up: no summary that
    holds one of them is taken.
    """
    if len(edges_us) < 2:  # noqa: PLR2004 - a bucket has two edges
        return []
    few = len(edges_us) <= _FEW_EDGES
    if few or all(end - start >= _COARSE_US for start, end in pairwise(edges_us[1:-1])):
        found = [span for start, end in pairwise(edges_us) for span in _cover(start, end, Level.DAY, stale)]
    else:
        found = list(_cover(edges_us[0], edges_us[-1], _common_level(edges_us), stale))
    joined: list[Span] = []
    for span in found:
        if joined and joined[-1].level is span.level and joined[-1].high == span.low:
            joined[-1] = Span(span.level, joined[-1].low, span.high)
        else:
            joined.append(span)
    return joined


def _common_level(edges_us: Sequence[int]) -> Level:
    """Return the longest summaries that no inner edge cuts."""
    for level in _STORED:
        if not any(edge % level.length_us for edge in edges_us[1:-1]):
            return level
    return Level.READINGS


def _cover(start_us: int, end_us: int, level: Level, stale: Sequence[int]) -> Iterator[Span]:
    if start_us >= end_us:
        return
    if level is Level.READINGS:
        yield Span(level, start_us, end_us)
        return
    length = level.length_us
    low, high = -(-start_us // length), end_us // length
    if low >= high:
        yield from _cover(start_us, end_us, level.finer, stale)
        return
    yield from _cover(start_us, low * length, level.finer, stale)
    for broken in _holding(stale, level, low, high):
        if low < broken:
            yield Span(level, low, broken)
        yield from _cover(broken * length, (broken + 1) * length, level.finer, stale)
        low = broken + 1
    if low < high:
        yield Span(level, low, high)
    yield from _cover(high * length, end_us, level.finer, stale)


def _holding(stale: Sequence[int], level: Level, low: int, high: int) -> list[int]:
    """Return the numbers in ``[low, high)`` of the summaries that hold one of the quarter-hours."""
    per = QUARTERS[level]
    within = stale[bisect_left(stale, low * per) : bisect_left(stale, high * per)]
    return sorted({quarter // per for quarter in within})
