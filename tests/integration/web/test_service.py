import asyncio
from collections.abc import Sequence

import httpx
import msgspec
import pytest
from dishka import Provider, Scope, provide
from prometheus_client.parser import text_string_to_metric_families

from adapters.http_api.service import HealthChecks
from app.asgi import create_app
from app.settings import read_settings
from domain.shared.health import Health, HealthCheck, HealthStatus
from tests.integration.web.conftest import Served, asgi_transport
from tests.memory_provider import MemoryProvider

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


class Check(HealthCheck):
    def __init__(self, name: str, outcome: Health | Exception | None) -> None:
        self._name = name
        self._outcome = outcome

    @property
    def name(self) -> str:
        return self._name

    async def check(self) -> Health:
        if self._outcome is None:
            await asyncio.sleep(3600)
        if not isinstance(self._outcome, Health):
            raise self._outcome or AssertionError
        return self._outcome


async def health(checks: Sequence[HealthCheck], path: str = "/health") -> httpx.Response:
    class Checks(Provider):
        scope = Scope.APP

        @provide(override=True)
        def given(self) -> HealthChecks:
            return HealthChecks(checks)

    app = create_app(read_settings({}, None), MemoryProvider(), Checks(), background=())
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=asgi_transport(app), base_url="http://test") as client,
    ):
        return await client.get(path)


WELL = Check("database", Health(HealthStatus.OK, {"latency_ms": 0.5}))


async def test_the_service_says_what_it_is(served: Served) -> None:
    body = (await served.client.get("/")).json()
    assert body["name"] == "energy-dashboard"
    assert body["version"]
    for path in (body["links"]["docs"], body["links"]["openapi"], body["links"]["health"]):
        assert (await served.client.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/html;q=0.5", False),
    ],
)
async def test_a_browser_is_sent_to_the_dashboard(served: Served, accept: str, page: bool) -> None:
    answer = await served.client.get("/", headers={"Accept": accept})
    assert answer.headers["vary"] == "accept"
    if page:
        assert (answer.status_code, answer.headers["location"]) == (302, "/dashboard")
    else:
        assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
async def test_health_is_open_and_tells_of_the_database(served: Served, path: str) -> None:
    answer = await served.client.get(path, headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "ok"
    assert body["version"]
    assert body["checks"]["database"]["status"] == "ok"
    assert body["checks"]["database"]["latency_ms"] >= 0


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
async def test_a_database_that_is_away_is_a_503(path: str) -> None:
    answer = await health([Check("database", Health(HealthStatus.DOWN)), Check("jobs", KeyError("x"))], path)
    assert answer.status_code == 503
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["database"] == {"status": "down"}
    assert answer.json()["checks"]["jobs"]["status"] == "down"


@pytest.mark.parametrize(
    "outcome", [Health(HealthStatus.DEGRADED, {"parked": 1}), KeyError("inside"), Health(HealthStatus.DOWN)]
)
async def test_another_part_that_is_unwell_is_told_and_no_more(outcome: Health | Exception) -> None:
    answer = await health([WELL, Check("events", outcome)])
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["events"]["status"] in {"degraded", "down"}
    assert "inside" not in answer.text


async def test_a_check_that_hangs_does_not_hang_health(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.http_api.service._CHECK_SECONDS", 0.05)
    answer = await health([WELL, Check("ftp", None)])
    assert answer.json()["checks"]["ftp"]["status"] == "down"


async def test_metrics_count_calls_by_the_template_of_their_route(
    served: Served, admin: dict[str, str]
) -> None:
    await served.client.delete("/api/v1/api-keys/00000000-0000-7000-8000-000000000001", headers=admin)
    await served.client.get("/api/v1/nowhere/1234")
    await served.client.request("SPAM", "/health")
    answer = await served.client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=1.0.0; charset=utf-8"
    assert "1234" not in answer.text
    assert "SPAM" not in answer.text
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    counted = {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for sample in families["http_request_duration_seconds"].samples
        if sample.name.endswith("_count")
    }
    assert counted["DELETE", "/api/v1/api-keys/{key_id}", "404"] == 1
    assert counted["GET", "unknown", "404"] == 1
    assert families["http_requests_in_progress"].samples[0].value == 1
    assert "process_resident_memory_bytes" in families


@pytest.mark.parametrize(
    ("accept", "packed"),
    [
        ("application/msgpack", True),
        ("application/x-msgpack", True),
        ("application/vnd.msgpack, application/json;q=0.5", True),
        ("application/json, application/msgpack;q=0.5", False),
        ("*/*", False),
        ("application/cbor", False),
    ],
)
async def test_answers_come_as_messagepack_where_that_is_preferred(
    served: Served,
    admin: dict[str, str],
    accept: str,
    packed: bool,
) -> None:
    for path in ("/api/v1/api-keys", "/health", "/"):
        plain = await served.client.get(path, headers=admin)
        answer = await served.client.get(path, headers={**admin, "Accept": accept})
        assert answer.status_code == 200
        if packed:
            assert answer.headers["content-type"] == "application/msgpack"
            assert answer.headers["vary"] == "accept"
            body = msgspec.msgpack.decode(answer.content)
        else:
            assert answer.headers["content-type"] == "application/json"
            body = answer.json()
        assert body.keys() == plain.json().keys()
    problem = await served.client.get("/nowhere", headers={"Accept": accept})
    assert problem.headers["content-type"] == "application/problem+json"


async def test_every_answer_tells_the_browser_what_not_to_do(served: Served, admin: dict[str, str]) -> None:
    for path in ("/", "/health", "/nowhere", "/api/v1/api-keys", "/docs", "/dashboard", "/docs/start.js"):
        answer = await served.client.get(path, headers=admin)
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
        assert answer.headers.get("cache-control", "").startswith("no-store") == (
            path in {"/health", "/api/v1/api-keys"}
        )
    assert (
        (await served.client.get("/dashboard"))
        .headers["content-security-policy"]
        .startswith("default-src 'self'")
    )
