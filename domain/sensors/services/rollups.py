"""Keeping summed up readings in step with what was written."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from domain.sensors.covering import QUARTERS, Level, Span
from domain.sensors.events import RollupsCorrected
from domain.sensors.model import Sensor, SensorKey
from domain.sensors.ports import SensorsTransaction, SensorsUnitOfWork
from domain.sensors.services.buckets import SETTLED_AFTER
from domain.sensors.summaries import Summary, merging
from domain.shared.events import EventId
from domain.shared.ports import Clock, IdFactory
from domain.shared.time import to_microseconds

MARKS_AT_ONCE: Final = 5000
"""Marks that one transaction takes, so that it is short."""

QUARTERS_AT_ONCE: Final = 500
"""Quarter-hours whose readings are in memory at a time."""

Cells = Mapping[tuple[SensorKey, int], Summary | None]


class Rollups:
    """Sums up readings by UTC quarter-hours, hours and days."""

    def __init__(self, uow: SensorsUnitOfWork, clock: Clock, ids: IdFactory) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids

    async def refresh(self) -> int:
        """Sum up again what changed, but for the quarter-hours that still run; return how many.

        Those that run change with every reading: they stay marked, and are answered from the readings.
        """
        done = 0
        still_stale: set[tuple[SensorKey, int]] = set()
        while (refreshed := await self._refresh_some(still_stale)) is not None:
            done += refreshed
        return done

    async def _refresh_some(self, seen: set[tuple[SensorKey, int]]) -> int | None:
        """Sum up some; return how many, None where nothing is left but what was ``seen`` to be running."""
        now = self._clock.now()
        running = to_microseconds(now) // Level.QUARTER_HOUR.length_us
        async with self._uow.begin() as tx:
            taken = await tx.rollups.take(MARKS_AT_ONCE)
            if taken is None:
                return None
            closed = {key: over for key, all_ in taken.quarters.items() if (over := _below(all_, running))}
            still = {key: [one for one in all_ if one >= running] for key, all_ in taken.quarters.items()}
            running_now = {(key, quarter) for key, quarters in still.items() for quarter in quarters}
            if not closed and running_now and (len(taken.ids) == 1 or running_now <= seen):
                tx.roll_back()
                return None
            seen |= running_now
            sensors = await tx.sensors.by_key(list(closed))
            closed = {key: quarters for key, quarters in closed.items() if key in sensors}
            for some in _portions(closed, QUARTERS_AT_ONCE):
                await self._sum_up(tx, some, sensors)
            await tx.rollups.finish(taken, {key: quarters for key, quarters in still.items() if quarters})
            late_until = to_microseconds(now - SETTLED_AFTER) // Level.QUARTER_HOUR.length_us
            late = {key: over for key, all_ in closed.items() if (over := _below(all_, late_until))}
            if late:
                tx.events.add(self._corrected(late))
        return sum(len(quarters) for quarters in closed.values())

    def _corrected(self, late: Mapping[SensorKey, Sequence[int]]) -> RollupsCorrected:
        length_us = Level.QUARTER_HOUR.length_us
        return RollupsCorrected(
            event_id=EventId(self._ids.new()),
            occurred_at=self._clock.now(),
            sensor_keys=array("q", late),
            starts_us=array("q", [quarters[0] * length_us for quarters in late.values()]),
            ends_us=array("q", [(quarters[-1] + 1) * length_us for quarters in late.values()]),
        )

    async def _sum_up(
        self,
        tx: SensorsTransaction,
        quarters: Mapping[SensorKey, Sequence[int]],
        sensors: Mapping[SensorKey, Sensor],
    ) -> None:
        finer = Level.READINGS
        touched: Mapping[SensorKey, Sequence[int]] = quarters
        for level in (Level.QUARTER_HOUR, Level.HOUR, Level.DAY):
            parts = await tx.rollups.summaries(
                {key: _spans(numbers, level, finer) for key, numbers in touched.items()}
            )
            await tx.rollups.replace(level, _cells(level, touched, parts, sensors))
            finer, coarser = level, QUARTERS[_COARSER[level]] // QUARTERS[level]
            touched = {key: sorted({one // coarser for one in numbers}) for key, numbers in touched.items()}


_COARSER: Final = {Level.QUARTER_HOUR: Level.HOUR, Level.HOUR: Level.DAY, Level.DAY: Level.DAY}


def _portions(
    quarters: Mapping[SensorKey, Sequence[int]], size: int
) -> Iterator[Mapping[SensorKey, Sequence[int]]]:
    """Yield the quarter-hours in portions of at most ``size``, those of a sensor together where they fit."""
    portion: dict[SensorKey, Sequence[int]] = {}
    held = 0
    for key in sorted(quarters):
        for start in range(0, len(quarters[key]), size):
            numbers = quarters[key][start : start + size]
            if held + len(numbers) > size:
                yield portion
                portion, held = {}, 0
            portion[key] = numbers
            held += len(numbers)
    if portion:
        yield portion


def _below(numbers: Sequence[int], limit: int) -> list[int]:
    return [one for one in numbers if one < limit]


def _spans(numbers: Iterable[int], level: Level, finer: Level) -> list[Span]:
    """Return what of the finer level makes up these summaries; neighbours in one span."""
    per = level.length_us // finer.length_us
    spans: list[Span] = []
    for number in numbers:
        if spans and spans[-1].high == number * per:
            spans[-1] = Span(finer, spans[-1].low, (number + 1) * per)
        else:
            spans.append(Span(finer, number * per, (number + 1) * per))
    return spans


def _cells(
    level: Level,
    numbers: Mapping[SensorKey, Sequence[int]],
    parts: Mapping[SensorKey, Sequence[Summary]],
    sensors: Mapping[SensorKey, Sensor],
) -> Cells:
    """Return the summaries of these numbers, None where there is no good reading."""
    length_us = level.length_us
    cells: dict[tuple[SensorKey, int], Summary | None] = {}
    for key, wanted in numbers.items():
        found, merge = parts.get(key, ()), merging(sensors[key])
        times = [part[0] for part in found]
        high = 0
        for number in wanted:
            low = bisect_left(times, number * length_us, high)
            high = bisect_left(times, (number + 1) * length_us, low)
            cells[key, number] = merge(found[low:high]) if low < high else None
    return cells
