from collections.abc import Iterator
from typing import Any

import pytest
from dishka.integrations.litestar import FromDishka
from litestar import Litestar, get

from domain.operations.services.api_keys import ApiKeys
from tests.integration.web.conftest import Served

SIMPLE = {"string", "integer", "number", "boolean", "array"}
METHODS = {"get", "put", "post", "delete", "patch"}


@pytest.fixture(scope="module")
async def document(served: Served) -> dict[str, Any]:
    answer = await served.client.get("/schema/openapi.json")
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json"
    body: dict[str, Any] = answer.json()
    return body


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def types_of(schema: dict[str, Any], document: dict[str, Any]) -> set[str]:
    """Return the types that a value of the schema may have; "?" for one that says nothing."""
    if "$ref" in schema:
        return types_of(document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], document)
    found: set[str] = set()
    for inner in [*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())]:
        found |= types_of(inner, document)
    given = schema.get("type", () if found else "?")
    return found | ({given} if isinstance(given, str) else set(given))


def strange_parameters(document: dict[str, Any]) -> list[str]:
    return [
        f"{method} {path}: {parameter['name']}"
        for path, method, operation in operations(document)
        for parameter in operation.get("parameters", ())
        if types_of(parameter["schema"], document) - SIMPLE - {"null"}
    ]


async def test_every_parameter_is_a_plain_value_and_no_forgotten_injection(document: dict[str, Any]) -> None:
    assert strange_parameters(document) == []


@pytest.mark.filterwarnings("ignore::litestar.exceptions.base_exceptions.LitestarDeprecationWarning")
def test_a_forgotten_injection_would_be_seen() -> None:
    async def forgetful(api_keys: FromDishka[ApiKeys]) -> None:
        """Have no use for it."""

    app = Litestar([get("/forgetful")(forgetful)])
    assert strange_parameters(app.openapi_schema.to_schema()) == ["get /forgetful: api_keys"]


async def test_every_operation_is_described_and_named_once(document: dict[str, Any]) -> None:
    named = [operation["operationId"] for *_, operation in operations(document)]
    assert len(named) == len(set(named))
    for path, method, operation in operations(document):
        assert operation["summary"], f"{method} {path}"
        assert operation["description"], f"{method} {path}"


async def test_every_operation_says_its_errors_and_the_api_its_keys(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    problem = document["components"]["responses"]["Problem"]["content"]
    assert problem.keys() == {"application/problem+json"}
    for path, method, operation in operations(document):
        for status in ("4XX", "5XX"):
            assert operation["responses"][status] == {"$ref": "#/components/responses/Problem"}
        assert "400" not in operation["responses"], f"{method} {path} describes Litestar's own error"
        assert (operation.get("security") == [{"bearer": []}]) == path.startswith("/api/v1/"), path


async def test_times_are_described_as_such(document: dict[str, Any]) -> None:
    created_at = document["components"]["schemas"]["ApiKeyAnswer"]["properties"]["created_at"]
    assert (created_at["type"], created_at["format"]) == ("string", "date-time")


async def test_what_a_parameter_says_of_itself_is_said_of_no_other(document: dict[str, Any]) -> None:
    duration = document["components"]["schemas"]["DrEventFields"]["properties"]["duration"]
    assert duration == {"type": "string", "format": "duration", "examples": ["PT15M", "PT0S"]}


async def test_structs_and_tags_are_explained(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["HttpControl"]["description"].startswith("The device is told over HTTP")
    told = {tag["name"] for tag in document["tags"] if tag["description"]}
    used = {tag for *_, operation in operations(document) for tag in operation.get("tags", ())}
    assert used == told


async def test_a_body_that_may_be_left_out_is_not_required(document: dict[str, Any]) -> None:
    cancel = document["paths"]["/api/v1/demand-response/events/{event_id}/cancel"]["post"]
    assert cancel["requestBody"]["required"] is False


async def test_the_paths_of_the_contract_are_there(document: dict[str, Any]) -> None:
    assert document["paths"].keys() >= {
        "/",
        "/health",
        "/health/ready",
        "/metrics",
        "/api/v1/api-keys",
        "/api/v1/audit",
    }
    assert not [path for path in document["paths"] if path.startswith(("/docs", "/schema"))]
