"""The subscriptions of one socket."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from adapters.websocket.audience import Audience
from adapters.websocket.limits import SocketLimits
from adapters.websocket.messages import Error, FaultyMessageError, Subscribe, Unsubscribed, encode
from adapters.websocket.outgoing import Outgoing
from adapters.websocket.replay import Opening, since_of, topics_of
from adapters.websocket.subscription import Subscription
from domain.shared.errors import DomainError

_LOG: Final = logging.getLogger(__name__)
Id = str | int


@dataclass(slots=True)
class _Entry:
    task: asyncio.Task[None] | None = None
    """What brings it to live, if anything does now."""
    subscription: Subscription | None = None


class Subscriptions:
    """Begins and ends subscriptions, each at its own pace: one that replays a day holds up no other."""

    def __init__(
        self, audience: Audience, opening: Opening, outgoing: Outgoing, limits: SocketLimits
    ) -> None:
        self._audience = audience
        self._opening = opening
        self._outgoing = outgoing
        self._most = limits.subscriptions
        self._entries: dict[Id, _Entry] = {}

    def begin(self, message: Subscribe) -> None:
        """Begin a subscription; what comes of it is told to the client.

        Raises:
            FaultyMessageError: ``subscription_exists`` or ``too_many_subscriptions``.

        """
        if message.id in self._entries:
            raise FaultyMessageError(
                "subscription_exists", "this socket has a subscription of that id", message.id
            )
        if len(self._entries) >= self._most:
            raise FaultyMessageError(
                "too_many_subscriptions", f"a socket has at most {self._most} subscriptions", message.id
            )
        entry = self._entries[message.id] = _Entry()
        self._work(message.id, entry, lambda: self._open(message, entry))

    async def end(self, subscription_id: Id) -> None:
        """End a subscription.

        Raises:
            FaultyMessageError: ``unknown_subscription``.

        """
        entry = self._entries.get(subscription_id)
        if entry is None:
            raise FaultyMessageError(
                "unknown_subscription", "this socket has no subscription of that id", subscription_id
            )
        await self._drop(subscription_id, entry)
        await self._outgoing.put(encode(Unsubscribed(subscription_id)))

    async def end_all(self) -> None:
        """End all subscriptions, since the socket has gone."""
        for subscription_id, entry in tuple(self._entries.items()):
            await self._drop(subscription_id, entry)

    async def _drop(self, subscription_id: Id, entry: _Entry) -> None:
        self._entries.pop(subscription_id, None)
        if entry.subscription is not None:
            self._audience.leave(entry.subscription)
        self._outgoing.withdraw(subscription_id)
        if entry.task is not None:
            entry.task.cancel()
            await asyncio.gather(entry.task, return_exceptions=True)

    async def _open(self, message: Subscribe, entry: _Entry) -> None:
        topics = topics_of(message)
        since = since_of(message, topics)
        subscription = Subscription(message.id, topics, await self._opening.select(message))
        entry.subscription = subscription
        self._audience.join(subscription, self._outgoing, lambda: self._resync(entry, subscription))
        await self._opening.open(subscription, since, self._outgoing)

    def _resync(self, entry: _Entry, subscription: Subscription) -> None:
        if entry.task is not None:
            entry.task.cancel()
        self._work(
            subscription.subscription_id, entry, lambda: self._opening.resync(subscription, self._outgoing)
        )

    def _work(self, subscription_id: Id, entry: _Entry, work: Callable[[], Awaitable[None]]) -> None:
        async def told() -> None:
            try:
                await work()
            except DomainError as error:
                fault = Error(error.code, error.detail, subscription_id)
            except FaultyMessageError as error:
                fault = error.answer
            except Exception:  # noqa: BLE001 - the other subscriptions of the socket go on
                _LOG.exception("a subscription failed")
                fault = Error("internal_error", "the server failed; please subscribe again", subscription_id)
            else:
                return
            finally:
                if entry.task is asyncio.current_task():
                    entry.task = None
            if self._entries.get(subscription_id) is entry:
                await self._drop(subscription_id, entry)
            await self._outgoing.put(encode(fault))

        entry.task = asyncio.create_task(told())
