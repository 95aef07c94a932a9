"""What says how the product is: ``/``, health, metrics."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Request, Response, get
from litestar.datastructures import ResponseHeader
from litestar.enums import MediaType
from litestar.openapi import ResponseSpec
from litestar.response import Redirect
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from adapters.http_api.ingestion_figures import IngestionFigures
from adapters.web.response import NegotiatedResponse
from domain.shared.health import Health, HealthCheck, HealthStatus

_LOG: Final = logging.getLogger(__name__)
_CHECK_SECONDS: Final = 3.0
_DATABASE: Final = "database"
# Litestar adds the character set itself.
_METRICS_TYPE: Final = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")


@dataclass(frozen=True, slots=True)
class Release:
    """What runs here."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class HealthChecks:
    """All parts that can say how they are; the one named ``database`` is what nothing works without."""

    checks: Sequence[HealthCheck]


class ServiceLinks(msgspec.Struct, frozen=True):
    """Where to go on."""

    dashboard: str = "/dashboard"
    docs: str = "/docs"
    openapi: str = "/schema/openapi.json"
    health: str = "/health"
    metrics: str = "/metrics"
    api: str = "/api/v1"
    websocket: str = "/ws"


class ServiceAnswer(msgspec.Struct, frozen=True):
    """What this is."""

    name: str
    version: str
    links: ServiceLinks


class HealthAnswer(msgspec.Struct, frozen=True):
    """How the product and its parts are; each part has a ``status`` and figures of its own."""

    status: str
    version: str
    checks: Mapping[str, Mapping[str, float | str | bool | None]]


def _is_browser(request: Request[Any, Any, Any]) -> bool:
    accept = request.headers.get("accept", "")
    return (
        "text/html" in accept and request.accept.best_match(["application/json", "text/html"]) == "text/html"
    )


@get(
    "/",
    summary="Name, version and links",
    response_headers=[ResponseHeader(name="vary", value="accept")],
    responses={302: ResponseSpec(None, description="To the dashboard, for a browser")},
)
@inject
async def service(request: Request[Any, Any, Any], release: FromDishka[Release]) -> Response[ServiceAnswer]:
    """Say what this is; a browser is sent to the dashboard."""
    if _is_browser(request):
        return Redirect("/dashboard")
    return NegotiatedResponse(ServiceAnswer(release.name, release.version, ServiceLinks()))


async def _checked(check: HealthCheck) -> Health:
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return await check.check()
    except Exception:  # noqa: BLE001 - whatever is broken, it is down
        _LOG.warning("the health check %r failed", check.name, exc_info=True)
        return Health(HealthStatus.DOWN, {"after_ms": round((time.perf_counter() - begun) * 1000, 1)})


@get(
    ["/health", "/health/ready"],
    summary="How the product is",
    responses={503: ResponseSpec(HealthAnswer, description="The database is away", generate_examples=False)},
)
@inject
async def health(checks: FromDishka[HealthChecks], release: FromDishka[Release]) -> Response[HealthAnswer]:
    """Say how the product and its parts are; 503 where the database is away."""
    found = dict(
        zip(
            [check.name for check in checks.checks],
            await asyncio.gather(*(_checked(check) for check in checks.checks)),
            strict=True,
        )
    )
    well = all(one.status is HealthStatus.OK for one in found.values())
    answer = HealthAnswer(
        status=HealthStatus.OK if well else HealthStatus.DEGRADED,
        version=release.version,
        checks={name: {"status": one.status.value, **one.figures} for name, one in found.items()},
    )
    ready = found[_DATABASE].status is not HealthStatus.DOWN
    return NegotiatedResponse(
        answer, status_code=200 if ready else 503, headers={"Cache-Control": "no-store"}
    )


@get("/metrics", media_type=MediaType.TEXT, summary="Figures for Prometheus")
@inject
async def metrics(
    registry: FromDishka[CollectorRegistry], ingestion: FromDishka[IngestionFigures]
) -> Response[bytes]:
    """Return all metrics of this process, and of ingestion as a whole, in Prometheus' text format."""
    await ingestion.refresh()
    return Response(generate_latest(registry), media_type=_METRICS_TYPE)
