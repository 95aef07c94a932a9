"""Public events, handed to those in this process who want them."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from domain.operations.model import FeedEntry, FeedMessage, Lagged, Lost, Resync, Topic
from domain.operations.ports import LiveFeed, LiveSubscription

_LOG: Final = logging.getLogger(__name__)

Callback = Callable[[tuple[FeedEntry, ...] | Resync], None]


class BoundedSubscription(LiveSubscription):
    """The queue of one reader: once it is full, the oldest entries go."""

    def __init__(self, topics: Collection[Topic], capacity: int) -> None:
        self._topics = frozenset(topics)
        self._capacity = capacity
        self._waiting: deque[FeedEntry] = deque()
        self._lost: dict[Topic, Lost] = {}
        self._resync = False
        self._filled = asyncio.Event()

    def offer(self, entries: Sequence[FeedEntry]) -> None:
        """Queue what is of the reader's topics."""
        self._waiting.extend(entry for entry in entries if entry.topic in self._topics)
        while len(self._waiting) > self._capacity:
            gone = self._waiting.popleft()
            earlier = self._lost.get(gone.topic, Lost(gone.topic, 0, gone.seq))
            self._lost[gone.topic] = Lost(gone.topic, earlier.dropped + 1, earlier.from_seq)
        if self._waiting:
            self._filled.set()

    def offer_resync(self) -> None:
        """Put the word that entries may be missing before all that waits."""
        self._resync = True
        self._filled.set()

    async def next(self) -> FeedMessage:
        await self._filled.wait()
        if self._resync:
            self._resync = False
            message: FeedMessage = Resync()
        elif self._lost:
            message = Lagged(tuple(self._lost.values()))
            self._lost.clear()
        else:
            message = tuple(self._waiting)
            self._waiting.clear()
        if not (self._waiting or self._lost):
            self._filled.clear()
        return message


class Broadcaster(LiveFeed):
    """Hands entries to every subscriber of this process, at once and without waiting for any of them."""

    def __init__(self) -> None:
        self._callbacks: list[Callback] = []

    def publish(self, message: tuple[FeedEntry, ...] | Resync) -> None:
        """Hand out entries, or the word that some may be missing."""
        for callback in tuple(self._callbacks):
            try:
                callback(message)
            except Exception:  # noqa: BLE001 - one that fails must not cost the others their entries
                _LOG.exception("a subscriber of the live feed failed")

    @contextmanager
    def listen(self, callback: Callback) -> Iterator[None]:
        self._callbacks.append(callback)
        try:
            yield
        finally:
            self._callbacks.remove(callback)

    @contextmanager
    def subscribe(self, topics: Collection[Topic], capacity: int = 1000) -> Iterator[BoundedSubscription]:
        subscription = BoundedSubscription(topics, capacity)

        def offer(message: tuple[FeedEntry, ...] | Resync) -> None:
            if isinstance(message, Resync):
                subscription.offer_resync()
            else:
                subscription.offer(message)

        with self.listen(offer):
            yield subscription
