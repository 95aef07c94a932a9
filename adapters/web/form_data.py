"""Bodies of ``multipart/form-data`` part by part as they arrive, in bounded memory."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Final

from multipart import (  # type: ignore[import-untyped]  # it ships no types
    MultipartSegment,
    ParserError,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from adapters.web.problem_details import RequestError

MEDIA_TYPE: Final = "multipart/form-data"
_MAX_PARTS: Final = 16
_MAX_HEADER: Final = 64 * 1024
_MAX_BOUNDARY: Final = 256


@dataclass(frozen=True, slots=True)
class PartHead:
    """The beginning of a part; ``file_name`` as it was sent, None for a plain field."""

    name: str
    file_name: str | None


class FormData:
    """The parts of one body: a head, then its content, then the next head."""

    def __init__(self, body: AsyncIterator[bytes], content_type: str) -> None:
        """Look at the content type.

        Raises:
            RequestError: 415 where it is another one, 400 where it names no boundary.

        """
        self._events = _events(body, _boundary(content_type))
        self._head: PartHead | None = None

    async def next(self) -> PartHead | None:
        """Pass over what is left of this part, and return the head of the next one; None at the end.

        Raises:
            RequestError: the body is no form, or has too many parts.

        """
        head, self._head = self._head, None
        if head is not None:
            return head
        async for event in self._events:
            if isinstance(event, PartHead):
                return event
        return None

    async def content(self) -> AsyncGenerator[bytes, None]:
        """Yield the content of the part whose head came last."""
        async for event in self._events:
            if isinstance(event, PartHead):
                self._head = event
                return
            yield event

    async def text(self, limit: int) -> str:
        """Return the content of a part as text, at most ``limit`` bytes.

        Raises:
            RequestError: it is longer, or not UTF-8.

        """
        content = bytearray()
        async for block in self.content():
            content += block
            if len(content) > limit:
                raise _broken(f"a field holds {limit:,} bytes at most")
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise _broken("a field is not UTF-8") from error


async def digest_of(form: FormData) -> bytes:
    """Return a hash of names and contents, which does not depend on the boundary that a client made up."""
    digest = sha256()
    while (head := await form.next()) is not None:
        for text in (head.name, head.file_name):
            written = b"\xff" if text is None else text.encode()
            digest.update(len(written).to_bytes(8, "big") + written)
        size = 0
        async for block in form.content():
            digest.update(block)
            size += len(block)
        digest.update(size.to_bytes(8, "big"))
    return digest.digest()


def _boundary(content_type: str) -> str:
    kind, options = parse_options_header(content_type)
    if kind != MEDIA_TYPE:
        raise RequestError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            f"this call takes {MEDIA_TYPE} with the field `file`, not {kind[:100]!r}",
        )
    boundary: str = options.get("boundary", "")
    if not boundary or len(boundary) > _MAX_BOUNDARY or not boundary.isascii() or not boundary.isprintable():
        raise _broken("its Content-Type names no boundary")
    return boundary


def _broken(detail: str) -> RequestError:
    return RequestError(HTTPStatus.BAD_REQUEST, "malformed_form", detail)


async def _events(body: AsyncIterator[bytes], boundary: str) -> AsyncIterator[PartHead | bytes]:
    try:
        with PushMultipartParser(
            boundary, max_header_size=_MAX_HEADER, max_segment_count=_MAX_PARTS
        ) as parser:
            async for chunk in body:
                if parser.closed:  # what follows the last part is nobody's
                    continue
                for event in parser.parse(chunk):
                    if isinstance(event, MultipartSegment):
                        yield PartHead(event.name or "", event.filename)
                    elif event:
                        yield bytes(event)
    except ParserLimitReached as error:
        raise _broken("it has too many parts, or too long a header") from error
    except ParserError as error:
        raise _broken(f"it is no {MEDIA_TYPE}, or ends before its end") from error
