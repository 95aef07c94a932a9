"""Which hosts the product may talk to on behalf of a configuration."""

import asyncio
import ipaddress
import re
import socket
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from domain.ingestion.configuration_ports import HostRules
from domain.ingestion.errors import DeviceReadError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

DEFAULT_ALLOWED: Final = (
    "127.0.0.0/8",
    "::1/128",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
)
"""Loopback and private networks. Link-local ones are left out: clouds hand out credentials there."""

_LOOPBACK: Final = (ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1"))
_REMEMBER_SECONDS: Final = 30.0
_MOST_REMEMBERED: Final = 10_000
_RESOLVER_THREADS: Final = 16
_OLD_ADDRESS: Final = re.compile(r"(?:0x[0-9a-f]+|[0-9]+)(?:\.(?:0x[0-9a-f]+|[0-9]+)){0,3}", re.ASCII)


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _old_address(text: str) -> Address | None:
    """Return the address that resolvers make of ``127.1``, ``0x7f000001`` or ``2130706433``."""
    if not _OLD_ADDRESS.fullmatch(text):
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except OSError:
        return None


def _refused(host: str) -> str:
    return f"{host} is not among the hosts and networks of POLLER_ALLOWED_HOSTS"


class HostGuard(HostRules):
    """Resolves a host name and lets only allowed addresses through.

    An entry is a host name, a name with a leading ``*.`` for all below it, an address, a network, or ``*``
    for everything. A name that is allowed may have any address that one can connect to, but none
    that is link-local. Where one address of a name is not allowed, the name is not.
    """

    def __init__(self, allowed: Iterable[str] = DEFAULT_ALLOWED) -> None:
        """Take the entries.

        Raises:
            ValueError: an entry is none of what is allowed.

        """
        self._names: set[str] = set()
        self._suffixes: list[str] = []
        self._networks: list[Network] = []
        self._everything = False
        self._remembered: dict[tuple[str, int], tuple[float, asyncio.Future[Sequence[str]]]] = {}
        # A name server that does not answer blocks a thread for a while: not those of everybody else.
        self._threads = ThreadPoolExecutor(_RESOLVER_THREADS, thread_name_prefix="resolver")
        for entry in allowed:
            self._admit(entry.strip().lower())

    def _admit(self, entry: str) -> None:
        if entry == "*":
            self._everything = True
            return
        try:
            self._networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            name = entry.removeprefix("*.")
            if not name or not all(
                part.replace("-", "").replace("_", "").isalnum() for part in name.split(".")
            ):
                raise ValueError(f"{entry!r} is neither a host name nor an address nor a network") from None
            if entry.startswith("*."):
                self._suffixes.append(f".{name}")
            else:
                self._names.add(name)

    def fault(self, host: str) -> str | None:
        """Return why the host is not allowed; a name that only its address could tell of is not judged."""
        name = host.lower().rstrip(".")
        address = _address(host.strip("[]")) or _old_address(name)
        if address is not None:
            may_be = self._allows(name, address)
        elif name.rpartition(".")[2] == "localhost":
            may_be = any(self._allows(name, loopback) for loopback in _LOOPBACK)
        else:
            may_be = self._everything or bool(self._networks) or self._is_named(name)
        return None if may_be else _refused(host)

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses under which the host may be reached, all of them checked.

        Raises:
            DeviceReadError: ``host_not_allowed`` or ``unknown_host``.

        """
        literal = _address(host.strip("[]"))
        found = [str(literal)] if literal is not None else await self._resolve(host.lower().rstrip("."), port)
        for one in found:
            if not self._allows(host.lower().rstrip("."), _address(one)):
                raise DeviceReadError("host_not_allowed", _refused(f"{host} ({one})"))
        return found

    def _allows(self, host: str, address: Address | None) -> bool:
        if address is None:
            return False
        if any(address.version == network.version and address in network for network in self._networks):
            return True
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            return False
        return self._everything or self._is_named(host)

    def _is_named(self, host: str) -> bool:
        return host in self._names or any(host.endswith(one) for one in self._suffixes)

    async def _resolve(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        key = host, port
        now = time.monotonic()
        until, answer = self._remembered.get(key, (0.0, None))
        if answer is None or until <= now or answer.get_loop() is not loop:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            answer = asyncio.ensure_future(self._ask(host, port))
            answer.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._remembered[key] = now + _REMEMBER_SECONDS, answer
        return await asyncio.shield(answer)

    async def _ask(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except (OSError, UnicodeError):
            raise DeviceReadError("unknown_host", f"the name {host} has no address") from None
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)
