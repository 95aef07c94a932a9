"""The web application."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from dishka import AsyncContainer, Provider
from dishka.integrations.litestar import setup_dishka
from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from prometheus_client import CollectorRegistry

from adapters.http_api.service import metrics
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
from app.providers import PACKAGE
from app.routes import API, OPEN
from app.settings import Settings
from domain.operations.model import Role

EXPOSED = ["Idempotent-Replay", "Retry-After", "Location"]
