"""What the service does with input that a machine made up from its own description."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from litestar import Litestar
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.asgi import create_app
from app.settings import read_settings
from domain.operations.model import Role
from domain.operations.services.api_keys import ApiKeys
from domain.shared.events import SYSTEM
from tests.integration.web.servers import serving
from tests.memory_provider import MemoryProvider

EXAMPLES = 8
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def app() -> Litestar:
    return create_app(read_settings({}, None), MemoryProvider(), background=())


@pytest.fixture(scope="module")
def secret(app: Litestar) -> str:
    async def make() -> str:
        api_keys = await app.state.dishka_container.get(ApiKeys)
        made: tuple[object, str] = await api_keys.create("a machine", Role.ADMIN, actor=SYSTEM)
        return made[1]

    return asyncio.run(make())


@pytest.fixture(scope="module")
def schema(app: Litestar) -> Iterator[schemathesis.BaseSchema]:
    with serving(app) as (host, port):
        found = schemathesis.openapi.from_url(f"http://{host}:{port}/schema/openapi.json")
        yield found


def test_every_call_answers_as_it_is_described(schema: schemathesis.BaseSchema, secret: str) -> None:
    called = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def call(case: schemathesis.Case[Any]) -> None:
            nonlocal called
            called += 1
            case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {secret}"})

        call()
    assert called > EXAMPLES
