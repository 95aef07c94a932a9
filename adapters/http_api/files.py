"""``/ingestion/files``: meter files, how far they are, and what became of their lines."""

from typing import Annotated
from uuid import UUID

from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get, post
from litestar.params import FromPath, QueryParameter

from adapters.http_api.file_answers import MeterFileAnswer, RejectAnswer, file_answer
from adapters.web.authentication import requires
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from domain.ingestion.files import ROOT, CollectionName, FileId, FileStatus
from domain.ingestion.services.files import ReadFiles
from domain.operations.model import Principal, Role

StatusFilter = Annotated[FileStatus | None, QueryParameter(description="Only files that are so far.")]
CollectionFilter = Annotated[
    str | None, QueryParameter(description="Only files of this collection; `/` is the root's.")
]


class FilesController(Controller):
    """Meter files that were found, uploaded or imported."""

    path = "/ingestion/files"
    tags = ("Meter files",)

    @get("/", summary="List meter files", guards=(requires(Role.VIEWER),))
    @inject
    async def list_files(
        self,
        files: FromDishka[ReadFiles],
        status: StatusFilter = None,
        collection: CollectionFilter = None,
        limit: Limit = DEFAULT_LIMIT,
        offset: Offset = 0,
    ) -> Page[MeterFileAnswer]:
        """Return the files, the one that something happened to last first."""
        wanted = None if collection is None else CollectionName(collection.strip("/") or ROOT)
        found, total = await files.list(status, wanted, limit, offset)
        return Page(items=[file_answer(file) for file in found], total=total, limit=limit, offset=offset)

    @get("/{file_id:uuid}", summary="Get a meter file", guards=(requires(Role.VIEWER),))
    @inject
    async def get_file(self, file_id: FromPath[UUID], files: FromDishka[ReadFiles]) -> MeterFileAnswer:
        """Return a file with its receipt: while it is processed, that of its chunks so far."""
        return file_answer(await files.get(FileId(file_id)))

    @get("/{file_id:uuid}/rejects", summary="List rejected lines", guards=(requires(Role.VIEWER),))
    @inject
    async def rejects(
        self,
        file_id: FromPath[UUID],
        files: FromDishka[ReadFiles],
        limit: Limit = DEFAULT_LIMIT,
        offset: Offset = 0,
    ) -> Page[RejectAnswer]:
        """Return the lines, or values of lines, that were refused when the file was read last, by line."""
        found, total = await files.rejects(FileId(file_id), limit, offset)
        return Page(items=[RejectAnswer.of(one) for one in found], total=total, limit=limit, offset=offset)

    @post(
        "/{file_id:uuid}/reprocess",
        summary="Read a meter file again",
        status_code=202,
        guards=(requires(Role.OPERATOR),),
    )
    @inject
    async def reprocess(
        self, file_id: FromPath[UUID], files: FromDishka[ReadFiles], principal: FromDishka[Principal]
    ) -> MeterFileAnswer:
        """Let the file be read anew from its first line, soon, by any worker.

        Readings that are there already stay as they are. One that is being read answers 409 `file_busy`, one
        that was imported on the command line, whose content is not kept here, 409 `content_gone`.
        """
        return file_answer(await files.read_again(FileId(file_id), principal.actor))
