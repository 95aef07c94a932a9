"""RFC 9457 problem details: the one table of errors and their answers."""

import logging
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from adapters.web.faults import choices, described, faults, item, pointer_of
from domain.shared.errors import (
    ConflictError,
    DomainError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    Problem,
    TooLargeError,
    TooManyRequestsError,
    UnauthenticatedError,
    UnavailableError,
)

MEDIA_TYPE: Final = "application/problem+json"
PARSED_BODY: Final = "parsed_body"
"""Where a request's state keeps the decoded body, so that each of its faults can be told."""

_LOG: Final = logging.getLogger(__name__)
_RETRY_UNAVAILABLE_SECONDS: Final = 5

STATUS: Final[Mapping[type[DomainError], HTTPStatus]] = {
    InvalidError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    TooManyRequestsError: HTTPStatus.TOO_MANY_REQUESTS,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The kinds of domain errors and their status; a subclass has that of its nearest parent here."""

CODES: Final[Mapping[int, str]] = {
    HTTPStatus.BAD_REQUEST: "bad_request",
    HTTPStatus.UNAUTHORIZED: "unauthenticated",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
    HTTPStatus.UNPROCESSABLE_ENTITY: "invalid",
    HTTPStatus.TOO_MANY_REQUESTS: "too_many_requests",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
}
"""The code of an error that the framework found, by its status."""

_MISSING_PARAMETER: Final = re.compile(r"Missing required (?P<where>\w+) parameter '(?P<name>[^']+)'")


class RequestError(HTTPException):
    """A request that cannot be taken, found before any use case saw it."""

    def __init__(self, status: HTTPStatus, code: str, detail: str) -> None:
        super().__init__(detail=detail, status_code=status)
        self.code = code


class ProblemDetails(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What went wrong (RFC 9457). ``code`` is stable; ``errors`` says each fault of an input.

    A ``pointer`` is a JSON pointer into the body; it begins with ``/query``, ``/path`` or ``/header`` where a
    parameter is at fault.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: Sequence[Problem] | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    code: str
    detail: str
    problems: Sequence[Problem] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


_INTERNAL: Final = _Answer(
    HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "this is a fault of the service; its log has more"
)


def to_problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer an exception (for ``Litestar(exception_handlers=...)``)."""
    answer = _answer(request, error)
    body = ProblemDetails(
        type=f"/problems/{answer.code}",
        title=HTTPStatus(answer.status).phrase,
        status=answer.status,
        detail=answer.detail,
        instance=f"urn:uuid:{uuid4()}",
        code=answer.code,
        errors=answer.problems,
    )
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
        _LOG.warning("%s %s: %s (%s)", request.method, request.url.path, answer.detail, body.instance)
    elif answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _LOG.error("%s %s failed (%s)", request.method, request.url.path, body.instance, exc_info=error)
    return Response(
        msgspec.json.encode(body),
        status_code=answer.status,
        media_type=MEDIA_TYPE,
        headers=dict(answer.headers),
    )


EXCEPTION_HANDLERS: Final[ExceptionHandlersMap] = {Exception: to_problem}


def _answer(request: Request[Any, Any, Any], error: Exception) -> _Answer:
    if isinstance(error, DomainError):
        return _domain_answer(error)
    if isinstance(error, ValidationException):
        problems = list(_validation_problems(request, error))
        detail = problems[0].detail if len(problems) == 1 else f"{len(problems)} faults in the input"
        return _Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_input", detail, problems)
    if isinstance(error, msgspec.ValidationError):
        problem = described(str(error), "")
        return _Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_input", problem.detail, [problem])
    if isinstance(error, HTTPException) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        code = error.code if isinstance(error, RequestError) else CODES.get(error.status_code, "bad_request")
        detail = error.detail or HTTPStatus(error.status_code).phrase
        return _Answer(error.status_code, code, detail, headers=error.headers or {})
    return _INTERNAL


def _domain_answer(error: DomainError) -> _Answer:
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), None)
    problems: Sequence[Problem] | None = None
    headers: dict[str, str] = {}
    match error:
        case InvalidError():
            problems = error.problems or (Problem("", error.code, error.detail),)
        case UnauthenticatedError():
            headers["WWW-Authenticate"] = "Bearer"
        case TooManyRequestsError():
            headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_seconds)))
        case UnavailableError():
            headers["Retry-After"] = str(_RETRY_UNAVAILABLE_SECONDS)
    if status is None:
        # A use case was to deal with it: nothing of it is for the client.
        return _INTERNAL
    return _Answer(status, error.code, error.detail, problems, headers)


def _validation_problems(request: Request[Any, Any, Any], error: ValidationException) -> Sequence[Problem]:
    missing = _MISSING_PARAMETER.match(error.detail)
    if missing:
        place = pointer_of(missing["where"], missing["name"])
        return [Problem(place, "required", "this parameter is needed")]
    problems: list[Problem] = []
    body_at_fault = False
    for entry in error.extra if isinstance(error.extra, list) else []:
        source = str(getattr(entry.get("source"), "value", entry.get("source", "body")))
        if source == "body":
            body_at_fault = True
        else:
            problems.append(_parameter_problem(request, source, entry["key"], entry["message"]))
    if body_at_fault or not problems:
        problems.extend(_body_problems(request, error))
    return problems


def _parameter_problem(request: Request[Any, Any, Any], source: str, key: str, message: str) -> Problem:
    first, *inner = key.split(".")
    field = request.route_handler.parsed_fn_signature.parameters.get(first)
    # What clients call ``from`` cannot be a name in Python.
    name = getattr(field and field.kwarg_definition, "name", None) or first
    problem = described(message, pointer_of(source, name, *inner))
    if field is None or problem.code != "not_allowed":
        return problem
    words = choices(item(field.annotation))
    return problem if words is None else Problem(problem.pointer, problem.code, words)


def _body_problems(request: Request[Any, Any, Any], error: ValidationException) -> Sequence[Problem]:
    state = request.scope["state"]
    data = request.route_handler.parsed_fn_signature.parameters.get("data")
    if data is None:
        return [Problem("", "invalid", error.detail)]
    if PARSED_BODY not in state:
        return [Problem("", "required", "this call needs a body")]
    return faults(state[PARSED_BODY], data.annotation) or [Problem("", "invalid", error.detail)]
