"""Meter files, their rejected lines and collections in memory."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from adapters.memory.database import MemorySession
from domain.ingestion import files as model
from domain.ingestion.file_ports import FileStore
from domain.ingestion.files import (
    MAX_PATH_BYTES,
    ChunkNote,
    CollectionName,
    CollectionSensor,
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
from domain.shared.errors import ConflictError, InvalidError
from domain.shared.ports import Clock

_READ = (FileStatus.PROCESSED, FileStatus.PARTIAL)


@dataclass(frozen=True, slots=True)
class _Gathered:
    first_time: datetime | None = None
    last_time: datetime | None = None
    sensors: frozenset[CollectionSensor] = frozenset()


@dataclass(slots=True)
class FilesState:
    """All files; when something happened to each (a count), and until when it is claimed."""

    files: dict[FileId, MeterFile] = field(default_factory=dict)
    touched: dict[FileId, int] = field(default_factory=dict)
    leases: dict[FileId, datetime] = field(default_factory=dict)
    rejects: dict[FileId, list[RejectedLine]] = field(default_factory=dict)
    collections: dict[CollectionName, _Gathered] = field(default_factory=dict)
    happenings: int = 0


class MemoryFileStore(FileStore):
    """Files in a dictionary; claims by the given clock."""

    def __init__(self, session: MemorySession, clock: Clock) -> None:
        self._state = session.state(FilesState)
        self._clock = clock

    async def known(self, origin: FileOrigin, paths: Collection[str]) -> Mapping[str, MeterFile]:
        found = {file.path: file for file in self._state.files.values() if file.origin is origin}
        return {path: found[path] for path in paths if path in found}

    async def add(self, new: Sequence[MeterFile]) -> Sequence[CollectionName]:
        there = {(file.origin, file.path) for file in self._state.files.values()}
        if any(len(file.path.encode("utf-8", "replace")) > MAX_PATH_BYTES for file in new):
            raise InvalidError("path_too_long", f"a path may have {MAX_PATH_BYTES} bytes")
        if any((file.origin, file.path) in there for file in new):
            raise ConflictError("file_exists", "another process has just found this file")
        added = sorted({file.collection for file in new} - self._state.collections.keys())
        self._state.collections.update({name: _Gathered() for name in added})
        first = {(file.origin, file.path): file for file in reversed(new)}
        for file in reversed(first.values()):
            self._put(file)
        return added

    async def found_again(self, again: Mapping[FileId, FoundFile], *, changed: bool) -> None:
        for file_id, found in again.items():
            listed = replace(self._state.files[file_id], size=found.size, modified=found.modified)
            if changed:
                self._put(self._freed(listed))
            else:
                self._state.files[file_id] = listed

    async def get(self, file_id: FileId) -> MeterFile | None:
        return self._state.files.get(file_id)

    async def list(
        self, status: FileStatus | None, collection: CollectionName | None, limit: int, offset: int
    ) -> tuple[Sequence[MeterFile], int]:
        found = [
            file
            for file in self._state.files.values()
            if status in (None, file.status) and collection in (None, file.collection)
        ]
        found.sort(key=self._touched, reverse=True)
        return found[offset : offset + limit], len(found)

    async def waiting(
        self, origin: FileOrigin, limit: int, *, without_error: bool = False
    ) -> Sequence[MeterFile]:
        found = [one for one in self._waiting(origin) if one.error is None or not without_error]
        return sorted(found, key=self._touched)[:limit]

    async def waiting_bytes(self, origin: FileOrigin) -> int:
        return sum(file.size for file in self._waiting(origin))

    async def claim(self, file_id: FileId, worker: WorkerId, term: timedelta) -> MeterFile | None:
        del worker
        file = self._state.files.get(file_id)
        if file is None or not self._waits(file):
            return None
        now = self._clock.now()
        self._state.leases[file_id] = now + term
        return self._put(replace(file, status=FileStatus.PROCESSING, claim=file.claim + 1, started_at=now))

    async def identify(self, file: MeterFile, sha256: str, size: int) -> MeterFile | None:
        held = self._held(file)
        if held is None:
            return None
        if held.sha256 not in (None, sha256):
            held = self._reset(held)
        self._state.files[file.file_id] = identified = replace(held, sha256=sha256, size=size)
        return identified

    async def same_content(self, file: MeterFile, name_meter: str) -> FileId | None:
        same = [
            (other.discovered_at, other.file_id)
            for other in self._state.files.values()
            if other.file_id != file.file_id
            and other.status in _READ
            and other.collection == file.collection
            and other.sha256 == file.sha256 is not None
            and other.name_meter in (None, name_meter)
        ]
        return min(same)[1] if same else None

    async def note_chunk(self, file: MeterFile, note: ChunkNote, term: timedelta) -> bool:
        held = self._held(file)
        if held is None:
            return False
        if held.chunks != note.number:
            return held.chunks == note.number + 1 and held.offset == note.end_offset
        self._state.leases[file.file_id] = self._clock.now() + term
        self._put(
            replace(
                held,
                chunks=held.chunks + 1,
                offset=note.end_offset,
                lines=held.lines + note.lines,
                receipt=held.receipt + note.receipt,
                first_time=_first(held.first_time, note.first_time),
                last_time=_last(held.last_time, note.last_time),
                name_meter=note.name_meter if note.name_meter is not None else held.name_meter,
            )
        )
        rejects = self._state.rejects.setdefault(file.file_id, [])
        rejects.extend(sorted(note.rejected, key=lambda one: one.line))
        gathered = self._state.collections[held.collection]
        self._state.collections[held.collection] = _Gathered(
            first_time=_first(gathered.first_time, note.first_time),
            last_time=_last(gathered.last_time, note.last_time),
            sensors=gathered.sensors.union(note.sensors),
        )
        return True

    async def renew(self, file: MeterFile, term: timedelta) -> bool:
        if self._held(file) is None:
            return False
        self._state.leases[file.file_id] = self._clock.now() + term
        return True

    async def end(
        self,
        file: MeterFile,
        status: FileStatus,
        now: datetime,
        *,
        duplicate_of: FileId | None = None,
        error: Fault | None = None,
    ) -> MeterFile | None:
        held = self._held(file)
        if held is None:
            return None
        self._state.leases.pop(file.file_id, None)
        return self._put(
            replace(
                held,
                status=status,
                ended_at=None if status is FileStatus.DISCOVERED else now,
                duplicate_of=duplicate_of,
                error=error,
            )
        )

    async def read_again(self, file_id: FileId) -> MeterFile | None:
        file = self._state.files.get(file_id)
        if file is None or (file.status is FileStatus.PROCESSING and not self._waits(file)):
            return None
        return self._put(self._freed(file))

    async def rejects(self, file_id: FileId, limit: int, offset: int) -> tuple[Sequence[RejectedLine], int]:
        rejects = self._state.rejects.get(file_id, [])
        return rejects[offset : offset + limit], len(rejects)

    async def last(self) -> MeterFile | None:
        read = [(file.ended_at, file.file_id) for file in self._state.files.values() if file.status in _READ]
        newest = max((one for one in read if one[0] is not None), default=None)
        return None if newest is None else self._state.files[newest[1]]

    async def counts(self) -> Mapping[FileStatus, int]:
        counted = Counter(file.status for file in self._state.files.values())
        return {status: counted[status] for status in FileStatus}

    async def totals(self) -> FileTotals:
        files = self._state.files.values()
        return FileTotals(
            files=await self.counts(),
            bytes_read=sum(file.offset for file in files),
            receipt=sum((file.receipt for file in files), FileReceipt()),
        )

    async def collections(self, limit: int, offset: int) -> tuple[Sequence[model.Collection], int]:
        names = sorted(self._state.collections)
        return [self._collection(name) for name in names[offset : offset + limit]], len(names)

    async def collection(self, name: CollectionName) -> model.Collection | None:
        return self._collection(name) if name in self._state.collections else None

    def _collection(self, name: CollectionName) -> model.Collection:
        gathered = self._state.collections[name]
        files = [file for file in self._state.files.values() if file.collection == name]
        return model.Collection(
            name=name,
            files=len(files),
            meters=tuple(sorted({one.meter for one in gathered.sensors})),
            sensors=tuple(sorted({one.sensor_id for one in gathered.sensors})),
            readings=sum(file.receipt.stored for file in files),
            first_time=gathered.first_time,
            last_time=gathered.last_time,
        )

    def _put(self, file: MeterFile) -> MeterFile:
        self._state.happenings += 1
        self._state.touched[file.file_id] = self._state.happenings
        self._state.files[file.file_id] = file
        return file

    def _touched(self, file: MeterFile) -> int:
        return self._state.touched[file.file_id]

    def _waiting(self, origin: FileOrigin) -> Sequence[MeterFile]:
        return [file for file in self._state.files.values() if file.origin is origin and self._waits(file)]

    def _waits(self, file: MeterFile) -> bool:
        lapsed = self._state.leases.get(file.file_id, self._clock.now()) <= self._clock.now()
        return file.status is FileStatus.DISCOVERED or (file.status is FileStatus.PROCESSING and lapsed)

    def _held(self, file: MeterFile) -> MeterFile | None:
        held = self._state.files.get(file.file_id)
        claimed = held is not None and held.claim == file.claim and held.status is FileStatus.PROCESSING
        return held if claimed else None

    def _freed(self, file: MeterFile) -> MeterFile:
        self._state.leases.pop(file.file_id, None)
        return replace(self._reset(file), status=FileStatus.DISCOVERED, started_at=None, ended_at=None)

    def _reset(self, file: MeterFile) -> MeterFile:
        self._state.rejects.pop(file.file_id, None)
        return replace(
            file,
            generation=file.generation + 1,
            sha256=None,
            name_meter=None,
            chunks=0,
            offset=0,
            lines=0,
            receipt=FileReceipt(),
            first_time=None,
            last_time=None,
            duplicate_of=None,
            error=None,
        )


def _first(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((time for time in (one, other) if time is not None), default=None)


def _last(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((time for time in (one, other) if time is not None), default=None)
