"""Several batches as one, and one as a selection of its rows."""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain

from domain.sensors.model import Outcome, ReadingBatch, SensorRun


class Spans:
    """The times of each sensor that some batches hold, to tell whether another one shares any."""

    def __init__(self) -> None:
        self._low, self._high = math.inf, -math.inf
        self._batches: list[ReadingBatch] = []
        self._by_sensor: dict[int, list[tuple[int, int]]] = {}

    def add(self, batch: ReadingBatch) -> None:
        """Take the batch in."""
        if len(batch):
            low, high = min(batch.times_us), max(batch.times_us)
            self._low, self._high = min(self._low, low), max(self._high, high)
            self._batches.append(batch)

    def overlap(self, batch: ReadingBatch) -> bool:
        """Return whether the batch may hold a sensor and time of those that were taken in."""
        # Most requests bring times of their own: then there is no need to look at their sensors.
        if not len(batch) or max(batch.times_us) < self._low or min(batch.times_us) > self._high:
            return False
        while self._batches:
            for key, first, last in _spans(self._batches.pop()):
                self._by_sensor.setdefault(key, []).append((first, last))
        return any(
            first <= end and start <= last
            for key, first, last in _spans(batch)
            for start, end in self._by_sensor.get(key, ())
        )


def _spans(batch: ReadingBatch) -> list[tuple[int, int, int]]:
    times = batch.times_us
    return [(run.key, times[run.start], times[run.stop - 1]) for run in batch.runs]


@dataclass(frozen=True, slots=True)
class Merged:
    """Batches as one; ``rows`` says of each row where it stood when they lay one after the other."""

    batch: ReadingBatch
    sizes: Sequence[int]
    rows: Sequence[int]

    def outcomes_of_parts(self, outcomes: bytes) -> list[bytes]:
        """Return the outcomes of the rows of each batch that was merged."""
        if outcomes.count(outcomes[:1]) < len(outcomes):  # else all alike
            one_after_the_other = bytearray(len(outcomes))
            for row, outcome in zip(self.rows, outcomes, strict=True):
                one_after_the_other[row] = outcome
            outcomes = bytes(one_after_the_other)
        ends = accumulate(self.sizes)
        return [outcomes[end - size : end] for size, end in zip(self.sizes, ends, strict=True)]


def merged(batches: Sequence[ReadingBatch]) -> Merged:
    """Merge batches that share no sensor and time."""
    sizes = [len(batch) for batch in batches]
    if len(batches) == 1:
        return Merged(batches[0], sizes, range(sizes[0]))
    times_us, values, qualities = array("q"), array("d"), array("b")
    runs: list[SensorRun] = []
    starts: list[int] = []
    for batch in batches:
        starts.extend([len(times_us) + run.start for run in batch.runs])
        runs.extend(batch.runs)
        times_us.extend(batch.times_us)
        values.extend(batch.values)
        qualities.extend(batch.qualities)
    keys = [run.key for run in runs]
    by_time = sorted(range(len(runs)), key=[times_us[start] for start in starts].__getitem__)
    order = sorted(by_time, key=keys.__getitem__)
    ranges = [range(starts[one], starts[one] + runs[one].stop - runs[one].start) for one in order]
    rows = list(chain.from_iterable(ranges))
    batch = ReadingBatch(
        runs=_joined([runs[one] for one in order]),
        times_us=array("q", [times_us[row] for row in rows]),
        values=array("d", [values[row] for row in rows]),
        qualities=array("b", [qualities[row] for row in rows]),
    )
    return Merged(batch, sizes, rows)


def _joined(runs: Sequence[SensorRun]) -> list[SensorRun]:
    """Return the runs one after the other; neighbours of one sensor and source become one."""
    joined: list[SensorRun] = []
    start = end = 0
    for run, following in zip(runs, [*runs[1:], None], strict=True):
        end += run.stop - run.start
        if (
            following is None
            or following.key != run.key
            or following.version != run.version
            or following.source != run.source
        ):
            joined.append(SensorRun(run.key, run.version, run.source, start, end))
            start = end
    return joined


def stored_rows(batch: ReadingBatch, outcomes: bytes) -> ReadingBatch:
    """Return the rows that were created or updated."""
    if Outcome.UNCHANGED not in outcomes:
        return batch
    times_us, values, qualities = array("q"), array("d"), array("b")
    runs: list[SensorRun] = []
    for run in batch.runs:
        start = len(times_us)
        for row in range(run.start, run.stop):
            if outcomes[row] != Outcome.UNCHANGED:
                times_us.append(batch.times_us[row])
                values.append(batch.values[row])
                qualities.append(batch.qualities[row])
        if len(times_us) > start:
            runs.append(SensorRun(run.key, run.version, run.source, start, len(times_us)))
    return ReadingBatch(runs=runs, times_us=times_us, values=values, qualities=qualities)
