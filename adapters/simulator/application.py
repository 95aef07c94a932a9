"""The devices as one plain ASGI application."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from adapters.simulator.commands import LONGEST_BODY, CommandDesk, CommandError
from adapters.simulator.device import Answer, Device
from adapters.simulator.faults import Fault, FaultSchedule
from adapters.simulator.local_days import microseconds

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Now = Callable[[], datetime]


class DeviceApplication:
    """Routes a request by the first segment of its path, and lets the device fail when that is due."""

    def __init__(
        self,
        devices: tuple[Device, ...],
        desk: CommandDesk,
        faults: FaultSchedule,
        now: Now,
        hang_seconds: float,
    ) -> None:
        self._devices = {device.slug: device for device in devices}
        self._desk = desk
        self._faults = faults
        self._now = now
        self._hang_seconds = hang_seconds
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let go of the requests that hang."""
        self._stopping.set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        status, body = await self._respond(scope, receive)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _respond(self, scope: Message, receive: Receive) -> tuple[int, bytes]:
        command = self._command(scope)
        device = self._device(scope) if command is None else self._devices[command[0]]
        if device is None:
            return 404, b'{"error": "no such device or path"}'
        method = "GET" if command is None else "POST"
        if scope["method"] != method:
            return 405, f'{{"error": "{method} only"}}'.encode()
        time = microseconds(self._now())
        fault = self._faults.at(device.name, time)
        if fault is Fault.UNAVAILABLE:
            return 503, b'{"error": "busy"}'
        if fault is Fault.HANG:
            await self._hang()
        if command is not None:
            return await self._tell(*command, scope, receive)
        answer = device.answer(time)
        if fault in {Fault.MISSING_VALUE, Fault.NULL_VALUE}:
            spoil(answer, device.values[0].tag, remove=fault is Fault.MISSING_VALUE)
        body = json.dumps(answer).encode()
        return 200, body[: len(body) // 2] if fault is Fault.INVALID_JSON else body

    def _command(self, scope: Message) -> tuple[str, str] | None:
        slug, _, rest = str(scope["path"]).removeprefix("/").partition("/")
        command = rest.removeprefix("control/")
        return (slug, command) if command != rest and self._desk.takes(slug, command) else None

    async def _tell(self, slug: str, command: str, scope: Message, receive: Receive) -> tuple[int, bytes]:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > LONGEST_BODY:
                return 413, b'{"error": "too large"}'
        keys = [value.decode("latin-1") for name, value in scope["headers"] if name == b"idempotency-key"]
        try:
            time = microseconds(self._now())
            return 200, self._desk.tell(slug, command, body, keys[0] if keys else None, time)
        except CommandError as error:
            return 400, json.dumps({"error": str(error)}).encode()

    def _device(self, scope: Message) -> Device | None:
        slug, _, rest = str(scope["path"]).removeprefix("/").partition("/")
        device = self._devices.get(slug)
        if device is None or f"/{rest}" != device.path:
            return None
        asked = parse_qs(scope["query_string"].decode("latin-1"))
        return device if asked == parse_qs(device.query) else None

    async def _hang(self) -> None:
        try:
            async with asyncio.timeout(self._hang_seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


def spoil(answer: Answer, tag: str, *, remove: bool) -> None:
    """Take the value at a tag away, or make it null."""
    *way, last = tag.split(".")
    place: Any = answer
    for segment in way:
        place = place[int(segment) if isinstance(place, list) else segment]
    if remove:
        del place[last]
    else:
        place[last] = None
