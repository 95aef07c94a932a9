"""Meter files and their rejected lines in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    Uuid,
    cast,
    column,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.sql import ColumnElement

from adapters.timescale.chunk_notes import NOTE, note_arguments
from adapters.timescale.file_collections import TimescaleFileCollections
from adapters.timescale.file_rows import (
    ADD,
    ADD_COLLECTIONS,
    FREED,
    LAPSED,
    RECEIPT,
    RESET,
    WAITS,
    claimed,
    columns,
    meter_file,
    stored_path,
)
from adapters.timescale.session import Session
from adapters.timescale.storable import storable
from adapters.timescale.tables.files import READ, UNFINISHED, file_rejects, files
from domain.ingestion.file_ports import FileStore
from domain.ingestion.files import (
    MAX_PATH_BYTES,
    ChunkNote,
    CollectionName,
    FileId,
    FileOrigin,
    FileReceipt,
    FileStatus,
    FileTotals,
    FoundFile,
    MeterFile,
    RejectedLine,
)
from domain.ingestion.model import Fault, WorkerId
from domain.shared.errors import InvalidError

_TIMESTAMPTZ: Final = DateTime(timezone=True)


class TimescaleFileStore(TimescaleFileCollections, FileStore):
    """The tables ``ingestion.files`` and ``ingestion.file_rejects``; claims by the database's clock."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session

    async def known(self, origin: FileOrigin, paths: Collection[str]) -> Mapping[str, MeterFile]:
        asked = {path: stored_path(path) for path in paths}
        if not asked:
            return {}
        rows = await self._session.execute(
            select(files).where(
                files.c.origin == origin.value, files.c.path == func.any(list({*asked.values()}))
            )
        )
        found = {row.path: meter_file(row) for row in rows}
        return {path: found[stored] for path, stored in asked.items() if stored in found}

    async def add(self, new: Sequence[MeterFile]) -> Sequence[CollectionName]:
        # Paths that differ in nothing that can be kept are one file.
        rows = {row[1:3]: row for row in map(columns, reversed(new))}
        if any(len(str(path).encode()) > MAX_PATH_BYTES for _, path in rows):
            raise InvalidError("path_too_long", f"a path may have {MAX_PATH_BYTES} bytes")
        if not rows:
            return ()
        given = [list(one) for one in zip(*reversed(rows.values()), strict=True)]
        collections = sorted({str(name) for name in given[3]})
        added = await self._session.driver.fetch(ADD_COLLECTIONS, collections)
        await self._session.driver.execute(ADD, *given)
        return sorted(CollectionName(row["name"]) for row in added)

    async def found_again(self, again: Mapping[FileId, FoundFile], *, changed: bool) -> None:
        if not again:
            return
        wanted = (column("file_id", Uuid), column("size", BigInteger), column("modified", _TIMESTAMPTZ))
        given = (
            func.unnest(
                cast(list(again), ARRAY(Uuid)),
                cast([found.size for found in again.values()], ARRAY(BigInteger)),
                cast([found.modified for found in again.values()], ARRAY(_TIMESTAMPTZ)),
            )
            .table_valued(*wanted, name="given")
            .render_derived()
        )
        differs = or_(files.c.size != given.c.size, files.c.modified.is_distinct_from(given.c.modified))
        same = files.c.file_id == given.c.file_id
        listed: dict[str, object] = {"size": given.c.size, "modified": given.c.modified}
        if changed:
            await self._session.execute(update(files).where(same).values(**listed, **RESET, **FREED))
            await self._forget_rejects(list(again))
        else:
            await self._session.execute(update(files).where(same, differs).values(**listed))

    async def get(self, file_id: FileId) -> MeterFile | None:
        return await self._one(select(files).where(files.c.file_id == file_id))

    async def list(
        self, status: FileStatus | None, collection: CollectionName | None, limit: int, offset: int
    ) -> tuple[Sequence[MeterFile], int]:
        where: list[ColumnElement[bool]] = []
        if status is not None:
            where.append(files.c.status == status.value)
        if collection is not None:
            where.append(files.c.collection == stored_path(collection))
        total = (
            await self._session.execute(select(func.count()).select_from(files).where(*where))
        ).scalar_one()
        newest_first = select(files).where(*where).order_by(files.c.updated_at.desc(), files.c.file_id.desc())
        rows = await self._session.execute(newest_first.limit(limit).offset(offset))
        return [meter_file(row) for row in rows], total

    async def waiting(
        self, origin: FileOrigin, limit: int, *, without_error: bool = False
    ) -> Sequence[MeterFile]:
        waiting = select(files).where(files.c.origin == origin.value, UNFINISHED, WAITS)
        if without_error:
            waiting = waiting.where(files.c.error_code.is_(None))
        rows = await self._session.execute(waiting.order_by(files.c.updated_at, files.c.file_id).limit(limit))
        return [meter_file(row) for row in rows]

    async def waiting_bytes(self, origin: FileOrigin) -> int:
        waiting = select(func.sum(files.c.size)).where(files.c.origin == origin.value, UNFINISHED, WAITS)
        return int((await self._session.execute(waiting)).scalar_one() or 0)

    async def claim(self, file_id: FileId, worker: WorkerId, term: timedelta) -> MeterFile | None:
        return await self._one(
            update(files)
            .where(files.c.file_id == file_id, WAITS)
            .values(
                status=FileStatus.PROCESSING.value,
                claim=files.c.claim + 1,
                worker=worker,
                lease_until=func.clock_timestamp() + term,
                started_at=func.clock_timestamp(),
                updated_at=func.clock_timestamp(),
            )
            .returning(files)
        )

    async def identify(self, file: MeterFile, sha256: str, size: int) -> MeterFile | None:
        digest = bytes.fromhex(sha256)
        held = await self._one(select(files).where(claimed(file)).with_for_update())
        if held is None:
            return None
        is_other = held.sha256 is not None and held.sha256 != sha256
        if is_other:
            await self._forget_rejects([file.file_id])
        content = {**(RESET if is_other else {}), "sha256": digest, "size": size}
        return await self._one(update(files).where(claimed(file)).values(**content).returning(files))

    async def same_content(self, file: MeterFile, name_meter: str) -> FileId | None:
        if file.sha256 is None:
            return None
        first = (
            select(files.c.file_id)
            .where(
                files.c.sha256 == bytes.fromhex(file.sha256),
                files.c.collection == stored_path(file.collection),
                files.c.file_id != file.file_id,
                READ,
                func.coalesce(files.c.name_meter, storable(name_meter)) == storable(name_meter),
            )
            .order_by(files.c.discovered_at, files.c.file_id)
            .limit(1)
        )
        found = (await self._session.execute(first)).scalar_one_or_none()
        return None if found is None else FileId(found)

    async def note_chunk(self, file: MeterFile, note: ChunkNote, term: timedelta) -> bool:
        noted = await self._session.driver.fetchval(NOTE, *note_arguments(file, note, term))
        if noted:
            return True
        before = select(files.c.file_id).where(
            claimed(file), files.c.chunks == note.number + 1, files.c.offset == note.end_offset
        )
        return (await self._session.execute(before)).first() is not None

    async def renew(self, file: MeterFile, term: timedelta) -> bool:
        held = update(files).where(claimed(file)).values(lease_until=func.clock_timestamp() + term)
        return (await self._session.execute(held)).rowcount > 0

    async def end(
        self,
        file: MeterFile,
        status: FileStatus,
        now: datetime,
        *,
        duplicate_of: FileId | None = None,
        error: Fault | None = None,
    ) -> MeterFile | None:
        return await self._one(
            update(files)
            .where(claimed(file))
            .values(
                status=status.value,
                worker=None,
                lease_until=None,
                ended_at=None if status is FileStatus.DISCOVERED else now,
                duplicate_of=duplicate_of,
                error_code=error.code if error else None,
                error_detail=storable(error.detail) if error else None,
                updated_at=func.clock_timestamp(),
            )
            .returning(files)
        )

    async def read_again(self, file_id: FileId) -> MeterFile | None:
        free = or_(files.c.status != FileStatus.PROCESSING.value, LAPSED)
        file = await self._one(
            update(files).where(files.c.file_id == file_id, free).values(**RESET, **FREED).returning(files)
        )
        if file is not None:
            await self._forget_rejects([file_id])
        return file

    async def rejects(self, file_id: FileId, limit: int, offset: int) -> tuple[Sequence[RejectedLine], int]:
        of_file = file_rejects.c.file_id == file_id
        total = (
            await self._session.execute(select(func.count()).select_from(file_rejects).where(of_file))
        ).scalar_one()
        # Chunks follow each other as their lines do, and each was noted in the order of its own.
        rows = await self._session.execute(
            select(file_rejects)
            .where(of_file)
            .order_by(file_rejects.c.generation, file_rejects.c.chunk, file_rejects.c.position)
            .limit(limit)
            .offset(offset)
        )
        return [RejectedLine(row.line, row.text, row.code, row.detail) for row in rows], total

    async def last(self) -> MeterFile | None:
        return await self._one(select(files).where(READ).order_by(files.c.ended_at.desc()).limit(1))

    async def counts(self) -> Mapping[FileStatus, int]:
        return (await self.totals()).files

    async def totals(self) -> FileTotals:
        sums = [func.sum(files.c[name]).label(name) for name in ("offset", *RECEIPT)]
        by_status = select(files.c.status, func.count().label("files"), *sums).group_by(files.c.status)
        rows = (await self._session.execute(by_status)).mappings().all()
        counted = {row["status"]: row["files"] for row in rows}
        return FileTotals(
            files={status: counted.get(status.value, 0) for status in FileStatus},
            bytes_read=sum(int(row["offset"]) for row in rows),
            receipt=FileReceipt(**{name: sum(int(row[name]) for row in rows) for name in RECEIPT}),
        )

    async def _one(self, statement: Any) -> MeterFile | None:  # noqa: ANN401 - one that returns rows of files
        row = (await self._session.execute(statement)).first()
        return None if row is None else meter_file(row)

    async def _forget_rejects(self, file_ids: Sequence[FileId]) -> None:
        await self._session.execute(delete(file_rejects).where(file_rejects.c.file_id == func.any(file_ids)))
