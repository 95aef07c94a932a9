"""Connections that go only to addresses which the host guard has checked."""

import ssl
from collections.abc import Iterable

import httpcore
import httpx

from adapters.pollers.host_guard import HostGuard


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves and checks a host right where the connection is made.

    The connection goes to the address that was checked, so a second look-up with another answer has no
    chance; the name stays in the Host header and in TLS.
    """

    def __init__(self, guard: HostGuard) -> None:
        self._guard = guard
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        for address in await self._guard.addresses(host, port):
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport over connections that the guard has let through; none is kept once it was used."""

    def __init__(self, guard: HostGuard, tls: ssl.SSLContext, *, most: int) -> None:
        super().__init__(verify=tls, trust_env=False)
        # httpx has no way to hand over a network backend, so its pool is replaced by one with ours.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=most,
            max_keepalive_connections=0,
            http1=True,
            http2=False,
            network_backend=GuardedBackend(guard),
        )


def tls_context(*, verify: bool) -> ssl.SSLContext:
    """Return how TLS is done; many devices have certificates of their own making (``verify_tls: false``)."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
