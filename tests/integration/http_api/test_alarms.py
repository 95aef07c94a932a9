from datetime import UTC, datetime, timedelta

import pytest

from adapters.timescale.database import Database
from adapters.timescale.sensors_unit_of_work import TimescaleSensorsUnitOfWork
from app.clock import RandomIds, SystemClock
from domain.sensors.services.alarms import Alarms
from tests.integration.http_api.conftest import Caller


@pytest.fixture
def alarms(database: Database) -> Alarms:
    return Alarms(TimescaleSensorsUnitOfWork(database), SystemClock(), RandomIds())


async def send(call: Caller, sensor_id: str, time: datetime) -> None:
    body = {"readings": [{"sensor_id": sensor_id, "time": time.isoformat(), "value": 1}]}
    receipt = await call("POST", "/data/readings", json=body)
    assert receipt["created"] == 1, receipt


async def test_alarms_from_silence_to_the_next_reading(call: Caller, alarms: Alarms) -> None:
    now = datetime.now(UTC)
    await call.sensor("fridge", room_name="Lab", resolution="PT15M", device_id="d1")
    await call.sensor("file", resolution="PT15M", no_data_after="P3D")
    await call.sensor("never")
    for sensor_id in ("fridge", "file"):
        await send(call, sensor_id, now - timedelta(hours=5))
    await alarms.check()
    listed = await call("GET", "/alarms?open=true")
    assert (listed["total"], listed["limit"], listed["offset"]) == (1, 100, 0)
    (alarm,) = listed["items"]
    raised_at = datetime.fromisoformat(alarm["raised_at"])
    assert abs(raised_at - now) < timedelta(seconds=30)
    since = (now - timedelta(hours=5)).isoformat()
    assert alarm == {
        "alarm_id": alarm["alarm_id"],
        "kind": "no_data",
        "sensor_id": "fridge",
        "sensor_name": "fridge",
        "room_name": "Lab",
        "device_id": "d1",
        "since": since,
        "raised_at": alarm["raised_at"],
        "last_time": since,
        "ended_at": None,
        "open": True,
    }
    await send(call, "fridge", now)
    await alarms.check()
    assert (await call("GET", "/alarms", params={"open": True}))["items"] == []
    (ended,) = (await call("GET", "/alarms?open=false&sensor_id=fridge&room_name=Lab"))["items"]
    assert (ended["since"], ended["last_time"], ended["open"]) == (since, now.isoformat(), False)
    assert datetime.fromisoformat(ended["ended_at"]) >= raised_at
    assert (await call("GET", "/alarms?sensor_id=file"))["total"] == 0
    assert (await call("GET", "/alarms?room_name=Hall"))["total"] == 0


async def test_how_long_a_sensor_may_be_silent_is_told_and_can_be_changed(call: Caller) -> None:
    made = await call.sensor("a", resolution="PT5M")
    assert (made["max_gap"], made["no_data_after"]) == ("PT15M", "PT15M")
    changed = await call("PUT", "/sensors/a", json={"no_data_after": "P2D"})
    assert (changed["max_gap"], changed["no_data_after"]) == ("PT15M", "P2D")
    back = await call("PUT", "/sensors/a", json={"no_data_after": None})
    assert back["no_data_after"] == "PT15M"
    fault = await call("PUT", "/sensors/a", 422, json={"no_data_after": "P1M"})
    assert fault["errors"][0]["pointer"] == "/no_data_after"


async def test_wrong_questions_are_refused(call: Caller) -> None:
    fault = await call("GET", "/alarms?open=perhaps", 422)
    assert fault["errors"][0]["pointer"] == "/query/open"
    await call("GET", "/alarms?limit=0", 422)
