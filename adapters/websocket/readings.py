"""The readings of one stored batch as JSON, encoded once per sensor and chosen by filter."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from adapters.websocket.messages import LatestItem
from domain.sensors.events import ReadingsStored
from domain.sensors.model import QualityCode, Sensor, SensorId, SensorKey
from domain.sensors.services.live import LatestReading, Selection
from domain.shared.time import from_microseconds

_ENCODER: Final = msgspec.json.Encoder()
_QUALITY: Final = {int(code): str(code.quality) for code in QualityCode}


def latest_item(latest: LatestReading) -> LatestItem:
    """Return a reading of a snapshot as it is sent."""
    return LatestItem(
        latest.sensor_id,
        latest.time.isoformat(),
        latest.value,
        latest.unit,
        str(latest.quality),
        str(latest.quantity),
        latest.room_name,
    )


class StoredReadings:
    """The data of a `ReadingsStored`. Readings of sensors that were deleted since are left out."""

    def __init__(self, event: ReadingsStored, sensors: Mapping[SensorKey, Sensor]) -> None:
        self._event = event
        self._sensors: dict[SensorId, Sensor] = {}
        self._rows: defaultdict[SensorId, list[range]] = defaultdict(list)
        self._encoded: dict[SensorId, str] = {}
        start = 0
        for key, count in zip(event.sensor_keys, event.counts, strict=True):
            sensor = sensors.get(SensorKey(key))
            if sensor is not None:
                self._sensors[sensor.sensor_id] = sensor
                self._rows[sensor.sensor_id].append(range(start, start + count))
            start += count

    def data(self, selection: Selection) -> str | None:
        """Return the readings that the filter lets through; None where it is none of them."""
        chosen = [
            self._readings(one) for one in self._asked_for(selection) if selection.matches(self._sensors[one])
        ]
        return f'{{"type":"readings","readings":[{",".join(chosen)}]}}' if chosen else None

    def _asked_for(self, selection: Selection) -> Iterable[SensorId]:
        # A short list of sensors must not cost a walk through a batch of thousands.
        if selection.sensor_ids is not None and len(selection.sensor_ids) < len(self._sensors):
            return sorted(SensorId(one) for one in selection.sensor_ids if one in self._sensors)
        return self._sensors

    def _readings(self, sensor_id: SensorId) -> str:
        encoded = self._encoded.get(sensor_id)
        if encoded is None:
            sensor, event = self._sensors[sensor_id], self._event
            unit, quantity = sensor.canonical_unit, str(sensor.definition.quantity)
            room = sensor.definition.room_name
            items = [
                LatestItem(
                    sensor_id,
                    from_microseconds(event.times_us[row]).isoformat(),
                    event.values[row],
                    unit,
                    _QUALITY[event.qualities[row]],
                    quantity,
                    room,
                )
                for rows in self._rows[sensor_id]
                for row in rows
            ]
            encoded = self._encoded[sensor_id] = _ENCODER.encode(items)[1:-1].decode()
        return encoded
