"""The web application."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final

from dishka import AsyncContainer, Provider
from dishka.integrations.litestar import setup_dishka
from litestar import Litestar, Router
from litestar.config.cors import CORSConfig

from adapters.http_api.service import Release, metrics
from adapters.web.authentication import Authentication, requires
from adapters.web.idempotency import IdempotentPosts
from adapters.web.limits import CallLimit
from adapters.web.metrics import HttpMetrics
from adapters.web.openapi import BEARER, TimesInSchema, openapi_config
from adapters.web.problem_details import EXCEPTION_HANDLERS
from adapters.web.request import ApiRequest
from adapters.web.response import NegotiatedResponse
from adapters.web.security_headers import add_security_headers
from adapters.web.times import TYPE_DECODERS, TYPE_ENCODERS
from app.background import BACKGROUND, Background
from app.container import make_container
from app.routes import API, OPEN, UPLOADS
from app.settings import Settings
from domain.operations.model import Role

_READABLE_HEADERS: Final = ["Idempotent-Replay", "Retry-After", "Location", "ETag"]


def create_app(
    settings: Settings, *overrides: Provider, background: Sequence[Background] = BACKGROUND
) -> Litestar:
    """Return the application; its container is made here, and opened and closed by its lifespan.

    ``overrides`` replace bindings, ``background`` what runs beside the calls.
    """
    container = make_container(settings, *overrides)
    app = Litestar(
        [*OPEN, *_guarded(settings, container)],
        before_send=[add_security_headers],
        cors_config=_cors(settings),
        debug=False,
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=[_running(container, background)],
        logging_config=None,
        openapi_config=openapi_config(container.get_sync(Release).version),
        plugins=[TimesInSchema()],
        request_class=ApiRequest,
        request_max_body_size=settings.body_limit,
        response_class=NegotiatedResponse,
        type_decoders=TYPE_DECODERS,
        type_encoders=TYPE_ENCODERS,
    )
    setup_dishka(container, app)
    app.asgi_handler = container.get_sync(HttpMetrics).around(app.asgi_handler)
    return app


def _guarded(settings: Settings, container: AsyncContainer) -> list[Router]:
    authentication = Authentication(container.get_sync(CallLimit))
    uploads = Router("/", route_handlers=UPLOADS, request_max_body_size=settings.upload_limit)
    api = Router(
        "/api/v1",
        route_handlers=[*API, uploads],
        middleware=[authentication, IdempotentPosts()],
        security=[{BEARER: []}],
    )
    if settings.metrics_open:
        return [api, Router("/", route_handlers=[metrics])]
    closed = Router(
        "/",
        route_handlers=[metrics],
        middleware=[authentication],
        guards=[requires(Role.VIEWER)],
        security=[{BEARER: []}],
    )
    return [api, closed]


def _cors(settings: Settings) -> CORSConfig | None:
    if not settings.cors_origins:
        return None
    return CORSConfig(allow_origins=list(settings.cors_origins), expose_headers=_READABLE_HEADERS)


def _running(
    container: AsyncContainer, background: Sequence[Background]
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(container.close)
            for start in background:
                await stack.enter_async_context(start(container))
            yield

    return lifespan
