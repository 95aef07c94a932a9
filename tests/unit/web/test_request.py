import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.problem_details import RequestError
from adapters.web.request import MAX_NESTING, decode_json, nesting

ANYTHING = msgspec.json.Decoder(Any)


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((depth(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth(item) for item in value), default=0)
    return 0


@given(
    st.recursive(
        st.none() | st.integers() | st.text(alphabet='[]{}"\\ab\n', max_size=6),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text('{["\\', max_size=4), inner, max_size=3)
        ),
    )
)
def test_nesting_is_counted_as_a_parser_would(value: object) -> None:
    assert nesting(json.dumps(value).encode()) == depth(value)


@pytest.mark.parametrize("one", [b"[", b'{"a":', b'[{"a":'])
def test_deep_nesting_is_refused_before_it_is_parsed(one: bytes) -> None:
    begun = time.perf_counter()
    with pytest.raises(RequestError) as refused:
        decode_json(one * 2_000_000, ANYTHING)
    assert (refused.value.status_code, refused.value.code) == (400, "nested_too_deep")
    assert time.perf_counter() - begun < 5


def test_as_deep_as_allowed_is_taken() -> None:
    body = b"[" * MAX_NESTING + b"]" * MAX_NESTING
    assert depth(decode_json(body, ANYTHING)) == MAX_NESTING
    with pytest.raises(RequestError, match="levels deep"):
        decode_json(b"[" + body + b"]", ANYTHING)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nul",
        b'{"a":}',
        b'{"a":1,}',
        b"NaN",
        b'"\xff"',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'{"a": "\x00"}',
        b"\x00" * 100,
        b"\xfe\xff\x00{",
        b"'single'",
        b"[1] [2]",
        b'"' * 1001,
    ],
)
def test_what_is_no_json_is_a_400(body: bytes) -> None:
    with pytest.raises(RequestError) as refused:
        decode_json(body, ANYTHING)
    assert (refused.value.status_code, refused.value.code) == (400, "malformed_json")


@given(st.binary(max_size=200))
def test_no_bytes_break_it(body: bytes) -> None:
    try:
        decode_json(body, ANYTHING)
    except RequestError as error:
        assert error.status_code == 400  # noqa: PT017
