import asyncio
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from adapters.simulator.faults import Fault, FaultSchedule
from adapters.simulator.local_days import microseconds
from adapters.simulator.server import SimulatedBuilding

START = datetime(2026, 11, 18, 10, tzinfo=UTC)
SEED = 5
ALWAYS = 1e6
PATH = "/lab-bench/cm?cmnd=Status%208"


def time_of(fault: Fault) -> datetime:
    schedule = FaultSchedule(SEED, ALWAYS)
    times = (START + timedelta(seconds=10 * step) for step in range(100_000))
    return next(time for time in times if schedule.at("Lab bench", microseconds(time)) is fault)


async def ask(fault: Fault) -> httpx.Response:
    time = time_of(fault)
    building = SimulatedBuilding(lambda: time, seed=SEED, fault_rate=ALWAYS, hang_seconds=0.3)
    async with building, httpx.AsyncClient() as client:
        return await client.get(building.base_url + PATH)


async def test_unavailable() -> None:
    assert (await ask(Fault.UNAVAILABLE)).status_code == 503


async def test_invalid_json() -> None:
    response = await ask(Fault.INVALID_JSON)
    assert response.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        response.json()


async def test_a_missing_value() -> None:
    energy = (await ask(Fault.MISSING_VALUE)).json()["StatusSNS"]["ENERGY"]
    assert "Power" not in energy
    assert energy["Total"] > 0


async def test_a_null_value() -> None:
    energy = (await ask(Fault.NULL_VALUE)).json()["StatusSNS"]["ENERGY"]
    assert energy["Power"] is None
    assert energy["Total"] > 0


async def test_a_hanging_device_answers_late() -> None:
    response = await ask(Fault.HANG)
    assert response.elapsed >= timedelta(seconds=0.3)
    assert response.json()["StatusSNS"]["ENERGY"]["Power"] > 0


async def test_a_hanging_device_holds_up_no_other_and_not_the_end() -> None:
    time = time_of(Fault.HANG)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    building = SimulatedBuilding(lambda: time, seed=SEED, fault_rate=ALWAYS, hang_seconds=60)
    async with httpx.AsyncClient() as client:
        async with building:
            hanging = asyncio.create_task(client.get(building.base_url + PATH))
            await asyncio.sleep(0.1)
            with pytest.raises(httpx.ReadTimeout):
                await client.get(building.base_url + PATH, timeout=0.1)
            other = await client.get(building.base_url + "/nobody")
            assert other.status_code == 404
        assert (await hanging).status_code == 200
    assert loop.time() - begun < 10
