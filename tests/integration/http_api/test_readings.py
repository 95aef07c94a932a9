import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.http_api.conftest import Caller

START = datetime(2026, 3, 1, tzinfo=UTC)
CSV = {"content-type": "text/csv"}
NDJSON = {"content-type": "application/x-ndjson"}


def _row(value: object, minute: int = 0, sensor_id: str = "a") -> dict[str, object]:
    return {"sensor_id": sensor_id, "time": (START + timedelta(minutes=minute)).isoformat(), "value": value}


def _counts(receipt: dict[str, int]) -> tuple[int, ...]:
    names = ("received", "created", "updated", "unchanged", "rejected")
    return tuple(receipt[name] for name in names)


async def _values(call: Caller, **params: object) -> list[float]:
    page = await call("GET", "/sensors/a/data", params=params)
    return [item["value"] for item in page["items"]]


@pytest.mark.parametrize(
    "request_",
    [
        {"json": {"readings": [_row(1.5), _row(2.5, 1)]}},
        {
            "json": {
                "sensor_id": "a",
                "times": [START.isoformat(), START.timestamp() + 60],
                "values": [1.5, 2.5],
            }
        },
        {
            "content": "sensor_id,time,value\r\na,2026-03-01T00:00:00Z,1.5\r\na,1772323260000,2.5\r\n",
            "headers": CSV,
        },
        {
            "content": '{"sensor_id":"a","time":"2026-03-01T01:00:00+01:00","value":1.5}\n'
            '{"sensor_id":"a","time":1772323260,"value":"2.5"}\n',
            "headers": NDJSON,
        },
    ],
)
async def test_all_four_shapes_say_the_same(call: Caller, request_: dict[str, Any]) -> None:
    await call.sensor("a")
    receipt = await call("POST", "/data/readings", **request_)
    assert _counts(receipt) == (2, 2, 0, 0, 0)
    page = await call("GET", "/sensors/a/data")
    assert page == {
        "items": [
            {"time": "2026-03-01T00:00:00+00:00", "value": 1.5, "quality": "OK"},
            {"time": "2026-03-01T00:01:00+00:00", "value": 2.5, "quality": "OK"},
        ],
        "next_cursor": None,
        "unit": "kW",
    }
    again = await call("POST", "/data/readings", **request_)
    assert _counts(again) == (2, 0, 0, 2, 0)


async def test_each_reading_that_cannot_be_taken_is_named_and_kept(call: Caller) -> None:
    await call.sensor("a")
    soon = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
    rows: list[object] = [
        _row(1),
        _row(1, sensor_id="nobody"),
        {"sensor_id": "a", "time": "2026-03-01T00:00:00", "value": 1},
        {"sensor_id": "a", "time": "yesterday", "value": 1},
        {"sensor_id": "a", "time": soon, "value": 1},
        {"sensor_id": "a", "time": -1, "value": 1},
        _row("many", 1),
        _row(None, 1),
        {**_row(0, 1), "value": True},
        {**_row(1, 1), "unit": "degC"},
        {**_row(1, 1), "quality": "SPLENDID"},
        7,
        {**_row(2, 5)},
        {**_row(3, 5)},
    ]
    receipt = await call("POST", "/data/readings", json={"readings": rows})
    assert _counts(receipt) == (14, 2, 0, 0, 12)
    assert [(error["index"], error["code"]) for error in receipt["errors"]] == [
        (1, "unknown_sensor"),
        (2, "naive_timestamp"),
        (3, "invalid_timestamp"),
        (4, "in_future"),
        (5, "too_old"),
        (6, "not_a_number"),
        (7, "not_a_number"),
        (8, "not_a_number"),
        (9, "unit_mismatch"),
        (10, "invalid_quality"),
        (11, "wrong_type"),
        (12, "duplicate_in_batch"),
    ]
    kept = await call("GET", receipt["errors_url"].removeprefix("/api/v1"))
    assert kept["total"] == 12
    assert {item["index"]: item["value"] for item in kept["items"]}[6] == "many"
    assert await _values(call) == [1, 3]


async def test_a_huge_or_infinite_number_is_refused(call: Caller) -> None:
    await call.sensor("a")
    body = '{"readings":[{"sensor_id":"a","time":"2026-03-01T00:00:00Z","value":1e999}]}'
    receipt = await call("POST", "/data/readings", content=body, headers={"content-type": "application/json"})
    assert [error["code"] for error in receipt["errors"]] == ["not_a_number"]


async def test_atomic_stores_all_or_nothing(call: Caller) -> None:
    await call.sensor("a")
    body = {"readings": [_row(1), _row("x", 1)]}
    problem = await call("POST", "/data/readings?atomic=true", 422, json=body)
    assert problem["errors"][0]["pointer"] == "/readings/1"
    assert await _values(call) == []
    receipt = await call("POST", "/data/readings?atomic=true", json={"readings": [_row(1), _row(2, 1)]})
    assert _counts(receipt) == (2, 2, 0, 0, 0)


async def test_a_dry_run_says_what_would_be(call: Caller) -> None:
    await call.sensor("a")
    await call("POST", "/data/readings", json={"readings": [_row(1)]})
    body = {"readings": [_row(1), _row(2, 1), _row(0, 2, "nobody")]}
    receipt = await call("POST", "/data/readings?dry_run=true", json=body)
    assert _counts(receipt) == (3, 1, 0, 1, 1)
    assert receipt["dry_run"]
    assert await _values(call) == [1]
    assert (await call("GET", "/data/rejected"))["total"] == 0


@pytest.mark.parametrize("misspelt", ["dryrun=true", "dry_run=true&Atomic=true"])
async def test_a_parameter_that_is_unknown_is_refused_rather_than_all_stored(
    call: Caller, misspelt: str
) -> None:
    await call.sensor("a")
    problem = await call("POST", f"/data/readings?{misspelt}", 422, json={"readings": [_row(1)]})
    name = misspelt.rpartition("&")[2].partition("=")[0]
    assert problem["code"] == "unknown_parameter"
    assert problem["errors"] == [
        {
            "pointer": f"/query/{name}",
            "code": "unknown_parameter",
            "detail": "there is no such parameter here; known are atomic, dry_run",
        }
    ]
    assert await _values(call) == []


async def test_a_correction_keeps_its_predecessor(call: Caller) -> None:
    await call.sensor("a", unit="W")
    await call("POST", "/data/readings", json={"readings": [_row(1000)]})
    receipt = await call("POST", "/data/readings", json={"readings": [_row(2000)]})
    assert _counts(receipt) == (1, 0, 1, 0, 0)
    (revision,) = (await call("GET", "/sensors/a/revisions"))["items"]
    assert revision["value"] == 1.0
    assert revision["replaced_by"].startswith("key:")
    assert (await call("GET", "/sensors/a"))["latest"]["value"] == 2.0


async def test_units_are_converted_on_the_way_in_and_out(call: Caller) -> None:
    await call.sensor("a", quantity="temperature", unit="degF")
    rows = [_row(212), {**_row(0, 1), "unit": "degC"}, {**_row(300.15, 2), "unit": "K"}]
    await call("POST", "/data/readings", json={"readings": rows})
    assert await _values(call) == pytest.approx([100, 0, 27])
    assert await _values(call, unit="degF") == pytest.approx([212, 32, 80.6])
    problem = await call("GET", "/sensors/a/data?unit=kW", 422)
    assert problem["code"] == "unit_mismatch"


async def test_bad_values_are_kept_and_left_out(call: Caller) -> None:
    await call.sensor("a", min_value=0, max_value=10)
    rows = [_row(5), _row(11, 1), {**_row(6, 2), "quality": "BAD"}, _row(7, 3)]
    await call("POST", "/data/readings", json={"readings": rows})
    page = await call("GET", "/sensors/a/data")
    assert [item["quality"] for item in page["items"]] == ["OK", "BAD", "BAD", "OK"]
    params = {
        "start": "2026-03-01T00:00:00Z",
        "end": "2026-03-01T00:04:00Z",
        "resolution": "PT4M",
        "aggregate": ["max", "count", "energy"],
    }
    (bucket,) = (await call("GET", "/sensors/a/data", params=params))["buckets"]
    assert (bucket["max"], bucket["count"], bucket["actual"]) == (7, 2, 2)
    assert bucket["energy"] == pytest.approx((5 + 7) / 2 * 3 / 60)
    assert bucket["coverage"] == pytest.approx(0.75)
    assert bucket["quality"] == "ESTIMATED"
    assert bucket["settled"]


async def test_pages_follow_each_other_without_gap_or_double(call: Caller) -> None:
    await call.sensor("a")
    await call("POST", "/data/readings", json={"readings": [_row(n, n) for n in range(25)]})
    found: list[float] = []
    cursor: str | None = None
    while True:
        params: dict[str, object] = {"limit": 10} if cursor is None else {"limit": 10, "cursor": cursor}
        page = await call("GET", "/sensors/a/data", params=params)
        found += [item["value"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == list(range(25))
    assert await _values(call, start="2026-03-01T00:03:00Z", end="2026-03-01T00:06:00Z") == [3, 4, 5]
    assert (await call("GET", "/sensors/a/data?cursor=x", 422))["code"] == "invalid_cursor"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"start": "2026-03-02T00:00:00Z", "end": "2026-03-01T00:00:00Z"}, "end_before_start"),
        ({"start": "2026-03-01T00:00:00"}, "naive_timestamp"),
        ({"resolution": "PT1H"}, "range_required"),
        (
            {"start": "2000-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z", "resolution": "PT1M"},
            "too_many_buckets",
        ),
        (
            {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z", "resolution": "P1DT1H"},
            "invalid_resolution",
        ),
        ({"timezone": "Mars/Base"}, "unknown_timezone"),
    ],
)
async def test_questions_that_make_no_sense_are_refused(
    call: Caller, params: dict[str, str], code: str
) -> None:
    await call.sensor("a")
    problem = await call("GET", "/sensors/a/data", 422, params=params)
    assert code in {problem["code"], *(one["code"] for one in problem.get("errors", ()))}


async def test_days_are_those_of_the_zone(call: Caller) -> None:
    await call.sensor("a", accumulation="delta", quantity="energy", unit="kWh", resolution="PT1H")
    hours = [datetime(2026, 3, 28, tzinfo=UTC) + timedelta(hours=n) for n in range(72)]
    body = {"sensor_id": "a", "times": [hour.isoformat() for hour in hours], "values": [1.0] * 72}
    await call("POST", "/data/readings", json=body)
    params = {
        "start": "2026-03-28T00:00:00+00:00",
        "end": "2026-03-31T00:00:00+01:00",
        "resolution": "P1D",
        "timezone": "Europe/Lisbon",
        "aggregate": "energy",
    }
    found = (await call("GET", "/sensors/a/data", params=params))["buckets"]
    assert [(bucket["start"], bucket["energy"]) for bucket in found] == [
        ("2026-03-28T00:00:00+00:00", pytest.approx(24)),
        ("2026-03-29T00:00:00+00:00", pytest.approx(23)),
        ("2026-03-30T00:00:00+01:00", pytest.approx(24)),
    ]


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", {"content-type": "application/json"}, 400),
        (b"[]", {"content-type": "application/json"}, 422),
        (b"", {"content-type": "application/json"}, 400),
        (b'{"readings": 7}', {"content-type": "application/json"}, 422),
        (b'{"sensor_id":"a","times":[1],"values":[]}', {"content-type": "application/json"}, 422),
        (b"[" * 100_000, {"content-type": "application/json"}, 400),
        (b'{"readings":[' + b'{"a":' * 5_000, {"content-type": "application/json"}, 400),
        (b"\xff\xfe\x00", {"content-type": "application/json"}, 400),
        (b"a;b;c\n1;2;3\n", CSV, 422),
        (b"", CSV, 422),
        (b"\x00\x01\x02" * 1000, CSV, 422),
        (b"x", {"content-type": "application/zip"}, 415),
        (b"x" * (17 * 1024 * 1024), {"content-type": "application/json"}, 413),
    ],
)
async def test_bodies_that_cannot_be_read_are_refused_with_a_reason(
    call: Caller, content: bytes, headers: dict[str, str], status: int
) -> None:
    await call("POST", "/data/readings", status, content=content, headers=headers)


async def test_more_than_fifty_thousand_are_too_many(call: Caller) -> None:
    await call.sensor("a")
    times = [1_772_323_200 + n for n in range(50_001)]
    body = {"sensor_id": "a", "times": times, "values": [1.0] * 50_001}
    assert (await call("POST", "/data/readings", 413, json=body))["code"] == "too_many_readings"
    body = {"sensor_id": "a", "times": times[1:], "values": [1.0] * 50_000}
    assert _counts(await call("POST", "/data/readings", json=body)) == (50_000, 50_000, 0, 0, 0)


async def test_writers_at_the_same_time_get_each_their_own_receipt(call: Caller) -> None:
    for number in range(8):
        await call.sensor(f"s{number}")

    async def write(number: int) -> dict[str, int]:
        rows = [_row(number, minute, f"s{minute % 8}") for minute in range(number * 10, number * 10 + 20)]
        receipt: dict[str, int] = await call("POST", "/data/readings", json={"readings": rows})
        return receipt

    receipts = await asyncio.gather(*(write(number) for number in range(20)))
    assert all(_counts(receipt)[0] == sum(_counts(receipt)[1:]) == 20 for receipt in receipts)
    assert sum(receipt["created"] for receipt in receipts) == 210
    assert sum(receipt["updated"] for receipt in receipts) == 190


async def test_a_viewer_reads_and_does_not_write(call: Caller) -> None:
    await call.sensor("a")
    made = await call("POST", "/api-keys", 201, json={"name": "eyes", "role": "viewer"})
    headers = {"Authorization": f"Bearer {made['key']}"}
    await call("GET", "/sensors/a", headers=headers)
    problem = await call("POST", "/data/readings", 403, json={"readings": [_row(1)]}, headers=headers)
    assert problem["code"] == "forbidden"
    await call("DELETE", f"/api-keys/{made['id']}", 204)
    await call("GET", "/sensors/a", 401, headers=headers)


async def test_msgpack_is_answered_where_asked_for(call: Caller) -> None:
    await call.sensor("a")
    answer: httpx.Response = await call.client.get(
        "/api/v1/sensors/a", headers={"accept": "application/msgpack"}
    )
    assert answer.headers["content-type"] == "application/msgpack"


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b'sensor_id,time,value\na,2026-03-01T00:00:00Z,1\n"open,x,1\na,2026-03-01T00:01:00Z,2\n', CSV),
        (b"sensor_id,time,value\na,2026-03-01T00:00:00Z,1\n\xff,x,1\na,2026-03-01T00:01:00Z,2\n", CSV),
        (b"sensor_id,time,value\na,2026-03-01T00:00:00Z,1\n" + b"x" * 200_000 + b",x,1\n"
         b"a,2026-03-01T00:01:00Z,2\n", CSV),
        (b'{"sensor_id":"a","time":1772323200,"value":1}\n' + b'{"a":' * 50_000 + b"\n"
         b'{"sensor_id":"a","time":1772323260,"value":2}\n', NDJSON),
    ],
)  # fmt: skip
async def test_a_broken_line_costs_only_itself(call: Caller, content: bytes, headers: dict[str, str]) -> None:
    await call.sensor("a")
    receipt = await call("POST", "/data/readings", content=content, headers=headers)
    assert _counts(receipt) == (3, 2, 0, 0, 1)
    assert await _values(call) == [1, 2]


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
async def test_times_at_the_ends_of_the_calendar_are_refused_alone(call: Caller, time: str) -> None:
    await call.sensor("a")
    rows = [_row(1), {"sensor_id": "a", "time": time, "value": 1}, _row(2, 1, "a\u0000b")]
    receipt = await call("POST", "/data/readings", json={"readings": rows})
    assert _counts(receipt) == (3, 1, 0, 0, 2)


async def test_faults_of_a_question_name_their_parameter(call: Caller) -> None:
    await call.sensor("a")
    assert (await call("GET", "/sensors/a/data?unit=kWh", 422))["errors"][0]["pointer"] == "/query/unit"
    assert (await call("GET", "/sensors/a/data?format=xml", 422))["errors"][0]["pointer"] == "/query/format"


async def test_a_turn_a_minute_is_no_radian(call: Caller) -> None:
    await call.sensor("f", quantity="frequency", unit="rpm")
    await call("POST", "/data/readings", json={"readings": [_row(60, 0, "f")]})
    assert (await call("GET", "/sensors/f"))["latest"]["value"] == pytest.approx(1)
