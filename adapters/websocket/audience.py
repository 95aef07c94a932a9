"""Everyone in this process who listens to the feed."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from adapters.websocket.outgoing import Outgoing
from adapters.websocket.subscription import Subscription
from adapters.websocket.wording import worded
from domain.operations.model import FeedEntry, Topic
from domain.operations.ports import LiveFeed
from domain.operations.services.feed import FeedReader
from domain.sensors.services.live import LiveReadings
from domain.shared.errors import UnavailableError

_LOG: Final = logging.getLogger(__name__)
_CAPACITY: Final = 10_000
_PAGE: Final = 100
_RETRY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Listener:
    outgoing: Outgoing
    resync: Callable[[], None]


class Audience:
    """Gives each event of the feed to the subscriptions that asked for it.

    An event is put into words once per filter, whatever the number of clients; giving it to one client is
    putting it into that client's queue, which never waits. Where the live feed says that it may have missed
    events, they are read from the stored one.
    """

    def __init__(self, live_feed: LiveFeed, stored: FeedReader, readings: LiveReadings) -> None:
        self._live_feed = live_feed
        self._stored = stored
        self._readings = readings
        self._listeners: defaultdict[Topic, dict[Subscription, _Listener]] = defaultdict(dict)
        self._delivered: dict[Topic, int] = {}

    def join(self, subscription: Subscription, outgoing: Outgoing, resync: Callable[[], None]) -> None:
        """Give this subscription the events of its topics from now on; ``resync`` where some are lost."""
        for topic in subscription.topics:
            self._listeners[topic][subscription] = _Listener(outgoing, resync)

    def leave(self, subscription: Subscription) -> None:
        """Give this subscription nothing more."""
        for topic in subscription.topics:
            self._listeners[topic].pop(subscription, None)

    async def run(self) -> None:
        """Hand out events for as long as the process serves."""
        with self._live_feed.subscribe(tuple(Topic), _CAPACITY) as source:
            complete = False
            while True:
                try:
                    if not complete:
                        await self._catch_up()
                        complete = True
                    message = await source.next()
                    if isinstance(message, tuple):
                        for entry in message:
                            await self._hand_out(entry)
                    else:
                        complete = False
                except UnavailableError:
                    complete = False
                    await asyncio.sleep(_RETRY_SECONDS)
                except Exception:  # noqa: BLE001 - the clients must go on getting events
                    _LOG.exception("handing out events failed; trying again")
                    complete = False
                    await asyncio.sleep(_RETRY_SECONDS)

    async def _catch_up(self) -> None:
        if not self._delivered:
            self._delivered = dict(await self._stored.positions())
            return
        for topic in Topic:
            await self._read_missed(topic)

    async def _read_missed(self, topic: Topic) -> None:
        start = await self._stored.start(topic, self._delivered[topic] if self._listeners[topic] else None)
        self._delivered[topic] = start.seq
        if not start.complete:
            for listener in tuple(self._listeners[topic].values()):
                listener.resync()
            return
        while self._listeners[topic]:
            entries = await self._stored.after(topic, self._delivered[topic], _PAGE)
            for entry in entries:
                await self._deliver(entry)
            if len(entries) < _PAGE:
                break

    async def _hand_out(self, entry: FeedEntry) -> None:
        if entry.seq > self._delivered[entry.topic] + 1:
            await self._read_missed(entry.topic)
        if entry.seq > self._delivered[entry.topic]:
            await self._deliver(entry)

    async def _deliver(self, entry: FeedEntry) -> None:
        listeners = self._listeners[entry.topic]
        if listeners:
            try:
                words = await worded(entry, self._readings)
            except UnavailableError:
                raise
            except Exception:  # noqa: BLE001 - an event that cannot be told must not hold up those after it
                _LOG.exception("event %s %d cannot be told", entry.topic, entry.seq)
            else:
                for subscription, listener in listeners.items():
                    if subscription.takes(entry.topic, entry.seq):
                        frame = words.frame(subscription.subscription_id, subscription.selection)
                        if frame is not None:
                            stream = (subscription.subscription_id, entry.topic)
                            listener.outgoing.offer(frame, stream, entry.seq)
            await asyncio.sleep(0)  # a burst of events must not starve the sockets
        self._delivered[entry.topic] = entry.seq
