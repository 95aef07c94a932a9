"""Counts and times every call, by the template of its route."""

import time
from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Gauge, Histogram

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_NOTHING_SENT: Final = 500


class HttpMetrics:
    """The metrics of the HTTP side in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._durations = Histogram(
            "http_request_duration_seconds",
            "The time from a request to the end of its answer.",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._running = Gauge("http_requests_in_progress", "Requests not answered yet.", registry=registry)

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return the application with every call measured."""

        async def measured(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != ScopeType.HTTP:
                await app(scope, receive, send)
                return
            status = _NOTHING_SENT

            async def noting(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            begun = time.perf_counter()
            self._running.inc()
            try:
                await app(scope, receive, noting)
            finally:
                self._running.dec()
                method = scope["method"] if scope["method"] in _METHODS else "other"
                route = scope.get("path_template", "unknown")
                self._durations.labels(method, route, status).observe(time.perf_counter() - begun)

        return measured
