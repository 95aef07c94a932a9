"""The outbox, the seat of the relay and signals, within one process."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from adapters.memory.database import MemoryDatabase, MemorySession
from domain.operations.model import Backlog, FeedEntry, OutboxEntry, OutboxId, SignalsRestored, Topic
from domain.operations.ports import Leadership, Outbox, Seat, Signals
from domain.shared.ports import EventCodec


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """What became of a committed event."""

    entry: OutboxEntry
    seq: int | None = None
    published_at: datetime | None = None
    dispatched_at: datetime | None = None
    next_attempt_at: datetime | None = None
    parked_at: datetime | None = None
    last_error: str | None = None

    def is_due(self, now: datetime) -> bool:
        """Return whether it is neither given up nor put off."""
        return self.parked_at is None and (self.next_attempt_at is None or self.next_attempt_at <= now)


@dataclass(slots=True)
class OutboxState:
    """All rows, how many of the database's events they are from, and the newest seq of each topic."""

    rows: dict[OutboxId, OutboxRow] = field(default_factory=dict)
    taken: int = 0
    positions: dict[Topic, int] = field(default_factory=dict)

    def __deepcopy__(self, memo: dict[int, Any]) -> "OutboxState":
        # Rows never change, so that a transaction's own copy of the dictionaries is enough.
        return OutboxState(dict(self.rows), self.taken, dict(self.positions))


class MemoryOutbox(Outbox):
    """Takes its rows from the events that committed in the database."""

    def __init__(self, session: MemorySession, database: MemoryDatabase, codec: EventCodec) -> None:
        self._state = session.state(OutboxState)
        for event in database.events[self._state.taken :]:
            self._state.taken += 1
            topic = codec.encode(event).topic
            outbox_id = OutboxId(self._state.taken)
            entry = OutboxEntry(outbox_id=outbox_id, topic=Topic(topic) if topic else None, event=event)
            self._state.rows[outbox_id] = OutboxRow(entry=entry)

    async def unpublished(self, now: datetime, limit: int) -> Sequence[OutboxEntry]:
        return [row.entry for row in self._unpublished() if row.is_due(now)][:limit]

    async def publish(
        self, entries: Sequence[OutboxEntry], awaited: Collection[OutboxId], now: datetime
    ) -> Sequence[FeedEntry]:
        feed = []
        for entry in entries:
            seq = None
            if entry.topic is not None and entry.event is not None:
                seq = self._state.positions.get(entry.topic, 0) + 1
                self._state.positions[entry.topic] = seq
                feed.append(FeedEntry(topic=entry.topic, seq=seq, time=now, event=entry.event))
            self._state.rows[entry.outbox_id] = OutboxRow(
                entry=replace(entry, error=None, attempts=0),
                seq=seq,
                published_at=now,
                dispatched_at=None if entry.outbox_id in awaited else now,
            )
        return feed

    async def undispatched(self, now: datetime, limit: int) -> Sequence[OutboxEntry]:
        return [row.entry for row in self._undispatched() if row.is_due(now)][:limit]

    async def dispatched(self, outbox_id: OutboxId, now: datetime) -> None:
        row = self._state.rows[outbox_id]
        self._state.rows[outbox_id] = replace(row, dispatched_at=now, next_attempt_at=None)

    async def failed(self, outbox_id: OutboxId, error: str, retry_at: datetime) -> None:
        row = self._state.rows[outbox_id]
        entry = replace(row.entry, attempts=row.entry.attempts + 1)
        self._state.rows[outbox_id] = replace(row, entry=entry, next_attempt_at=retry_at, last_error=error)

    async def park(self, outbox_id: OutboxId, error: str, now: datetime) -> None:
        row = self._state.rows[outbox_id]
        entry = replace(row.entry, attempts=row.entry.attempts + 1)
        self._state.rows[outbox_id] = replace(
            row, entry=entry, next_attempt_at=None, parked_at=now, last_error=error
        )

    async def backlog(self) -> Backlog:
        waiting = [
            row.entry for row in (*self._unpublished(), *self._undispatched()) if row.parked_at is None
        ]
        fresh = [
            entry.event.occurred_at for entry in waiting if entry.attempts == 0 and entry.event is not None
        ]
        return Backlog(
            pending=len(waiting),
            parked=sum(row.parked_at is not None for row in self._state.rows.values()),
            oldest=min(fresh, default=None),
        )

    async def purge(self, before: datetime, limit: int) -> int:
        gone = [
            outbox_id
            for outbox_id, row in self._state.rows.items()
            if row.published_at is not None and row.published_at < before and row.dispatched_at is not None
        ][:limit]
        for outbox_id in gone:
            del self._state.rows[outbox_id]
        return len(gone)

    def _unpublished(self) -> list[OutboxRow]:
        return [row for row in self._state.rows.values() if row.published_at is None]

    def _undispatched(self) -> list[OutboxRow]:
        published = (row for row in self._state.rows.values() if row.published_at is not None)
        return [row for row in published if row.dispatched_at is None]


class MemorySeat(Seat):
    """The seat, until it is left or taken away."""

    def __init__(self, leadership: "MemoryLeadership") -> None:
        self._leadership = leadership
        self._gone = asyncio.Event()

    def take_away(self) -> None:
        """Let the seat be lost, as with a connection that ends."""
        self._gone.set()
        self._leadership.seat = None

    async def lost(self) -> None:
        await self._gone.wait()

    async def leave(self) -> None:
        if self._leadership.seat is self:
            self.take_away()


class MemoryLeadership(Leadership):
    """One seat for all who share this object."""

    def __init__(self) -> None:
        self.seat: MemorySeat | None = None

    async def take(self) -> Seat | None:
        if self.seat is not None:
            return None
        self.seat = MemorySeat(self)
        return self.seat


class MemorySignals(Signals):
    """Signals between all who share this object."""

    def __init__(self) -> None:
        self._listeners: list[asyncio.Queue[str | SignalsRestored]] = []

    async def send(self, text: str) -> None:
        for listener in self._listeners:
            listener.put_nowait(text)

    def interrupt(self) -> None:
        """Let every listener know of an interruption, as after a restart of a database."""
        for listener in self._listeners:
            listener.put_nowait(SignalsRestored())

    async def listen(self) -> AsyncGenerator[str | SignalsRestored]:
        heard: asyncio.Queue[str | SignalsRestored] = asyncio.Queue()
        heard.put_nowait(SignalsRestored())
        self._listeners.append(heard)
        try:
            while True:
                yield await heard.get()
        finally:
            self._listeners.remove(heard)
