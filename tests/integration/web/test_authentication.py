import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from adapters.web.authentication import ROLE
from app.asgi import create_app
from app.settings import read_settings
from domain.operations.model import Role
from tests.integration.web.conftest import Served, asgi_transport
from tests.memory_provider import MemoryProvider

KEYS = "/api/v1/api-keys"
SOME_ID = "00000000-0000-7000-8000-000000000000"
OPEN = {"/", "/health", "/health/ready", "/metrics", "/dashboard", "/docs", "/schema", "/ws", "/api/v1/ws"}


def handlers(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler) and handler.http_methods != {"OPTIONS"}:
                yield route.path, handler


def test_every_call_of_the_api_asks_for_a_role_and_changes_for_more_than_the_least() -> None:
    app = create_app(read_settings({}, None), MemoryProvider(), background=())
    seen = 0
    for path, handler in handlers(app):
        roles = [getattr(guard, ROLE) for guard in handler.resolve_guards() if hasattr(guard, ROLE)]
        if path.startswith("/api/"):
            seen += 1
            assert roles, f"{handler.http_methods} {path} asks for no role"
            if handler.http_methods & {"PUT", "PATCH", "DELETE"}:
                assert max(roles, key=list(Role).index) is not Role.VIEWER, path
        else:
            assert not roles, path
            assert any(path == one or path.startswith(f"{one}/") for one in OPEN - {"/"}) or path == "/", path
    assert seen > 3


async def test_every_call_of_the_api_needs_a_key(served: Served) -> None:
    for path, handler in handlers(served.app):
        if not path.startswith("/api/"):
            continue
        for method in handler.http_methods:
            address = re.sub(r"\{[^}]*\}", SOME_ID, re.sub(r"\{[^}]*:int\}", "1", path))
            answer = await served.client.request(method, address)
            assert answer.status_code == 401, (method, path)
            assert answer.json()["code"] == "missing_api_key"
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "missing_api_key"),
        ("Bearer", "missing_api_key"),
        ("Bearer ", "missing_api_key"),
        ("Basic YTpi", "missing_api_key"),
        ("Bearer wrong", "invalid_api_key"),
        ("Bearer " + "a" * 10_000, "invalid_api_key"),
        ("Bearer \xff\x80", "invalid_api_key"),
    ],
)
async def test_what_is_no_key_is_a_401(served: Served, header: str, code: str) -> None:
    answer = await served.client.get(KEYS, headers={b"Authorization": header.encode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (401, code)


async def test_a_key_opens_what_its_role_may_until_it_is_revoked(
    served: Served, admin: dict[str, str]
) -> None:
    made = await served.client.post(KEYS, headers=admin, json={"name": "a device", "role": "operator"})
    assert made.status_code == 201
    key = {"Authorization": f"bearer   {made.json()['key']}"}
    refused = await served.client.get(KEYS, headers=key)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    revoked = await served.client.delete(f"{KEYS}/{made.json()['id']}", headers=admin)
    assert revoked.status_code == 204
    again = await served.client.delete(f"{KEYS}/{made.json()['id']}", headers=admin)
    assert again.status_code == 204
    assert (await served.client.get(KEYS, headers=key)).status_code == 401


async def test_a_key_ends_when_it_was_to(served: Served, admin: dict[str, str]) -> None:
    end = served.provider.clock.now() + timedelta(hours=1)
    body = {"name": "short", "role": "admin", "expires_at": end.isoformat()}
    made = await served.client.post(KEYS, headers=admin, json=body)
    assert made.json()["expires_at"] == end.isoformat()
    key = {"Authorization": f"Bearer {made.json()['key']}"}
    assert (await served.client.get(KEYS, headers=key)).status_code == 200
    served.provider.clock.advance(timedelta(hours=1))
    assert (await served.client.get(KEYS, headers=key)).status_code == 401


async def test_keys_are_listed_without_their_secrets(served: Served, admin: dict[str, str]) -> None:
    answer = await served.client.get(KEYS, headers=admin, params={"limit": 1})
    body = answer.json()
    assert (len(body["items"]), body["limit"], body["offset"]) == (1, 1, 0)
    assert body["total"] >= 1
    assert body["items"][0].keys() == {"id", "name", "role", "created_at", "expires_at", "revoked_at"}
    beyond = await served.client.get(KEYS, headers=admin, params={"offset": 10_000})
    assert beyond.json()["items"] == []


async def test_an_unknown_key_cannot_be_revoked(served: Served, admin: dict[str, str]) -> None:
    answer = await served.client.delete(f"{KEYS}/{SOME_ID}", headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_api_key")
    assert (await served.client.delete(f"{KEYS}/x", headers=admin)).status_code == 404


async def test_who_did_it_is_in_the_audit_trail(served: Served, admin: dict[str, str]) -> None:
    made = await served.client.post(KEYS, headers=admin, json={"name": "traced", "role": "viewer"})
    answer = await served.client.get("/api/v1/audit", headers=admin, params={"limit": 1})
    [entry] = answer.json()["items"]
    assert entry["action"] == "ApiKeyCreated"
    assert entry["subject"] == made.json()["id"]
    assert entry["actor"].startswith("a admin (")
    assert made.json()["key"] not in answer.text


async def test_an_address_that_guesses_is_held_up_and_others_are_not() -> None:
    app = create_app(read_settings({}, None), MemoryProvider(), background=())
    served = Served(app, MemoryProvider(), httpx.AsyncClient())
    async with app.lifespan():
        admin = await served.headers(Role.ADMIN)
        new_admin = await served.headers(Role.ADMIN)
        async with httpx.AsyncClient(transport=asgi_transport(app), base_url="http://test") as here:
            assert (await here.get(KEYS, headers=admin)).status_code == 200
            statuses = [
                (await here.get(KEYS, headers={"Authorization": f"Bearer guess-{number}"})).status_code
                for number in range(40)
            ]
            assert statuses[:20] == [401] * 20
            assert statuses[-5:] == [429] * 5
            refused = await here.get(KEYS, headers=new_admin)
            assert refused.json()["code"] == "too_many_sign_ins"
            assert int(refused.headers["retry-after"]) >= 1
            assert (await here.get(KEYS, headers=admin)).status_code == 200
        async with httpx.AsyncClient(
            transport=asgi_transport(app, "203.0.113.10"), base_url="http://test"
        ) as there:
            assert (await there.get(KEYS, headers=new_admin)).status_code == 200
    await served.client.aclose()


async def test_a_key_that_calls_too_often_is_held_up_and_health_is_not() -> None:
    app = create_app(read_settings({"RATE_LIMIT": "3/hour"}, None), MemoryProvider(), background=())
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=asgi_transport(app), base_url="http://test") as client,
    ):
        served = Served(app, MemoryProvider(), client)
        one, other = await served.headers(Role.ADMIN), await served.headers(Role.ADMIN)
        assert [(await client.get(KEYS, headers=one)).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = await client.get(KEYS, headers=one)
        assert refused.json()["code"] == "rate_limited"
        assert 1000 < int(refused.headers["retry-after"]) <= 1200
        assert (await client.get(KEYS, headers=other)).status_code == 200
        for path in ("/health", "/metrics"):
            assert [(await client.get(path, headers=one)).status_code for _ in range(5)] == [200] * 5


@pytest.mark.parametrize("expose", [True, False])
async def test_metrics_can_be_closed(expose: bool) -> None:
    app = create_app(read_settings({"METRICS_OPEN": str(expose)}, None), MemoryProvider(), background=())
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=asgi_transport(app), base_url="http://test") as client,
    ):
        viewer = await Served(app, MemoryProvider(), client).headers(Role.VIEWER)
        assert (await client.get("/metrics")).status_code == (200 if expose else 401)
        assert (await client.get("/metrics", headers=viewer)).status_code == 200


CORS: list[tuple[str, dict[str, Any]]] = [
    ("https://app.example", {"access-control-allow-origin": "https://app.example"}),
    ("https://app.example.evil.test", {}),
    ("https://evil.test", {}),
]


@pytest.mark.parametrize(("origin", "expected"), CORS)
async def test_pages_of_named_origins_alone_may_call(origin: str, expected: dict[str, str]) -> None:
    settings = read_settings({"CORS_ORIGINS": "https://app.example"}, None)
    app = create_app(settings, MemoryProvider(), background=())
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=asgi_transport(app), base_url="http://test") as client,
    ):
        asked = await client.options(
            KEYS,
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization, idempotency-key",
            },
        )
        allowed = asked.headers.get("access-control-allow-origin")
        assert allowed == expected.get("access-control-allow-origin")
        assert asked.status_code == (204 if expected else 400)
        answer = await client.get(KEYS, headers={"Origin": origin})
        assert answer.status_code == 401
        assert answer.headers.get("access-control-allow-origin") == allowed


async def test_without_origins_no_page_elsewhere_may_call(served: Served) -> None:
    answer = await served.client.get("/health", headers={"Origin": "https://evil.test"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    options = await served.client.options(KEYS)
    assert options.status_code == 204
    assert "POST" in options.headers["allow"]
