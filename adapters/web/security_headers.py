"""What every answer tells the browser not to do."""

from typing import Final

from litestar.types import Message, Scope

_PAGE: Final = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"
)
POLICIES: Final = (
    ("/dashboard", _PAGE),
    # Swagger UI sets style attributes and draws its icons from data URLs.
    ("/docs", f"{_PAGE}; style-src 'self' 'unsafe-inline'; img-src 'self' data:"),
    ("", "default-src 'none'; frame-ancestors 'none'"),
)
"""The content security policy of all paths that begin so; the first that fits."""

_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_UNSTORED: Final = (b"cache-control", b"no-store")


def policy(path: str) -> str:
    """Return the content security policy of a path."""
    return next(policy for prefix, policy in POLICIES if path.startswith(prefix))


async def add_security_headers(message: Message, scope: Scope) -> None:
    """Add them where the answer does not say otherwise (for ``Litestar(before_send=...)``)."""
    if message["type"] != "http.response.start":
        return
    headers = list(message["headers"])
    given = {name.lower() for name, _ in headers}
    wanted = [*_ALWAYS, (b"content-security-policy", policy(scope["path"]).encode())]
    if scope["path"].startswith("/api/"):
        wanted.append(_UNSTORED)
    headers.extend(one for one in wanted if one[0] not in given)
    message["headers"] = headers
