"""Readings on their way to storage: gathered, written in batches, kept while storage is away."""

from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.ingestion.model import ReadingBatch, SensorId, SensorRegistration

MOST_KEPT: Final = 500_000
"""Some ten minutes of 1,000 sensors a second; beyond it the oldest are dropped, and counted."""
BATCH_ROWS: Final = 10_000


@dataclass(frozen=True, slots=True)
class BufferedReading:
    """A reading that is not stored yet: µs since the epoch, in the sensor's unit."""

    sensor: SensorRegistration
    time_us: int
    value: float


def batch_of(readings: Sequence[BufferedReading]) -> ReadingBatch:
    """Return the readings as columns; where a sensor was configured anew, its newest registration counts."""
    registrations: dict[SensorId, SensorRegistration] = {}
    for reading in readings:
        registrations[reading.sensor.sensor_id] = reading.sensor
    return ReadingBatch(
        registrations=tuple(registrations.values()),
        sensor_ids=[reading.sensor.sensor_id for reading in readings],
        times_us=array("q", [reading.time_us for reading in readings]),
        values=array("d", [reading.value for reading in readings]),
    )


class ReadingBuffer:
    """A queue that drops its oldest readings once it holds too many."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._waiting: deque[BufferedReading] = deque(maxlen=most)
        self.dropped = 0
        """How many readings were dropped so far since storage was away too long, or refused the batch."""

    def __len__(self) -> int:
        """Return the number of readings that wait."""
        return len(self._waiting)

    def add(self, reading: BufferedReading) -> None:
        """Take a reading."""
        if len(self._waiting) == self._waiting.maxlen:
            self.dropped += 1
        self._waiting.append(reading)

    def take(self) -> Sequence[BufferedReading]:
        """Return the oldest readings, one batch of them; they have to be settled or given back."""
        return [self._waiting.popleft() for _ in range(min(BATCH_ROWS, len(self._waiting)))]

    def give_back(self, readings: Sequence[BufferedReading]) -> None:
        """Put readings back in front of the queue; what has no room any more is dropped, the oldest first."""
        room = (self._waiting.maxlen or 0) - len(self._waiting)
        self.dropped += max(0, len(readings) - room)
        if room > 0:
            self._waiting.extendleft(reversed(readings[-room:]))

    def drop(self, readings: Sequence[BufferedReading]) -> None:
        """Count readings that will never be stored."""
        self.dropped += len(readings)
