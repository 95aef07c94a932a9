"""How a device is told to shed, as clients write and see it: without the secrets in it.

Values of headers are never shown again, but for those that cannot be secret. What is sent back as it was
shown stays as it was. A body and a URL are shown to everybody who may read: secrets are refused there.
"""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from adapters.web.faults import pointer_of
from adapters.web.request import MAX_NESTING, nesting
from adapters.web.times import Elapsed
from domain.demand_response.devices import (
    Control,
    ControlAuth,
    ControlAuthType,
    ControlBody,
    ControlKind,
    ControlRequest,
)
from domain.demand_response.services.device_checks import MOST_BODY
from domain.ingestion.iot_fields import Faults, Fields, TooManyFaultsError
from domain.ingestion.iot_secrets import read_auth, refuse_secrets
from domain.ingestion.secret_looks import secret_in_url
from domain.shared.errors import Problem

HIDDEN: Final = "***"
_JSON: Final = "application/json"
_TEXT: Final = "text/plain; charset=utf-8"
_SHOWN: Final = frozenset({"accept", "accept-language", "content-type", "user-agent"})
_CONTENT_TYPE: Final = "content-type"
_DEFAULT_TIMEOUT: Final = timedelta(seconds=5)
_LARGEST: Final = 2**63 - 1
_ELSEWHERE: Final = (
    "everybody who may read sees what stands here: send it in a header, whose value is never shown, or name "
    "the environment variable that holds it in auth"
)


class AuthFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The secret stands in the environment variable ``env``: ``user:password`` for basic."""

    type: ControlAuthType
    env: Annotated[str, msgspec.Meta(examples=["HEAT_PUMP_TOKEN"])]
    header: Annotated[str | None, msgspec.Meta(description="For the type header.")] = None


class RequestFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A request to the device.

    In the ``body`` (any JSON, or text) the words ``{reduction_kw}`` (kW to shed), ``{target_kw}`` (kW to stay
    at) and ``{event_id}`` are filled in; a JSON text that is nothing but such a word becomes a number. Values
    of ``headers`` are answered as ``***``, which stands for the value that is kept when it is sent back.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    url: Annotated[str, msgspec.Meta(examples=["http://192.0.2.7/api/limit"])]
    headers: dict[str, str] | None = None
    body: Annotated[Any, msgspec.Meta(examples=[{"limit_kw": "{target_kw}"}])] = None
    auth: AuthFields | None = None
    timeout: Elapsed | None = None
    verify_tls: bool = True


class HttpControl(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="http"):
    """The device is told over HTTP: to shed, and to come back."""

    reduce: RequestFields
    restore: RequestFields


class NoControl(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="none"):
    """People switch the device by hand."""


ControlFields: TypeAlias = HttpControl | NoControl


def control_fields(control: Control | None) -> ControlFields:
    """Tell how a device is told, with no secret in it."""
    if control is None or control.reduce is None or control.restore is None:
        return NoControl()
    return HttpControl(reduce=_request_fields(control.reduce), restore=_request_fields(control.restore))


def control_of(given: ControlFields, before: Control | None, problems: list[Problem]) -> Control | None:
    """Return the control that a client wrote; None where it stays as it was. Faults go to ``problems``."""
    if given == control_fields(before):
        return None
    if isinstance(given, NoControl):
        return Control()
    kept = Control() if before is None else before
    return Control(
        kind=ControlKind.HTTP,
        reduce=_request("/control/reduce", given.reduce, kept.reduce, problems),
        restore=_request("/control/restore", given.restore, kept.restore, problems),
    )


def _request_fields(request: ControlRequest) -> RequestFields:
    headers = {
        name: value if name.lower() in _SHOWN else HIDDEN for name, value in sorted(request.headers.items())
    }
    body: Any = None
    auth = request.auth
    if request.body is not None:
        body, content_type = _shown(request.body)
        if content_type != request.body.content_type:
            headers["Content-Type"] = request.body.content_type
    return RequestFields(
        method=request.method,  # type: ignore[arg-type]  # one of them, or it would not be kept
        url=request.url,
        headers=headers or None,
        body=body,
        auth=None if auth is None else AuthFields(type=auth.type, env=auth.env, header=auth.header),
        timeout=Elapsed.of(request.timeout),
        verify_tls=request.verify_tls,
    )


def _shown(body: ControlBody) -> tuple[object, str]:
    """Return the body as JSON, or as text, and the content type that goes without saying for it."""
    if body.content_type == _JSON and nesting(body.text.encode()) <= MAX_NESTING:
        try:
            found = json.loads(body.text, parse_int=_integer, parse_float=_finite, parse_constant=_finite)
        except ValueError:
            return body.text, _TEXT
        # A text would be taken for one that is no JSON, and null for no body.
        if not isinstance(found, str | None):
            return found, _JSON
    return body.text, _TEXT


def _integer(text: str) -> int | float:
    """Return the number as MessagePack can hold it too."""
    number = _finite(text)
    return int(text) if abs(number) < _LARGEST else number


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _request(
    place: str, given: RequestFields, before: ControlRequest | None, problems: list[Problem]
) -> ControlRequest:
    headers = dict(given.headers or {})
    body = None
    if given.body is not None:
        named = [name for name in headers if name.lower() == _CONTENT_TYPE]
        written = [headers.pop(name) for name in named]
        body = _body(given.body, written[-1] if written else None)
    # What is too long is refused as such; looking through it would hold everybody up.
    if body is None or len(body.text) <= MOST_BODY:
        problems += _secret_problems(place, given)
    problems += _unhidden(place, headers, given.url, before)
    auth = given.auth
    return ControlRequest(
        method=given.method,
        url=given.url,
        headers=headers,
        body=body,
        auth=None if auth is None else ControlAuth(type=auth.type, env=auth.env, header=auth.header),
        timeout=_DEFAULT_TIMEOUT if given.timeout is None else given.timeout,
        verify_tls=given.verify_tls,
    )


def _body(given: object, content_type: str | None) -> ControlBody:
    if isinstance(given, str):
        return ControlBody(content_type or _TEXT, given)
    text = json.dumps(given, ensure_ascii=False, separators=(",", ":"))
    return ControlBody(content_type or _JSON, text)


def _unhidden(
    place: str, headers: dict[str, str], url: str, before: ControlRequest | None
) -> Iterator[Problem]:
    """Put kept values back where they were shown as hidden; never for another server than they were for."""
    kept: Mapping[str, str] = {}
    if before is not None and _server(before.url) == _server(url):
        kept = {name.lower(): value for name, value in before.headers.items()}
    for name, value in headers.items():
        if value != HIDDEN:
            continue
        if name.lower() in kept:
            headers[name] = kept[name.lower()]
        else:
            pointer = place + pointer_of("headers", name)
            yield Problem(
                pointer, "hidden_value", f"{HIDDEN} stands for a value that this server has not had"
            )


def _server(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.scheme, parts.netloc.lower()


def _secret_problems(place: str, given: RequestFields) -> Iterator[Problem]:
    try:
        named = secret_in_url(given.url)
    except ValueError:
        named = None  # no URL at all, which others say
    if named is not None:
        yield Problem(f"{place}/url", "secret_shown", f"{named} is a secret: {_ELSEWHERE}")
    faults = Faults()
    fields = Fields({} if given.auth is None else {"auth": msgspec.to_builtins(given.auth)}, place, faults)
    read_auth(fields)
    yield from faults.problems
    if _holds_secret(given.body):
        yield Problem(f"{place}/body", "secret_shown", f"it holds a secret: {_ELSEWHERE}")


def _holds_secret(body: object) -> bool:
    faults = Faults()
    try:
        refuse_secrets(Fields({}, "", faults), "body", body)
    except TooManyFaultsError:
        return True
    return bool(faults.problems)
