"""The OpenAPI document of the API."""

from collections.abc import Iterator
from dataclasses import replace
from inspect import cleandoc
from typing import Any, Final

import msgspec
from litestar import Request, Router
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    License,
    OpenAPIFormat,
    OpenAPIType,
    Schema,
    SecurityScheme,
    Tag,
)
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from adapters.web.problem_details import MEDIA_TYPE
from adapters.web.times import CalendarPeriod, Elapsed, Instant, Span, Timezone

DOCUMENT: Final = "/schema/openapi.json"
BEARER: Final = "bearer"
_PROBLEM: Final = "ProblemDetails"

_SCHEMAS: Final = {
    Instant: Schema(
        type=OpenAPIType.STRING,
        format=OpenAPIFormat.DATE_TIME,
        description="RFC 3339 with an offset; on the way in also epoch seconds or milliseconds.",
        examples=["2026-03-29T00:00:00+00:00"],
    ),
    Elapsed: Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DURATION, examples=["PT15M"]),
    Span: Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DURATION, examples=["PT15M", "PT0S"]),
    CalendarPeriod: Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DURATION, examples=["PT1H", "P1D"]),
    Timezone: Schema(type=OpenAPIType.STRING, examples=["Europe/Lisbon"]),
}


_TAGS: Final = {
    "Overview": "All at a glance.",
    "Sensors": "What is measured, and where data stay away.",
    "Readings": "Values as they were measured, in and out.",
    "Rooms": "Where sensors are, and how it is there.",
    "Analytics": "What the readings come to.",
    "Tariffs": "What energy costs and emits.",
    "Demand response": "From the event over its answers and commands to the measured kilowatt-hour.",
    "Ingestion": "Devices that are polled.",
    "Meter files": "Files of meters, and the server that they come from.",
    "API keys": "Who may call.",
    "Audit": "Who changed what and when.",
}


class TimesInSchema(OpenAPISchemaPlugin):
    """Describes the types of `adapters.web.times`."""

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:  # noqa: ANN401 - Litestar's own signature
        """Whether it is one of them."""
        return isinstance(value, type) and value in _SCHEMAS

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: object) -> Schema:  # noqa: ARG002
        """Return its description."""
        # A copy, since Litestar adds what a parameter says of itself.
        return replace(_SCHEMAS[field_definition.annotation])


class _Document(JsonRenderPlugin):
    """Adds what holds for every operation, and Litestar has no layer for."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the document."""
        return self.render_json(request, completed(openapi_schema))


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with problem details as the errors of every operation."""
    schemas = {**_explained(document["components"].get("schemas", {})), _PROBLEM: _PROBLEM_SCHEMA}
    paths = {
        path: {
            method: _with_errors(operation) if isinstance(operation, dict) else operation
            for method, operation in item.items()
        }
        for path, item in document["paths"].items()
    }
    components = {**document["components"], "schemas": dict(sorted(schemas.items())), "responses": _RESPONSES}
    return {**document, "paths": paths, "components": components}


def _explained(schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas with what their structs say of themselves, which Litestar leaves out."""
    said: dict[str, set[str]] = {}
    for struct in _structs(msgspec.Struct):
        said.setdefault(struct.__name__, set()).add(cleandoc(struct.__doc__ or "").replace("``", "`"))
    # Of two of the same name, it is not known which this is.
    known = {name: next(iter(texts)) for name, texts in said.items() if len(texts) == 1}
    return {
        name: {**schema, "description": known[name]}
        if known.get(name) and "description" not in schema
        else schema
        for name, schema in schemas.items()
    }


def _structs(kind: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for inner in kind.__subclasses__():
        yield inner
        yield from _structs(inner)


def _with_errors(operation: dict[str, Any]) -> dict[str, Any]:
    # Litestar describes its own 400, which is never sent here.
    own = {
        status: response
        for status, response in operation["responses"].items()
        if "Validation Exception" not in str(response)
    }
    return {**operation, "responses": {**own, **_ERRORS}}


_PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "title": _PROBLEM,
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "Of a 5xx, it is in the log."},
        "code": {"type": "string", "description": "Stable, for programs."},
        "errors": {
            "type": "array",
            "description": "Each fault of the input.",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "A JSON pointer into the body, or /query/..., /path/..., /header/...",
                    },
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_RESPONSES: Final[dict[str, Any]] = {
    "Problem": {
        "description": "A problem",
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{_PROBLEM}"}}},
    }
}
_ERRORS: Final = {
    "4XX": {"$ref": "#/components/responses/Problem"},
    "5XX": {"$ref": "#/components/responses/Problem"},
}


async def _only_the_document(request: Request[Any, Any, Any]) -> None:
    # Litestar answers any other path here with a page of its own.
    if request.url.path != DOCUMENT:
        raise NotFoundException


def openapi_config(version: str) -> OpenAPIConfig:
    """Return what Litestar is to be told."""
    return OpenAPIConfig(
        title="Energy dashboard",
        version=version,
        description="Sensors and their readings, live and in history; demand response.",
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        components=Components(
            security_schemes={BEARER: SecurityScheme(type="http", scheme="bearer", description="An API key.")}
        ),
        tags=[Tag(name=name, description=text) for name, text in _TAGS.items()],
        use_handler_docstrings=True,
        openapi_router=Router(
            "/schema", route_handlers=[], before_request=_only_the_document, include_in_schema=False
        ),
        render_plugins=[_Document()],
    )
