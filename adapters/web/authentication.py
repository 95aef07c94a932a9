"""Who calls (a Bearer API key), and whether they may."""

from collections.abc import Iterable
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Guard, Receive, Scope, Send

from adapters.web.limits import CallLimit, SignInLimit
from domain.operations.model import Principal, Role
from domain.operations.services.api_keys import ApiKeys
from domain.shared.errors import ForbiddenError, UnauthenticatedError

ROLE: Final = "role"
"""The attribute of a guard that names the role it asks for."""


def bearer_token(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return what an Authorization header of the Bearer scheme holds."""
    value = next((value for name, value in headers if name == b"authorization"), b"").decode("latin-1")
    scheme, _, token = value.strip().partition(" ")
    return (token.strip() or None) if scheme.lower() == "bearer" else None


def client_address(scope: Scope) -> str:
    """Return the address of the caller."""
    client = scope.get("client")
    return client[0] if client else ""


class Authenticator:
    """Turns a key into its principal, and holds up those who guess; for calls and WebSockets alike."""

    def __init__(self, api_keys: ApiKeys, sign_ins: SignInLimit) -> None:
        self._api_keys = api_keys
        self._sign_ins = sign_ins

    async def principal(self, token: str | None, address: str) -> Principal:
        """Return whose key this is.

        Raises:
            UnauthenticatedError: ``missing_api_key``, ``invalid_api_key``.
            TooManyRequestsError: ``too_many_sign_ins``.

        """
        if token is not None:
            self._sign_ins.check(address, token)
        try:
            principal = await self._api_keys.authenticate(token)
        except UnauthenticatedError:
            if token is not None:
                self._sign_ins.failed(address, token)
            raise
        if token is not None:
            self._sign_ins.succeeded(token)
        return principal


class Authentication(ASGIMiddleware):
    """Lets a call through with its principal as ``request.user``, within the rate of its key."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, calls: CallLimit) -> None:
        self._calls = calls

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Authenticate, count, go on. OPTIONS tells nothing but the methods."""
        if scope.get("method") != "OPTIONS":
            authenticator: Authenticator = await scope["state"]["dishka_container"].get(Authenticator)
            principal = await authenticator.principal(bearer_token(scope["headers"]), client_address(scope))
            self._calls.count(str(principal.key_id))
            scope["user"] = principal
        await next_app(scope, receive, send)


def requires(role: Role) -> Guard:
    """Return the guard of a call that needs this role or one that includes it."""

    # Litestar runs a guard that is not async in a thread; that would cost each call more than the check.
    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if connection.scope.get("method") == "OPTIONS":
            return
        principal: Principal = connection.user
        if not principal.role.includes(role):
            detail = f"this needs the role {role.value}; the key has {principal.role.value}"
            raise ForbiddenError("forbidden", detail)

    setattr(guard, ROLE, role)
    return guard
