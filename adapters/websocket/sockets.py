"""All WebSockets of this process."""

import asyncio
from collections.abc import Collection
from typing import Any, Final

from litestar import WebSocket

from adapters.web.authentication import Authenticator
from adapters.websocket.audience import Audience
from adapters.websocket.keys import KeyWatch
from adapters.websocket.limits import SocketLimits
from adapters.websocket.messages import Error
from adapters.websocket.origins import origin_allowed
from adapters.websocket.replay import Opening
from adapters.websocket.session import Session, Surroundings
from domain.operations.ports import LiveFeed
from domain.operations.services.api_keys import ApiKeys
from domain.operations.services.feed import FeedReader
from domain.sensors.services.live import LiveReadings
from domain.shared.ports import Clock

GOING_AWAY: Final = 1001


class LiveSockets:
    """Serves the sockets of this process, and what they share: one reader of the feed, one look at the keys.

    `run` has to run for as long as sockets are served.
    """

    def __init__(
        self,
        *,
        live_feed: LiveFeed,
        stored_feed: FeedReader,
        readings: LiveReadings,
        authenticator: Authenticator,
        api_keys: ApiKeys,
        clock: Clock,
        origins: Collection[str] = (),
        limits: SocketLimits | None = None,
    ) -> None:
        limits = limits or SocketLimits()
        self._origins = frozenset(origins)
        self._audience = Audience(live_feed, stored_feed, readings)
        self._keys = KeyWatch(api_keys, limits.key_check_interval)
        self._surroundings = Surroundings(
            authenticator=authenticator,
            keys=self._keys,
            audience=self._audience,
            opening=Opening(stored_feed, readings, limits),
            clock=clock,
            limits=limits,
        )
        self._sessions: set[Session] = set()
        self._stopping = False

    def __len__(self) -> int:
        """Return the number of open sockets."""
        return len(self._sessions)

    async def run(self) -> None:
        """Hand out events and watch the keys; close all sockets when this is cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._audience.run())
                tasks.create_task(self._keys.run())
        finally:
            self.close()

    def close(self) -> None:
        """Close all sockets, since the server stops."""
        self._stopping = True
        for session in tuple(self._sessions):
            session.close(GOING_AWAY, Error("going_away", "the server is stopping"))

    async def serve(self, socket: WebSocket[Any, Any, Any]) -> None:
        """Serve a socket until it is closed; one from a page of another origin is refused."""
        headers = socket.headers
        if not origin_allowed(headers.get("origin"), headers.get("host"), self._origins):
            await socket.receive()
            await socket.close(code=1008, reason="this origin is not allowed")
            return
        session = Session(socket, self._surroundings)
        self._sessions.add(session)
        try:
            if self._stopping:
                session.close(GOING_AWAY)
            await session.run()
        finally:
            self._sessions.discard(session)
