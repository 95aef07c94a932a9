"""Devices on real sockets: each path of the server is one device's behaviour."""

import asyncio
import gzip
import json
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

DATA = Path(__file__).parents[2] / "data" / "devices"
Respond = Callable[[asyncio.StreamWriter, dict[str, str]], Awaitable[None]]


@dataclass
class DeviceServer:
    """A server whose answers a test lays out by path."""

    port: int = 0
    behaviours: dict[str, Respond] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    opened: int = 0
    closed: int = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def on(self, path: str, behaviour: Respond) -> str:
        self.behaviours[path] = behaviour
        return self.url(path)

    def answer(self, path: str, body: bytes | str | object, status: str = "200 OK", **headers: str) -> str:
        content = body if isinstance(body, bytes) else body if isinstance(body, str) else json.dumps(body)
        raw = content if isinstance(content, bytes) else content.encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        fields = {"Content-Length": str(len(raw)), **given}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        head = f"HTTP/1.1 {status}\r\n{lines}\r\n"

        async def respond(writer: asyncio.StreamWriter, _: dict[str, str]) -> None:
            writer.write(head.encode() + raw)

        return self.on(path, respond)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                path = head[0].split(" ")[1]
                fields = (line.partition(": ") for line in head[1:] if line)
                self.asked[path] += 1
                self.headers[path] = {name.lower(): value for name, _, value in fields}
                await self.behaviours[path](writer, self.headers[path])
                await writer.drain()
        writer.close()
        self.closed += 1


async def hang(_: asyncio.StreamWriter, __: dict[str, str]) -> None:
    await asyncio.sleep(3600)


async def drip(writer: asyncio.StreamWriter, headers: dict[str, str]) -> None:
    del headers
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def flood(writer: asyncio.StreamWriter, _: dict[str, str]) -> None:
    """Send 50 MB without saying so before."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b" " * 65536
    for _number in range(800):
        writer.write(b"10000\r\n" + chunk + b"\r\n")
        await writer.drain()
    writer.write(b"0\r\n\r\n")


async def break_off(writer: asyncio.StreamWriter, _: dict[str, str]) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"power":')
    await writer.drain()
    writer.close()
    raise ConnectionError


async def gibberish(writer: asyncio.StreamWriter, _: dict[str, str]) -> None:
    writer.write(b"\x00\x01SSH-2.0\r\n\r\n")


def bomb() -> bytes:
    """Return 50 MB that came out of 50 kB."""
    return gzip.compress(b" " * 50_000_000)


def deflated(body: bytes) -> bytes:
    return zlib.compress(body)


@asynccontextmanager
async def device_server() -> AsyncIterator[DeviceServer]:
    device = DeviceServer()
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await device.serve(reader, writer)
        except asyncio.CancelledError:
            writer.close()
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    device.port = server.sockets[0].getsockname()[1]
    try:
        yield device
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
