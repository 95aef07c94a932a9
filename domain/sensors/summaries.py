"""Readings summed up, and how sums are put together.

A summary holds what lies between the good readings of its own time and nothing of what lies beyond them:
the piece between the last reading of one summary and the first of the next is made when they are put
together, by the rule that holds between any two readings. So a single reading is a summary, putting together
is associative, a new reading changes only the summary of its own time, and any larger bucket of any zone is
exact.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from domain.sensors.linking import HOUR_US, Link, Piece, last_link, linking
from domain.sensors.linking_many import linking_many
from domain.sensors.model import Sensor


class Summary(NamedTuple):
    """Good readings that follow each other, summed up: the first, the last, and what lies between them.

    Times are µs since the epoch, values in the canonical unit, qualities `QualityCode`s. ``amount`` is in
    value times hours, or in the register's own unit; ``covered_us`` the time that readings account for.
    A tuple, since a call may look at a hundred thousand of them.
    """

    first_us: int
    first_value: float
    first_quality: int
    last_us: int
    last_value: float
    last_quality: int
    count: int  # type: ignore[assignment]  # it hides tuple.count, which nobody needs here
    total: float
    minimum: float
    maximum: float
    amount: float
    covered_us: int
    estimated: bool


def single(time_us: int, value: float, quality: int) -> Summary:
    """Return the summary of one reading, which accounts for no time."""
    return Summary(time_us, value, quality, time_us, value, quality, 1, value, value, value, 0.0, 0, False)  # noqa: FBT003


@dataclass(slots=True)
class Total:
    """What readings gave one bucket: figures of the readings in it, and of the time that they account for.

    Buckets without any are one and the same (`totals`), so that one that was returned is not to be changed.
    """

    amount: float = 0.0
    covered_us: int = 0
    estimated: bool = False
    count: int = 0
    total: float = 0.0
    minimum: float = 0.0
    maximum: float = 0.0
    first: float = 0.0
    last: float = 0.0

    def add(self, part: Summary) -> None:
        """Count readings that lie in this bucket, later than those counted so far."""
        _, first, _, _, self.last, _, count, total, minimum, maximum, amount, covered_us, estimated = part
        if not self.count:
            self.first, self.minimum, self.maximum = first, minimum, maximum
        elif minimum < self.minimum:
            self.minimum = minimum
        if maximum > self.maximum:  # noqa: PLR1730 - three times as fast as max()
            self.maximum = maximum
        self.count += count
        self.total += total
        self.amount += amount
        self.covered_us += covered_us
        if estimated:
            self.estimated = True


def merging(sensor: Sensor) -> Callable[[Sequence[Summary]], Summary]:
    """Return what makes one summary of several (at least one, in order of time) of this sensor."""
    link, link_many = linking(sensor), linking_many(sensor)

    def merge(parts: Sequence[Summary]) -> Summary:
        if len(parts) == 1:
            return parts[0]
        columns = zip(*parts, strict=True)
        starts, firsts, first_qualities, ends, lasts, last_qualities = (next(columns) for _ in range(6))
        counts, sums, minima, maxima, amounts, covered, guessed = columns
        between = None
        if not any(first_qualities) and not any(last_qualities):
            between = link_many(ends[:-1], lasts[:-1], starts[1:], firsts[1:])
        amount, covered_us, estimated = (*between, False) if between else _between(link, parts)
        return Summary(
            starts[0],
            firsts[0],
            first_qualities[0],
            ends[-1],
            lasts[-1],
            last_qualities[-1],
            sum(counts),
            sum(sums),
            min(minima),
            max(maxima),
            amount + sum(amounts),
            covered_us + sum(covered),
            estimated or any(guessed),
        )

    return merge


def merged(sensor: Sensor, parts: Sequence[Summary]) -> Summary:
    """Return the summary of all parts (at least one, in order of time)."""
    return merging(sensor)(parts)


def _between(link: Link, parts: Sequence[Summary]) -> tuple[float, int, bool]:
    """Return the amount and the time of the pieces between the parts, and whether any is a guess."""
    amount, covered_us, estimated = 0.0, 0, False
    for before, part in pairwise(parts):
        piece = link(*before[3:6], *part[:3])
        if piece is not None:
            estimated |= piece.estimated
            if piece.counted:
                amount += piece.whole_amount
                covered_us += piece.end_us - piece.start_us
    return amount, covered_us, estimated


def totals(sensor: Sensor, parts: Iterable[Summary], edges_us: Sequence[int]) -> list[Total]:
    """Return what the parts give each of the buckets between the edges.

    Parts are in order of time, and no edge cuts one. Those before the first edge and after the last give
    only what reaches into the buckets from there.
    """
    nothing = Total()
    result = [nothing] * max(len(edges_us) - 1, 0)
    if not result:
        return result
    link = linking(sensor)
    lowest, highest = edges_us[0], edges_us[-1]
    before: Summary | None = None
    at = 0
    for part in parts:
        if before is not None:
            piece = link(before[3], before[4], before[5], part[0], part[1], part[2])
            if piece is not None:
                _share(piece, result, edges_us, at, nothing)
        first_us = part[0]
        if lowest <= first_us < highest:
            while edges_us[at + 1] <= first_us:
                at += 1
            _touched(result, at, nothing).add(part)
        before = part
    if before is not None:
        piece = last_link(sensor)(*before[3:6])
        if piece is not None:
            _share(piece, result, edges_us, at, nothing)
    return result


def _touched(result: list[Total], at: int, nothing: Total) -> Total:
    """Return the bucket to be added to: one of its own from here on."""
    found = result[at]
    if found is nothing:
        found = result[at] = Total()
    return found


def _share(piece: Piece, result: list[Total], edges_us: Sequence[int], at: int, nothing: Total) -> None:
    """Give each bucket from ``at`` on what of the piece lies in it."""
    start_us, end_us, start_rate, end_rate, estimated, shapeless, counted = piece
    last = len(result) - 1
    while at < last and edges_us[at + 1] <= start_us:
        at += 1
    if start_us >= edges_us[at] and end_us <= edges_us[at + 1]:
        total = _touched(result, at, nothing)
        if estimated:
            total.estimated = True
        if counted:
            total.amount += (start_rate + end_rate) / 2 * (end_us - start_us) / HOUR_US
            total.covered_us += end_us - start_us
        return
    while at <= last and edges_us[at] < end_us:
        start, end = max(start_us, edges_us[at]), min(end_us, edges_us[at + 1])
        if start < end:
            total = _touched(result, at, nothing)
            if estimated or shapeless:
                total.estimated = True
            if counted:
                total.amount += piece.amount(start, end)
                total.covered_us += end - start
        at += 1
