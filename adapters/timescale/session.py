"""What a repository needs of a running transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Executable
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.shared.events import AuditedEvent, DomainEvent
from domain.shared.ports import EventCodec

_OUTBOX: Final = """outbox AS (
  INSERT INTO ops.outbox (event_id, type, topic, payload, occurred_at)
  SELECT * FROM unnest({0}::uuid[], {1}::text[], {2}::text[], {3}::json[], {4}::timestamptz[]))"""
_AUDIT: Final = """audit AS (
  INSERT INTO ops.audit (event_id, time, actor, action, subject, detail)
  SELECT * FROM unnest(
    {0}::uuid[], {1}::timestamptz[], {2}::text[], {3}::text[], {4}::text[], {5}::json[]))"""


@dataclass(frozen=True, slots=True)
class Deferred:
    """SQL that goes out with the commit: common table expressions with ``{0}``, ``{1}`` for arguments.

    ``result`` is a scalar expression over them; ``verify`` gets its value and may raise.
    """

    expressions: str
    arguments: Sequence[object]
    result: str = "0"
    verify: Callable[[int], None] | None = None


class Session:
    """A running transaction: statements, bulk writes, and events that are kept if it commits."""

    def __init__(self, connection: AsyncConnection, driver: Any, codec: EventCodec) -> None:  # noqa: ANN401
        self._connection = connection
        self._codec = codec
        self._deferred: list[Deferred] = []
        self.driver = driver
        """The asyncpg connection, for COPY and other work around the statement compiler."""
        self.events: list[DomainEvent] = []
        self.rolled_back = False

    async def execute(self, statement: Executable) -> CursorResult[Any]:
        """Execute a SQLAlchemy Core statement."""
        return await self._connection.execute(statement)

    def add(self, event: DomainEvent) -> None:
        """Keep the event for the commit (this is the `EventSink` of the transaction)."""
        self.events.append(event)

    def defer(self, deferred: Deferred) -> None:
        """Send this with the commit, in one statement with the events."""
        self._deferred.append(deferred)

    def roll_back(self) -> None:
        """Undo everything at the end, without an error."""
        self.rolled_back = True

    async def flush(self) -> None:
        """Send what was deferred and the events, in one round trip."""
        parts = [*self._deferred, *self._event_rows()]
        if not parts:
            return
        expressions: list[str] = []
        arguments: list[object] = []
        for part in parts:
            numbers = [f"${len(arguments) + n + 1}" for n in range(len(part.arguments))]
            expressions.append(part.expressions.format(*numbers))
            arguments.extend(part.arguments)
        results = ", ".join(f"({part.result})" for part in parts)
        row = await self.driver.fetchrow(f"WITH {', '.join(expressions)} SELECT {results}", *arguments)
        for part, value in zip(parts, row, strict=True):
            if part.verify is not None:
                part.verify(value)
        self._deferred.clear()

    def _event_rows(self) -> list[Deferred]:
        if not self.events:
            return []
        encoded = [self._codec.encode(event) for event in self.events]
        rows = [
            Deferred(
                _OUTBOX,
                (
                    [event.event_id for event in self.events],
                    [one.type for one in encoded],
                    [one.topic for one in encoded],
                    [one.payload for one in encoded],
                    [event.occurred_at for event in self.events],
                ),
            )
        ]
        audited = [
            (event, one)
            for event, one in zip(self.events, encoded, strict=True)
            if isinstance(event, AuditedEvent)
        ]
        if audited:
            rows.append(
                Deferred(
                    _AUDIT,
                    (
                        [event.event_id for event, _ in audited],
                        [event.occurred_at for event, _ in audited],
                        [event.actor for event, _ in audited],
                        [one.type for _, one in audited],
                        [event.subject for event, _ in audited],
                        [one.payload for _, one in audited],
                    ),
                )
            )
        return rows
