"""Asking the server over HTTP, one call after the other, as a dashboard does."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from http.client import HTTPConnection
from urllib.parse import urlencode

import msgspec

from tests.benchmarks.questions import ZONE
from tests.benchmarks.results import Section, numbers, percentiles, words
from tests.benchmarks.serving import served

_API = "/api/v1"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the API; with a body it is a POST."""

    name: str
    path: str
    body: bytes | None = None


def calls(sensor_id: str, start: datetime, end: datetime) -> list[Call]:
    """Return what a dashboard asks about the last day and the whole span."""
    day = max(start, end - timedelta(days=1))

    def span(since: datetime, **more: str) -> str:
        zone = ZONE.key
        return urlencode({"start": since.isoformat(), "end": end.isoformat(), "timezone": zone, **more})

    def query(**more: object) -> bytes:
        about = {"start": day.isoformat(), "end": end.isoformat(), "timezone": ZONE.key}
        return msgspec.json.encode({**about, "resolution": "PT1H", **more})

    return [
        Call("overview", f"{_API}/overview"),
        Call("100 sensors with their newest values", f"{_API}/sensors/get?limit=100"),
        Call("100 rooms", f"{_API}/rooms?limit=100"),
        Call("one sensor, a day of readings", f"{_API}/sensors/{sensor_id}/data?{span(day, limit='1000')}"),
        Call(
            "one sensor, 30 days, hourly",
            f"{_API}/sensors/{sensor_id}/data?"
            + span(max(start, end - timedelta(days=30)), resolution="PT1H"),
        ),
        Call(
            "20 sensors (a room), one day, hourly",
            f"{_API}/data/query",
            query(room_names=["site 000"]),
        ),
        Call(
            "power by room, one day, hourly, mean",
            f"{_API}/data/query",
            query(quantities=["power"], group_by="room", aggregates=["mean"]),
        ),
        Call(
            "all sensors, one day, hourly, mean",
            f"{_API}/data/query",
            query(aggregates=["mean"]),
        ),
        Call("all sensors, one day, hourly, everything", f"{_API}/data/query", query()),
        Call(
            "energy of the site, one day, hourly", f"{_API}/analytics/energy?{span(day, resolution='PT1H')}"
        ),
        Call("energy by day, the whole span", f"{_API}/analytics/energy?{span(start, resolution='P1D')}"),
        Call("summary of the last day", f"{_API}/analytics/summary?{span(day)}"),
    ]


def over_http(service_url: str, key: str, wanted: Sequence[Call], times: int, readings: int) -> Section:
    """Return the time of each call, over one connection to a server of its own."""
    rows: list[tuple[str | float, ...]] = []
    with served(service_url) as server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=120)
        for call in wanted:
            asked(connection, call, key)
            seconds: list[float] = []
            size = 0
            for _ in range(times):
                begun = time.perf_counter()
                size = asked(connection, call, key)
                seconds.append(time.perf_counter() - begun)
            rows.append((call.name, *percentiles(seconds), size / 1024))
        connection.close()
    return Section(
        "http",
        f"Calls of a dashboard at {readings:,} readings",
        f"Over HTTP, one after the other, {times} times each after one to warm up.",
        (*words("call"), *numbers("p50 ms", "p95 ms", digits=1), *numbers("KiB")),
        list(rows),
    )


def asked(connection: HTTPConnection, call: Call, key: str) -> int:
    """Make the call and return the size of the answer."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("GET" if call.body is None else "POST", call.path, call.body, headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != HTTPStatus.OK:
        raise RuntimeError(f"{call.name}: {answer.status} {content.decode()}")
    return len(content)
