"""The content of uploaded files in PostgreSQL."""

import asyncio
import zlib
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from adapters.timescale.session import Session
from adapters.timescale.tables.files import file_contents
from domain.ingestion.file_ports import ContentStore
from domain.ingestion.files import FileId

_LEVEL: Final = 1
"""Meter files shrink to a fifth at this one already, and higher ones take several times as long."""


class TimescaleContentStore(ContentStore):
    """The table ``ingestion.file_contents``.

    Parts are compressed here, once, rather than by the server: less goes over the wire and into its journal.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, file_id: FileId, part: int, content: bytes) -> None:
        packed = await asyncio.to_thread(zlib.compress, content, _LEVEL)
        new = insert(file_contents).values(file_id=file_id, part=part, content=packed)
        await self._session.execute(
            new.on_conflict_do_update(
                index_elements=[file_contents.c.file_id, file_contents.c.part],
                set_={"content": new.excluded.content},
            )
        )

    async def remove(self, file_id: FileId) -> None:
        await self._session.execute(delete(file_contents).where(file_contents.c.file_id == file_id))

    async def part(self, file_id: FileId, part: int) -> bytes | None:
        found = await self._session.execute(
            select(file_contents.c.content).where(
                file_contents.c.file_id == file_id, file_contents.c.part == part
            )
        )
        packed = found.scalar_one_or_none()
        return None if packed is None else await asyncio.to_thread(zlib.decompress, packed)
