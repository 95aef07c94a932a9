import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ingestion.errors import ValueRefusedError
from domain.ingestion.iot_configuration import Device
from domain.ingestion.timestamps import read_time
from domain.ingestion.value_reading import read_answer, read_value
from tests.unit.ingestion.documents import one

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def reads(raw: object, data: str = "DOUBLE", **fields: object) -> float | str | None:
    (definition,) = one(values=[{"type": "power", "tag": "x", "data": data, **fields}]).values
    return read_value(definition, raw)


def refusal(raw: object, data: str = "DOUBLE", **fields: object) -> str:
    with pytest.raises(ValueRefusedError) as refused:
        reads(raw, data, **fields)
    return refused.value.fault.code


@pytest.mark.parametrize(
    ("raw", "data", "value"),
    [
        (1, "DOUBLE", 1.0),
        (-2.5, "DOUBLE", -2.5),
        ("21.8", "DOUBLE", 21.8),
        (" 1e3 ", "DOUBLE", 1000.0),
        ("+.5", "DOUBLE", 0.5),
        (50.0, "INTEGER", 50.0),
        ("7", "INTEGER", 7.0),
        (True, "BOOLEAN", 1.0),
        (False, "BOOLEAN", 0.0),
        (1, "BOOLEAN", 1.0),
        ("OFF", "BOOLEAN", 0.0),
        ("true", "BOOLEAN", 1.0),
        ("meter", "STRING", "meter"),
        (3, "STRING", "3"),
        (True, "STRING", "true"),
        ("a\0b\ud800", "STRING", "ab?"),
        (None, "DOUBLE", None),
        (None, "BOOLEAN", None),
        (None, "STRING", None),
    ],
)
def test_what_a_device_gives_becomes_a_value(raw: object, data: str, value: object) -> None:
    assert reads(raw, data) == value


@pytest.mark.parametrize(
    ("raw", "data", "code"),
    [
        ("NaN", "DOUBLE", "not_a_number"),
        (math.nan, "DOUBLE", "not_a_number"),
        ("inf", "DOUBLE", "not_a_number"),
        (math.inf, "DOUBLE", "number_out_of_range"),
        ("n/a", "DOUBLE", "not_a_number"),
        ("", "DOUBLE", "not_a_number"),
        ("1_000", "DOUBLE", "not_a_number"),
        ("21,8", "DOUBLE", "not_a_number"),
        ("٣", "DOUBLE", "not_a_number"),
        ("9" * 5000, "DOUBLE", "not_a_number"),
        ("1e999", "DOUBLE", "number_out_of_range"),
        (10**400, "DOUBLE", "number_out_of_range"),
        (-1e200, "DOUBLE", "number_out_of_range"),
        (True, "DOUBLE", "not_a_number"),
        ({}, "DOUBLE", "not_a_number"),
        ([1], "DOUBLE", "not_a_number"),
        (1.5, "INTEGER", "not_an_integer"),
        (2, "BOOLEAN", "not_a_boolean"),
        ("maybe", "BOOLEAN", "not_a_boolean"),
        ([], "BOOLEAN", "not_a_boolean"),
        ({}, "STRING", "not_text"),
    ],
)
def test_what_is_no_value_is_refused(raw: object, data: str, code: str) -> None:
    assert refusal(raw, data) == code


def test_scale_and_offset_make_the_unit() -> None:
    assert reads("20", scale=0.1, offset=-40) == -38.0
    assert refusal(1e90, scale=1e90) == "number_out_of_range"


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(anything, st.sampled_from(["DOUBLE", "INTEGER", "BOOLEAN", "STRING"]))
def test_whatever_a_device_gives_is_finite_text_or_refused(raw: object, data: str) -> None:
    try:
        value = reads(raw, data)
    except ValueRefusedError:
        return
    if isinstance(value, str):
        value.encode()
        assert data == "STRING"
        assert len(value) <= 256
    elif value is not None:
        assert math.isfinite(value)


@given(st.floats(min_value=-1e99, max_value=1e99))
def test_numbers_as_text_are_the_numbers(number: float) -> None:
    assert reads(repr(number)) == number


@pytest.mark.parametrize(
    ("raw", "time"),
    [
        ("2026-03-02T12:00:00Z", NOW),
        ("2026-03-02T13:00:00+01:00", NOW),
        (1772452800, NOW),
        (1772452800.0, NOW),
        ("1772452800", NOW),
        (1772452800123, NOW + timedelta(milliseconds=123)),
    ],
)
def test_times_of_devices_are_read(raw: object, time: datetime) -> None:
    assert read_time(raw, NOW) == time


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("2019-09-06T20:06:19", "naive_timestamp"),
        ("yesterday", "invalid_timestamp"),
        (None, "invalid_timestamp"),
        (True, "invalid_timestamp"),
        (math.nan, "invalid_timestamp"),
        (10**400, "invalid_timestamp"),
        (-1, "too_old"),
        ("1969-12-31T23:59:59Z", "too_old"),
        ("2026-03-02T12:05:01Z", "in_future"),
        ("0001-01-01T00:00:00+14:00", "invalid_timestamp"),
    ],
)
def test_times_that_cannot_be_are_refused(raw: object, code: str) -> None:
    with pytest.raises(ValueRefusedError) as refused:
        read_time(raw, NOW)
    assert refused.value.fault.code == code


@given(anything)
def test_any_time_is_read_or_refused(raw: object) -> None:
    try:
        time = read_time(raw, NOW)
    except ValueRefusedError:
        return
    assert datetime(1970, 1, 1, tzinfo=UTC) <= time <= NOW + timedelta(minutes=5)


def _pair(**fields: object) -> Device:
    return one(values=[{"type": "power", "tag": "p"}, {"type": "temperature", "tag": "t"}], **fields)


def test_a_fault_of_one_value_is_none_of_the_others() -> None:
    read = read_answer(_pair(), {"t": "NaN", "p": 5}, NOW)
    power, temperature = read.values
    assert (power.value, power.time, power.fault) == (5.0, NOW, None)
    assert temperature.value is None
    assert read.fault is not None
    assert read.fault.code == "not_a_number"


def test_null_is_no_fault() -> None:
    assert read_answer(_pair(), {"t": None, "p": None}, NOW).fault is None


def test_a_naive_time_refuses_what_it_would_stamp() -> None:
    device = _pair(timestamp_tag="at")
    read = read_answer(device, {"at": "2026-03-02T12:00:00", "p": 5, "t": None}, NOW)
    power, temperature = read.values
    assert power.fault is not None
    assert (power.fault.code, power.value) == ("naive_timestamp", None)
    assert temperature.fault is None
    stamped = read_answer(device, {"at": "2026-03-02T11:59:00Z", "p": 5, "t": 1}, NOW)
    assert stamped.values[0].time == NOW - timedelta(minutes=1)
