"""``/ingestion/config``: the IoT configuration, its versions, and where they came from."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Request, Response, get, post, put
from litestar.datastructures import ResponseHeader
from litestar.enums import MediaType
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath

from adapters.web.authentication import requires
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from adapters.web.problem_details import RequestError
from adapters.web.request import check_nesting
from adapters.web.response import NegotiatedResponse, wants_msgpack
from adapters.web.times import Instant
from domain.ingestion.configurations import (
    ConfigurationChange,
    ConfigurationDifference,
    ConfigurationOrigin,
    ConfigurationVersion,
)
from domain.ingestion.iot_documents import is_no_json
from domain.ingestion.services.configuration import Configurations
from domain.operations.model import Principal, Role
from domain.shared.errors import InvalidError, Problem

_JSON: Final = re.compile(r"application/(?:[\w.-]+\+)?json")
_TAG: Final = re.compile(r'(?:W/)?"(\d{1,9})"', re.ASCII)
_LARGEST_PACKED: Final = 2**63 - 1
_DOCUMENT: Final = Schema(
    type=OpenAPIType.OBJECT,
    description="The IoT configuration: `resources.iots` are the devices, each with its `uri` and `values`.",
    properties={"resources": Schema(type=OpenAPIType.OBJECT)},
    required=["resources"],
)
_ETAG: Final = ResponseHeader(name="ETag", description="The number of the version.", documentation_only=True)


@dataclass
class DocumentOperation(Operation):
    """Describes the body of a call that reads it itself, since it is kept as it was written."""

    def __post_init__(self) -> None:
        """Add the body."""
        self.request_body = RequestBody(
            content={MediaType.JSON.value: OpenAPIMediaType(schema=_DOCUMENT)}, required=True
        )


class ProblemAnswer(msgspec.Struct, kw_only=True):
    """A fault of the document: where (a JSON pointer), what, and what to do."""

    pointer: str
    code: str
    detail: str


class VersionAnswer(msgspec.Struct, kw_only=True):
    """A version of the configuration; the newest one is in force."""

    version: int
    origin: ConfigurationOrigin
    sha256: str
    devices: int
    created_at: Instant
    created_by: str
    restored_from: int | None


class ChangeAnswer(VersionAnswer, kw_only=True):
    """The version in force now, and which devices are otherwise than before.

    ``warnings`` are devices of a file or an earlier version whose hosts are not allowed: they show
    ``host_not_allowed`` when they are polled.
    """

    added: list[str]
    changed: list[str]
    removed: list[str]
    warnings: list[ProblemAnswer]


class CheckAnswer(msgspec.Struct, kw_only=True):
    """What would come of a document: every fault of it, or what it has and what it would change."""

    valid: bool
    errors: list[ProblemAnswer]
    devices: int
    sensors: int
    added: list[str]
    changed: list[str]
    removed: list[str]


class FileAnswer(msgspec.Struct, kw_only=True):
    """The file of IOTS_CONFIG; ``errors`` are why it is not in force as it is now, known ``since``."""

    errors: list[ProblemAnswer]
    since: Instant | None


class VersionsAnswer(Page[VersionAnswer], kw_only=True):
    """Versions, newest first; ``file`` is null where no file is set."""

    file: FileAnswer | None


def _problems(problems: Sequence[Problem]) -> list[ProblemAnswer]:
    return [ProblemAnswer(pointer=one.pointer, code=one.code, detail=one.detail) for one in problems]


def _version(one: ConfigurationVersion) -> VersionAnswer:
    return VersionAnswer(
        version=one.version,
        origin=one.origin,
        sha256=one.sha256,
        devices=one.devices,
        created_at=Instant.of(one.created_at),
        created_by=one.created_by,
        restored_from=one.restored_from,
    )


def _lists(difference: ConfigurationDifference) -> dict[str, list[str]]:
    return {
        "added": list(difference.added),
        "changed": list(difference.changed),
        "removed": list(difference.removed),
    }


def _changed(change: ConfigurationChange) -> Response[ChangeAnswer]:
    facts: dict[str, Any] = {
        **msgspec.structs.asdict(_version(change.about)),
        **_lists(change.difference),
        "warnings": _problems(change.warnings),
    }
    return NegotiatedResponse(ChangeAnswer(**facts), headers=_etag(change.about.version))


def _etag(version: int) -> dict[str, str]:
    return {"ETag": f'"{version}"', "Cache-Control": "no-cache"}


async def _text(request: Request[Any, Any, Any]) -> str:
    content_type = request.headers.get("content-type", MediaType.JSON.value).partition(";")[0].strip().lower()
    if not _JSON.fullmatch(content_type):
        detail = f"this call takes application/json, not {content_type!r}"
        raise RequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    body = await request.body()
    check_nesting(body)
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        detail = f"byte {error.start} is not UTF-8"
        raise RequestError(HTTPStatus.BAD_REQUEST, "malformed_json", detail) from error


def _refuse_malformed(error: InvalidError) -> None:
    if is_no_json(error):
        raise RequestError(HTTPStatus.BAD_REQUEST, "malformed_json", error.detail) from error


def _expected(request: Request[Any, Any, Any]) -> list[int] | None:
    """Return the versions that If-Match names; what is no version of ours matches none."""
    given = request.headers.get("if-match", "*").strip()
    return None if given == "*" else [int(number) for number in _TAG.findall(given)]


def _document(request: Request[Any, Any, Any], version: int, text: str) -> Response[dict[str, Any]]:
    headers = {**_etag(version), "Vary": "Accept"}
    if wants_msgpack(request):
        return NegotiatedResponse(json.loads(text, parse_int=_packable), headers=headers)
    # As it was written: decoding and encoding it would change its numbers.
    as_written: Any = text.encode()
    return Response(as_written, media_type=MediaType.JSON, headers=headers)


def _packable(text: str) -> int | float:
    return int(text) if abs(float(text)) < _LARGEST_PACKED else float(text)


class IngestionConfigController(Controller):
    """Which devices there are."""

    path = "/ingestion/config"
    tags = ("Ingestion",)
    guards = (requires(Role.VIEWER),)

    @get("/", summary="Get the IoT configuration", response_headers=[_ETAG])
    @inject
    async def get_config(
        self, request: Request[Any, Any, Any], configurations: FromDishka[Configurations]
    ) -> Response[dict[str, Any]]:
        """Return the document in force, as it was given; `ETag` is its version (0: there was none yet).

        It holds no secrets: those stand in the environment, and the document names the variables.
        """
        version, text = await configurations.get()
        return _document(request, version, text)

    @put(
        "/",
        summary="Replace the IoT configuration",
        guards=(requires(Role.ADMIN),),
        operation_class=DocumentOperation,
        response_headers=[_ETAG],
    )
    @inject
    async def put_config(
        self,
        request: Request[Any, Any, Any],
        configurations: FromDishka[Configurations],
        principal: FromDishka[Principal],
    ) -> Response[ChangeAnswer]:
        """Put another document in force, whole or not at all; pollers follow within seconds, no restart.

        Every fault is told with its JSON pointer. With `If-Match` it is refused (409 `concurrent_change`)
        where another version is in force by now. The same document again makes no version.
        """
        text, expected = await _text(request), _expected(request)
        try:
            return _changed(await configurations.replace(text, principal.actor, expected))
        except InvalidError as error:
            _refuse_malformed(error)
            raise

    @post(
        "/validate",
        summary="Check an IoT configuration",
        status_code=200,
        guards=(requires(Role.OPERATOR),),
        operation_class=DocumentOperation,
    )
    @inject
    async def validate(
        self, request: Request[Any, Any, Any], configurations: FromDishka[Configurations]
    ) -> CheckAnswer:
        """Say every fault of a document, or what putting it in force would change; nothing is changed."""
        text = await _text(request)
        check = await configurations.validate(text)
        if check.problems:
            _refuse_malformed(InvalidError("", check.problems[0].detail, check.problems))
        return CheckAnswer(
            valid=not check.problems,
            errors=_problems(check.problems),
            devices=check.devices,
            sensors=check.sensors,
            **_lists(check.difference),
        )

    @post(
        "/reload",
        summary="Read the configuration file again",
        status_code=200,
        guards=(requires(Role.ADMIN),),
        response_headers=[_ETAG],
    )
    @inject
    async def reload(
        self, configurations: FromDishka[Configurations], principal: FromDishka[Principal]
    ) -> Response[ChangeAnswer]:
        """Put the file of IOTS_CONFIG in force as it is now, also where it has not changed since.

        409 `no_file` where none is set.
        """
        return _changed(await configurations.reload(principal.actor))

    @get("/versions", summary="List versions of the IoT configuration")
    @inject
    async def list_versions(
        self, configurations: FromDishka[Configurations], limit: Limit = DEFAULT_LIMIT, offset: Offset = 0
    ) -> VersionsAnswer:
        """Return all versions, newest first; the first one is in force."""
        found, total = await configurations.versions(limit, offset)
        fault = configurations.file_fault()
        return VersionsAnswer(
            items=[_version(one) for one in found],
            total=total,
            limit=limit,
            offset=offset,
            file=FileAnswer(
                errors=_problems(fault.problems if fault else ()),
                since=Instant.of(fault.since) if fault else None,
            )
            if configurations.has_file
            else None,
        )

    @get(
        "/versions/{version:int}",
        summary="Get a version of the IoT configuration",
        response_headers=[_ETAG],
    )
    @inject
    async def get_version(
        self,
        version: FromPath[int],
        request: Request[Any, Any, Any],
        configurations: FromDishka[Configurations],
    ) -> Response[dict[str, Any]]:
        """Return the document of a version, as it was given."""
        return _document(request, *await configurations.get(version))

    @post(
        "/versions/{version:int}/restore",
        summary="Restore a version of the IoT configuration",
        status_code=200,
        guards=(requires(Role.ADMIN),),
        response_headers=[_ETAG],
    )
    @inject
    async def restore(
        self,
        version: FromPath[int],
        configurations: FromDishka[Configurations],
        principal: FromDishka[Principal],
    ) -> Response[ChangeAnswer]:
        """Put the document of an earlier version in force again, as a new version."""
        return _changed(await configurations.restore(version, principal.actor))
