import shutil
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.programs import Demo

FURNISHED_SECONDS = 30.0
# What the tour looks at, and is there soon after the start rather than at once.
FURNITURE = ("/api/v1/rooms/Office%20North", "/api/v1/sensors/AC1.power", "/api/v1/ingestion/devices/AC1")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo for tests that look at it, and add to it what no other one minds."""
    folder = tmp_path_factory.mktemp("demo")
    with Demo(folder / "data") as running:
        while not is_furnished(running):
            assert running.age() < FURNISHED_SECONDS, "".join(running.said[-20:])
            time.sleep(0.2)
        yield running
    shutil.rmtree(folder, ignore_errors=True)


def is_furnished(demo: Demo) -> bool:
    if any(demo.client.get(path).status_code != httpx.codes.OK for path in FURNITURE):
        return False
    meter = demo.client.get("/api/v1/sensors/grid-meter.power/data?limit=1")
    return meter.status_code == httpx.codes.OK and bool(meter.json()["items"])
