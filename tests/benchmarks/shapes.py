"""The shapes of the requests that the write benchmark sends."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

SENSORS: Final = 1_000
STEP: Final = timedelta(seconds=10)
_JSON: Final = msgspec.json.Encoder()


def sensor_name(number: int) -> str:
    """Return the id of a sensor of the benchmark."""
    return f"bench-{number:04}"


def value(number: int, tick: int) -> float:
    """Return a value as meters give them: a few digits, seldom twice the same."""
    return (number * 7919 + tick * 104_729) % 100_003 / 1000


@dataclass(frozen=True, slots=True)
class Shape:
    """Requests of ``sensors`` x ``rows`` readings; ``columns`` is the second JSON shape, of one sensor."""

    name: str
    sensors: int
    rows: int
    columns: bool = False

    @property
    def size(self) -> int:
        """The readings of one request."""
        return self.sensors * self.rows

    def bodies(self, start: datetime, count: int) -> Iterator[bytes]:
        """Yield so many requests, every (sensor, time) once, time going on from ``start``."""
        for number in range(count):
            if self.columns:
                # Sensors take turns, as meters do that send what they gathered in a while.
                turn, sensor = divmod(number, SENSORS)
                yield self._column(sensor, start, turn * self.rows)
            else:
                yield self._rows(start, number * self.rows)

    def span(self, count: int) -> timedelta:
        """Return the time that so many requests cover."""
        requests = -(-count // SENSORS) if self.columns else count
        return requests * self.rows * STEP

    def _rows(self, start: datetime, first: int) -> bytes:
        readings = [
            {"sensor_id": sensor_name(sensor), "time": time, "value": value(sensor, tick)}
            for tick in range(first, first + self.rows)
            for time in [_written(start + tick * STEP)]
            for sensor in range(self.sensors)
        ]
        return _JSON.encode({"readings": readings})

    def _column(self, sensor: int, start: datetime, first: int) -> bytes:
        ticks = range(first, first + self.rows)
        return _JSON.encode(
            {
                "sensor_id": sensor_name(sensor),
                "times": [_written(start + tick * STEP) for tick in ticks],
                "values": [value(sensor, tick) for tick in ticks],
            }
        )


def _written(time: datetime) -> str:
    return time.astimezone(UTC).isoformat()


MANY_ROWS: Final = Shape("100 sensors x 10 rows", 100, 10)
ONE_ROW: Final = Shape("1,000 sensors x 1 row", 1_000, 1)
ONE_SENSOR: Final = Shape("1 sensor x 1,000 rows (columns)", 1, 1_000, columns=True)
