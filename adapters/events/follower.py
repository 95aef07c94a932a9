"""Keeps this process's live feed in step with the stored one, whichever process publishes."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from itertools import groupby
from typing import Final

from adapters.events.fan_out import Broadcaster
from adapters.events.messages import Woken, parse
from domain.operations.model import FeedEntry, Resync, SignalsRestored, Topic
from domain.operations.ports import OperationsUnitOfWork, Signals
from domain.shared.errors import UnavailableError

_LOG: Final = logging.getLogger(__name__)
_PAGE: Final = 100


class Follower:
    """Gives each entry of the feed to the broadcaster once and in order.

    Entries come from the relay of this process, or are read from the feed when another process says that
    it published. What is missing between them is read too, so a lost message delays entries and loses none.
    """

    def __init__(
        self,
        uow: OperationsUnitOfWork,
        signals: Signals,
        broadcaster: Broadcaster,
        process: str,
        *,
        poll_seconds: float = 5.0,
    ) -> None:
        self._uow = uow
        self._signals = signals
        self._broadcaster = broadcaster
        self._process = process
        self._poll_seconds = poll_seconds
        self._on_woken: list[Callable[[], None]] = []
        self._positions: dict[Topic, int] = {}
        self._lock = asyncio.Lock()

    def on_woken(self, callback: Callable[[], None]) -> None:
        """Call back when another process says that it committed events."""
        self._on_woken.append(callback)

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._poll())

    async def deliver(self, entries: Sequence[FeedEntry]) -> None:
        """Hand out what the relay of this process has just published."""
        async with self._lock:
            if not self._positions:
                first = {entry.topic: entry.seq - 1 for entry in reversed(entries)}
                self._positions = {**await self._newest(), **first}
            for topic, group in groupby(entries, key=lambda entry: entry.topic):
                run = tuple(group)
                await self._catch_up(topic, run[0].seq - 1)
                self._hand_out(topic, run)

    async def _listen(self) -> None:
        async with aclosing(self._signals.listen()) as signals:
            async for signal in signals:
                with self._surviving():
                    if isinstance(signal, SignalsRestored):
                        await self._restored()
                    else:
                        await self._heard(signal)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            with self._surviving():
                await self._reconcile()

    @contextmanager
    def _surviving(self) -> Iterator[None]:
        try:
            yield
        except UnavailableError as away:
            _LOG.debug("the feed cannot be read now (%s); it is read again soon", away.detail)
        except Exception:  # noqa: BLE001 - whatever happens, the next message and the next poll are looked at
            _LOG.exception("the feed was not read; it is read again soon")

    async def _heard(self, text: str) -> None:
        message = parse(text)
        if message is None or message.process == self._process:
            return
        if isinstance(message, Woken):
            for callback in self._on_woken:
                callback()
        elif self._positions:
            async with self._lock:
                for topic, seq in message.upto.items():
                    await self._catch_up(topic, seq)

    async def _restored(self) -> None:
        if self._positions:
            self._broadcaster.publish(Resync())
        await self._reconcile()

    async def _reconcile(self) -> None:
        async with self._lock:
            newest = await self._newest()
            # A position ahead of the feed is that of a database which was replaced by an older one.
            self._positions = {
                topic: min(self._positions.get(topic, seq), seq) for topic, seq in newest.items()
            }
            for topic, seq in newest.items():
                await self._catch_up(topic, seq)

    async def _newest(self) -> Mapping[Topic, int]:
        async with self._uow.begin() as tx:
            return await tx.feed.positions()

    async def _catch_up(self, topic: Topic, upto: int) -> None:
        while self._positions[topic] < upto:
            async with self._uow.begin() as tx:
                newest = await tx.feed.position(topic)
                page = tuple(await tx.feed.after(topic, self._positions[topic], _PAGE))
            self._hand_out(topic, page)
            if len(page) < _PAGE:
                # Where this version cannot read the last ones, it passes them over. Not by the word of the
                # message, though: anyone who may log in to the database could send one.
                self._positions[topic] = max(self._positions[topic], newest)
                return

    def _hand_out(self, topic: Topic, entries: tuple[FeedEntry, ...]) -> None:
        fresh = tuple(entry for entry in entries if entry.seq > self._positions[topic])
        if fresh:
            self._positions[topic] = fresh[-1].seq
            self._broadcaster.publish(fresh)
