"""Devices that do what they should not: refused within bounds, with a clear code and no secret."""

import asyncio
import gzip
import shutil
import socket
import ssl
import subprocess
import tempfile
import tracemalloc
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from adapters.pollers.host_guard import HostGuard
from adapters.pollers.http_client import GuardedHttpClient
from adapters.pollers.http_device import HttpDeviceReader
from domain.ingestion.errors import DeviceReadError
from domain.ingestion.iot_configuration import AuthType, Device, DeviceAuth, HttpRequest, RequestBody
from domain.ingestion.model import DeviceId, Fault
from tests.integration.ingestion.processes import until
from tests.integration.ingestion.servers import (
    DeviceServer,
    Respond,
    bomb,
    break_off,
    deflated,
    device_server,
    drip,
    flood,
    gibberish,
    hang,
)

SECRETS = {"LOGIN": "me:s3cret", "TOKEN": "s3cret"}


@pytest.fixture
async def server() -> AsyncIterator[DeviceServer]:
    async with device_server() as one:
        yield one


@pytest.fixture
async def client() -> AsyncIterator[GuardedHttpClient]:
    one = GuardedHttpClient(HostGuard([*("127.0.0.0/8", "::1/128"), "meter.test"]), SECRETS)
    yield one
    await one.close()


def device(url: str, seconds: float = 5.0, **fields: Any) -> Device:  # noqa: ANN401
    request = HttpRequest(**{"method": "GET", "url": url, "timeout": timedelta(seconds=seconds), **fields})
    return Device(
        device_id=DeviceId("d"), name="d", type="", request=request, values=(), period=timedelta(seconds=1)
    )


async def fault(client: GuardedHttpClient, asked: Device) -> Fault:
    with pytest.raises(DeviceReadError) as refused:
        await HttpDeviceReader(client).read(asked)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None
    return refused.value.fault


async def test_a_dead_device_refuses(client: GuardedHttpClient) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert (await fault(client, device(f"http://127.0.0.1:{port}/"))).code == "connection_refused"


async def test_no_connection_is_kept(server: DeviceServer, client: GuardedHttpClient) -> None:
    """A device has few sockets, and idle connections to a thousand devices would cost every poll."""
    server.answer("/x", {"a": 1})
    for _ in range(3):
        await HttpDeviceReader(client).read(device(server.url("/x")))
    assert server.headers["/x"]["connection"] == "close"
    await until(lambda: server.closed == 3)
    assert server.opened == 3


@pytest.mark.parametrize("behaviour", [hang, drip])
async def test_a_hanging_device_times_out(
    server: DeviceServer, client: GuardedHttpClient, behaviour: Respond
) -> None:
    started = asyncio.get_running_loop().time()
    assert (await fault(client, device(server.on("/x", behaviour), 0.3))).code == "timeout"
    assert asyncio.get_running_loop().time() - started < 2


async def test_a_flood_is_cut_off_in_bounded_memory(server: DeviceServer, client: GuardedHttpClient) -> None:
    server.answer("/announced", "", Content_Length="50000000")
    server.answer("/absurd", "", Content_Length="9" * 30)
    server.answer("/bomb", bomb(), Content_Encoding="gzip")
    server.on("/flood", flood)
    tracemalloc.start()
    for path in ("/announced", "/bomb", "/flood"):
        assert (await fault(client, device(server.url(path)))).code == "too_large"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000
    assert (await fault(client, device(server.url("/absurd")))).code in {"too_large", "bad_http"}


async def test_compressed_answers_are_read(server: DeviceServer, client: GuardedHttpClient) -> None:
    server.answer("/gzip", gzip.compress(b'{"a": 1}'), Content_Encoding="gzip")
    server.answer("/deflate", deflated(b'{"a": 1}'), Content_Encoding="deflate")
    for path in ("/gzip", "/deflate"):
        assert (await HttpDeviceReader(client).read(device(server.url(path)))).document == {"a": 1}
    server.answer("/br", b"xx", Content_Encoding="br")
    assert (await fault(client, device(server.url("/br")))).code == "unsupported_encoding"
    server.answer("/lie", b"not gzip", Content_Encoding="gzip")
    assert (await fault(client, device(server.url("/lie")))).code == "bad_http"
    server.answer("/cut", gzip.compress(b'{"a": 1}' * 100)[:20], Content_Encoding="gzip")
    assert (await fault(client, device(server.url("/cut")))).code == "bad_http"


@pytest.mark.parametrize(
    ("status", "code"),
    [("503 Service Unavailable", "http_503"), ("404 Nope", "http_404"), ("401 No", "http_401")],
)
async def test_error_answers_have_their_own_codes(
    server: DeviceServer, client: GuardedHttpClient, status: str, code: str
) -> None:
    found = await fault(client, device(server.answer("/x", "{}", status)))
    assert (found.code, found.detail) == (code, f"the device answered {status}")


async def test_invalid_answers_are_told(server: DeviceServer, client: GuardedHttpClient) -> None:
    server.answer("/html", "<html>login</html>")
    server.answer("/empty", "")
    server.answer("/deep", "[" * 200_000 + "]" * 200_000)
    for path in ("/html", "/empty", "/deep"):
        assert (await fault(client, device(server.url(path)))).code == "not_json"
    assert (await fault(client, device(server.on("/broken", break_off)))).code in {
        "bad_http",
        "connection_lost",
    }
    assert (await fault(client, device(server.on("/gibberish", gibberish)))).code == "bad_http"


async def test_redirects_stay_on_the_host(server: DeviceServer, client: GuardedHttpClient) -> None:
    server.answer("/final", {"a": 1})
    server.answer("/relative", "", "302 Found", Location="/final")
    server.answer("/absolute", "", "307 Temporary", Location=server.url("/relative"))
    assert (await HttpDeviceReader(client).read(device(server.url("/absolute")))).document == {"a": 1}
    for number, location in enumerate(
        [
            "http://localhost/final",
            "http://127.0.0.1:1/final",
            "https://127.0.0.1/",
            "file:///etc/passwd",
            "",
            "//[bad",
        ]
    ):
        server.answer(f"/away{number}", "", "302 Found", Location=location)
        assert (await fault(client, device(server.url(f"/away{number}")))).code == "redirect_refused"
    server.answer("/round", "", "302 Found", Location="/round")
    assert (await fault(client, device(server.url("/round")))).code == "redirect_refused"
    assert server.asked["/round"] == 4


async def test_hosts_that_are_not_allowed_are_not_even_asked(client: GuardedHttpClient) -> None:
    found = await fault(client, device("http://169.254.169.254/latest/meta-data?token=s3cret"))
    assert found.code == "host_not_allowed"
    assert "POLLER_ALLOWED_HOSTS" in found.detail
    assert (await fault(client, device("http://192.0.2.7/"))).code == "host_not_allowed"
    assert (await fault(client, device("http://[::ffff:192.0.2.7]/"))).code == "host_not_allowed"
    assert (await fault(client, device("http://nobody.invalid/"))).code == "unknown_host"


async def test_the_connection_goes_to_the_address_that_was_checked(
    server: DeviceServer, client: GuardedHttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []
    honest = socket.getaddrinfo

    def rebinding(host: str, port: int, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        if host != "meter.test":
            return honest(host, port, *args, **options)
        looked_up.append(host)
        # The second look-up would lead elsewhere.
        return honest("127.0.0.1" if len(looked_up) == 1 else "192.0.2.1", port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    server.answer("/x", {"a": 1})
    await HttpDeviceReader(client).read(device(f"http://meter.test:{server.port}/x"))
    assert looked_up == ["meter.test"]
    assert server.headers["/x"]["host"] == f"meter.test:{server.port}"


async def test_tls_of_its_own_making_needs_consent(client: GuardedHttpClient) -> None:
    context = _self_signed()
    if context is None:
        pytest.skip("openssl is needed to make a certificate")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    tls = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with tls:
        url = f"https://127.0.0.1:{tls.sockets[0].getsockname()[1]}/"
        found = await fault(client, device(url))
        assert found.code == "tls_failed"
        assert "verify_tls" in found.detail
        assert (await HttpDeviceReader(client).read(device(url, verify_tls=False))).document == {}


async def test_auth_headers_and_body_are_sent(server: DeviceServer, client: GuardedHttpClient) -> None:
    server.answer("/x", {}, Set_Cookie="session=1")
    url = server.url("/x")
    reader = HttpDeviceReader(client)
    await reader.read(device(url, auth=DeviceAuth(AuthType.BASIC, "LOGIN")))
    assert server.headers["/x"]["authorization"] == "Basic bWU6czNjcmV0"
    await reader.read(device(url, auth=DeviceAuth(AuthType.BEARER, "TOKEN")))
    assert server.headers["/x"]["authorization"] == "Bearer s3cret"
    await reader.read(
        device(
            url,
            auth=DeviceAuth(AuthType.HEADER, "TOKEN", "X-Api-Key"),
            headers=MappingProxyType({"X-A": "b"}),
        )
    )
    assert server.headers["/x"]["x-api-key"] == "s3cret"
    assert server.headers["/x"]["x-a"] == "b"
    assert "authorization" not in server.headers["/x"]
    assert "cookie" not in server.headers["/x"]
    found = await fault(client, device(url, auth=DeviceAuth(AuthType.BASIC, "NOT_SET")))
    assert (found.code, "NOT_SET" in found.detail) == ("auth_missing", True)


@pytest.mark.parametrize(
    "auth",
    [
        DeviceAuth(AuthType.BASIC, "LOGIN"),
        DeviceAuth(AuthType.BEARER, "TOKEN"),
        DeviceAuth(AuthType.HEADER, "TOKEN", "X-Api-Key"),
    ],
)
async def test_a_secret_that_a_device_echoes_is_hidden(
    server: DeviceServer, client: GuardedHttpClient, auth: DeviceAuth
) -> None:
    large = " " * 100_000
    body = (
        f'{{"auth": "Bearer s3cret", "s\\u0033cret": [1, {{"a": "s3cret"}}], "large": "{large}", "n": 2.5}}'
    )
    asked = device(server.answer("/x", body), auth=auth)
    answer = await HttpDeviceReader(client).read(asked)
    assert answer.document == {"auth": "Bearer ***", "***": [1, {"a": "***"}], "large": large, "n": 2.5}
    server.answer("/reason", "", f"403 {'x' * 77}s3cret")
    found = await fault(client, device(server.url("/reason"), auth=auth))
    assert found.detail == f"the device answered 403 {'x' * 77}***"
    server.answer("/encoding", "x", Content_Encoding="s3cret")
    found = await fault(client, device(server.url("/encoding"), auth=auth))
    assert (found.code, "***" in found.detail) == ("unsupported_encoding", True)


async def test_what_is_made_of_a_login_is_hidden(server: DeviceServer, client: GuardedHttpClient) -> None:
    echoed = ["me:s3cret", "Basic bWU6czNjcmV0", "user me", "s3cret"]
    asked = device(server.answer("/x", echoed), auth=DeviceAuth(AuthType.BASIC, "LOGIN"))
    answer = await HttpDeviceReader(client).read(asked)
    assert answer.document == ["***", "Basic ***", "user me", "***"]


async def test_a_post_carries_its_body(client: GuardedHttpClient) -> None:
    received: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(7))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    plain = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with plain:
        url = f"http://127.0.0.1:{plain.sockets[0].getsockname()[1]}/"
        asked = device(url, method="POST", body=RequestBody("application/json", '{"a":1}'))
        assert (await HttpDeviceReader(client).read(asked)).document == {}
    assert received[0].startswith(b"POST / HTTP/1.1")
    assert b"application/json" in received[0]
    assert received[0].endswith(b'{"a":1}')


def _self_signed() -> ssl.SSLContext | None:
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = Path(folder, "key.pem"), Path(folder, "certificate.pem")
        subprocess.run(  # noqa: S603
            [
                *(
                    openssl,
                    "req",
                    "-x509",
                    "-newkey",
                    "rsa:2048",
                    "-nodes",
                    "-days",
                    "1",
                    "-subj",
                    "/CN=device",
                ),
                *("-keyout", str(key), "-out", str(certificate)),
            ],
            check=True,
            capture_output=True,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context
