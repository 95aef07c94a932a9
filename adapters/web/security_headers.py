"""What every answer tells the browser not to do."""

from typing import Final

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

_PAGE: Final = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"
)
POLICIES: Final = (
    ("/dashboard", _PAGE),
    # Swagger UI sets style attributes and draws its icons from data URLs.
    ("/docs", f"{_PAGE}; style-src 'self' 'unsafe-inline'; img-src 'self' data:"),
    ("/", "default-src 'none'; frame-ancestors 'none'"),
)
"""The content security policy of all paths that begin so; the first that fits."""

_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def policy(path: str) -> str:
    """Return the content security policy of a path."""
    return next(policy for prefix, policy in POLICIES if path.startswith(prefix))


async def add_security_headers(message: Message, scope: Scope) -> None:
    """Add them where the answer does not say otherwise (for ``Litestar(before_send=...)``)."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    for name, value in _ALWAYS.items():
        headers.setdefault(name, value)
    headers.setdefault("Content-Security-Policy", policy(scope["path"]))
    if scope["path"].startswith("/api/"):
        headers.setdefault("Cache-Control", "no-store")
