"""Files of readings and buckets, as the API gives them."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pyarrow import parquet

from adapters.export.formats import FileFormats
from tests.integration.http_api.conftest import Caller

START = datetime(2026, 3, 1, tzinfo=UTC)
CSV = {"content-type": "text/csv"}
PARQUET = "application/vnd.apache.parquet"


def _rows(sensor_id: str = "a", count: int = 250) -> list[dict[str, object]]:
    return [
        {
            "sensor_id": sensor_id,
            "time": (START + timedelta(seconds=n, microseconds=n % 3)).isoformat(),
            "value": n / 7 if n % 2 else -1e-9 * (n + 1),
            "quality": ("OK", "ESTIMATED", "BAD")[n % 3],
        }
        for n in range(count)
    ]


async def _file(call: Caller, path: str = "/sensors/a/data", **options: Any) -> httpx.Response:  # noqa: ANN401
    answer = await call.client.get(f"/api/v1{path}", **options)
    assert answer.status_code == 200, answer.text
    return answer


def _table(answer: httpx.Response) -> Any:  # noqa: ANN401 - pyarrow is untyped
    return parquet.read_table(io.BytesIO(answer.content))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


async def test_a_csv_file_holds_all_readings_whatever_the_limit(call: Caller) -> None:
    await call.sensor("a")
    await call("POST", "/data/readings", json={"readings": _rows()})
    answer = await _file(call, params={"format": "csv", "limit": 3})
    assert answer.headers["content-type"] == "text/csv; header=present; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="a.csv"'
    assert "content-length" not in answer.headers
    found = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert found == [{**row, "value": repr(row["value"]), "unit": "kW"} for row in _rows()]


async def test_a_file_that_is_sent_back_changes_nothing(call: Caller) -> None:
    await call.sensor("a")
    await call.sensor("t", quantity="temperature", unit="degF")
    await call.sensor("o", quantity="other", unit='pieces, "good"')
    await call.sensor("none", quantity="other", unit="-")
    readings = [*_rows(), *_rows("t", 20), *_rows("o", 20), *_rows("none", 20)]
    await call("POST", "/data/readings", json={"readings": readings})
    for sensor_id, count in (("a", 250), ("t", 20), ("o", 20), ("none", 20)):
        answer = await _file(call, f"/sensors/{sensor_id}/data", params={"format": "csv"})
        receipt = await call("POST", "/data/readings", content=answer.content, headers=CSV)
        assert (receipt["received"], receipt["unchanged"], receipt["rejected"]) == (count, count, 0)


async def test_a_range_in_another_unit(call: Caller) -> None:
    await call.sensor("a")
    await call("POST", "/data/readings", json={"readings": _rows()})
    params = {
        "format": "csv",
        "start": (START + timedelta(seconds=10)).isoformat(),
        "end": (START + timedelta(seconds=12)).isoformat(),
        "unit": "W",
    }
    found = list(csv.DictReader((await _file(call, params=params)).text.splitlines()))
    page = await call("GET", "/sensors/a/data", params={**params, "format": "json"})
    assert [float(row["value"]) for row in found] == [item["value"] for item in page["items"]]
    assert [row["unit"] for row in found] == ["W", "W"]


async def test_a_parquet_file_says_the_same_as_json(call: Caller) -> None:
    await call.sensor("a:b-1", unit="W")
    await call("POST", "/data/readings", json={"readings": _rows("a:b-1")})
    answer = await _file(call, "/sensors/a:b-1/data", params={"format": "parquet"})
    assert answer.headers["content-type"] == PARQUET
    assert answer.headers["content-disposition"] == 'attachment; filename="a_b-1.parquet"'
    table = _table(answer)
    page = await call("GET", "/sensors/a:b-1/data", params={"limit": 1000})
    assert [
        {"time": row["time"].isoformat(), "value": row["value"], "quality": row["quality"]}
        for row in table.to_pylist()
    ] == page["items"]
    assert table.schema.metadata[b"unit"] == b"kW"


@pytest.mark.parametrize(
    ("accept", "given", "media_type"),
    [
        ("text/csv", None, "text/csv"),
        ("application/json;q=0.5, text/csv", None, "text/csv"),
        (PARQUET, None, PARQUET),
        ("text/csv", "json", "application/json"),
        ("application/json", "csv", "text/csv"),
        ("application/json, text/csv;q=0.5", None, "application/json"),
        ("text/csv;q=0, */*", None, "application/json"),
        ("*/*", None, "application/json"),
        ("text/html, */*;q=0.8", None, "application/json"),
        ("application/msgpack", None, "application/msgpack"),
        ("application/msgpack, text/csv;q=0.9", None, "application/msgpack"),
    ],
)
async def test_the_parameter_decides_and_else_accept(
    call: Caller, accept: str, given: str | None, media_type: str
) -> None:
    await call.sensor("a")
    params = {} if given is None else {"format": given}
    answer = await _file(call, params=params, headers={"accept": accept})
    assert answer.headers["content-type"].partition(";")[0] == media_type


async def test_buckets_as_files(call: Caller) -> None:
    await call.sensor("a", resolution="PT1S", timezone="Europe/Lisbon")
    await call("POST", "/data/readings", json={"readings": _rows()})
    params: dict[str, Any] = {
        "start": START.isoformat(),
        "end": (START + timedelta(minutes=6)).isoformat(),
        "resolution": "PT1M",
        "timezone": "Asia/Kathmandu",
        "aggregate": ["max", "count", "energy"],
        "fill": "null",
    }
    buckets = (await call("GET", "/sensors/a/data", params=params))["buckets"]
    assert len(buckets) == 6
    answer = await _file(call, params={**params, "format": "csv"})
    assert answer.headers["content-disposition"] == 'attachment; filename="a-PT1M.csv"'
    lines = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert list(lines[0]) == [
        *("sensor_id", "start", "end", "max", "count", "energy"),
        *("expected", "actual", "coverage", "quality", "settled", "unit"),
    ]
    for line, bucket in zip(lines, buckets, strict=True):
        assert line.pop("sensor_id") == "a"
        assert line.pop("unit") == "kW"
        assert line["start"].endswith("+05:45")
        assert line == {name: _cell(value) for name, value in bucket.items()}
    rows = _table(await _file(call, params={**params, "format": "parquet"})).to_pylist()
    for row, bucket in zip(rows, buckets, strict=True):
        assert (row.pop("sensor_id"), row.pop("unit")) == ("a", "kW")
        assert {**row, "start": row["start"].isoformat(), "end": row["end"].isoformat()} == bucket


async def test_no_readings_are_an_empty_file(call: Caller) -> None:
    await call.sensor("a")
    assert (await _file(call, params={"format": "csv"})).text == "sensor_id,time,value,quality,unit\r\n"
    assert _table(await _file(call, params={"format": "parquet"})).num_rows == 0


@pytest.mark.parametrize(
    ("path", "params", "status", "code"),
    [
        ("/sensors/nobody/data", {}, 404, "unknown_sensor"),
        (
            "/sensors/a/data",
            {"start": "2026-03-02T00:00:00Z", "end": "2026-03-01T00:00:00Z"},
            422,
            "end_before_start",
        ),
        ("/sensors/a/data", {"unit": "degC"}, 422, "unit_mismatch"),
        ("/sensors/a/data", {"resolution": "PT1H"}, 422, "range_required"),
        (
            "/sensors/a/data",
            {"resolution": "PT1S", "start": "2000-03-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"},
            422,
            "too_many_buckets",
        ),
        ("/sensors/a/data", {"format": "xlsx"}, 422, "invalid_input"),
    ],
)
async def test_faults_before_the_first_byte_are_problems(
    call: Caller, path: str, params: dict[str, str], status: int, code: str
) -> None:
    await call.sensor("a")
    problem = await call("GET", path, status, params={"format": "csv"} | params)
    assert problem["code"] == code


async def test_without_pyarrow_parquet_is_a_problem_that_says_what_to_do(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_installed(_: FileFormats) -> None:
        raise ModuleNotFoundError

    await call.sensor("a")
    monkeypatch.setattr("adapters.export.formats.import_module", not_installed)
    problem = await call("GET", "/sensors/a/data", 422, params={"format": "parquet"})
    assert problem["code"] == "parquet_unavailable"
    assert problem["errors"][0]["pointer"] == "/query/format"
    assert "pip install" in problem["detail"]
