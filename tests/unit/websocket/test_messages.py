import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.websocket.messages import (
    Error,
    FaultyMessageError,
    Ping,
    Subscribe,
    Unsubscribe,
    decode,
    encode,
)
from adapters.websocket.origins import origin_allowed


def test_messages_are_read_as_the_contract_writes_them() -> None:
    assert decode('{"type":"ping"}') == Ping()
    assert decode('{"type":"unsubscribe","id":7}') == Unsubscribe(7)
    assert decode('{"type":"subscribe","id":"a","topics":["energy_data"],"since":null}') == Subscribe(
        "a", ["energy_data"]
    )


@pytest.mark.parametrize(
    ("text", "code", "about"),
    [
        ('{"type":"subscribe","id":"mine"}', "invalid_message", "mine"),
        ('{"type":"subscribe","id":3,"topics":1}', "invalid_message", 3),
        ('{"type":"subscribe","id":true,"topics":["a"]}', "invalid_message", msgspec.UNSET),
        ('{"type":"subscribe","id":1.5,"topics":["a"]}', "invalid_message", msgspec.UNSET),
        ("\ud800", "malformed_json", msgspec.UNSET),
        ("NaN", "malformed_json", msgspec.UNSET),
    ],
)
def test_what_cannot_be_taken_says_why_and_of_which_subscription(
    text: str, code: str, about: str | int | msgspec.UnsetType
) -> None:
    with pytest.raises(FaultyMessageError) as caught:
        decode(text)
    assert (caught.value.answer.code, caught.value.answer.id) == (code, about)
    json.loads(encode(caught.value.answer))


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_a_message_or_a_fault(text: str) -> None:
    with suppress(FaultyMessageError):
        decode(text)


def test_an_error_without_a_subscription_has_no_id() -> None:
    assert json.loads(encode(Error("code", "detail"))) == {
        "type": "error",
        "code": "code",
        "detail": "detail",
    }


@pytest.mark.parametrize(
    ("origin", "host", "allowed", "taken"),
    [
        (None, "a.test", [], True),
        ("https://a.test", "a.test", [], True),
        ("http://A.test:8000", "a.test:8000", [], True),
        ("https://a.test:8000", "a.test", [], False),
        ("https://b.test", "a.test", [], False),
        ("https://b.test", "a.test", ["https://b.test"], True),
        ("https://b.test", "a.test", ["*"], True),
        ("null", "", [], False),
        ("null", None, [], False),
        ("https://[", "a.test", [], False),
    ],
)
def test_origins(origin: str | None, host: str | None, allowed: list[str], *, taken: bool) -> None:
    assert origin_allowed(origin, host, allowed) is taken
