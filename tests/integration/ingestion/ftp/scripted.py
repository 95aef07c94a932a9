"""An FTP server whose every reply a test lays out, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from adapters.pollers.ftp.account import FtpAccount

USER, PASSWORD = "meters", "s3cret"
Send = Callable[[asyncio.StreamWriter], Awaitable[None]]
STAMP = "20260301123015"


async def silence(_: object) -> None:
    await asyncio.sleep(3600)


def sends(content: bytes, *, breaks_off: bool = False, then_silent: bool = False) -> Send:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()
        if then_silent:
            await asyncio.sleep(3600)
        if breaks_off:
            raise ConnectionAbortedError

    return send


def trickles(content: bytes, pause: float) -> Send:
    async def send(writer: asyncio.StreamWriter) -> None:
        for number in range(len(content)):
            writer.write(content[number : number + 1])
            await writer.drain()
            await asyncio.sleep(pause)

    return send


def endless(block: bytes) -> Send:
    async def send(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(block)
            await writer.drain()

    return send


def facts(name: str, size: int, kind: str = "file", stamp: str = STAMP) -> str:
    return f"type={kind};size={size};modify={stamp}; {name}"


@dataclass
class Script:
    """What the server does; replies are by command, data by transfer.

    A reply that is a number alone ends the connection with it; ``data`` gives what a transfer sends, and is
    called with its command, its path, and the offset.
    """

    replies: dict[str, str | Send] = field(default_factory=dict)
    greeting: str | Send = "220 here"
    data: Callable[[str, str, int], Send] = lambda *_: sends(b"")
    listed: dict[str, str] = field(default_factory=dict)
    """The facts that MLST gives, by path."""
    asked: list[str] = field(default_factory=list)
    connections: int = 0


_DEFAULTS = {
    "USER": "331 password",
    "PASS": "230 in",
    "OPTS": "200 ok",
    "TYPE": "200 ok",
    "CWD": "250 ok",
    "PWD": '257 "/data" is where',
    "QUIT": "221 bye",
}


class ScriptedServer:
    def __init__(self, script: Script) -> None:
        self.script = script
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.script.connections += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await _Connection(self.script, reader, writer).serve()
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class _Connection:
    def __init__(self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._script = script
        self._reader = reader
        self._writer = writer
        self._offset = 0
        self._data: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
        self._listener: asyncio.Server | None = None

    async def serve(self) -> None:
        try:
            await self._say(self._script.greeting)
            while line := await self._reader.readline():
                text = line.decode().rstrip("\r\n")
                self._script.asked.append(text)
                command, _, rest = text.partition(" ")
                await self._answer(command, rest)
        finally:
            if self._listener is not None:
                self._listener.close()
            while not self._data.empty():
                self._data.get_nowait().transport.abort()

    async def _say(self, reply: str | Send) -> None:
        if callable(reply):
            await reply(self._writer)
        else:
            self._writer.write(f"{reply}\r\n".encode())
            await self._writer.drain()

    async def _answer(self, command: str, rest: str) -> None:
        given = self._script.replies.get(f"{command} {rest}", self._script.replies.get(command))
        if given is not None:
            await self._say(given)
            if isinstance(given, str) and given.startswith("421"):
                raise ConnectionAbortedError
            return
        if command in _DEFAULTS:
            await self._say(_DEFAULTS[command])
        elif command == "EPSV":
            await self._say(f"229 ok (|||{await self._listen()}|)")
        elif command == "PASV":
            port = await self._listen()
            await self._say(f"227 ok (192,0,2,77,{port >> 8},{port & 255})")
        elif command == "REST":
            self._offset = int(rest)
            await self._say("350 from there")
        elif command == "MLST":
            known = self._script.listed.get(rest)
            await self._say("550 no such file" if known is None else f"250-that\r\n {known}\r\n250 end")
        elif command in {"MLSD", "LIST", "RETR"}:
            await self._transfer(command, rest)
        else:
            await self._say("502 unknown")

    async def _listen(self) -> int:
        if self._listener is not None:
            self._listener.close()

        async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._data.put_nowait(writer)

        self._listener = await asyncio.start_server(accept, "127.0.0.1", 0)
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    async def _transfer(self, command: str, rest: str) -> None:
        offset, self._offset = self._offset, 0
        await self._say("150 here it comes")
        writer = await self._data.get()
        try:
            await self._script.data(command, rest, offset)(writer)
            writer.close()
            await writer.wait_closed()
        finally:
            writer.transport.abort()
        await self._say("226 done")


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[FtpAccount]:
    behaviour = ScriptedServer(script)
    server = await asyncio.start_server(behaviour.accept, "127.0.0.1", 0)
    try:
        yield FtpAccount(
            host="127.0.0.1",
            port=server.sockets[0].getsockname()[1],
            username=USER,
            password=PASSWORD,
            remote_path="/data",
        )
    finally:
        server.close()
        await behaviour.stop()
