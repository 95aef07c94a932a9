"""Bodies in four shapes, well formed and not."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.http_api.submissions import MAX_READINGS, submission
from adapters.web.problem_details import RequestError
from domain.sensors.model import QualityCode
from domain.sensors.services.checking import Submission
from domain.shared.errors import InvalidError, TooLargeError
from domain.shared.time import to_microseconds

JSON, CSV, NDJSON = "application/json", "text/csv", "application/x-ndjson"
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOON_US = to_microseconds(NOON)


def read(body: object, content_type: str = JSON) -> Submission:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    found = submission(text.encode() if isinstance(text, str) else text, content_type)
    assert found is not None
    return found


def refused(found: Submission) -> list[tuple[int, str]]:
    return [(one.index, one.code) for one in found.unreadable]


_READINGS = st.lists(
    st.fixed_dictionaries(
        {
            "sensor_id": st.sampled_from(["a", "b"]),
            "time": st.datetimes(
                min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
                max_value=datetime(2100, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
                timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
            ).map(datetime.isoformat),
            "value": st.one_of(
                st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**53), 2**53)
            ),
        },
        optional={
            "unit": st.sampled_from(["W", "kW", ""]),
            "quality": st.sampled_from(["OK", "ESTIMATED", "BAD"]),
        },
    ),
    max_size=12,
)


@given(readings=_READINGS)
def test_the_quick_way_and_the_careful_way_read_the_same(readings: list[dict[str, object]]) -> None:
    quick = read({"readings": readings})
    # One row that cannot be read sends all of them the careful way.
    careful = read({"readings": [*readings, {"sensor_id": "a", "time": "when?", "value": 1}]})
    lines = "\n".join(json.dumps(one) for one in readings)
    by_line = read(lines, NDJSON)
    for other in (careful, by_line):
        assert list(other.sensor_ids) == list(quick.sensor_ids)
        assert list(other.times_us) == list(quick.times_us)
        assert list(other.values) == list(quick.values)
        assert list(other.units or ()) == list(quick.units or ())
        assert list(other.qualities or ()) == list(quick.qualities or ())
    assert refused(careful) == [(len(readings), "invalid_timestamp")]


def test_columns_of_one_sensor() -> None:
    found = read(
        {
            "sensor_id": "a",
            "times": ["2026-03-01T12:00:00Z", "2026-03-01T13:15:00+01:00"],
            "values": [1, 2.5],
            "unit": "W",
            "quality": "ESTIMATED",
        }
    )
    assert list(found.sensor_ids) == ["a", "a"]
    assert list(found.times_us) == [NOON_US, NOON_US + 900_000_000]
    assert list(found.values) == [1.0, 2.5]
    assert list(found.units or ()) == ["W", "W"]
    assert list(found.qualities or ()) == [QualityCode.ESTIMATED] * 2


@pytest.mark.parametrize(
    "time",
    [
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00:00+00:00",
        "2026-03-01t17:45:00+05:45",
        NOON_US // 1_000_000,
        NOON_US // 1000,
        NOON_US / 1e6,
    ],
)
def test_times_in_every_form(time: object) -> None:
    assert list(read({"readings": [{"sensor_id": "a", "time": time, "value": 1}]}).times_us) == [NOON_US]
    assert list(read({"sensor_id": "a", "times": [time], "values": [1]}).times_us) == [NOON_US]


@pytest.mark.parametrize(
    ("reading", "code"),
    [
        ({"time": "2026-03-01T12:00:00"}, "naive_timestamp"),
        ({"time": "2026-03-01"}, "naive_timestamp"),
        ({"time": "soon"}, "invalid_timestamp"),
        ({"time": None}, "invalid_timestamp"),
        ({"time": True}, "invalid_timestamp"),
        ({"time": 1e300}, "invalid_timestamp"),
        ({"time": "2026-02-30T00:00:00Z"}, "invalid_timestamp"),
        ({"value": "much"}, "not_a_number"),
        ({"value": None}, "not_a_number"),
        ({"value": True}, "not_a_number"),
        ({"value": [1]}, "not_a_number"),
        ({"value": 10**400}, "not_a_number"),
        ({"value": "nan"}, "not_a_number"),
        ({"sensor_id": None}, "unknown_sensor"),
        ({"sensor_id": 5}, "unknown_sensor"),
        ({"unit": 5}, "unit_mismatch"),
        ({"quality": "FINE"}, "invalid_quality"),
        ({"quality": 1}, "invalid_quality"),
    ],
)
def test_one_bad_reading_costs_only_itself(reading: dict[str, object], code: str) -> None:
    good = {"sensor_id": "a", "time": "2026-03-01T12:00:00Z", "value": 1}
    found = read({"readings": [good, {**good, **reading}, good]})
    assert refused(found) == [(1, code)]
    assert list(found.indexes or ()) == [0, 2]
    assert list(found.values) == [1.0, 1.0]


def test_a_number_too_big_for_any_float_is_refused_alone() -> None:
    good = '{"sensor_id":"a","time":"2026-03-01T12:00:00Z","value":1}'
    found = read(f'{{"readings":[{good},{good.replace("1}", "1e999}")}]}}')
    assert refused(found) == [(1, "not_a_number")]
    assert list(found.values) == [1.0]


def test_readings_that_are_no_objects_are_refused_one_by_one() -> None:
    found = read({"readings": [1, None, [], "x"]})
    assert refused(found) == [(row, "wrong_type") for row in range(4)]


def test_csv_with_optional_columns_in_any_order() -> None:
    header = "\ufefftime, value ,sensor_id,quality,unit\r\n"
    found = read(header + "2026-03-01T12:00:00Z,1.5,a,BAD,W\n\n2026-03-01T12:00:00Z,2,b\n", CSV)
    assert list(found.sensor_ids) == ["a", "b"]
    assert list(found.values) == [1.5, 2.0]
    assert list(found.units or ()) == ["W", None]
    assert list(found.qualities or ()) == [QualityCode.BAD, None]


def test_csv_lines_that_cannot_be_read() -> None:
    text = "sensor_id,time,value\na,2026-03-01T12:00:00Z,x\na,,1\na\na,2026-03-01T12:00:00Z,1,2,3\n"
    assert refused(read(text, CSV)) == [
        (0, "not_a_number"),
        (1, "invalid_timestamp"),
        (2, "not_a_number"),
    ]


def test_lines_that_are_no_json_are_refused_one_by_one() -> None:
    text = b'{"sensor_id":"a","time":"2026-03-01T12:00:00Z","value":1}\n{"sensor_id"\n\xff\n\n[]\n'
    found = read(text, NDJSON)
    assert list(found.values) == [1.0]
    assert refused(found) == [(1, "not_json"), (2, "not_json"), (3, "wrong_type")]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ({}, JSON),
        ([], JSON),
        (1, JSON),
        ({"readings": {}}, JSON),
        ({"sensor_id": "a", "times": []}, JSON),
        ({"times": [], "values": []}, JSON),
        ("", CSV),
        ("a,b,c\n1,2,3\n", CSV),
        ("sensor_id,time\n", CSV),
        (b"\xff\xfe", CSV),
    ],
)
def test_bodies_without_readings(body: object, content_type: str) -> None:
    with pytest.raises(InvalidError) as error:
        read(body, content_type)
    assert error.value.code == "unreadable"


def test_unequal_columns() -> None:
    with pytest.raises(InvalidError) as error:
        read({"sensor_id": "a", "times": ["2026-03-01T12:00:00Z"], "values": []})
    assert error.value.code == "unequal_columns"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"readings": [}', b"[" * 100_000])
def test_bodies_that_are_no_json(body: bytes) -> None:
    with pytest.raises(RequestError):
        submission(body, JSON)


def test_too_many_readings() -> None:
    reading = {"sensor_id": "a", "time": "2026-03-01T12:00:00Z", "value": 1}
    line = json.dumps(reading)
    count = MAX_READINGS + 1
    bodies: list[tuple[object, str]] = [
        ({"readings": [reading] * count}, JSON),
        ({"readings": [{**reading, "value": "x"}] * count}, JSON),
        ({"sensor_id": "a", "times": [reading["time"]] * count, "values": [1] * count}, JSON),
        ("sensor_id,time,value\n" + "a,2026-03-01T12:00:00Z,1\n" * count, CSV),
        (f"{line}\n" * count, NDJSON),
    ]
    for body, content_type in bodies:
        with pytest.raises(TooLargeError):
            read(body, content_type)
    assert len(read({"readings": [reading] * MAX_READINGS}).values) == MAX_READINGS


def test_other_content_types_are_not_read() -> None:
    assert submission(b"<readings/>", "application/xml") is None
