"""Answers in the form that the client asked for: JSON, or MessagePack on ``Accept: application/msgpack``."""

import re
from typing import Any, Final, TypeVar

from litestar import Request, Response
from litestar.enums import MediaType
from litestar.response.base import ASGIResponse
from litestar.serialization import encode_msgpack, get_serializer

Content = TypeVar("Content")

MSGPACK: Final = "application/msgpack"
_REFUSED: Final = re.compile(r"msgpack\s*;\s*q=0(?:\.0*)?\s*(?:,|$)", re.IGNORECASE)
_ASKED_AS: Final = frozenset({MSGPACK, "application/x-msgpack", "application/vnd.msgpack"})


def wants_msgpack(request: Request[Any, Any, Any]) -> bool:
    """Return whether the client prefers MessagePack to JSON."""
    accept = request.headers.get("accept", "")
    if "msgpack" not in accept or _REFUSED.search(accept):
        return False
    return request.accept.best_match([MediaType.JSON.value, *_ASKED_AS]) in _ASKED_AS


class NegotiatedResponse(Response[Content]):
    """The answer of every call. A handler that sets a status or headers itself returns one of these."""

    def to_asgi_response(self, app: Any, request: Request[Any, Any, Any], **options: Any) -> ASGIResponse:  # noqa: ANN401
        """Encode the answer as asked for."""
        if (
            (self.media_type or options.get("media_type") or MediaType.JSON) == MediaType.JSON
            and not isinstance(self.content, bytes | str)
            and self.content is not None
            and wants_msgpack(request)
        ):
            encoders = {**(options.get("type_encoders") or {}), **self.response_type_encoders}
            packed = Response(
                encode_msgpack(self.content, get_serializer(encoders)),
                background=self.background,
                cookies=self.cookies,
                headers={**self.headers, "vary": "accept"},
                media_type=MSGPACK,
                status_code=self.status_code,
            )
            return packed.to_asgi_response(app, request, **{**options, "media_type": MSGPACK})
        return super().to_asgi_response(app, request, **options)
