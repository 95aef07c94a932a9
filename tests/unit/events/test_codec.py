import json
from array import array
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.events.codec import JsonEventCodec
from domain.operations.model import Topic
from domain.shared.events import DomainEvent, EventId
from tests.unit.events.samples import (
    CODEC,
    Amount,
    Colour,
    Happened,
    Level,
    Measured,
    Noted,
    Part,
    PartId,
    happened,
    noted,
)

TIMES = st.datetimes(timezones=st.just(UTC))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text()
INT64 = st.integers(-(2**63), 2**63 - 1)

MEASURED = st.builds(
    Measured,
    event_id=st.uuids().map(EventId),
    occurred_at=TIMES,
    parts=st.lists(
        st.builds(
            Part,
            part_id=st.uuids().map(PartId),
            amount=NUMBERS.map(Amount),
            kind=st.none() | st.sampled_from(Colour),
        )
    ).map(tuple),
    times_us=st.lists(INT64).map(lambda numbers: array("q", numbers)),
    values=st.lists(st.floats(allow_nan=False)).map(lambda numbers: array("d", numbers)),
    qualities=st.lists(st.integers(-128, 127)).map(lambda numbers: array("b", numbers)),
    level=st.sampled_from(Level),
    took=st.timedeltas(min_value=timedelta(days=-9999), max_value=timedelta(days=9999)),
    until=st.none() | TIMES,
    labels=st.dictionaries(TEXTS, TEXTS),
)


@given(MEASURED)
def test_an_event_comes_back_as_it_was(event: Measured) -> None:
    encoded = CODEC.encode(event)
    again = CODEC.decode(encoded.type, encoded.payload)
    assert again == event
    assert isinstance(again, Measured)
    columns = (again.times_us, again.values, again.qualities)
    assert [column.typecode for column in columns] == ["q", "d", "b"]


@pytest.mark.parametrize("text", ["\x00", '"}]', "\u2028", "😀", "'; DROP TABLE ops.outbox; --", "\\u0000"])
def test_hostile_texts_stay_facts(text: str) -> None:
    encoded = CODEC.encode(noted(text))
    assert json.loads(encoded.payload)["text"] == text
    assert "\x00" not in encoded.payload
    again = CODEC.decode("Noted", encoded.payload)
    assert isinstance(again, Noted)
    assert again.text == text


def test_columns_are_compact_and_little_endian() -> None:
    event = Measured(
        event_id=happened(1).event_id,
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        parts=(),
        times_us=array("q", [1]),
        level=Level.LOW,
        took=timedelta(0),
        until=None,
        labels=MappingProxyType({"a": "b"}),
    )
    payload = json.loads(CODEC.encode(event).payload)
    assert payload["times_us"] == "q:AQAAAAAAAAA="
    assert payload["labels"] == {"a": "b"}


def test_an_event_has_the_topic_of_its_class_or_none() -> None:
    assert CODEC.encode(happened(1)).topic == Topic.SYSTEM_EVENTS
    assert CODEC.encode(noted("x")).topic is None


def test_what_later_versions_add_is_passed_over() -> None:
    payload = json.loads(CODEC.encode(happened(3)).payload) | {"added": [1, {"deep": None}]}
    again = CODEC.decode("Happened", json.dumps(payload))
    assert isinstance(again, Happened)
    assert again.number == 3


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        CODEC.decode("NeverHeardOf", "{}")


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 5000,
        '{"event_id": 1}',
        '{"times_us": "x:AAAA"}',
        '{"times_us": "q:###"}',
        '{"times_us": "q:AAAA"}',
        '{"times_us": ""}',
        '{"times_us": 5}',
    ],
)
def test_an_unreadable_payload_is_a_validation_error(payload: str) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        CODEC.decode("Measured", payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unstorable(DomainEvent):
    thing: complex


def test_what_cannot_be_stored_is_found_before_anything_is() -> None:
    with pytest.raises(TypeError, match="two events are named"):
        JsonEventCodec([Happened, Happened], {})
    with pytest.raises(TypeError, match="Happened"):
        JsonEventCodec([Noted], {Happened: Topic.SYSTEM_EVENTS})
    with pytest.raises(TypeError, match="not among the events"):
        JsonEventCodec([Noted], {}).encode(happened(1))
    unstorable = Unstorable(
        event_id=happened(1).event_id, occurred_at=datetime(2026, 1, 1, tzinfo=UTC), thing=1j
    )
    with pytest.raises(TypeError):
        JsonEventCodec([Unstorable], {}).encode(unstorable)
