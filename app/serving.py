"""Serving the application with uvicorn, in one process or several."""

import gc
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Final

import uvicorn
from dishka import Provider
from litestar import Litestar
from uvicorn.supervisors.multiprocess import Multiprocess

from adapters.web.broken_http import ProblemProtocol
from adapters.websocket.going_away import GoingAwayProtocol
from app.asgi import create_app
from app.background import BACKGROUND, Background
from app.logging import configure_logging, logging_configuration
from app.settings import Settings, read_settings

_SHUTDOWN_SECONDS: Final = 5
"""Open sockets are told and closed at once; a call may take this long to end."""
_BACKLOG: Final = 2048
_HEALTHCHECK_SECONDS: Final = 60
"""On a busy machine a process takes its time to start, which must not get it killed."""


class AddressError(Exception):
    """The address cannot be listened on; the text says why."""


def application() -> Litestar:
    """Return the application as the environment says: what each of several processes serves."""
    settings = read_settings()
    configure_logging(settings.log_format, debug=settings.debug)
    calm_collector()
    return create_app(settings)


def calm_collector() -> None:
    """Let the collector of garbage look less often, and never at what is there from the start.

    A call makes some hundred thousand objects, all of which are in use until it is answered: looking through
    them again and again takes a third of its time.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that is bound, so that its port is known before anything is served.

    Raises:
        AddressError: the port is taken, or the address is not one of this machine.

    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        raise AddressError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; choose another with --port"
        ) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Return where people find what listens there."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - not bound here, only compared
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    settings: Settings,
    listener: socket.socket,
    *overrides: Provider,
    background: Sequence[Background] = BACKGROUND,
    started: Callable[[], None] | None = None,
) -> None:
    """Serve in this process until it is told to stop (SIGINT, SIGTERM)."""
    calm_collector()
    app = create_app(settings, *overrides, background=background)
    server = _Server(_configuration(settings, app), started)
    server.run(sockets=[listener])


def serve_in_processes(settings: Settings, listener: socket.socket, workers: int) -> None:
    """Serve in so many processes, which read the settings from their environment."""
    os.environ.update(environment_of(settings))
    configuration = _configuration(settings, "app.serving:application", workers=workers)
    Multiprocess(configuration, sockets=[listener]).run()


def environment_of(settings: Settings) -> dict[str, str]:
    """Return what differs from the environment and a child process needs: what the command line decided."""
    decided = {
        "DATABASE_URL": settings.database_url,
        "ROLE": settings.role.value,
        "IOTS_CONFIG": settings.iots_config,
    }
    names = {one.name.upper() for one in fields(Settings)}
    return {name: str(value) for name, value in decided.items() if value is not None and name in names}


def _configuration(settings: Settings, app: Litestar | str, *, workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=workers,
        backlog=_BACKLOG,
        access_log=settings.debug,
        log_config=logging_configuration(settings.log_format, debug=settings.debug),
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        timeout_worker_healthcheck=_HEALTHCHECK_SECONDS,
        http=ProblemProtocol,
        ws=GoingAwayProtocol,
        # Every frame would be compressed once per client; what is sent is encoded once for all of them.
        ws_per_message_deflate=False,
        ws_max_size=1024 * 1024,
    )


class _Server(uvicorn.Server):
    """Says when it serves."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._on_started = started

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM, and let the program go on to its end: its database is stopped there."""
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._on_started is not None:
            self._on_started()
