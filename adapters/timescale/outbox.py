"""The outbox, as the relay sees it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from adapters.timescale.session import Session
from domain.operations.model import Backlog, FeedEntry, OutboxEntry, OutboxId, Topic
from domain.operations.ports import Outbox
from domain.shared.ports import EventCodec

# Two relays may be at work for a moment, when one has lost its seat and does not know it yet: whoever takes
# entries waits here until the other has committed, and then sees what is left.
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtext('ops.outbox'))"
_UNPUBLISHED: Final = """
SELECT id, topic, type, payload::text AS payload, attempts FROM ops.outbox
WHERE published_at IS NULL AND parked_at IS NULL AND (next_attempt_at IS NULL OR next_attempt_at <= $1)
ORDER BY id LIMIT $2"""
_UNDISPATCHED: Final = """
SELECT id, topic, type, payload::text AS payload, attempts FROM ops.outbox
WHERE published_at IS NOT NULL AND dispatched_at IS NULL AND parked_at IS NULL
  AND (next_attempt_at IS NULL OR next_attempt_at <= $1)
ORDER BY id LIMIT $2"""
_PUBLISH: Final = """
WITH given AS (
  SELECT * FROM unnest($1::bigint[], $2::text[], $3::boolean[]) WITH ORDINALITY AS g (id, topic, awaited, n)
), counted AS (
  SELECT topic, count(*) AS entries FROM given WHERE topic IS NOT NULL GROUP BY topic
), moved AS (
  INSERT INTO ops.topic_position AS position (topic, seq) SELECT topic, entries FROM counted ORDER BY topic
  ON CONFLICT (topic) DO UPDATE SET seq = position.seq + excluded.seq
  RETURNING topic, seq
), numbered AS (
  SELECT given.id, awaited, seq - entries + row_number() OVER (PARTITION BY topic ORDER BY n) AS seq
  FROM given LEFT JOIN moved USING (topic) LEFT JOIN counted USING (topic)
)
UPDATE ops.outbox SET seq = numbered.seq, published_at = $4, attempts = 0, next_attempt_at = NULL,
  last_error = NULL, dispatched_at = CASE WHEN NOT awaited THEN $4::timestamptz END
FROM numbered WHERE outbox.id = numbered.id
RETURNING outbox.id, outbox.seq"""
_BACKLOG: Final = """
SELECT
  (SELECT count(*) FROM ops.outbox WHERE published_at IS NULL AND parked_at IS NULL)
  + (SELECT count(*) FROM ops.outbox
     WHERE published_at IS NOT NULL AND dispatched_at IS NULL AND parked_at IS NULL) AS pending,
  (SELECT count(*) FROM ops.outbox WHERE parked_at IS NOT NULL) AS parked,
  least(
    (SELECT min(recorded_at) FROM ops.outbox
     WHERE published_at IS NULL AND parked_at IS NULL AND attempts = 0),
    (SELECT min(recorded_at) FROM ops.outbox
     WHERE published_at IS NOT NULL AND dispatched_at IS NULL AND parked_at IS NULL AND attempts = 0)
  ) AS oldest"""
# Ids grow with time, so only the rows before the first recorded later need to be looked at.
_PURGE: Final = """
DELETE FROM ops.outbox WHERE id IN (
  SELECT id FROM ops.outbox
  WHERE published_at < $1 AND dispatched_at IS NOT NULL AND id < coalesce(
    (SELECT id FROM ops.outbox WHERE recorded_at >= $1 ORDER BY id LIMIT 1), 9223372036854775807)
  ORDER BY id LIMIT $2)"""


class TimescaleOutbox(Outbox):
    """The table ``ops.outbox``, which `Session.flush` fills."""

    def __init__(self, session: Session, codec: EventCodec) -> None:
        self._driver = session.driver
        self._codec = codec

    async def unpublished(self, now: datetime, limit: int) -> Sequence[OutboxEntry]:
        await self._driver.execute(_ONE_AT_A_TIME)
        return [self._entry(row) for row in await self._driver.fetch(_UNPUBLISHED, now, limit)]

    async def publish(
        self, entries: Sequence[OutboxEntry], awaited: Collection[OutboxId], now: datetime
    ) -> Sequence[FeedEntry]:
        rows = await self._driver.fetch(
            _PUBLISH,
            [entry.outbox_id for entry in entries],
            [entry.topic for entry in entries],
            [entry.outbox_id in awaited for entry in entries],
            now,
        )
        seqs = {row["id"]: row["seq"] for row in rows}
        return [
            FeedEntry(topic=entry.topic, seq=seqs[entry.outbox_id], time=now, event=entry.event)
            for entry in entries
            if entry.topic is not None and entry.event is not None
        ]

    async def undispatched(self, now: datetime, limit: int) -> Sequence[OutboxEntry]:
        return [self._entry(row) for row in await self._driver.fetch(_UNDISPATCHED, now, limit)]

    async def dispatched(self, outbox_id: OutboxId, now: datetime) -> None:
        await self._driver.execute(
            "UPDATE ops.outbox SET dispatched_at = $2, next_attempt_at = NULL, last_error = NULL "
            "WHERE id = $1",
            outbox_id,
            now,
        )

    async def failed(self, outbox_id: OutboxId, error: str, retry_at: datetime) -> None:
        await self._driver.execute(
            "UPDATE ops.outbox SET attempts = attempts + 1, last_error = $2, next_attempt_at = $3 "
            "WHERE id = $1",
            outbox_id,
            error,
            retry_at,
        )

    async def park(self, outbox_id: OutboxId, error: str, now: datetime) -> None:
        await self._driver.execute(
            "UPDATE ops.outbox SET attempts = attempts + 1, last_error = $2, next_attempt_at = NULL, "
            "parked_at = $3 WHERE id = $1",
            outbox_id,
            error,
            now,
        )

    async def backlog(self) -> Backlog:
        row = await self._driver.fetchrow(_BACKLOG)
        return Backlog(pending=row["pending"], parked=row["parked"], oldest=row["oldest"])

    async def purge(self, before: datetime, limit: int) -> int:
        status: str = await self._driver.execute(_PURGE, before, limit)
        return int(status.removeprefix("DELETE "))

    def _entry(self, row: Any) -> OutboxEntry:  # noqa: ANN401 - asyncpg is untyped
        event, topic, error = None, None, None
        try:
            topic = None if row["topic"] is None else Topic(row["topic"])
            event = self._codec.decode(row["type"], row["payload"])
        except KeyError:
            error = f"no event is named {row['type']}"
        except ValueError as unreadable:
            error = str(unreadable)
        return OutboxEntry(
            outbox_id=OutboxId(row["id"]), topic=topic, event=event, error=error, attempts=row["attempts"]
        )
