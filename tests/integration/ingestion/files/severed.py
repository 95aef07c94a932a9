"""A way to the database that can be cut, as by a restart of the server or a network that fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import make_url


class Line:
    """Passes bytes on to the database, while it is whole."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> int:
        """Break all connections off, and refuse new ones; return how many there were."""
        if self._server is not None:
            self._server.close()
        cut = len(self._writers)
        for writer in list(self._writers):
            writer.transport.abort()
        return cut

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            there, back = await asyncio.open_connection(*self._target)
            self._writers |= {writer, back}
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pass_on(reader, back))
                    both.create_task(self._pass_on(there, writer))
            finally:
                self._writers -= {writer, back}

    @staticmethod
    async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while block := await reader.read(1 << 16):
                writer.write(block)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def severable(database_url: str) -> AsyncIterator[tuple[str, Line]]:
    """Give a URL that leads to the database over a line."""
    url = make_url(database_url)
    line = Line(url.host or "127.0.0.1", url.port or 5432)
    await line.mend()
    try:
        there = url.set(host="127.0.0.1", port=line.port)
        yield there.render_as_string(hide_password=False), line
    finally:
        line.cut()
