"""Receipts of chunks in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select

from adapters.timescale.session import Deferred, Session
from adapters.timescale.tables.write_receipts import write_receipts
from domain.sensors.model import Receipt, ReceiptId, Source
from domain.sensors.receipt_ports import ChunkName, ChunkReceipt, WriteReceiptStore

# Sorted by the key, so that two writers of the same chunks never wait in a ring.
_WITH_COMMIT: Final = """chunks AS (
  INSERT INTO sensors.write_receipts
    (stored_at, source, chunk, receipt_id, received, created, updated, unchanged, rejected)
  SELECT {0}::timestamptz, * FROM unnest({1}::text[], {2}::text[], {3}::uuid[], {4}::int[], {5}::int[],
    {6}::int[], {7}::int[], {8}::int[]) AS receipt (source, chunk) ORDER BY source, chunk)"""


class TimescaleWriteReceiptStore(WriteReceiptStore):
    """The table ``sensors.write_receipts``; new rows go out with the commit."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, source: Source, chunk: ChunkName) -> Receipt | None:
        found = await self._session.execute(
            select(write_receipts).where(write_receipts.c.source == source, write_receipts.c.chunk == chunk)
        )
        row = found.first()
        if row is None:
            return None
        return Receipt(
            receipt_id=ReceiptId(row.receipt_id),
            received=row.received,
            created=row.created,
            updated=row.updated,
            unchanged=row.unchanged,
            rejected=row.rejected,
        )

    async def add(self, receipts: Sequence[ChunkReceipt], now: datetime) -> None:
        counts = [one.receipt for one in receipts]
        self._session.defer(
            Deferred(
                _WITH_COMMIT,
                (
                    now,
                    [one.source for one in receipts],
                    [one.chunk for one in receipts],
                    [one.receipt_id for one in counts],
                    [one.received for one in counts],
                    [one.created for one in counts],
                    [one.updated for one in counts],
                    [one.unchanged for one in counts],
                    [one.rejected for one in counts],
                ),
            )
        )

    async def purge(self, before: datetime) -> int:
        deleted = await self._session.execute(
            write_receipts.delete().where(write_receipts.c.stored_at < before)
        )
        return int(deleted.rowcount)
