"""Which pages may open a socket from a browser."""

from collections.abc import Collection


def origin_allowed(origin: str | None, host: str | None, allowed: Collection[str]) -> bool:
    """Return whether a handshake from this ``Origin`` is taken.

    Programs send none; a page of this server's own host may always, since the scheme can differ behind a
    proxy that ends TLS; other pages where ``allowed`` names them, or ``*``.
    """
    if origin is None or "*" in allowed or origin in allowed:
        return True
    return bool(host) and origin.partition("://")[2].lower() == str(host).lower()
