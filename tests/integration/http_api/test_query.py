"""``POST /data/query`` over a real database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from app.asgi import create_app
from app.container import make_container
from app.settings import Settings
from domain.operations.services.api_keys import ApiKeys
from tests.databases import MigratedDatabase
from tests.integration.http_api.conftest import KEY, Caller

START = datetime(2026, 3, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
RANGE: dict[str, object] = {
    "start": START.isoformat(),
    "end": (START + timedelta(hours=2)).isoformat(),
    "resolution": "PT1H",
}


@pytest.fixture(params=["postgres", pytest.param("timescale", marks=pytest.mark.timescale)])
def service_url(request: pytest.FixtureRequest) -> str:
    name = "migrated" if request.param == "postgres" else "migrated_timescale"
    migrated: MigratedDatabase = request.getfixturevalue(name)
    migrated.clear()
    return migrated.service_url


@pytest.fixture
async def call(service_url: str) -> AsyncIterator[Caller]:
    settings = Settings(database_url=service_url)
    container = make_container(settings)
    await (await container.get(ApiKeys)).bootstrap(KEY)
    await container.close()
    app = create_app(settings, background=())
    async with app.lifespan():
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # Litestar's types are narrower
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
            yield Caller(client)


async def _site(call: Caller) -> None:
    """Make a meter, an air conditioner and a strip below it, panels, a silent meter and a thermometer."""
    mean = {"accumulation": "mean", "resolution": "PT15M"}
    register = {"quantity": "energy", "unit": "kWh", "accumulation": "cumulative", "resolution": "PT15M"}
    below = {"submeter_of": "main", "room_name": "hall"}
    await call.sensor("main", **register)
    await call.sensor("ac.power", device_id="ac", **below, **mean)
    await call.sensor("ac.energy", device_id="ac", **below, **register)
    await call.sensor("strip", submeter_of="main", room_name="lab", labels={"wing": "east"}, **mean)
    await call.sensor("solar", direction="export", labels={"kind": "solar", "wing": "east"}, **mean)
    await call.sensor("silent", **mean)
    await call.sensor("air", quantity="temperature", unit="degC", room_name="lab", **mean)
    kilowatts = {"ac.power": 4.0, "strip": 1.0, "solar": 3.0, "air": 20.0}
    for name in ("main", *kilowatts, "ac.energy"):
        rows = range(9)
        values = (
            [kilowatts[name]] * 9 if name in kilowatts else [{"main": 2.5}.get(name, 1.0) * n for n in rows]
        )
        times = [(START + n * QUARTER).isoformat() for n in rows]
        body = {"sensor_id": name, "times": times, "values": values}
        receipt = await call("POST", "/data/readings", json=body)
        assert receipt["created"] == 9


async def _query(call: Caller, **body: object) -> Any:  # noqa: ANN401
    return (await call("POST", "/data/query", json=RANGE | body))["series"]


async def test_sensors_each_for_itself(call: Caller) -> None:
    await _site(call)
    series = await _query(call, aggregates=["mean", "energy"])
    assert [(one["key"], one["unit"]) for one in series] == [
        ("ac.energy", "kWh"), ("ac.power", "kW"), ("air", "degC"), ("main", "kWh"), ("silent", "kW"),
        ("solar", "kW"), ("strip", "kW"),
    ]  # fmt: skip
    assert series[4]["buckets"] == []
    strip = series[6]
    assert strip["energy_unit"] == "kWh"
    assert strip["buckets"][0] == {
        "start": "2026-03-01T00:00:00+00:00", "end": "2026-03-01T01:00:00+00:00", "mean": 1.0, "energy": 1.0,
        "expected": 4, "actual": 4, "coverage": 1.0, "quality": "OK", "settled": True,
    }  # fmt: skip
    assert len(strip["buckets"]) == 2


async def test_the_site_with_a_silent_member(call: Caller) -> None:
    await _site(call)
    (site,) = await _query(call, aggregates=["energy"], group_by="none")
    assert (site["key"], site["unit"]) == ("all", "kWh")
    assert site["buckets"][0] == {
        "start": "2026-03-01T00:00:00+00:00", "end": "2026-03-01T01:00:00+00:00", "energy": 7.0,
        "expected": 12, "actual": 8, "coverage": pytest.approx(2 / 3), "quality": "ESTIMATED",
        "settled": True, "coverage_min": 0.0, "missing_sensors": ["silent"],
    }  # fmt: skip


async def test_rooms_and_quantities(call: Caller) -> None:
    await _site(call)
    rooms = await _query(call, aggregates=["energy"], group_by="room")
    assert {one["key"]: one["buckets"][1]["energy"] for one in rooms} == {"hall": 4.0, "lab": 1.0, None: 7.0}
    quantities = await _query(call, group_by="quantity", quantities=["power", "temperature"])
    assert {one["key"]: one["buckets"][0]["mean"] for one in quantities} == {
        "power": 2.0,
        "temperature": 20.0,
    }
    assert {"min", "max", "sum", "count", "first", "last"} <= quantities[0]["buckets"][0].keys()


@pytest.mark.parametrize("labels", [{"wing": "east", "kind": "solar"}, ["wing:east", "kind:solar"]])
async def test_labels_in_both_forms(call: Caller, labels: object) -> None:
    await _site(call)
    assert [one["key"] for one in await _query(call, labels=labels)] == ["solar"]


async def test_units_zones_fills_and_times_as_numbers(call: Caller) -> None:
    await _site(call)
    begin = START.timestamp()
    (strip,) = await _query(
        call,
        sensor_ids=["strip", "strip"],
        start=begin,
        end=int((begin + 4 * 3600) * 1000),
        timezone="Asia/Kathmandu",
        unit="W",
        energy_unit="MJ",
        aggregates=["mean", "energy", "mean"],
        fill="previous",
    )
    assert (strip["unit"], strip["energy_unit"]) == ("W", "MJ")
    found = [
        (one["mean"], one["energy"] and round(one["energy"], 9), one["quality"]) for one in strip["buckets"]
    ]
    assert found == [
        (1000.0, 0.9, "OK"), (1000.0, 3.6, "OK"), (1000.0, 3.6, "OK"),
        (1000.0, None, "ESTIMATED"), (1000.0, None, "ESTIMATED"),
    ]  # fmt: skip
    assert strip["buckets"][1]["start"] == "2026-03-01T06:00:00+05:45"
    kept = await _query(call, sensor_ids=["silent"], fill="null")
    assert [(one["mean"], one["count"], one["quality"]) for one in kept[0]["buckets"]] == [
        (None, 0, "MISSING")
    ] * 2


async def test_a_spring_day_in_its_zone(call: Caller) -> None:
    await call.sensor("d", quantity="energy", unit="kWh", accumulation="delta", resolution="PT15M")
    begin = datetime(2026, 3, 29, tzinfo=UTC)
    times = [(begin + n * QUARTER).isoformat() for n in range(92)]
    await call("POST", "/data/readings", json={"sensor_id": "d", "times": times, "values": [0.25] * 92})
    body: dict[str, object] = {"start": times[0], "end": "2026-03-30T00:00:00+01:00"}
    for group_by in ("sensor", "none"):
        more: dict[str, object] = {
            "timezone": "Europe/Lisbon",
            "group_by": group_by,
            "aggregates": ["energy"],
        }
        (whole,) = await _query(call, **body, **more, resolution="P1D")
        (day,) = whole["buckets"]
        assert (day["energy"], day["expected"], day["actual"], day["quality"]) == (23.0, 92, 92, "OK")
        assert (day["start"], day["end"]) == ("2026-03-29T00:00:00+00:00", "2026-03-30T00:00:00+01:00")
        (hours,) = await _query(call, **body, **more, resolution="PT7H")
        assert [one["energy"] for one in hours["buckets"]] == [7.0, 7.0, 7.0, 2.0]


async def test_messagepack_and_a_viewer(call: Caller) -> None:
    await _site(call)
    viewer = await call("POST", "/api-keys", 201, json={"name": "v", "role": "viewer"})
    answer = await call.client.post(
        "/api/v1/data/query",
        json=RANGE | {"sensor_ids": ["strip"], "aggregates": ["energy"]},
        headers={"Authorization": f"Bearer {viewer['key']}", "Accept": "application/msgpack"},
    )
    assert answer.status_code == 200
    (strip,) = msgspec.msgpack.decode(answer.content)["series"]
    assert strip["buckets"][0]["energy"] == 1.0
    nobody = await call.client.post("/api/v1/data/query", json=RANGE, headers={"Authorization": ""})
    assert nobody.status_code == 401


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ({"end": "2026-02-01T00:00:00Z"}, 422, "end_before_start", "/end"),
        ({"start": "2026-03-01T00:00:00"}, 422, "naive_timestamp", "/start"),
        ({"end": "soon"}, 422, "invalid_timestamp", "/end"),
        ({"end": None}, 422, "invalid_timestamp", "/end"),
        ({"timezone": "Mars/Olympus"}, 422, "unknown_timezone", "/timezone"),
        ({"aggregates": ["mean", "median"]}, 422, "not_allowed", "/aggregates/1"),
        ({"aggregates": []}, 422, "wrong_format", "/aggregates"),
        ({"sensor_ids": []}, 422, "wrong_format", "/sensor_ids"),
        ({"room_names": []}, 422, "wrong_format", "/room_names"),
        ({"quantities": []}, 422, "wrong_format", "/quantities"),
        ({"quantities": ["joy"]}, 422, "not_allowed", "/quantities/0"),
        ({"sensor_ids": "strip"}, 422, "wrong_type", "/sensor_ids"),
        ({"group_by": "floor"}, 422, "not_allowed", "/group_by"),
        ({"fill": "zero"}, 422, "not_allowed", "/fill"),
        ({"resolution": "15 minutes"}, 422, "invalid_duration", "/resolution"),
        ({"resolution": "P1DT1H"}, 422, "invalid_resolution", "/resolution"),
        ({"resolution": "PT1S", "end": 1_900_000_000}, 422, "too_many_buckets", "/resolution"),
        ({"resolution": "PT1S", "end": "2026-03-01T20:00:00Z"}, 422, "too_many_buckets", "/resolution"),
        ({"end": "9999-12-31T23:59:59Z", "resolution": "P1Y"}, 422, "out_of_calendar", "/end"),
        ({"group_by": "none", "aggregates": ["mean"]}, 422, "mixed_dimensions", "/group_by"),
        ({"unit": "ppm"}, 422, "unit_mismatch", "/unit"),
        ({"unit": "9**9**9"}, 422, "unit_mismatch", "/unit"),
        ({"energy_unit": "kW"}, 422, "unit_mismatch", "/energy_unit"),
        ({"labels": ["east"]}, 422, "invalid_value", "/labels/0"),
        ({"labels": 7}, 422, "wrong_type", "/labels"),
        ({"everything": True}, 422, "unknown_field", "/everything"),
        ({"sensor_ids": ["strip", "nobody"]}, 404, "unknown_sensor", None),
        ({"room_names": ["attic"]}, 404, "unknown_room", None),
        ({"sensor_ids": ["\0"]}, 422, "invalid_text", ""),
    ],
)
async def test_faults(
    call: Caller, body: dict[str, object], status: int, code: str, pointer: str | None
) -> None:
    await _site(call)
    problem = await call("POST", "/data/query", status, json=RANGE | body)
    if pointer is None:
        assert problem["code"] == code
    else:
        assert {(one["pointer"], one["code"]) for one in problem["errors"]} == {(pointer, code)}


async def test_no_body_and_no_sensors(call: Caller) -> None:
    problem = await call("POST", "/data/query", 422, json={})
    assert {one["pointer"] for one in problem["errors"]} == {"/start", "/end", "/resolution"}
    assert await _query(call) == []
    assert await _query(call, group_by="none") == [
        {"key": "all", "unit": "", "energy_unit": "kWh", "buckets": []}
    ]


async def test_a_hundred_thousand_buckets_at_most(call: Caller) -> None:
    await call.sensor("strip", accumulation="mean", resolution="PT15M")
    end = START + timedelta(seconds=100_000)
    more: dict[str, object] = {"resolution": "PT1S", "fill": "null", "aggregates": ["energy"]}
    (most,) = await _query(call, **more, end=end.isoformat())
    assert len(most["buckets"]) == 100_000
    problem = await call(
        "POST", "/data/query", 422, json=RANGE | more | {"end": (end + timedelta(seconds=1)).isoformat()}
    )
    assert "100,000" in problem["detail"]
