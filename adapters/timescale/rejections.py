"""Refused readings in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.sql import ColumnElement

from adapters.timescale.session import Session
from adapters.timescale.storable import storable
from adapters.timescale.tables.sensors import rejections
from domain.sensors.model import KeptRejection, ReceiptId, Rejected, Source
from domain.sensors.ports import RejectionStore

_INSERT: Final = """INSERT INTO sensors.rejections
  (receipt_id, received_at, source, position, sensor_id, time, value, unit, code, detail)
SELECT $1, $2, $3, * FROM unnest($4::int[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
  $10::text[])"""


class TimescaleRejectionStore(RejectionStore):
    """The table ``sensors.rejections``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(
        self, receipt_id: ReceiptId, source: Source, rejected: Sequence[Rejected], now: datetime
    ) -> None:
        await self._session.driver.execute(
            _INSERT,
            receipt_id,
            now,
            source,
            [one.index for one in rejected],
            [storable(one.sensor_id) for one in rejected],
            [storable(one.time) for one in rejected],
            [storable(one.value) for one in rejected],
            [None if one.unit is None else storable(one.unit) for one in rejected],
            [one.code for one in rejected],
            [storable(one.detail) for one in rejected],
        )

    async def list(
        self, receipt_id: ReceiptId | None, limit: int, offset: int
    ) -> tuple[Sequence[KeptRejection], int]:
        where: list[ColumnElement[bool]] = []
        if receipt_id is not None:
            where.append(rejections.c.receipt_id == receipt_id)
        total = (
            await self._session.execute(select(func.count()).select_from(rejections).where(*where))
        ).scalar_one()
        found = await self._session.execute(
            select(rejections).where(*where).order_by(rejections.c.id.desc()).limit(limit).offset(offset)
        )
        return [
            KeptRejection(
                rejection_id=row.id,
                receipt_id=ReceiptId(row.receipt_id),
                received_at=row.received_at,
                source=Source(row.source),
                rejected=Rejected(
                    index=row.position,
                    sensor_id=row.sensor_id,
                    code=row.code,
                    detail=row.detail,
                    time=row.time,
                    value=row.value,
                    unit=row.unit,
                ),
            )
            for row in found
        ], total

    async def purge(self, before: datetime) -> int:
        deleted = await self._session.execute(rejections.delete().where(rejections.c.received_at < before))
        return int(deleted.rowcount)
