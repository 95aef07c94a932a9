"""The dashboard at ``/dashboard``: static files that come with the product, nothing from elsewhere."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

_FOLDER: Final = Path(__file__).parent / "static"
_PAGE: Final = "index.html"
_MEDIA_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_ASK_FIRST: Final = "no-cache"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
"""For vendored files: their path names their version."""


@cache
def _files() -> dict[str, tuple[bytes, str, str]]:
    """Return the content, media type and entity tag of each file, by its path below the folder."""
    files = {}
    for path in sorted(_FOLDER.rglob("*")):
        if path.suffix in _MEDIA_TYPES:
            content = path.read_bytes()
            tag = f'"{sha256(content).hexdigest()[:32]}"'
            files[path.relative_to(_FOLDER).as_posix()] = (content, _MEDIA_TYPES[path.suffix], tag)
    return files


def _answer(request: Request[Any, Any, Any], name: str) -> Response[bytes]:
    if name not in _files():
        raise NotFoundException
    content, media_type, tag = _files()[name]
    kept = _FOR_EVER if name.startswith("vendor/") else _ASK_FIRST
    headers = {"ETag": tag, "Cache-Control": kept}
    if tag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=media_type)
    return Response(content, headers=headers, media_type=media_type)


@get("/dashboard", include_in_schema=False, sync_to_thread=False)
def dashboard_page(request: Request[Any, Any, Any]) -> Response[Any]:
    """Return the page. Its files are named relative to it, so that it works below a proxy's prefix too."""
    if request.scope["raw_path"].endswith(b"/"):
        return Redirect("../dashboard")
    return _answer(request, _PAGE)


@get("/dashboard/{name:path}", include_in_schema=False, sync_to_thread=False)
def dashboard_file(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """Return a file of the page."""
    return _answer(request, name.removeprefix("/"))
