"""A real meter's 19,417 hours in America/Chicago: imported as CSV, summed up, and added up independently."""

import gzip
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from math import fsum
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from app.container import make_container
from app.settings import Settings
from domain.sensors.services.rollups import Rollups
from tests.integration.http_api.conftest import Caller, calling

_FILE: Final = Path(__file__).parents[2] / "data/meters/il-electricity-cdd-hdd-hourly.csv.gz"
_CHICAGO: Final = ZoneInfo("America/Chicago")


@pytest.fixture(scope="module")
def hours() -> dict[datetime, float]:
    with gzip.open(_FILE, "rt", encoding="utf-8") as file:
        rows = [line.strip().split(",") for line in file][1:]
    return {datetime.fromisoformat(start): float(value) for start, value in rows}


@pytest.fixture
async def call(database_url: str) -> AsyncIterator[Caller]:
    # Years that are over stay: no retention runs beside the writing of them.
    async with calling(Settings(database_url=database_url, retention_days=0)) as caller:
        yield caller


@pytest.mark.parametrize("summed_up", [False, True])
async def test_daily_sums_equal_an_independent_sum(
    call: Caller, database_url: str, hours: dict[datetime, float], summed_up: bool
) -> None:
    await call.sensor(
        "meter",
        quantity="energy",
        unit="kWh",
        accumulation="delta",
        resolution="PT1H",
        timezone=str(_CHICAGO),
    )
    lines = ["sensor_id,time,value", *(f"meter,{time.isoformat()},{value}" for time, value in hours.items())]
    receipt = await call(
        "POST", "/data/readings", content="\n".join(lines), headers={"Content-Type": "text/csv"}
    )
    assert (receipt["created"], receipt["rejected"]) == (len(hours), 0)
    if summed_up:
        container = make_container(Settings(database_url=database_url))
        assert await (await container.get(Rollups)).refresh() == len(hours)
        await container.close()
    expected: dict[str, list[float]] = defaultdict(list)
    for time, value in hours.items():
        expected[time.astimezone(_CHICAGO).date().isoformat()].append(value)
    first, last = min(hours), max(hours)
    asked = {
        "start": first.isoformat(),
        "end": (last + timedelta(hours=1)).isoformat(),
        "resolution": "P1D",
        "timezone": str(_CHICAGO),
    }
    answer = await call("GET", "/sensors/meter/data", params=asked)
    sums = {one["start"][:10]: one["energy"] for one in answer["buckets"]}
    assert sums.keys() == expected.keys()
    for day, values in expected.items():
        assert sums[day] == pytest.approx(fsum(values), abs=1e-6), day
    whole = await call("GET", "/analytics/energy", params={**asked, "resolution": "P1Y"})
    assert fsum(one["energy_kwh"] for one in whole["series"][0]["buckets"]) == pytest.approx(
        fsum(hours.values()), abs=1e-6
    )


async def test_days_on_which_clocks_change_have_23_and_25_hours(
    call: Caller, hours: dict[datetime, float]
) -> None:
    await call.sensor("meter", quantity="energy", unit="kWh", accumulation="delta", resolution="PT1H")
    lines = ["sensor_id,time,value", *(f"meter,{time.isoformat()},{value}" for time, value in hours.items())]
    await call("POST", "/data/readings", content="\n".join(lines), headers={"Content-Type": "text/csv"})
    changes = {"2016-03-13": 23, "2016-11-06": 25, "2017-03-12": 23, "2017-11-05": 25}
    for day, length in changes.items():
        start = datetime.fromisoformat(day).replace(tzinfo=_CHICAGO)
        end = (start + timedelta(days=1)).replace(tzinfo=_CHICAGO)
        (bucket,) = (
            await call(
                "GET",
                "/sensors/meter/data",
                params={
                    "start": start.isoformat(),
                    "end": end.isoformat(),
                    "resolution": "P1D",
                    "timezone": str(_CHICAGO),
                },
            )
        )["buckets"]
        assert (bucket["expected"], bucket["actual"], bucket["coverage"]) == (length, length, 1.0)
        assert bucket["quality"] == "OK"
