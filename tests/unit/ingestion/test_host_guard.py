import socket
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.pollers.host_guard import DEFAULT_ALLOWED, HostGuard
from domain.ingestion.errors import DeviceReadError


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[str]]]:
    known: dict[str, list[str]] = {}

    def resolve(host: str, port: int, **_: Any) -> list[Any]:  # noqa: ANN401
        if host not in known:
            raise socket.gaierror
        return [(None, None, None, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    yield known  # noqa: PT022 - monkeypatch undoes itself after the test


async def refusal(guard: HostGuard, host: str) -> str:
    with pytest.raises(DeviceReadError) as refused:
        await guard.addresses(host, 80)
    return refused.value.fault.code


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::1", "[::1]", "10.1.2.3", "172.31.0.1", "192.168.1.9", "fd00::1"]
)
async def test_loopback_and_private_networks_are_allowed(host: str) -> None:
    assert await HostGuard().addresses(host, 80) == [host.strip("[]")]


@pytest.mark.parametrize(
    "host",
    ["8.8.8.8", "169.254.169.254", "0.0.0.0", "172.32.0.1", "224.0.0.1", "fe80::1", "::", "::ffff:8.8.8.8"],  # noqa: S104
)
async def test_others_are_not(host: str) -> None:
    assert await refusal(HostGuard(), host) == "host_not_allowed"


async def test_every_address_of_a_name_is_checked(names: dict[str, list[str]]) -> None:
    names["meter.lan"] = ["192.168.1.5", "192.168.1.6"]
    names["rebound.example"] = ["192.168.1.5", "93.184.216.34"]
    guard = HostGuard()
    assert await guard.addresses("meter.lan", 80) == ["192.168.1.5", "192.168.1.6"]
    assert await refusal(guard, "rebound.example") == "host_not_allowed"
    assert await refusal(guard, "nobody.example") == "unknown_host"


async def test_names_networks_and_everything_can_be_allowed(names: dict[str, list[str]]) -> None:
    names["api.maker.com"] = names["maker.com"] = names["evilmaker.com"] = ["93.184.216.34"]
    names["sly.maker.com"] = ["169.254.169.254"]
    guard = HostGuard(["*.maker.com", "203.0.113.0/24"])
    assert await guard.addresses("API.maker.com", 443) == ["93.184.216.34"]
    assert await guard.addresses("203.0.113.9", 443)
    assert await refusal(guard, "maker.com") == "host_not_allowed"
    assert await refusal(guard, "evilmaker.com") == "host_not_allowed"
    assert await refusal(guard, "sly.maker.com") == "host_not_allowed"
    assert await refusal(guard, "127.0.0.1") == "host_not_allowed"
    assert await HostGuard(["*"]).addresses("8.8.8.8", 80)
    assert await refusal(HostGuard(["*"]), "169.254.169.254") == "host_not_allowed"
    assert await HostGuard(["169.254.0.0/16"]).addresses("169.254.7.7", 80)


@pytest.mark.parametrize("entry", ["", "10.0.0.0/99", "a b", "http://x"])
def test_a_wrong_entry_is_told(entry: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        HostGuard([*DEFAULT_ALLOWED, entry])
