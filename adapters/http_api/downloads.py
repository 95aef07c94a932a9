"""Tables as files: which form a client asks for, and the answer that streams one."""

import logging
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Literal

from litestar import Request, Response
from litestar.enums import MediaType
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Schema,
)
from litestar.response import Stream

from adapters.web.response import MSGPACK
from domain.sensors.services.export import ExportChunk
from domain.sensors.table_ports import TableFormat

MEDIA_TYPES: Final = {
    TableFormat.CSV: "text/csv",
    TableFormat.PARQUET: "application/vnd.apache.parquet",
}
_PARAMETERS: Final = {TableFormat.CSV: "; header=present", TableFormat.PARQUET: ""}
_FORMS: Final = {media_type: form for form, media_type in MEDIA_TYPES.items()}
_REFUSED: Final = re.compile(r"(?:csv|parquet)\s*;\s*q=0(?:\.0*)?\s*(?:,|$)", re.IGNORECASE)
# What no system takes for anything but a letter of a file's name.
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")
_LOG: Final = logging.getLogger(__name__)


def asked_form(
    request: Request[Any, Any, Any], given: Literal["json", "csv", "parquet"] | None
) -> TableFormat | None:
    """Return the form of the file that the parameter, else ``Accept``, asks for; None where it is no file."""
    if given is not None:
        return None if given == "json" else TableFormat(given)
    accept = request.headers.get("accept", "")
    if not any(form in accept for form in TableFormat) or _REFUSED.search(accept):
        return None
    return _FORMS.get(request.accept.best_match([MediaType.JSON.value, MSGPACK, *_FORMS]) or "")


def download(chunks: AsyncGenerator[ExportChunk, None], form: TableFormat, name: str) -> Response[Any]:
    """Answer with a file that is made while it is sent.

    An error after its first byte breaks the connection off, so that no client takes the file for whole.
    """
    safe = _UNSAFE.sub("_", name).lstrip(".") or "data"
    return Stream(
        _bytes(chunks, name),
        headers={"Content-Disposition": f'attachment; filename="{safe}.{form.value}"', "Vary": "accept"},
        media_type=MEDIA_TYPES[form] + _PARAMETERS[form],
    )


async def _bytes(chunks: AsyncGenerator[ExportChunk, None], name: str) -> AsyncGenerator[bytes, None]:
    rows = 0
    async with aclosing(chunks):
        try:
            async for chunk in chunks:
                if chunk.data:
                    yield chunk.data
                rows = chunk.rows
        except Exception as error:
            _LOG.error("the download of %s broke off after %d rows: %s", name, rows, error)
            raise


@dataclass
class AlsoFiles(Operation):
    """Describes a call that can be answered with a file too (for ``operation_class``)."""

    def __post_init__(self) -> None:
        answer = (self.responses or {}).get("200")
        if isinstance(answer, OpenAPIResponse) and answer.content is not None:
            text, binary = (
                Schema(type=OpenAPIType.STRING),
                Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY),
            )
            answer.content = {
                **answer.content,
                MEDIA_TYPES[TableFormat.CSV]: OpenAPIMediaType(schema=text),
                MEDIA_TYPES[TableFormat.PARQUET]: OpenAPIMediaType(schema=binary),
            }
