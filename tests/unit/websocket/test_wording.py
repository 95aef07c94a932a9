import json
from array import array
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from uuid import UUID

import pytest

from adapters.websocket.wording import WordedEvent
from domain.operations.model import FeedEntry, Topic
from domain.sensors.events import (
    NoDataAlarmsEnded,
    NoDataAlarmsRaised,
    ReadingsStored,
    RollupsCorrected,
    RoomDeleted,
    RoomMetricsCorrected,
    SensorChanged,
)
from domain.sensors.model import RoomName, Sensor, SensorDefinition, SensorId, SensorKey
from domain.sensors.services.live import Selection
from domain.shared.events import SYSTEM, DomainEvent, EventId
from domain.shared.quantities import Quantity, UnitConversion

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALL = Selection()


@dataclass(frozen=True, slots=True, kw_only=True)
class OddThingHappened(DomainEvent):
    at: datetime
    column: "array[int]"
    labels: MappingProxyType[str, str]


def _worded(event: DomainEvent, sensors: dict[SensorKey, Sensor] | None = None) -> WordedEvent:
    return WordedEvent(FeedEntry(topic=Topic.SENSOR_EVENTS, seq=7, time=NOW, event=event), sensors or {})


def _sensor(key: int, quantity: Quantity = Quantity.POWER, room: str | None = None) -> Sensor:
    definition = SensorDefinition(
        sensor_id=SensorId(f"s{key}"),
        name="",
        quantity=quantity,
        unit="W",
        room_name=None if room is None else RoomName(room),
    )
    return Sensor(
        key=SensorKey(key),
        version=1,
        definition=definition,
        conversion=UnitConversion(0.001),
        canonical_unit="kW",
        created_at=NOW,
        updated_at=NOW,
    )


def test_an_event_tells_its_type_and_facts_and_nothing_internal() -> None:
    event = SensorChanged(
        event_id=EventId(UUID(int=1)),
        occurred_at=NOW,
        actor=SYSTEM,
        sensor_id=SensorId("a"),
        key=SensorKey(3),
        changed=("name",),
    )
    frame = _worded(event).frame('quote"d', ALL)
    assert frame is not None
    assert json.loads(frame) == {
        "type": "event",
        "id": 'quote"d',
        "topic": "sensor_events",
        "seq": 7,
        "time": "2026-03-01T12:00:00+00:00",
        "data": {"type": "sensor_changed", "sensor_id": "a", "changed": ["name"]},
    }


def test_any_fact_can_be_told() -> None:
    event = OddThingHappened(
        event_id=EventId(UUID(int=1)),
        occurred_at=NOW,
        at=NOW,
        column=array("q", [1, 2]),
        labels=MappingProxyType({"a": "b"}),
    )
    frame = _worded(event).frame(1, ALL)
    assert frame is not None
    assert json.loads(frame)["data"] == {
        "type": "odd_thing_happened",
        "at": "2026-03-01T12:00:00+00:00",
        "column": [1, 2],
        "labels": {"a": "b"},
    }


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        (Selection(room_names=frozenset({"Lab"})), True),
        (Selection(room_names=frozenset({"Hall"})), False),
        (Selection(sensor_ids=frozenset({"a"})), True),
    ],
)
def test_filters_hold_for_the_facts_that_an_event_has(selection: Selection, *, told: bool) -> None:
    event = RoomDeleted(
        event_id=EventId(UUID(int=1)), occurred_at=NOW, actor=SYSTEM, room_name=RoomName("Lab"), sensor_ids=()
    )
    assert (_worded(event).frame(1, selection) is not None) is told


def _stored(keys: list[int], counts: list[int]) -> ReadingsStored:
    rows = sum(counts)
    return ReadingsStored(
        event_id=EventId(UUID(int=1)),
        occurred_at=NOW,
        sensor_keys=array("q", keys),
        counts=array("q", counts),
        times_us=array("q", range(rows)),
        values=array("d", [float(row) for row in range(rows)]),
        qualities=array("b", [row % 3 for row in range(rows)]),
    )


@pytest.mark.parametrize(
    ("selection", "values"),
    [
        (ALL, [0.0, 1.0, 5.0, 2.0]),
        (Selection(sensor_ids=frozenset({"s1"})), [0.0, 1.0, 5.0]),
        (Selection(sensor_ids=frozenset({"s2", "other", "more", "of", "them"})), [2.0]),
        (Selection(sensor_ids=frozenset({"s2"}), room_names=frozenset({"Hall"})), None),
        (Selection(room_names=frozenset({"Lab"})), [0.0, 1.0, 5.0]),
        (Selection(quantities=frozenset({"temperature"})), [2.0]),
    ],
)
def test_stored_readings_are_chosen_by_the_filter(selection: Selection, values: list[float] | None) -> None:
    sensors = {SensorKey(1): _sensor(1, room="Lab"), SensorKey(2): _sensor(2, Quantity.TEMPERATURE)}
    # Sensor 9 was deleted since; sensor 1 comes twice, as it does where two sources sent for it.
    frame = _worded(_stored([1, 2, 9, 1], [2, 1, 2, 1]), sensors).frame(1, selection)
    assert (
        None if frame is None else [one["value"] for one in json.loads(frame)["data"]["readings"]]
    ) == values


def test_a_reading_is_told_with_all_that_a_client_needs() -> None:
    frame = _worded(_stored([1], [3]), {SensorKey(1): _sensor(1, room="Lab")}).frame(1, ALL)
    assert frame is not None
    readings = json.loads(frame)["data"]["readings"]
    assert readings[1] == {
        "sensor_id": "s1",
        "time": "1970-01-01T00:00:00.000001+00:00",
        "value": 1.0,
        "unit": "kW",
        "quality": "ESTIMATED",
        "quantity": "power",
        "room_name": "Lab",
    }
    assert [one["quality"] for one in readings] == ["OK", "ESTIMATED", "BAD"]


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        (ALL, ["s1", "s2"]),
        (Selection(sensor_ids=frozenset({"s2", "other"})), ["s2"]),
        (Selection(room_names=frozenset({"Lab"})), ["s1"]),
        (Selection(quantities=frozenset({"temperature"})), ["s2"]),
        (Selection(room_names=frozenset({"Hall"})), None),
    ],
)
def test_corrected_rollups_are_told_by_sensor_id(selection: Selection, told: list[str] | None) -> None:
    event = RollupsCorrected(
        event_id=EventId(UUID(int=1)),
        occurred_at=NOW,
        sensor_keys=array("q", [1, 2, 9]),
        starts_us=array("q", [0, 900_000_000, 0]),
        ends_us=array("q", [900_000_000, 2_700_000_000, 1]),
    )
    # Sensor 9 was deleted since.
    sensors = {SensorKey(1): _sensor(1, room="Lab"), SensorKey(2): _sensor(2, Quantity.TEMPERATURE)}
    frame = _worded(event, sensors).frame(1, selection)
    if told is None:
        assert frame is None
        return
    assert frame is not None
    data = json.loads(frame)["data"]
    assert set(data) == {"type", "sensors"}
    assert data["type"] == "correction"
    assert [one["sensor_id"] for one in data["sensors"]] == told
    if "s2" in told:
        assert data["sensors"][-1] == {
            "sensor_id": "s2",
            "start": "1970-01-01T00:15:00+00:00",
            "end": "1970-01-01T00:45:00+00:00",
        }


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        (ALL, ["Lab", "Lab", "Hall"]),
        (Selection(room_names=frozenset({"Hall"})), ["Hall"]),
        (Selection(room_names=frozenset({"Attic"})), None),
        (Selection(sensor_ids=frozenset({"s1"})), None),
        (Selection(quantities=frozenset({"power"})), None),
    ],
)
def test_corrected_room_metrics_are_told_by_room(selection: Selection, told: list[str] | None) -> None:
    event = RoomMetricsCorrected(
        event_id=EventId(UUID(int=1)),
        occurred_at=NOW,
        room_names=(RoomName("Lab"), RoomName("Lab"), RoomName("Hall")),
        starts_us=array("q", [0, 900_000_000, 0]),
        ends_us=array("q", [300_000_000, 1_200_000_000, 300_000_000]),
    )
    frame = _worded(event).frame(1, selection)
    assert (frame is None) is (told is None)
    if frame is not None:
        data = json.loads(frame)["data"]
        assert set(data) == {"type", "rooms"}
        assert data["type"] == "correction"
        assert [one["room_name"] for one in data["rooms"]] == told
        assert data["rooms"][0]["start"] == "1970-01-01T00:00:00+00:00"
        assert data["rooms"][0]["end"] == "1970-01-01T00:05:00+00:00"


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        (ALL, ["s1", "s2"]),
        (Selection(sensor_ids=frozenset({"s2", "other"})), ["s2"]),
        (Selection(room_names=frozenset({"Lab"})), ["s1"]),
        (Selection(quantities=frozenset({"temperature"})), ["s2"]),
        (Selection(room_names=frozenset({"Hall"})), None),
    ],
)
@pytest.mark.parametrize(
    ("kind", "word"),
    [(NoDataAlarmsRaised, "no_data_alarms_raised"), (NoDataAlarmsEnded, "no_data_alarms_ended")],
)
def test_alarms_are_told_by_sensor(
    kind: type[NoDataAlarmsRaised | NoDataAlarmsEnded],
    word: str,
    selection: Selection,
    told: list[str] | None,
) -> None:
    event = kind(
        event_id=EventId(UUID(int=1)),
        occurred_at=NOW,
        sensor_keys=array("i", [1, 2, 9]),
        last_times_us=array("q", [0, 900_000_000, 0]),
    )
    # Sensor 9 was deleted since.
    sensors = {SensorKey(1): _sensor(1, room="Lab"), SensorKey(2): _sensor(2, Quantity.TEMPERATURE)}
    frame = _worded(event, sensors).frame(1, selection)
    assert (frame is None) is (told is None)
    if frame is not None and told is not None:
        data = json.loads(frame)["data"]
        assert data["type"] == word
        assert [one["sensor_id"] for one in data["sensors"]] == told
        if "s1" in told:
            first = {"sensor_id": "s1", "room_name": "Lab", "last_time": "1970-01-01T00:00:00+00:00"}
            assert data["sensors"][0] == first
