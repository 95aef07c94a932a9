"""Publishes committed events and delivers them to their handlers: one process at a time, at least once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from adapters.events.dispatcher import EventDispatcher
from adapters.events.follower import Follower
from adapters.events.messages import published, woken
from domain.operations.model import FeedEntry, OutboxEntry
from domain.operations.ports import (
    Leadership,
    OperationsTransaction,
    OperationsUnitOfWork,
    RelayStatus,
    Signals,
)
from domain.shared.errors import UnavailableError
from domain.shared.events import DomainEvent
from domain.shared.ports import Clock

_LOG: Final = logging.getLogger(__name__)
_PAGE: Final = 100
_PURGE_PAGE: Final = 5000
# Readers are promised 24 hours; the rest keeps the border away from those who read up to it just now.
_KEPT: Final = timedelta(hours=24, minutes=10)
_PURGE_SECONDS: Final = 600.0
_MAX_ERROR: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a failing delivery is tried, how long it may take, and the wait, which doubles each time."""

    attempts: int = 10
    first_wait: timedelta = timedelta(seconds=1)
    longest_wait: timedelta = timedelta(minutes=5)
    timeout: timedelta = timedelta(seconds=60)

    def wait(self, failures: int) -> timedelta | None:
        """Return the wait after so many failures, None where it is to be given up."""
        if failures >= self.attempts:
            return None
        return min(self.first_wait * float(2 ** min(failures - 1, 30)), self.longest_wait)


class Relay(RelayStatus):
    """The relay of this process: it works while it has the seat, and tells the one that has it otherwise.

    A process that is not a ``candidate`` never takes the seat.
    """

    def __init__(
        self,
        *,
        uow: OperationsUnitOfWork,
        leadership: Leadership,
        signals: Signals,
        dispatcher: EventDispatcher,
        follower: Follower,
        clock: Clock,
        process: str,
        retry: RetryPolicy | None = None,
        poll_seconds: float = 1.0,
        candidate: bool = True,
    ) -> None:
        self._uow = uow
        self._leadership = leadership
        self._signals = signals
        self._dispatcher = dispatcher
        self._follower = follower
        self._clock = clock
        self._process = process
        self._retry = retry or RetryPolicy()
        self._poll_seconds = poll_seconds
        self._candidate = candidate
        self._leader = False
        self._unpublished = asyncio.Event()
        self._undispatched = asyncio.Event()
        self._untold = asyncio.Event()
        follower.on_woken(self._unpublished.set)

    @property
    def leader(self) -> bool:
        return self._leader

    def wake(self, events: Sequence[DomainEvent]) -> None:
        """Say that these were committed in this process (this is what `Database.on_commit` calls)."""
        if not events:
            return
        if self._leader:
            self._unpublished.set()
        else:
            self._untold.set()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tell())
            if self._candidate:
                tasks.create_task(self._stand_for_leader())

    async def _tell(self) -> None:
        while True:
            await self._untold.wait()
            self._untold.clear()
            if not self._leader:
                await self._signals.send(woken(self._process))

    async def _stand_for_leader(self) -> None:
        while True:
            try:
                seat = await self._leadership.take()
            except UnavailableError as away:
                _LOG.debug("who relays cannot be known now: %s", away.detail)
                seat = None
            if seat is None:
                await asyncio.sleep(self._poll_seconds)
                continue
            try:
                await self._lead(seat.lost())
            finally:
                await seat.leave()

    async def _lead(self, lost: Awaitable[None]) -> None:
        self._leader = True
        _LOG.info("this process relays events now")
        tasks = [
            asyncio.ensure_future(work)
            for work in (
                lost,
                self._repeat(self._publish, self._unpublished, self._poll_seconds),
                self._repeat(self._dispatch, self._undispatched, self._poll_seconds),
                self._repeat(self._purge, asyncio.Event(), _PURGE_SECONDS),
            )
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            _LOG.warning("this process relays events no more")
        finally:
            self._leader = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _repeat(
        self, work: Callable[[], Awaitable[bool]], woken_by: asyncio.Event, poll_seconds: float
    ) -> None:
        """Work until nothing is left, then wait to be woken, but not for long."""
        while True:
            woken_by.clear()
            more = False
            try:
                more = await work()
            except UnavailableError as away:
                _LOG.debug("the outbox cannot be reached now: %s", away.detail)
            except Exception:  # noqa: BLE001 - the relay outlives every fault; its work stays in the outbox
                _LOG.exception("a step of the relay failed; it is tried again")
                await asyncio.sleep(poll_seconds)
            if not more:
                try:
                    async with asyncio.timeout(poll_seconds):
                        await woken_by.wait()
                except TimeoutError:
                    pass

    async def _publish(self) -> bool:
        now = self._clock.now()
        async with self._uow.begin() as tx:
            entries = await tx.outbox.unpublished(now, _PAGE)
            if not entries:
                return False
            awaited = {
                entry.outbox_id
                for entry in entries
                if entry.event is not None and self._dispatcher.handles(type(entry.event))
            }
            feed = await tx.outbox.publish([one for one in entries if one.event is not None], awaited, now)
            for entry in entries:
                if entry.event is None:
                    await self._failed(tx, entry, entry.error or "unreadable")
        if awaited:
            self._undispatched.set()
        if feed:
            await self._hand_out(feed)
        return len(entries) == _PAGE

    async def _hand_out(self, feed: Sequence[FeedEntry]) -> None:
        try:
            await self._follower.deliver(feed)
        except UnavailableError as away:
            _LOG.debug("the live feed is behind (%s); it catches up soon", away.detail)
        await self._signals.send(published(self._process, feed))

    async def _dispatch(self) -> bool:
        async with self._uow.begin() as tx:
            entries = await tx.outbox.undispatched(self._clock.now(), _PAGE)
        for entry in entries:
            error = await self._delivered(entry)
            async with self._uow.begin() as tx:
                if error is None:
                    await tx.outbox.dispatched(entry.outbox_id, self._clock.now())
                else:
                    await self._failed(tx, entry, error)
        return len(entries) == _PAGE

    async def _delivered(self, entry: OutboxEntry) -> str | None:
        """Give the event to its handlers; return what went wrong."""
        if entry.event is None:
            return entry.error or "unreadable"
        try:
            async with asyncio.timeout(self._retry.timeout.total_seconds()):
                await self._dispatcher.dispatch(entry.event)
        except Exception as failure:  # noqa: BLE001 - a handler may fail in any way; the others go on
            _LOG.warning("event %s was not handled", entry.event.event_id, exc_info=failure)
            return _told(failure)
        return None

    async def _failed(self, tx: OperationsTransaction, entry: OutboxEntry, error: str) -> None:
        now = self._clock.now()
        wait = self._retry.wait(entry.attempts + 1)
        if wait is None:
            _LOG.error(
                "outbox entry %d is parked after %d attempts: %s", entry.outbox_id, entry.attempts + 1, error
            )
            await tx.outbox.park(entry.outbox_id, error, now)
        else:
            await tx.outbox.failed(entry.outbox_id, error, now + wait)

    async def _purge(self) -> bool:
        async with self._uow.begin() as tx:
            return await tx.outbox.purge(self._clock.now() - _KEPT, _PURGE_PAGE) == _PURGE_PAGE


def _told(failure: Exception) -> str:
    causes = failure.exceptions if isinstance(failure, ExceptionGroup) else (failure,)
    text = "; ".join(f"{type(cause).__name__}: {cause}" for cause in causes)
    # PostgreSQL stores neither NUL nor half a surrogate pair.
    return text.replace("\x00", "\\x00").encode(errors="backslashreplace").decode()[:_MAX_ERROR]
