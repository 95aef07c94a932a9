"""Readings summed up, and how sums are put together.

A summary holds what lies between the good readings of its own time and nothing of what lies beyond them:
the piece between the last reading of one summary and the first of the next is made when they are put
together, by the rule that holds between any two readings. So a single reading is a summary, putting together
is associative, a new reading changes only the summary of its own time, and any larger bucket of any zone is
exact.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.sensors.linking import Piece, last_link, linking
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
    """What readings gave one bucket: figures of the readings in it, and of the time that they account for."""

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
        if not self.count:
            self.first, self.minimum, self.maximum = part.first_value, part.minimum, part.maximum
        elif part.minimum < self.minimum:
            self.minimum = part.minimum
        if part.maximum > self.maximum:  # noqa: PLR1730 - three times as fast as max()
            self.maximum = part.maximum
        self.last = part.last_value
        self.count += part.count
        self.total += part.total
        self.amount += part.amount
        self.covered_us += part.covered_us
        self.estimated |= part.estimated


def merged(sensor: Sensor, parts: Sequence[Summary]) -> Summary:
    """Return the summary of all parts (at least one, in order of time)."""
    if len(parts) == 1:
        return parts[0]
    link = linking(sensor)
    before = parts[0]
    total = Total()
    total.add(before)
    for part in parts[1:]:
        piece = link(*before[3:6], *part[:3])
        if piece is not None:
            total.estimated |= piece.estimated
            if piece.counted:
                total.amount += piece.whole_amount
                total.covered_us += piece.end_us - piece.start_us
        total.add(part)
        before = part
    return Summary(
        *parts[0][:3],
        *before[3:6],
        total.count,
        total.total,
        total.minimum,
        total.maximum,
        total.amount,
        total.covered_us,
        total.estimated,
    )


def totals(sensor: Sensor, parts: Iterable[Summary], edges_us: Sequence[int]) -> list[Total]:
    """Return what the parts give each of the buckets between the edges.

    Parts are in order of time, and no edge cuts one. Those before the first edge and after the last give
    only what reaches into the buckets from there.
    """
    result = [Total() for _ in edges_us[1:]]
    if not result:
        return result
    link = linking(sensor)
    lowest, highest = edges_us[0], edges_us[-1]
    before: Summary | None = None
    at = 0
    for part in parts:
        if before is not None:
            piece = link(*before[3:6], *part[:3])
            if piece is not None and piece.end_us > lowest and piece.start_us < highest:
                _share(piece, result, edges_us, at)
        if lowest <= part.first_us < highest:
            while edges_us[at + 1] <= part.first_us:
                at += 1
            result[at].add(part)
        before = part
    if before is not None:
        piece = last_link(sensor)(*before[3:6])
        if piece is not None and piece.end_us > lowest and piece.start_us < highest:
            _share(piece, result, edges_us, at)
    return result


def _share(piece: Piece, result: list[Total], edges_us: Sequence[int], at: int) -> None:
    """Give each bucket from ``at`` on what of the piece lies in it."""
    last = len(result) - 1
    while at < last and edges_us[at + 1] <= piece.start_us:
        at += 1
    while True:
        start, end = max(piece.start_us, edges_us[at]), min(piece.end_us, edges_us[at + 1])
        if start < end:
            total, whole = result[at], start == piece.start_us and end == piece.end_us
            total.estimated |= piece.estimated or (piece.shapeless and not whole)
            if piece.counted:
                total.amount += piece.whole_amount if whole else piece.amount(start, end)
                total.covered_us += end - start
        at += 1
        if at > last or edges_us[at] >= piece.end_us:
            return
