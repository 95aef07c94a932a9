"""How events read on the WebSocket: the one place where an event becomes public JSON.

``data`` is the event's ``type`` (its name in snake case) and its facts, without what is internal. Stored
readings, corrections and demand response have words of their own.
"""

import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Final

import msgspec

from adapters.websocket.dr_wording import told_of
from adapters.websocket.readings import StoredReadings
from domain.operations.model import FeedEntry
from domain.sensors.events import (
    NoDataAlarmsEnded,
    NoDataAlarmsRaised,
    ReadingsStored,
    RollupsCorrected,
    RoomMetricsCorrected,
)
from domain.sensors.model import Sensor, SensorKey
from domain.sensors.services.live import LiveReadings, Selection
from domain.shared.events import DomainEvent
from domain.shared.time import from_microseconds

_INTERNAL: Final = frozenset({"event_id", "occurred_at", "actor", "key"})
"""Who did it is for the audit trail, which only admins read; keys never leave the product."""


def _other(value: object) -> object:
    if isinstance(value, array):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(f"{type(value).__name__} cannot be told")


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_other)
_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _type(event: DomainEvent) -> str:
    return _WORD.sub("_", type(event).__name__).lower()


def facts(event: DomainEvent) -> dict[str, object]:
    """Return the type and the public facts of an event."""
    told: dict[str, object] = {"type": _type(event)}
    for field in fields(event):
        if field.name not in _INTERNAL:
            value = getattr(event, field.name)
            told[field.name] = value.isoformat() if isinstance(value, datetime) else value
    return told


class _Facts:
    """The data of an event that reads the same for all; filters hold for the facts that it has."""

    def __init__(self, told: Mapping[str, object]) -> None:
        self._facts = told
        self._text = _ENCODER.encode(self._facts).decode()

    def data(self, selection: Selection) -> str | None:
        for fact, wanted in (
            ("sensor_id", selection.sensor_ids),
            ("room_name", selection.room_names),
            ("quantity", selection.quantities),
        ):
            if wanted is not None and self._facts.get(fact, None) not in {None, *wanted}:
                return None
        return self._text


class _CorrectedSensors:
    """The data of a `RollupsCorrected`. Sensors that were deleted since are left out."""

    def __init__(self, event: RollupsCorrected, sensors: Mapping[SensorKey, Sensor]) -> None:
        columns = zip(event.sensor_keys, event.starts_us, event.ends_us, strict=True)
        self._ranges = [
            (sensor, {"sensor_id": sensor.sensor_id, **_range(start_us, end_us)})
            for key, start_us, end_us in columns
            if (sensor := sensors.get(SensorKey(key))) is not None
        ]

    def data(self, selection: Selection) -> str | None:
        return _correction("sensors", [told for sensor, told in self._ranges if selection.matches(sensor)])


class _AlarmedSensors:
    """The data of an event about alarms of sensors. Those that were deleted since are left out."""

    def __init__(
        self, event: NoDataAlarmsRaised | NoDataAlarmsEnded, sensors: Mapping[SensorKey, Sensor]
    ) -> None:
        self._type = _type(event)
        self._told = [
            (
                sensor,
                {
                    "sensor_id": sensor.sensor_id,
                    "room_name": sensor.definition.room_name,
                    "last_time": from_microseconds(last_us).isoformat(),
                },
            )
            for key, last_us in zip(event.sensor_keys, event.last_times_us, strict=True)
            if (sensor := sensors.get(SensorKey(key))) is not None
        ]

    def data(self, selection: Selection) -> str | None:
        told = [one for sensor, one in self._told if selection.matches(sensor)]
        return _ENCODER.encode({"type": self._type, "sensors": told}).decode() if told else None


class _CorrectedRooms:
    """The data of a `RoomMetricsCorrected`, which is nothing to those who ask for certain sensors only."""

    def __init__(self, event: RoomMetricsCorrected) -> None:
        columns = zip(event.room_names, event.starts_us, event.ends_us, strict=True)
        self._ranges = [
            (room, {"room_name": room, **_range(start_us, end_us)}) for room, start_us, end_us in columns
        ]

    def data(self, selection: Selection) -> str | None:
        if selection.sensor_ids is not None or selection.quantities is not None:
            return None
        wanted = selection.room_names
        return _correction("rooms", [told for room, told in self._ranges if wanted is None or room in wanted])


def _range(start_us: int, end_us: int) -> dict[str, str]:
    return {
        "start": from_microseconds(start_us).isoformat(),
        "end": from_microseconds(end_us).isoformat(),
    }


def _correction(kind: str, ranges: Sequence[Mapping[str, str]]) -> str | None:
    return _ENCODER.encode({"type": "correction", kind: ranges}).decode() if ranges else None


def _words(
    event: DomainEvent, sensors: Mapping[SensorKey, Sensor]
) -> StoredReadings | _CorrectedSensors | _AlarmedSensors | _CorrectedRooms | _Facts:
    if isinstance(event, ReadingsStored):
        return StoredReadings(event, sensors)
    if isinstance(event, RollupsCorrected):
        return _CorrectedSensors(event, sensors)
    if isinstance(event, NoDataAlarmsRaised | NoDataAlarmsEnded):
        return _AlarmedSensors(event, sensors)
    if isinstance(event, RoomMetricsCorrected):
        return _CorrectedRooms(event)
    return _Facts(told_of(event) or facts(event))


class WordedEvent:
    """An event of the feed in words: encoded once per filter, however many clients get it."""

    def __init__(self, entry: FeedEntry, sensors: Mapping[SensorKey, Sensor]) -> None:
        event = entry.event
        self.topic = entry.topic
        self.seq = entry.seq
        self._words = _words(event, sensors)
        self._head = f'"topic":"{entry.topic}","seq":{entry.seq},"time":"{entry.time.isoformat()}","data":'
        self._bodies: dict[Selection, str | None] = {}
        self._frames: dict[tuple[str | int, Selection], str] = {}

    def frame(self, subscription: str | int, selection: Selection) -> str | None:
        """Return the frame for a subscription; None where nothing in the event was asked for."""
        frame = self._frames.get((subscription, selection))
        if frame is None:
            body = self._body(selection)
            if body is None:
                return None
            written_id = _ENCODER.encode(subscription).decode()
            frame = f'{{"type":"event","id":{written_id},{body}}}'
            self._frames[subscription, selection] = frame
        return frame

    def _body(self, selection: Selection) -> str | None:
        if selection not in self._bodies:
            data = self._words.data(selection)
            self._bodies[selection] = None if data is None else self._head + data
        return self._bodies[selection]


async def worded(entry: FeedEntry, live: LiveReadings) -> WordedEvent:
    """Put an event into words, with the sensors that it speaks of."""
    event = entry.event
    if isinstance(event, ReadingsStored | RollupsCorrected | NoDataAlarmsRaised | NoDataAlarmsEnded):
        return WordedEvent(entry, await live.describe([SensorKey(key) for key in event.sensor_keys]))
    return WordedEvent(entry, {})
