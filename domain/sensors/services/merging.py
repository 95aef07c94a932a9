"""Several batches as one, and one as a selection of its rows."""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

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
            low, high = batch.first_us, batch.last_us
            self._low, self._high = min(self._low, low), max(self._high, high)
            self._batches.append(batch)

    def overlap(self, batch: ReadingBatch) -> bool:
        """Return whether the batch may hold a sensor and time of those that were taken in."""
        # Most requests bring times of their own: then there is no need to look at their sensors.
        if not len(batch) or batch.last_us < self._low or batch.first_us > self._high:
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
    """Batches as one, and where the rows of each stand: (start here, start there, count)."""

    batch: ReadingBatch
    parts: Sequence[Sequence[tuple[int, int, int]]]

    def outcomes_of_parts(self, outcomes: bytes) -> list[bytes]:
        """Return the outcomes of the rows of each batch that was merged."""
        if len(self.parts) == 1:
            return [outcomes]
        sizes = [sum(count for _, _, count in places) for places in self.parts]
        if outcomes.count(outcomes[:1]) == len(outcomes):
            return [outcomes[:size] for size in sizes]
        found: list[bytes] = []
        for size, places in zip(sizes, self.parts, strict=True):
            own = bytearray(size)
            for here, there, count in places:
                own[there : there + count] = outcomes[here : here + count]
            found.append(bytes(own))
        return found


def merged(batches: Sequence[ReadingBatch]) -> Merged:
    """Merge batches that share no sensor and time."""
    if len(batches) == 1:
        return Merged(batches[0], [[(0, 0, len(batches[0]))]])
    # The number makes entries differ before they would be compared by their run.
    entries = sorted(
        chain.from_iterable(
            [(run.key, batch.times_us[run.start], number, run) for run in batch.runs]
            for number, batch in enumerate(batches)
        )
    )
    times_us, values, qualities = array("q"), array("d"), array("b")
    parts: list[list[tuple[int, int, int]]] = [[] for _ in batches]
    begun: list[tuple[SensorRun, int]] = []
    last_owner: tuple[int, int, str] | None = None
    here = 0
    for _, _, number, run in entries:
        batch, start, stop = batches[number], run.start, run.stop
        owner = (run.key, run.version, run.source)
        if owner != last_owner:
            begun.append((run, here))
            last_owner = owner
        times_us.extend(batch.times_us[start:stop])
        values.extend(batch.values[start:stop])
        qualities.extend(batch.qualities[start:stop])
        parts[number].append((here, start, stop - start))
        here += stop - start
    ends = [start for _, start in begun[1:]] + [here]
    runs = [
        SensorRun(run.key, run.version, run.source, start, end)
        for (run, start), end in zip(begun, ends, strict=False)
    ]
    return Merged(ReadingBatch(runs=runs, times_us=times_us, values=values, qualities=qualities), parts)


def stored_rows(batch: ReadingBatch, outcomes: bytes) -> ReadingBatch:
    """Return the rows that were created or updated."""
    if Outcome.UNCHANGED not in outcomes:
        return batch
    times_us, values, qualities = array("q"), array("d"), array("b")
    runs: list[SensorRun] = []
    for run in batch.runs if outcomes.count(Outcome.UNCHANGED) < len(outcomes) else ():
        start = len(times_us)
        for row in range(run.start, run.stop):
            if outcomes[row] != Outcome.UNCHANGED:
                times_us.append(batch.times_us[row])
                values.append(batch.values[row])
                qualities.append(batch.qualities[row])
        if len(times_us) > start:
            runs.append(SensorRun(run.key, run.version, run.source, start, len(times_us)))
    return ReadingBatch(runs=runs, times_us=times_us, values=values, qualities=qualities)
