"""A body that is read twice: kept on disk in between where it is big."""

import asyncio
from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Final, Self, cast

from litestar.types import HTTPReceiveMessage

from adapters.web.request import ApiRequest

_IN_MEMORY: Final = 1024 * 1024
_BLOCK: Final = 64 * 1024


class SpooledBody:
    """Passes a request's body on to its first reader, and holds it for the second."""

    def __init__(self, request: ApiRequest) -> None:
        self._request = request
        self._file = SpooledTemporaryFile[bytes](max_size=_IN_MEMORY)
        self._left = 0
        self._is_given = False

    async def first(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives.

        Raises:
            RequestError: as `ApiRequest.stream` does.

        """
        async for chunk in self._request.stream():
            await asyncio.to_thread(self._file.write, chunk)
            self._left += len(chunk)
            yield chunk
        await asyncio.to_thread(self._file.seek, 0)

    async def receive(self) -> HTTPReceiveMessage:
        """Give the body again as a server does (ASGI), then what the server has to say."""
        if self._is_given:
            return cast("HTTPReceiveMessage", await self._request.receive())
        block = await asyncio.to_thread(self._file.read, _BLOCK)
        self._left -= len(block)
        self._is_given = self._left <= 0
        return {"type": "http.request", "body": block, "more_body": not self._is_given}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
