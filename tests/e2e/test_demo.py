import shutil
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.e2e.programs import Demo, json_of

HEALTHY_SECONDS = 15.0
SEEN_SECONDS = 30.0
NAMES = {
    "sensor_id": "grid-meter.power",
    "room_name": "Office North",
    "device_id": "AC1",
    "name": "day-night",
    "collection_name": "neighbours/library",
    "version": "1",
}
# What has an id of its own making: the list in which one is found.
FOUND_IN = {
    "file_id": "/api/v1/ingestion/files?status=partial",
    "scan_id": "/api/v1/ingestion/ftp/scans",
    "event_id": "/api/v1/demand-response/events?status=completed",
    "invitation_id": "/api/v1/demand-response/invitations",
    "program_id": "/api/v1/demand-response/programs",
}
QUERIES = {
    "/api/v1/analytics/energy": {"start": "2020-01-01T00:00:00Z", "end": "2030-01-01T00:00:00Z"},
    "/api/v1/demand-response/baselines": {
        "device_id": "Ventilation",
        "start": f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%dT%H:00:00Z}",
        "duration": "PT1H",
    },
}
# Nothing goes wrong in a building on its first day.
EMPTY_AT_FIRST = {"/api/v1/alarms", "/api/v1/data/rejected", "/api/v1/sensors/{sensor_id}/revisions"}


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    shutil.rmtree(tmp_path / "data", ignore_errors=True)


def wait_until(true: Callable[[], bool], demo: Demo, seconds: float) -> None:
    while not true():
        assert demo.age() < seconds, "".join(demo.said[-20:])
        time.sleep(0.1)


def healthy(demo: Demo) -> bool:
    try:
        answer = demo.client.get("/health/ready")
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK


def paths_to_get(demo: Demo) -> list[str]:
    document = demo.client.get("/schema/openapi.json").json()
    found = [path for path, calls in document["paths"].items() if "get" in calls]
    assert len(found) > 10
    return found


def shows_something(demo: Demo, path: str) -> bool:
    address = path
    for name, value in NAMES.items():
        address = address.replace(f"{{{name}}}", quote(value))
    for name, where in FOUND_IN.items():
        if f"{{{name}}}" in address:
            items = demo.client.get(where).json()["items"]
            if not items:
                return False
            address = address.replace(f"{{{name}}}", items[0][name])
    assert "{" not in address, f"name an example for {path}"
    answer = demo.client.get(address, params=QUERIES.get(path))
    if answer.status_code != httpx.codes.OK:
        return False
    if not answer.headers["content-type"].startswith("application/json"):
        return bool(answer.content)
    body = answer.json()
    return bool(body["items"] if isinstance(body, dict) and "items" in body else body)


def test_every_call_has_something_to_show_soon_and_a_kill_ends_nothing(data_dir: Path) -> None:
    with Demo(data_dir) as first:
        wait_until(lambda: healthy(first), first, HEALTHY_SECONDS)
        for path in set(paths_to_get(first)) - EMPTY_AT_FIRST:
            wait_until(lambda path=path: shows_something(first, path), first, SEEN_SECONDS)  # type: ignore[misc]  # mypy cannot infer the lambda
        before = json_of(first.client.get("/api/v1/sensors/grid-meter.power/data?limit=50"))["items"]
        first.kill()
    with Demo(data_dir) as second:
        wait_until(lambda: healthy(second), second, HEALTHY_SECONDS)
        after = json_of(second.client.get("/api/v1/sensors/grid-meter.power/data?limit=50"))["items"]
        assert after == before
        assert second.key != first.key


def test_the_history_is_28_days_long_and_close_at_its_end(demo: Demo) -> None:
    def rows(start: float, end: float) -> int:
        # Days are counted back from now, and so is the history.
        window = {"start": days_ago(start), "end": days_ago(end), "limit": "1000"}
        answer = demo.client.get("/api/v1/sensors/grid-meter.power/data", params=window)
        if answer.status_code == 404:  # not there in the first moments
            return 0
        items = json_of(answer)["items"]
        assert isinstance(items, list)
        return len(items)

    wait_until(lambda: shows_something(demo, "/api/v1/sensors/{sensor_id}/data"), demo, SEEN_SECONDS)
    wait_until(lambda: rows(27.9, 27.7) > 0, demo, demo.age() + SEEN_SECONDS)
    assert 10 <= rows(26, 26 - 1 / 24) <= 14
    assert 50 <= rows(0.5, 0.5 - 1 / 24) <= 62
    assert rows(30, 28.5) == 0


def days_ago(days: float) -> str:
    return str(int(time.time() - 86_400 * days))


def test_devices_of_all_makers_are_polled(demo: Demo) -> None:
    def polled() -> bool:
        items = json_of(demo.client.get("/api/v1/ingestion/devices"))["items"]
        assert isinstance(items, list)
        assert len(items) >= 20
        stored = [device for device in items if device["readings_stored"] > 0]
        return len(stored) >= len(items) - 3

    wait_until(polled, demo, demo.age() + SEEN_SECONDS)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_told_to_stop_it_takes_its_database_with_it(data_dir: Path, name: str) -> None:
    with Demo(data_dir) as running:
        wait_until(lambda: healthy(running), running, HEALTHY_SECONDS)
        assert (data_dir / "postgres" / "cluster" / "postmaster.pid").exists()
        running.stop(signal.Signals[name])
        assert not (data_dir / "postgres" / "cluster" / "postmaster.pid").exists()
        assert "Traceback" not in "".join(running.said)
