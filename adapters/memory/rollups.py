"""Summed up readings in memory."""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from adapters.memory.database import MemorySession
from adapters.memory.readings import QUARTER_HOUR_US, ReadingsState
from adapters.memory.sensors import SensorsState
from domain.sensors.covering import Level, Span
from domain.sensors.model import QualityCode, SensorKey
from domain.sensors.rollup_ports import Marks, Neighbours, RollupStore
from domain.sensors.summaries import Summary, single
from domain.shared.time import EPOCH, from_microseconds, to_microseconds

_PARTITION: Final = timedelta(days=7)


@dataclass(slots=True)
class RollupsState:
    """Summaries by level, sensor and number."""

    summaries: dict[Level, dict[SensorKey, dict[int, Summary]]] = field(default_factory=dict)


class MemoryRollupStore(RollupStore):
    """Summaries in dicts; the marks are those that `MemoryReadingStore` leaves."""

    def __init__(self, session: MemorySession) -> None:
        self._state = session.state(RollupsState)
        self._readings = session.state(ReadingsState)
        self._sensors = session.state(SensorsState)

    async def stale(
        self, keys: Collection[SensorKey], low: int, high: int
    ) -> Mapping[SensorKey, Sequence[int]]:
        found: dict[SensorKey, list[int]] = {}
        for key, quarter in sorted(self._readings.stale):
            if key in keys and low <= quarter < high:
                found.setdefault(key, []).append(quarter)
        return found

    async def summaries(
        self, wanted: Mapping[SensorKey, Sequence[Span]]
    ) -> Mapping[SensorKey, Sequence[Summary]]:
        return {
            key: [one for span in spans for one in self._within(key, span)] for key, spans in wanted.items()
        }

    def _within(self, key: SensorKey, span: Span) -> list[Summary]:
        if span.level is Level.READINGS:
            good = self._good(key)
            low, high = (bisect_left(good, (edge,)) for edge in (span.low, span.high))
            return [single(*one) for one in good[low:high]]
        stored = self._state.summaries.get(span.level, {}).get(key, {})
        return [stored[number] for number in sorted(stored) if span.low <= number < span.high]

    def _good(self, key: SensorKey) -> list[tuple[int, float, int]]:
        return sorted(
            (time_us, one.value, one.quality)
            for time_us, one in self._readings.readings.get(key, {}).items()
            if one.quality != QualityCode.BAD
        )

    async def neighbours(
        self, keys: Collection[SensorKey], start_us: int, end_us: int
    ) -> Mapping[SensorKey, Neighbours]:
        found: dict[SensorKey, Neighbours] = {}
        for key in keys:
            ends = [*self._sealed_ends(key), *self._good(key)]
            found[key] = Neighbours(
                max((single(*one) for one in ends if one[0] < start_us), default=None),
                min((single(*one) for one in ends if one[0] >= end_us), default=None),
            )
        return found

    def _sealed_ends(self, key: SensorKey) -> list[tuple[int, float, int]]:
        stored = self._state.summaries.get(Level.QUARTER_HOUR, {}).get(key, {})
        gone = [one for number, one in stored.items() if (key, number) in self._readings.sealed]
        return [end for one in gone for end in (one[0:3], one[3:6])]

    async def take(self, limit: int) -> Marks | None:
        taken: dict[SensorKey, list[int]] = {}
        for key, quarter in sorted(self._readings.stale)[:limit]:
            taken.setdefault(key, [])
            if (key, quarter) not in self._readings.sealed:
                taken[key].append(quarter)
            self._readings.stale.discard((key, quarter))
        return Marks([], taken) if taken else None

    async def replace(self, level: Level, summaries: Mapping[tuple[SensorKey, int], Summary | None]) -> None:
        stored = self._state.summaries.setdefault(level, {})
        for (key, number), summary in summaries.items():
            if key not in self._sensors.sensors:
                continue
            if level is Level.QUARTER_HOUR and (key, number) in self._readings.sealed:
                continue
            of_sensor = stored.setdefault(key, {})
            if summary is None:
                of_sensor.pop(number, None)
            else:
                of_sensor[number] = summary

    async def finish(
        self,
        taken: Marks,  # noqa: ARG002 - its marks went when they were taken
        still_stale: Mapping[SensorKey, Sequence[int]],
    ) -> None:
        for key, quarters in still_stale.items():
            self._readings.stale.update((key, quarter) for quarter in quarters)

    async def mark_all(self, key: SensorKey) -> None:
        for number in self._state.summaries.get(Level.QUARTER_HOUR, {}).get(key, {}):
            if (key, number) not in self._readings.sealed:
                self._readings.stale.add((key, number))

    async def sealed(self, quarters: Mapping[SensorKey, Collection[int]]) -> frozenset[tuple[SensorKey, int]]:
        asked = {(key, quarter) for key, numbers in quarters.items() for quarter in numbers}
        return frozenset(asked & self._readings.sealed)

    async def delete(self, key: SensorKey) -> None:
        for stored in self._state.summaries.values():
            stored.pop(key, None)
        self._readings.stale = {mark for mark in self._readings.stale if mark[0] != key}
        self._readings.sealed = {one for one in self._readings.sealed if one[0] != key}

    async def compress_readings(self, before: datetime) -> int:  # noqa: ARG002 - dicts cannot
        return 0

    async def drop_readings(self, before: datetime, limit: int) -> int:
        partitions = {
            (from_microseconds(time_us) - EPOCH) // _PARTITION
            for stored in self._readings.readings.values()
            for time_us in stored
        }
        dropped = 0
        for partition in sorted(partitions):
            start, end = EPOCH + partition * _PARTITION, EPOCH + (partition + 1) * _PARTITION
            if end <= before and dropped < limit and self._drop(to_microseconds(start), to_microseconds(end)):
                dropped += 1
        return dropped

    def _drop(self, start_us: int, end_us: int) -> bool:
        low, high = start_us // QUARTER_HOUR_US, end_us // QUARTER_HOUR_US
        if any(low <= quarter < high for _, quarter in self._readings.stale):
            return False
        for key, stored in self._state.summaries.get(Level.QUARTER_HOUR, {}).items():
            self._readings.sealed.update((key, number) for number in stored if low <= number < high)
        for of_sensor in self._readings.readings.values():
            for time_us in [one for one in of_sensor if start_us <= one < end_us]:
                del of_sensor[time_us]
        start, end = from_microseconds(start_us), from_microseconds(end_us)
        for revisions in self._readings.revisions.values():
            revisions[:] = [one for one in revisions if not start <= one.time < end]
        self._readings.sent = {one for one in self._readings.sent if not start_us <= one[1] < end_us}
        return True
