"""The one HTTP client for devices: guarded hosts, bounded answers, no surprises."""

import asyncio
import errno
import ssl
import time
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from adapters.pollers.guarded_network import GuardedTransport, tls_context
from adapters.pollers.host_guard import HostGuard
from adapters.pollers.response_body import read_body, read_undecoded
from adapters.pollers.secret_mask import SecretMask
from domain.ingestion.errors import DeviceReadError
from domain.ingestion.iot_configuration import AuthType, DeviceAuth, HttpRequest

MAX_ANSWER_BYTES: Final = 1 << 20
_MOST_REDIRECTS: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD: Final = frozenset({307, 308})
_SEE_OTHER: Final = 303
_LONGEST_REASON: Final = 80
_UNREACHABLE: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})
_USER_AGENT: Final = "energy-dashboard"
_HEADERS: Final = {
    "User-Agent": _USER_AGENT,
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    # A device has few sockets, and is asked every few seconds at the soonest. And the pool looks through all
    # idle connections for each of them at each request: a thousand devices would have no rhythm.
    "Connection": "close",
}
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A successful answer, and how long it took until it was there as a whole."""

    status: int
    body: bytes
    latency_ms: float


class GuardedHttpClient:
    """Sends the requests of a configuration.

    ``secrets`` holds the environment variables that an ``auth`` may name. Environment proxies, cookies and
    ``.netrc`` play no part.
    """

    def __init__(
        self,
        guard: HostGuard,
        secrets: Mapping[str, str],
        *,
        max_bytes: int = MAX_ANSWER_BYTES,
        max_connections: int = 320,
    ) -> None:
        self._guard = guard
        self._secrets = secrets
        self._max_bytes = max_bytes
        self._clients = {
            verify: httpx.AsyncClient(
                transport=GuardedTransport(guard, tls_context(verify=verify), most=max_connections),
                trust_env=False,
                follow_redirects=False,
                timeout=None,  # noqa: S113 - one time-out covers the whole exchange
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                headers=_HEADERS,
            )
            for verify in (True, False)
        }

    async def send(self, request: HttpRequest, *, is_command: bool = False) -> HttpAnswer:
        """Send the request and return a 2xx answer.

        A command is to be done, not only answered: no redirect turns it into a mere GET, ``303`` says that it
        is done, and what its answer holds does not matter.

        Raises:
            DeviceReadError: anything else, as the codes of that error say. No text of it holds a secret.

        """
        started = time.perf_counter()
        try:
            async with asyncio.timeout(request.timeout.total_seconds()):
                status, body = await self._exchange(request, is_command=is_command)
        except TimeoutError:
            seconds = request.timeout.total_seconds()
            raise DeviceReadError("timeout", f"no whole answer within {seconds:g} s") from None
        except httpx.TransportError as error:
            raise _explained(error) from None
        except httpx.InvalidURL:
            raise DeviceReadError("bad_http", "the address cannot be used") from None
        return HttpAnswer(status, body, (time.perf_counter() - started) * 1000)

    def mask(self, auth: DeviceAuth | None) -> SecretMask:
        """Return what hides the secret of the auth where the device echoes it."""
        return SecretMask() if auth is None else SecretMask(self._secrets.get(auth.env, ""), auth.type)

    async def _exchange(self, request: HttpRequest, *, is_command: bool) -> tuple[int, bytes]:
        client = self._clients[request.verify_tls]
        headers = {**request.headers, **self._credentials(request.auth)}
        method, url, body = request.method, request.url, request.body
        for _ in range(_MOST_REDIRECTS + 1):
            sent = dict(headers)
            if body is not None:
                sent.setdefault("Content-Type", body.content_type)
            content = None if body is None else body.text.encode()
            message = client.build_request(method, url, headers=sent, content=content)
            response = await client.send(message, stream=True)
            try:
                if response.status_code not in _REDIRECTS:
                    accepted = await self._accepted(response, self.mask(request.auth), is_command=is_command)
                    return response.status_code, accepted
                if is_command and response.status_code == _SEE_OTHER:
                    return response.status_code, b""
                url = _redirected(url, response.headers.get("location", ""))
                if response.status_code not in _KEEPS_METHOD and method != "GET":
                    if is_command:
                        raise DeviceReadError("redirect_refused", "the device sends the command elsewhere")
                    method, body = "GET", None
            finally:
                await response.aclose()
        raise DeviceReadError("redirect_refused", f"more than {_MOST_REDIRECTS} redirects")

    async def _accepted(self, response: httpx.Response, mask: SecretMask, *, is_command: bool) -> bytes:
        if not response.is_success:
            # Masked before it is cut: half a secret would not be known as one.
            reason = mask.text("".join(filter(str.isprintable, response.reason_phrase)))[:_LONGEST_REASON]
            raise DeviceReadError(
                f"http_{response.status_code}",
                f"the device answered {response.status_code} {reason}".rstrip(),
            )
        if is_command:
            return await read_undecoded(response, self._max_bytes)
        return await read_body(response, self._max_bytes, mask)

    def _credentials(self, auth: DeviceAuth | None) -> dict[str, str]:
        if auth is None:
            return {}
        secret = self._secrets.get(auth.env)
        if not secret:
            raise DeviceReadError("auth_missing", f"the environment variable {auth.env} is not set")
        if auth.type is AuthType.BASIC:
            return {"Authorization": f"Basic {b64encode(secret.encode()).decode()}"}
        if not (secret.isascii() and secret.isprintable()):
            raise DeviceReadError("auth_missing", f"{auth.env} holds characters that no header can carry")
        if auth.type is AuthType.BEARER:
            return {"Authorization": f"Bearer {secret}"}
        return {auth.header or "Authorization": secret}

    async def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.aclose()
        self._guard.close()


def _redirected(url: str, location: str) -> str:
    """Return where a redirect leads, if that is the same host and no step down from TLS."""
    with suppress(ValueError):
        target = urljoin(url, location)
        old, new = urlsplit(url), urlsplit(target)
        old_port = old.port or _DEFAULT_PORTS[old.scheme]
        new_port = new.port or _DEFAULT_PORTS.get(new.scheme, 0)
        same_place = new.scheme == old.scheme and new_port == old_port
        to_tls = (old.scheme, old_port) == ("http", 80) and (new.scheme, new_port) == ("https", 443)
        if location and new.hostname == old.hostname and new.username is None and (same_place or to_tls):
            return target
    raise DeviceReadError(
        "redirect_refused", "the device sends us elsewhere, and only its own host is followed"
    )


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is not None and current not in found:
            found.append(current)
            waiting += [current.__cause__, current.__context__]
            if isinstance(current, BaseExceptionGroup):
                waiting += current.exceptions
    return found


def _explained(error: httpx.TransportError) -> DeviceReadError:
    """Return the error in our words; httpx's own may hold the address with all that stands in it."""
    for cause in _causes(error):
        if isinstance(cause, DeviceReadError):
            return cause
        if isinstance(cause, ssl.SSLCertVerificationError):
            detail = f"the device's certificate is not trusted: {cause.verify_message}"
            return DeviceReadError("tls_failed", f"{detail} (verify_tls: false takes it)")
        if isinstance(cause, ssl.SSLError):
            return DeviceReadError("tls_failed", "TLS with the device failed")
        if isinstance(cause, ConnectionRefusedError):
            return DeviceReadError("connection_refused", "nothing listens at the device's address")
        if isinstance(cause, OSError) and cause.errno in _UNREACHABLE:
            return DeviceReadError("unreachable", "there is no way to the device's address")
    if isinstance(error, httpx.TimeoutException):
        return DeviceReadError("timeout", "the device does not answer")
    if isinstance(error, httpx.ConnectError):
        return DeviceReadError("unreachable", "no connection to the device")
    if isinstance(error, httpx.ProtocolError):
        return DeviceReadError("bad_http", "the device's answer is not HTTP as it should be")
    return DeviceReadError("connection_lost", "the connection broke off before the answer was whole")
