"""What is wrong with what is said of a device."""

import math
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from domain.demand_response.devices import (
    MOST_TIMEOUT,
    Control,
    ControlKind,
    ControlRequest,
    DeviceTerms,
)
from domain.demand_response.model import MOST_LABELS, NO_TIME, device_id
from domain.demand_response.ports import UrlRules
from domain.demand_response.services.window_checks import window_problems
from domain.shared.errors import DomainError, Problem
from domain.shared.text_ids import text_name

_MOST_REST: Final = timedelta(days=7)
_MOST_SERVED: Final = timedelta(days=366)
_MOST_RAMP: Final = 24 * 3600.0
_MOST_KW: Final = 1e9
MOST_BODY: Final = 65_536
_MOST_URL: Final = 2000
_MOST_HEADERS: Final = 50
_MOST_NUMBER: Final = 1_000_000
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_RESERVED: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "idempotency-key"})


def device_problems(terms: DeviceTerms, urls: UrlRules) -> Iterator[Problem]:
    """Yield each fault that can be seen without looking at anything else."""
    yield from _id_problems(terms)
    yield from _power_problems(terms)
    yield from _time_problems(terms)
    yield from window_problems("/availability", terms.availability)
    for name, number, least in (
        ("priority", terms.priority, 0),
        ("max_events_per_day", terms.max_events_per_day, 0),
    ):
        if number is not None and not least <= number <= _MOST_NUMBER:
            yield Problem(f"/{name}", "invalid_value", f"from {least} to {_MOST_NUMBER}")
    if terms.control is not None:
        yield from _control_problems(terms.control, urls)


def _id_problems(terms: DeviceTerms) -> Iterator[Problem]:
    try:
        device_id(terms.device_id)
        if terms.room_name is not None:
            text_name(terms.room_name, "room_name")
    except DomainError as error:
        place = "/room_name" if "room_name" in error.detail else "/device_id"
        yield Problem(place, error.code, error.detail)
    if len(terms.labels) > MOST_LABELS:
        yield Problem("/labels", "too_long", f"at most {MOST_LABELS} labels")


def _power_problems(terms: DeviceTerms) -> Iterator[Problem]:
    for name, kw in (("min_power_kw", terms.min_power_kw), ("max_reduction_kw", terms.max_reduction_kw)):
        if kw is not None and not (math.isfinite(kw) and 0 <= kw <= _MOST_KW):
            yield Problem(f"/{name}", "invalid_value", f"from 0 to {_MOST_KW:,.0f} kW")


def _time_problems(terms: DeviceTerms) -> Iterator[Problem]:
    if terms.max_duration is not None and not NO_TIME < terms.max_duration <= _MOST_SERVED:
        yield Problem("/max_duration", "invalid_value", f"above 0, at most {_MOST_SERVED.days} days")
    if not NO_TIME <= terms.min_rest <= _MOST_REST:
        yield Problem("/min_rest", "invalid_value", f"from nothing to {_MOST_REST.days} days")
    if not (math.isfinite(terms.ramp_seconds) and 0 <= terms.ramp_seconds <= _MOST_RAMP):
        yield Problem("/ramp_seconds", "invalid_value", "from 0 to a day, in seconds")


def _control_problems(control: Control, urls: UrlRules) -> Iterator[Problem]:
    for name, request in (("reduce", control.reduce), ("restore", control.restore)):
        place = f"/control/{name}"
        if control.kind is ControlKind.NONE:
            if request is not None:
                yield Problem(place, "unexpected", "a device without control has no requests")
        elif request is None:
            yield Problem(place, "required", "it needs a request that reduces, and one that restores")
        else:
            yield from _request_problems(place, request, urls)


def _request_problems(place: str, request: ControlRequest, urls: UrlRules) -> Iterator[Problem]:
    if request.method not in _METHODS:
        yield Problem(f"{place}/method", "invalid_value", f"one of {', '.join(sorted(_METHODS))}")
    fault = _url_fault(request.url)
    if fault is not None:
        yield Problem(f"{place}/url", "invalid_url", fault)
    else:
        refused = urls.fault(request.url)
        if refused is not None:
            yield Problem(f"{place}/url", "host_not_allowed", refused)
    if len(request.headers) > _MOST_HEADERS:
        yield Problem(f"{place}/headers", "too_long", f"at most {_MOST_HEADERS} headers")
    for name, value in request.headers.items():
        pointer = f"{place}/headers/{name.replace('~', '~0').replace('/', '~1')}"
        if not _HEADER.fullmatch(name) or name.lower() in _RESERVED:
            yield Problem(pointer, "invalid_value", "that header cannot be set")
        elif not value.isprintable() or len(value) > _MOST_URL:
            yield Problem(pointer, "invalid_value", "printable characters only")
    if request.body is not None and len(request.body.text) > MOST_BODY:
        yield Problem(f"{place}/body", "too_long", f"at most {MOST_BODY} characters")
    if not NO_TIME < request.timeout <= MOST_TIMEOUT:
        seconds = MOST_TIMEOUT.total_seconds()
        yield Problem(f"{place}/timeout", "invalid_value", f"more than 0, at most {seconds:g} seconds")


def _url_fault(url: str) -> str | None:
    if len(url) > _MOST_URL or not url.isprintable() or " " in url:
        return "it is no URL"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "it is no URL"
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        return "it has to begin with http:// or https:// and a host"
    if parts.username is not None or parts.password is not None:
        return "no user or password in a URL: they would be shown to everybody who may read"
    return None
