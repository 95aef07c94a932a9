"""The hosts that an IoT configuration names, and which of them are not allowed."""

from collections.abc import Iterator, Sequence
from itertools import islice
from urllib.parse import urlsplit

from domain.ingestion.configuration_ports import HostRules
from domain.ingestion.iot_fields import MAX_FAULTS, pointer_to
from domain.shared.errors import Problem

HOST_NOT_ALLOWED = "host_not_allowed"


def host_faults(document: object, hosts: HostRules) -> Sequence[Problem]:
    """Return a fault for each URL of the document whose host is not allowed: up to `MAX_FAULTS`.

    The document may have any other faults; what is no URL is passed over here.
    """
    found = _faults(document, hosts)
    return list(islice(found, MAX_FAULTS))


def _faults(document: object, hosts: HostRules) -> Iterator[Problem]:
    told: dict[str, str | None] = {}
    for pointer, url in _urls(document):
        host = _host(url)
        if host is None:
            continue
        if host not in told:
            told[host] = hosts.fault(host)
        fault = told[host]
        if fault is not None:
            yield Problem(pointer, HOST_NOT_ALLOWED, fault)


def _urls(document: object) -> Iterator[tuple[str, object]]:
    place = "/resources/iots"
    devices = _field(_field(document, "resources"), "iots")
    for number, device in enumerate(devices if isinstance(devices, list) else ()):
        pointer = pointer_to(place, number)
        yield pointer_to(pointer, "uri"), _field(device, "uri")
        http = _field(_field(device, "control"), "http")
        for command in ("reduce", "restore"):
            for name in ("uri", "url"):
                yield f"{pointer}/control/http/{command}/{name}", _field(_field(http, command), name)


def _field(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _host(url: object) -> str | None:
    if not isinstance(url, str):
        return None
    try:
        return urlsplit(url).hostname or None
    except ValueError:
        return None
