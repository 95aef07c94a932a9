import asyncio
from datetime import UTC, datetime, timedelta

from app.jobs import JOBS
from tests.integration.http_api.conftest import Caller


async def test_an_empty_product_says_so(call: Caller) -> None:
    found = await call("GET", "/overview")
    assert (found["sensors"], found["rooms"], found["readings_last_hour"]) == (0, 0, 0)
    assert found["devices"] == {"online": 0, "degraded": 0, "offline": 0, "unknown": 0, "total": 0}
    assert (found["power_now_kw"], found["energy_today_kwh"]) == (None, None)
    assert found["power_now"]["quality"] == found["energy_today"]["quality"] == "MISSING"
    assert found["dr_events"] == {"active": 0, "upcoming": 0}
    assert found["last_file"] is None


async def test_what_came_in_the_last_hour_is_counted(call: Caller) -> None:
    await call.sensor("s1", room_name="Lab")
    await call.sensor("s2", room_name="Lab")
    now = datetime.now(UTC)
    times = [(now - timedelta(minutes=10 * n + 1)).isoformat() for n in range(12)]
    for sensor_id in ("s1", "s2"):
        body = {"sensor_id": sensor_id, "times": times, "values": list(range(12))}
        await call("POST", "/data/readings", json=body)
    found = await call("GET", "/overview")
    assert (found["sensors"], found["rooms"], found["readings_last_hour"]) == (2, 1, 12)
    assert abs(datetime.fromisoformat(found["time"]) - now) < timedelta(seconds=30)


async def test_background_tasks_are_listed_with_how_they_went(call: Caller) -> None:
    async with asyncio.timeout(15):
        while True:
            tasks = (await call("GET", "/overview"))["background_tasks"]
            if all(task["last_run"] is not None for task in tasks):
                break
            await asyncio.sleep(0.05)
    assert [task["name"] for task in tasks] == [job.name for job in JOBS]
    for task in tasks:
        assert task["outcome"] == "succeeded", task
        assert task["error"] is None
        assert 0 <= task["duration_seconds"] < 15
        assert not task["overdue"]
        last, following = (datetime.fromisoformat(task[name]) for name in ("last_run", "next_run"))
        assert last < following <= last + timedelta(seconds=task["interval_seconds"] + 15)


async def test_health_knows_engine_and_jobs(call: Caller) -> None:
    checks = (await call.client.get("/health")).json()["checks"]
    assert checks["database"]["engine"] in {"postgresql", "timescaledb"}
    assert checks["database"]["version"][0].isdigit()
    assert checks["jobs"]["failed"] is None
