"""The page of the API at ``/docs``, from files that come with the product."""

from functools import cache
from pathlib import Path
from typing import Final

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

_FOLDER: Final = Path(__file__).parent / "vendor" / "swagger-ui"
_SERVED: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "start.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
_FOR_AN_HOUR: Final = "public, max-age=3600"


@cache
def _file(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()


@get("/docs", include_in_schema=False, sync_to_thread=False)
def docs_page() -> Response[bytes]:
    """Return the page."""
    return Response(_file("index.html"), media_type="text/html")


@get("/docs/{name:str}", include_in_schema=False, sync_to_thread=False)
def docs_file(name: FromPath[str]) -> Response[bytes]:
    """Return a file of the page."""
    if name not in _SERVED:
        raise NotFoundException
    return Response(_file(name), media_type=_SERVED[name], headers={"Cache-Control": _FOR_AN_HOUR})
