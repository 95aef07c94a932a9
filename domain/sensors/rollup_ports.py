"""What the sensors module needs of the outside for summed up readings."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.sensors.covering import Level, Span
from domain.sensors.model import SensorKey
from domain.sensors.summaries import Summary


@dataclass(frozen=True, slots=True)
class Marks:
    """Quarter-hours (their numbers since the epoch) whose readings changed, by sensor, sorted.

    ``ids`` are the stored marks that say so.
    """

    ids: Sequence[int]
    quarters: Mapping[SensorKey, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The last good reading before a time range and the first good one at or after its end."""

    before: Summary | None
    after: Summary | None


class RollupStore(Protocol):
    """Keeps readings summed up by UTC quarter-hours, hours and days.

    A good reading is always in a summary of its quarter-hour or in a quarter-hour that is marked as stale.
    """

    @abstractmethod
    async def stale(
        self, keys: Collection[SensorKey], low: int, high: int
    ) -> Mapping[SensorKey, Sequence[int]]:
        """Return the marked quarter-hours in ``[low, high)``, sorted, of the sensors that have any."""

    @abstractmethod
    async def summaries(
        self, wanted: Mapping[SensorKey, Sequence[Span]]
    ) -> Mapping[SensorKey, Sequence[Summary]]:
        """Return the stored summaries in the spans of each sensor; each good reading, where they say so.

        Those of one span are in order of time. Sensors without any may be left out.
        """

    @abstractmethod
    async def neighbours(
        self, keys: Collection[SensorKey], start_us: int, end_us: int
    ) -> Mapping[SensorKey, Neighbours]:
        """Return the good readings nearest to ``[start_us, end_us)`` on either side.

        They come from stored summaries too, where the readings themselves are gone.
        """

    @abstractmethod
    async def take(self, limit: int) -> Marks | None:
        """Take about so many of the oldest marks, and hold back others that would until the transaction ends.

        None where there is none or somebody else is at it. What is read from here on holds at least what
        the marks speak of. Sealed quarter-hours are left out of ``quarters``.
        """

    @abstractmethod
    async def replace(self, level: Level, summaries: Mapping[tuple[SensorKey, int], Summary | None]) -> None:
        """Store the summaries by sensor and number; None deletes one. Sensors that are gone are left out."""

    @abstractmethod
    async def finish(self, taken: Marks, still_stale: Mapping[SensorKey, Sequence[int]]) -> None:
        """Delete the marks that were taken and put back those of the quarter-hours that stay stale."""

    @abstractmethod
    async def mark_all(self, key: SensorKey) -> None:
        """Mark every quarter-hour of the sensor that is not sealed, since its rules changed."""

    @abstractmethod
    async def sealed(self, quarters: Mapping[SensorKey, Collection[int]]) -> frozenset[tuple[SensorKey, int]]:
        """Return those of the quarter-hours whose readings are gone: their summaries never change."""

    @abstractmethod
    async def delete(self, key: SensorKey) -> None:
        """Delete all summaries of the sensor."""

    @abstractmethod
    async def compress_readings(self, before: datetime) -> int:
        """Compress partitions of readings that end by then, where that can be done; return their number."""

    @abstractmethod
    async def drop_readings(self, before: datetime, limit: int) -> int:
        """Drop up to ``limit`` partitions of readings that end by then and that no mark touches.

        Their quarter-hours are sealed. Returns how many partitions went.
        """
