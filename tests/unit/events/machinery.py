"""The event machinery of one process, as the product wires it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from adapters.events.dispatcher import EventDispatcher
from adapters.events.fan_out import Broadcaster
from adapters.events.follower import Follower
from adapters.events.relay import Relay, RetryPolicy
from app.clock import SystemClock
from domain.operations.model import FeedEntry, Resync, Topic
from domain.operations.ports import Leadership, OperationsUnitOfWork, Signals
from domain.operations.services.health import EventsMonitor
from domain.shared.events import DomainEvent
from tests.unit.events.samples import Happened, Noted, Warned

QUICK = RetryPolicy(first_wait=timedelta(milliseconds=1), longest_wait=timedelta(milliseconds=5))


class Process:
    """Keeps all that its live feed heard in ``heard``."""

    def __init__(
        self,
        uow: OperationsUnitOfWork,
        leadership: Leadership,
        signals: Signals,
        handlers: Sequence[Callable[[Any], Awaitable[None]]] = (),
        *,
        poll_seconds: float = 0.05,
        follower_poll_seconds: float = 5.0,
        candidate: bool = True,
        retry: RetryPolicy = QUICK,
    ) -> None:
        name = uuid4().hex
        self.uow = uow
        self.broadcaster = Broadcaster()
        self.follower = Follower(uow, signals, self.broadcaster, name, poll_seconds=follower_poll_seconds)
        self.relay = Relay(
            uow=uow,
            leadership=leadership,
            signals=signals,
            dispatcher=EventDispatcher(handlers),
            follower=self.follower,
            clock=SystemClock(),
            process=name,
            poll_seconds=poll_seconds,
            candidate=candidate,
            retry=retry,
        )
        self.monitor = EventsMonitor(uow, self.relay, SystemClock())
        self.heard: list[FeedEntry] = []
        self.resyncs = 0

    def _hear(self, message: tuple[FeedEntry, ...] | Resync) -> None:
        if isinstance(message, Resync):
            self.resyncs += 1
        else:
            self.heard.extend(message)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Process"]:
        with self.broadcaster.listen(self._hear):
            tasks = [asyncio.create_task(self.relay.run()), asyncio.create_task(self.follower.run())]
            await until(lambda: bool(self.follower._positions))
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def commit(self, *events: DomainEvent) -> None:
        """Commit events as a use case would; the wiring to `Relay.wake` is the test's."""
        async with self.uow.begin() as tx:
            for event in events:
                tx.events.add(event)

    def seqs(self, topic: Topic = Topic.SYSTEM_EVENTS) -> list[int]:
        return [entry.seq for entry in self.heard if entry.topic is topic]

    def numbers(self) -> list[int]:
        return [entry.event.number for entry in self.heard if isinstance(entry.event, Happened)]


class Handlers:
    """Take note of what is delivered; refuse what ``refuse`` names."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.refuse: set[str] = set()
        self.attempts = 0

    async def note(self, event: Noted | Warned) -> None:
        if event.text in self.refuse:
            self.attempts += 1
            raise RuntimeError(f"refused \x00 {event.text}")
        self.texts.append(event.text)


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - it is the outcome that a test waits for
            await asyncio.sleep(0.005)
