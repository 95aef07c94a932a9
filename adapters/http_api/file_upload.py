"""``POST /ingestion/files``: a meter file by hand, read as it arrives."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from dishka.integrations.litestar import FromDishka, inject
from litestar import Request, Response, post
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)
from litestar.params import FromQuery, QueryParameter

from adapters.http_api.file_answers import (
    FilePreviewAnswer,
    MeterFileAnswer,
    file_answer,
    preview_answer,
)
from adapters.web.authentication import requires
from adapters.web.form_data import MEDIA_TYPE, FormData, PartHead
from adapters.web.idempotency import TAKES_FORMS
from adapters.web.parameters import refuse_unknown_parameters
from adapters.web.response import NegotiatedResponse
from domain.ingestion.file_names import MAX_COLLECTION, collection_name, file_name, unknown_format
from domain.ingestion.file_ports import MeterFileFormats
from domain.ingestion.files import CollectionName
from domain.ingestion.services.upload_file import UploadFile
from domain.operations.model import Principal, Role
from domain.shared.errors import InvalidError, Problem

_MAX_FIELD: Final = 8 * MAX_COLLECTION
_FILE: Final = "file"
_COLLECTION: Final = "collection"

CollectionParameter = Annotated[
    str | None,
    QueryParameter(description="The collection that the file goes to, a path of folders; default: the root."),
]


@dataclass
class TakesForm(Operation):
    """Describes a call that takes a file in a form (for ``operation_class``)."""

    def __post_init__(self) -> None:
        text = Schema(type=OpenAPIType.STRING, description="As in the query; it stands before `file`.")
        file = Schema(
            type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY, description="The file, with its name."
        )
        form = Schema(type=OpenAPIType.OBJECT, properties={_COLLECTION: text, _FILE: file}, required=[_FILE])
        self.request_body = RequestBody(content={MEDIA_TYPE: OpenAPIMediaType(schema=form)}, required=True)


def _refused(pointer: str, code: str, detail: str) -> InvalidError:
    return InvalidError(code, detail, [Problem(pointer, code, detail)])


def _unexpected(head: PartHead) -> InvalidError:
    if head.name == _FILE:
        return _refused("/file", "too_many_files", "one call takes one file")
    if head.name == _COLLECTION:
        return _refused("/collection", "invalid_order", "`collection` stands once, and before `file`")
    return _refused("", "unknown_field", f"the form has no field {head.name[:60]!r}")


async def _before_file(form: FormData, asked: str | None) -> tuple[str, CollectionName]:
    """Read the form as far as its file; return the file's name and collection."""
    pointer = "/query/collection"
    field: str | None = None
    while (head := await form.next()) is not None:
        if head.name == _FILE:
            if head.file_name is None:
                raise _refused("/file", "invalid_file_name", "`file` is a file, with a name")
            name = file_name(head.file_name)
            try:
                return name, collection_name(asked or "" if field is None else field)
            except InvalidError as error:
                raise _refused(pointer, error.code, error.detail) from error
        if head.name != _COLLECTION or field is not None:
            raise _unexpected(head)
        pointer, field = "/collection", await form.text(_MAX_FIELD)
    raise _refused("/file", "required", "the form needs the field `file`")


async def _content(form: FormData) -> AsyncGenerator[bytes, None]:
    """Yield the file; nothing of it is stored where more follows than belongs there."""
    async for block in form.content():
        yield block
    head = await form.next()
    if head is not None:
        raise _unexpected(head)


@post(
    "/ingestion/files",
    summary="Upload a meter file",
    tags=("Meter files",),
    guards=(requires(Role.OPERATOR),),
    operation_class=TakesForm,
    opt={TAKES_FORMS: True},
    before_request=refuse_unknown_parameters,
    responses={
        HTTPStatus.OK.value: ResponseSpec(
            FilePreviewAnswer, description="With `dry_run`: what would become of it", generate_examples=False
        )
    },
)
@inject
async def upload_file(
    request: Request[Any, Any, Any],
    upload: FromDishka[UploadFile],
    formats: FromDishka[MeterFileFormats],
    principal: FromDishka[Principal],
    collection: CollectionParameter = None,
    dry_run: FromQuery[bool] = False,
) -> Response[MeterFileAnswer | FilePreviewAnswer]:
    """Store a meter file and read it to its end, by the same rules as one that the FTP monitor finds.

    It comes as the part `file` of a form, and is read as it arrives. The answer has its receipt, also where
    the file could not be read (`status`: `failed`, `error`) or some of its lines were refused (`partial`).
    With `dry_run` nothing is stored, and the answer says what would become of it.
    """
    form = FormData(request.stream(), request.headers.get("content-type", ""))
    name, where = await _before_file(form, collection)
    if not formats.reads(f"/{name}"):
        raise unknown_format(name)
    async with aclosing(_content(form)) as blocks:
        if dry_run:
            preview = preview_answer(await upload.preview(name, blocks, where))
            return NegotiatedResponse(preview, status_code=HTTPStatus.OK)
        file = await upload(name, blocks, principal.actor, where)
    location = f"/api/v1/ingestion/files/{file.file_id}"
    return NegotiatedResponse(file_answer(file), status_code=201, headers={"Location": location})
