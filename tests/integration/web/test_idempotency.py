import asyncio
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Response, Router, post
from litestar.params import JSONBody
from litestar.response import Stream

from adapters.web.authentication import Authentication, requires
from adapters.web.idempotency import IdempotentPosts
from adapters.web.limits import CallLimit
from domain.operations.model import Role
from domain.operations.ports import OperationsUnitOfWork
from domain.shared.errors import ConflictError
from tests.integration.web.conftest import Served


class Thing(msgspec.Struct):
    name: str


RUNS: list[str] = []
GATE = asyncio.Event()
ENTERED = asyncio.Event()


@post("/things")
async def create(data: JSONBody[Thing]) -> Response[dict[str, Any]]:
    RUNS.append(data.name)
    if data.name == "conflict":
        raise ConflictError("thing_exists", "no")
    if data.name == "bug":
        raise KeyError(data.name)
    if data.name == "slow":
        ENTERED.set()
        await GATE.wait()
    return Response(
        {"number": len(RUNS), "name": data.name}, status_code=201, headers={"Location": f"/{len(RUNS)}"}
    )


@post("/exports")
async def export() -> Stream:
    RUNS.append("export")
    return Stream((b"x" * 65536 for _ in range(64)), media_type="text/csv")


@pytest.fixture(scope="module")
def routes() -> list[Any]:
    return [
        Router(
            "/api/v1/test",
            route_handlers=[create, export],
            middleware=[Authentication(CallLimit(None)), IdempotentPosts()],
            guards=[requires(Role.OPERATOR)],
        )
    ]


@pytest.fixture(autouse=True)
def _fresh() -> None:
    RUNS.clear()
    GATE.clear()
    ENTERED.clear()


@pytest.fixture(scope="module")
async def operator(served: Served) -> dict[str, str]:
    return await served.headers(Role.OPERATOR)


async def call(
    served: Served, headers: dict[str, str], key: str, name: str, path: str = "/api/v1/test/things"
) -> httpx.Response:
    return await served.client.post(path, headers={**headers, "Idempotency-Key": key}, json={"name": name})


async def test_the_same_request_again_gets_the_stored_answer(
    served: Served, operator: dict[str, str]
) -> None:
    first = await call(served, operator, "once", "a")
    second = await call(served, operator, "once", "a")
    assert RUNS == ["a"]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["content-type"] == "application/json"
    assert second.headers["idempotent-replay"] == "true"
    assert "idempotent-replay" not in first.headers


async def test_without_a_key_every_request_runs(served: Served, operator: dict[str, str]) -> None:
    for _ in range(2):
        await served.client.post("/api/v1/test/things", headers=operator, json={"name": "a"})
    assert RUNS == ["a", "a"]


async def test_another_request_with_the_key_is_refused(served: Served, operator: dict[str, str]) -> None:
    await call(served, operator, "reused", "a")
    for answer in (
        await call(served, operator, "reused", "b"),
        await call(served, operator, "reused", "a", "/api/v1/test/things?x=1"),
        await call(served, operator, "reused", "a", "/api/v1/test/exports"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert RUNS == ["a"]


async def test_keys_of_different_callers_have_nothing_to_do_with_each_other(
    served: Served, operator: dict[str, str], admin: dict[str, str]
) -> None:
    await call(served, operator, "mine", "a")
    assert "idempotent-replay" not in (await call(served, admin, "mine", "a")).headers
    assert RUNS == ["a", "a"]


async def test_while_the_first_runs_the_second_waits_outside(
    served: Served, operator: dict[str, str]
) -> None:
    first = asyncio.create_task(call(served, operator, "slow", "slow"))
    await ENTERED.wait()
    second = await call(served, operator, "slow", "slow")
    assert (second.status_code, second.json()["code"]) == (409, "in_progress")
    GATE.set()
    assert (await first).status_code == 201
    assert (await call(served, operator, "slow", "slow")).headers["idempotent-replay"] == "true"
    assert RUNS == ["slow"]


@pytest.mark.parametrize(("name", "status"), [("conflict", 409), ("bug", 500)])
async def test_what_failed_may_be_tried_again(
    served: Served, operator: dict[str, str], name: str, status: int
) -> None:
    for _ in range(2):
        assert (await call(served, operator, f"failed {name}", name)).status_code == status
    assert len(RUNS) == 2
    async with (await served.container.get(OperationsUnitOfWork)).begin() as tx:
        assert await tx.idempotency.find("x", f"failed {name}") is None


async def test_what_was_refused_does_not_hold_the_key(
    served: Served, operator: dict[str, str], viewer: dict[str, str]
) -> None:
    assert (await call(served, viewer, "refused", "a")).status_code == 403
    broken = await served.client.post(
        "/api/v1/test/things", headers={**operator, "Idempotency-Key": "refused"}, content=b"{"
    )
    assert broken.status_code == 400
    assert (await call(served, operator, "refused", "a")).status_code == 201


async def test_an_abandoned_request_gives_its_key_back(served: Served, operator: dict[str, str]) -> None:
    first = asyncio.create_task(call(served, operator, "abandoned", "slow"))
    await ENTERED.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    GATE.set()
    assert (await call(served, operator, "abandoned", "slow")).status_code == 201


async def test_an_answer_too_big_to_be_kept_goes_out_as_it_comes(
    served: Served, operator: dict[str, str]
) -> None:
    for _ in range(2):
        answer = await call(served, operator, "big", "a", "/api/v1/test/exports")
        assert answer.status_code == 201
        assert len(answer.content) == 64 * 65536
    assert RUNS == ["export", "export"]


@pytest.mark.parametrize("key", [b"", b"\xff", b"a" * 256, b"tab\there"])
async def test_a_key_that_is_none_is_a_422(served: Served, operator: dict[str, str], key: bytes) -> None:
    headers = {name.encode(): value.encode() for name, value in operator.items()}
    answer = await served.client.post(
        "/api/v1/test/things", headers={**headers, b"Idempotency-Key": key}, json={"name": "a"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_idempotency_key")
    assert RUNS == []


async def test_keys_of_the_api_are_made_anew_each_time(served: Served, admin: dict[str, str]) -> None:
    made = [
        await served.client.post(
            "/api/v1/api-keys",
            headers={**admin, "Idempotency-Key": "key"},
            json={"name": "a", "role": "viewer"},
        )
        for _ in range(2)
    ]
    assert made[0].json()["key"] != made[1].json()["key"]
