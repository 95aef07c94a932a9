"""Request bodies: bounded while they arrive, uncompressed, and not nested without end."""

import re
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec
from litestar import Request
from litestar.types import Empty

from adapters.web.faults import faults
from adapters.web.problem_details import PARSED_BODY, RequestError
from adapters.web.times import decode_hook

Target = TypeVar("Target")

MAX_NESTING: Final = 32
_JSON: Final = re.compile(r"application/(?:[\w.-]+\+)?json")
_ESCAPED: Final = re.compile(rb"\\.", re.DOTALL)
_QUOTED: Final = re.compile(rb'"[^"]*"')
_STRUCTURE: Final = b'[]{}"'
_ALIKE: Final = bytes.maketrans(b"{}", b"[]")
_ALL_ELSE: Final = bytes(set(range(256)) - set(_STRUCTURE))


def nesting(body: bytes) -> int:
    """Return how deep a JSON text nests, at least as far as ``MAX_NESTING + 1``; cheap, without recursion."""
    if b"\\" in body:
        body = _ESCAPED.sub(b"", body)
    structure = body.translate(_ALIKE, _ALL_ELSE).replace(b'""', b"")
    if b'"' in structure:
        structure = _QUOTED.sub(b"", structure)
    for depth in range(MAX_NESTING + 1):
        if not structure:
            return depth
        inner = structure.replace(b"[]", b"")
        if inner == structure:
            # Brackets that do not match: no JSON, or only its beginning.
            return depth + structure.count(b"[")
        structure = inner
    return MAX_NESTING + 1


def check_nesting(body: bytes) -> None:
    """Raise a 400 where the JSON text nests deeper than any input needs to."""
    if nesting(body) > MAX_NESTING:
        raise RequestError(
            HTTPStatus.BAD_REQUEST, "nested_too_deep", f"JSON may be nested {MAX_NESTING} levels deep here"
        )


def decode_json(body: bytes, decoder: msgspec.json.Decoder[Target]) -> Target:
    """Decode a body with a decoder of one's own.

    Raises:
        RequestError: 400, where it is no JSON.
        msgspec.ValidationError: which is answered with 422.

    """
    check_nesting(body)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        detail = str(error) if isinstance(error, msgspec.DecodeError) else "this is no JSON in UTF-8"
        raise RequestError(HTTPStatus.BAD_REQUEST, "malformed_json", detail) from error


_UNFIT: Final = object()
_ANYTHING: Final = msgspec.json.Decoder(Any, dec_hook=decode_hook)


class ApiRequest(Request[Any, Any, Any]):
    """A request whose body is read within its limits."""

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it arrives.

        Raises:
            RequestError: 413 as soon as there is more than the route takes, whatever Content-Length says;
                415 for a compressed one; 400 where the client leaves before its end.

        """
        if self._body is not Empty:
            yield self._body
            return
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"", "identity"}:
            raise RequestError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "compressed_body", "send the body without Content-Encoding"
            )
        limit = self.route_handler.resolve_request_max_body_size()
        announced = self.headers.get("content-length", "0")
        if limit is not None and announced.isdecimal() and int(announced[:20]) > limit:
            raise _too_large(limit)
        received = 0
        while True:
            message = await self.receive()
            if message["type"] != "http.request":
                raise RequestError(HTTPStatus.BAD_REQUEST, "client_left", "the body ended before its end")
            chunk = message.get("body", b"")
            received += len(chunk)
            if limit is not None and received > limit:
                raise _too_large(limit)
            if chunk:
                yield chunk
            if not message.get("more_body", False):
                return

    async def json(self) -> Any:  # noqa: ANN401 - whatever it holds
        """Return the decoded body, null where there is none.

        Litestar takes texts for numbers, as those of a query are. In a body they are not, so one that does
        not fit strictly is returned as something that fits nothing, whose faults are told then.

        Raises:
            RequestError: 415 where it is something else, 400 where it is broken.

        """
        state = self.scope["state"]
        if PARSED_BODY not in state:
            announced = self.headers.get("content-type", "application/json")
            content_type = announced.partition(";")[0].strip().lower()
            if not _JSON.fullmatch(content_type):
                raise RequestError(
                    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                    "unsupported_media_type",
                    f"this call takes application/json, not {content_type!r}",
                )
            state[PARSED_BODY] = decode_json(await self.body() or b"null", _ANYTHING)
        data = self.route_handler.parsed_fn_signature.parameters.get("data")
        if data is not None and faults(state[PARSED_BODY], data.annotation):
            return _UNFIT
        return state[PARSED_BODY]


def _too_large(limit: int) -> RequestError:
    return RequestError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", f"one call takes {limit:,} bytes at most"
    )
