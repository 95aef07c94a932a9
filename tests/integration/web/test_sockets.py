"""What only a real server and real sockets show."""

import json
import socket
import time
from collections.abc import Iterator

import pytest
from litestar import post
from litestar.params import JSONBody

from app.asgi import create_app
from app.settings import read_settings
from tests.integration.web.servers import serving
from tests.memory_provider import MemoryProvider

LIMIT = 1024 * 1024


@post("/things")
async def taking(data: JSONBody[dict[str, int]]) -> int:
    return len(data)


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    app = create_app(read_settings({"BODY_LIMIT": str(LIMIT)}, None), MemoryProvider(), background=())
    app.register(taking)
    with serving(app) as address:
        yield address


def exchange(
    address: tuple[str, int], *parts: bytes, patience: float = 10
) -> tuple[int, dict[str, str], bytes]:
    """Send the parts and return status, headers and body of the answer."""
    with socket.create_connection(address, timeout=patience) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = b""
        while b"\r\n\r\n" not in answer and (chunk := connection.recv(65536)):
            answer += chunk
        head, _, body = answer.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        while len(body) < int(headers.get("content-length", 0)) and (chunk := connection.recv(65536)):
            body += chunk
        return int(status.split()[1]), headers, body


def request(method: str, path: bytes, *headers: str) -> bytes:
    lines = [
        f"{method} ".encode() + path + b" HTTP/1.1",
        b"Host: localhost",
        *(one.encode("latin-1") for one in headers),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def test_health_over_a_socket(address: tuple[str, int]) -> None:
    status, headers, body = exchange(address, request("GET", b"/health", "Connection: close"))
    assert status == 200
    assert headers["x-content-type-options"] == "nosniff"
    assert json.loads(body)["checks"]["database"]["status"] == "ok"


def test_ten_megabytes_of_garbage_are_refused_before_they_are_read(address: tuple[str, int]) -> None:
    head = request("POST", b"/things", "Content-Type: application/json", f"Content-Length: {10 * LIMIT}")
    begun = time.monotonic()
    status, headers, body = exchange(address, head)
    assert (status, json.loads(body)["code"]) == (413, "too_large")
    assert headers["content-type"] == "application/problem+json"
    assert time.monotonic() - begun < 5


def test_a_body_in_chunks_without_an_announced_length_is_cut_off(address: tuple[str, int]) -> None:
    head = request("POST", b"/things", "Content-Type: application/json", "Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + b"[" * 0x10000 + b"\r\n"
    status, _, body = exchange(address, head, *[chunk] * 17)
    assert (status, json.loads(body)["code"]) == (413, "too_large")


def test_a_client_that_leaves_in_the_middle_does_no_harm(
    address: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    head = request("POST", b"/things", "Content-Type: application/json", "Content-Length: 100")
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(head + b'{"a":')
    time.sleep(0.2)
    assert exchange(address, request("GET", b"/health", "Connection: close"))[0] == 200
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(
    "path",
    [
        b"/%00",
        b"/%ff%fe%c0%80",
        b"/%zz%",
        b"/%2e%2e/%2e%2e/etc/passwd",
        b"/api/v1/sensors/%00?limit=%00",
        b"/?a=%ff&%=&=&&",
        b"/health?" + b"a" * 20_000,
        b"//evil.test/%5c..",
        b"/\xff\xfe",
        b"*",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "SPAM"])
def test_hostile_request_lines_are_no_fault_of_ours(
    address: tuple[str, int], method: str, path: bytes
) -> None:
    status, _, _ = exchange(address, request(method, path, "Connection: close", "Content-Length: 0"))
    assert 200 <= status < 500


@pytest.mark.parametrize(
    "headers",
    [
        ["Authorization: Bearer \xff\xfe"],
        ["Authorization: " + "B" * 5000],
        ["Accept: \xff, application/msgpack;q=nan"],
        ["Idempotency-Key: \xff", "Content-Type: \xff"],
        ["Host: other", "Origin: \xff"],
        ["Content-Encoding: \xff"],
    ],
)
def test_hostile_headers_are_no_fault_of_ours(address: tuple[str, int], headers: list[str]) -> None:
    for method, path in (("GET", b"/api/v1/audit"), ("POST", b"/things"), ("GET", b"/")):
        status, _, _ = exchange(
            address, request(method, path, "Connection: close", "Content-Length: 0", *headers)
        )
        assert 200 <= status < 500
