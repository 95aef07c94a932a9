"""One client's socket: who it is, what it says, what it is told."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from adapters.web.authentication import Authenticator, bearer_token, client_address
from adapters.websocket.audience import Audience
from adapters.websocket.keys import KeyWatch
from adapters.websocket.limits import SocketLimits
from adapters.websocket.messages import (
    Authenticate,
    Error,
    FaultyMessageError,
    Ping,
    Pong,
    Subscribe,
    Unsubscribe,
    Welcome,
    decode,
    encode,
)
from adapters.websocket.outgoing import Outgoing
from adapters.websocket.replay import Opening
from adapters.websocket.subscriptions import Subscriptions
from domain.operations.model import Principal, Topic
from domain.shared.errors import DomainError, UnauthenticatedError
from domain.shared.ports import Clock

_LOG: Final = logging.getLogger(__name__)
_NORMAL: Final = 1000
_TOO_MANY_FAULTS: Final = 1008
_SERVER_FAILED: Final = 1011
_TRY_AGAIN_LATER: Final = 1013
_UNAUTHENTICATED: Final = 4401
_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the sockets of a process share."""

    authenticator: Authenticator
    keys: KeyWatch
    audience: Audience
    opening: Opening
    clock: Clock
    limits: SocketLimits


class _ClosedError(Exception):
    """The client was told why, and its socket is being closed."""


class Session:
    """Reads one socket and writes to it until either side ends it."""

    def __init__(self, socket: WebSocket[Any, Any, Any], surroundings: Surroundings) -> None:
        self._socket = socket
        self._authenticator = surroundings.authenticator
        self._keys = surroundings.keys
        self._clock = surroundings.clock
        self._limits = surroundings.limits
        self._outgoing = Outgoing(surroundings.limits)
        self._subscriptions = Subscriptions(
            surroundings.audience, surroundings.opening, self._outgoing, surroundings.limits
        )
        self._faults: deque[float] = deque()
        self._code: int | None = None
        self._patience: asyncio.Timeout | None = None

    async def run(self) -> None:
        """Serve the socket until it is closed."""
        await self._socket.accept()
        reader = asyncio.create_task(self._read())
        try:
            await self._write()
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            await self._subscriptions.end_all()

    def close(self, code: int, error: Error | None = None) -> None:
        """Close the socket with this code, after telling why; a client that takes nothing is cut off."""
        if self._code is None:
            self._code = code
            self._outgoing.end(None if error is None else encode(error))
            self._hurry()

    def _hurry(self) -> None:
        if self._patience is not None and self._code is not None:
            self._patience.reschedule(asyncio.get_running_loop().time() + self._limits.farewell)

    async def _write(self) -> None:
        try:
            async with asyncio.timeout(None) as self._patience:
                self._hurry()
                while (frame := await self._outgoing.next()) is not None:
                    await self._socket.send_text(frame)
                await self._socket.close(self._code or _NORMAL)
        except (OSError, WebSocketDisconnect):
            return  # the client has gone, or takes nothing any more
        finally:
            self._patience = None

    async def _read(self) -> None:
        try:
            principal = await self._authenticated()
            with self._keys.watching(principal.key_id, self._revoked):
                now = self._clock.now().isoformat()
                await self._outgoing.put(encode(Welcome(now, list(Topic), str(principal.role))))
                while True:
                    await self._hear()
        except WebSocketDisconnect:
            self.close(_NORMAL)
        except _ClosedError:
            return
        except Exception:  # noqa: BLE001 - one socket must not bring down another, and its client is told
            _LOG.exception("a socket failed")
            self.close(_SERVER_FAILED, Error("internal_error", "the server failed; please connect again"))

    def _revoked(self) -> None:
        self.close(_UNAUTHENTICATED, Error("key_revoked", "the API key was revoked or has expired"))

    async def _authenticated(self) -> Principal:
        try:
            async with asyncio.timeout(self._limits.authentication):
                scope = self._socket.scope
                in_header = "authorization" in self._socket.headers
                token = bearer_token(scope["headers"]) if in_header else await self._first_message()
                return await self._authenticator.principal(token, client_address(scope))
        except TimeoutError:
            detail = f"no authenticate message came within {self._limits.authentication:g} s"
            refusal = Error("authentication_timeout", detail)
        except UnauthenticatedError as error:
            refusal = Error(error.code, error.detail)
        except FaultyMessageError as error:
            refusal = error.answer
        except DomainError as error:
            self.close(_TRY_AGAIN_LATER, Error(error.code, error.detail))
            raise _ClosedError from error
        self.close(_UNAUTHENTICATED, refusal)
        raise _ClosedError

    async def _first_message(self) -> str:
        message = decode(await self._receive())
        if not isinstance(message, Authenticate):
            raise FaultyMessageError("not_authenticated", "the first message has to be authenticate")
        return message.token

    async def _receive(self) -> str:
        received: Any = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(detail="the client has gone", code=received.get("code") or _NORMAL)
        text = received.get("text")
        if text is None:
            raise FaultyMessageError("binary_message", "a message is JSON in a text frame")
        if len(text) > self._limits.message_bytes:
            detail = f"a message has at most {self._limits.message_bytes} bytes"
            raise FaultyMessageError("message_too_large", detail)
        return str(text)

    async def _hear(self) -> None:
        try:
            message = decode(await self._receive())
        except FaultyMessageError as error:
            self._count_fault()
            await self._outgoing.put(encode(error.answer))
            return
        try:
            match message:
                case Ping():
                    await self._outgoing.put(encode(Pong(self._clock.now().isoformat())))
                case Subscribe():
                    self._subscriptions.begin(message)
                case Unsubscribe():
                    await self._subscriptions.end(message.id)
                case Authenticate():
                    fault = Error("already_authenticated", "this socket is authenticated already")
                    await self._outgoing.put(encode(fault))
        except FaultyMessageError as error:
            await self._outgoing.put(encode(error.answer))

    def _count_fault(self) -> None:
        now = asyncio.get_running_loop().time()
        self._faults.append(now)
        while self._faults[0] < now - _MINUTE:
            self._faults.popleft()
        if len(self._faults) > self._limits.faults_a_minute:
            self.close(_TOO_MANY_FAULTS, Error("too_many_faults", "too many faulty messages in a minute"))
            raise _ClosedError
