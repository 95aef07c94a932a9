"""``/ingestion/collections``: what the folders of meter files hold."""

import re
from typing import Any, Final

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Request, Response, get
from litestar.params import FromPath

from adapters.http_api.file_answers import instant
from adapters.web.authentication import requires
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from adapters.web.response import NegotiatedResponse
from adapters.web.times import Instant
from domain.ingestion.files import ROOT, Collection, CollectionName
from domain.ingestion.services.files import ReadFiles
from domain.operations.model import Role

_ROOT_PATH: Final = re.compile(rb"/collections/(?:/|%2f)", re.IGNORECASE)


class CollectionAnswer(msgspec.Struct, kw_only=True):
    """A collection with the meters and sensors of its files.

    `readings` counts the values that its files hold, each file as it was read last: `created`, `updated` and
    `unchanged` of its receipt. A duplicate holds none of its own.
    """

    name: str
    files: int
    meters: list[str]
    sensors: list[str]
    readings: int
    first_time: Instant | None
    last_time: Instant | None


def _collection(collection: Collection) -> CollectionAnswer:
    return CollectionAnswer(
        name=collection.name,
        files=collection.files,
        meters=list(collection.meters),
        sensors=list(collection.sensors),
        readings=collection.readings,
        first_time=instant(collection.first_time),
        last_time=instant(collection.last_time),
    )


async def _root_instead(request: Request[Any, Any, Any]) -> Response[CollectionAnswer] | None:
    """Answer for the root, whose name ``/`` the routes take for a slash at the end of the list's path."""
    if not _ROOT_PATH.search(request.scope["raw_path"]):
        return None
    files: ReadFiles = await request.scope["state"]["dishka_container"].get(ReadFiles)
    return NegotiatedResponse(_collection(await files.collection(ROOT)))


class CollectionsController(Controller):
    """Collections: the folders that hold meter files."""

    path = "/ingestion/collections"
    tags = ("Meter files",)
    guards = (requires(Role.VIEWER),)

    @get("/", summary="List collections", before_request=_root_instead)
    @inject
    async def list_collections(
        self, files: FromDishka[ReadFiles], limit: Limit = DEFAULT_LIMIT, offset: Offset = 0
    ) -> Page[CollectionAnswer]:
        """Return collections by name."""
        found, total = await files.collections(limit, offset)
        return Page(items=[_collection(one) for one in found], total=total, limit=limit, offset=offset)

    @get("/{collection_name:path}", summary="Get a collection")
    @inject
    async def get_collection(
        self, collection_name: FromPath[str], files: FromDishka[ReadFiles]
    ) -> CollectionAnswer:
        """Return a collection. Its name is a path, with slashes plain or as `%2F`; the root's is `%2F`."""
        return _collection(await files.collection(CollectionName(collection_name.strip("/"))))
