"""What the tests of demand response lay out: devices that are metered, times from now, keys of each role."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.http_api.conftest import Caller

DR = "/demand-response"
NOBODY = "00000000-0000-4000-8000-000000000000"


def written(after: timedelta) -> str:
    """Return the time that is so long after now, in whole minutes."""
    return (datetime.now(UTC) + after).replace(second=0, microsecond=0).isoformat()


async def device(call: Caller, device_id: str, kw: float | None = 3.0, **fields: object) -> Any:  # noqa: ANN401
    """Let there be a device that is metered; it draws so much now."""
    await call.sensor(f"{device_id}.power")
    if kw is not None:
        reading = {"sensor_id": f"{device_id}.power", "time": datetime.now(UTC).isoformat(), "value": kw}
        await call("POST", "/data/readings", json={"readings": [reading]})
    body = {"power_sensor_id": f"{device_id}.power", **fields}
    return await call("PUT", f"{DR}/devices/{device_id}", 201, json=body)


def event(**fields: object) -> dict[str, object]:
    """Return an event that starts in an hour."""
    return {
        "event_name": "Evening peak",
        "signal": {"type": "LOAD_REDUCTION", "value": 2},
        "start": written(timedelta(hours=1)),
        "duration": "PT1H",
        **fields,
    }


async def key_of(call: Caller, role: str) -> dict[str, str]:
    """Return the headers of somebody who has this role."""
    made = await call("POST", "/api-keys", 201, json={"name": f"a {role}", "role": role})
    return {"Authorization": f"Bearer {made['key']}"}


def places(problem: dict[str, Any]) -> list[tuple[str, str]]:
    """Return where the faults are, and what."""
    return [(one["pointer"], one["code"]) for one in problem["errors"]]


async def until(call: Caller, path: str, holds: Callable[[Any], bool]) -> Any:  # noqa: ANN401
    """Return the answer for which it holds, at the latest after ten seconds."""
    for _ in range(100):
        found = await call("GET", path)
        if holds(found):
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(found)
