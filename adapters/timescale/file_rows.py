"""Rows of the table ``ingestion.files``, and statements that change many of them at once."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Row, and_, func, or_
from sqlalchemy.sql import ColumnElement

from adapters.timescale.storable import storable
from adapters.timescale.tables.files import files
from domain.ingestion.files import (
    CollectionName,
    FileId,
    FileOrigin,
    FileReceipt,
    FileStatus,
    MeterFile,
)
from domain.ingestion.model import Fault

ADD: Final = """
INSERT INTO ingestion.files (file_id, origin, path, collection, status, size, modified, discovered_at, sha256,
  name_meter, generation, claim, chunks, "offset", lines, received, created, updated, unchanged, rejected,
  first_time, last_time, duplicate_of, error_code, error_detail, started_at, ended_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[],
  $7::timestamptz[], $8::timestamptz[], $9::bytea[], $10::text[], $11::int[], $12::bigint[], $13::int[],
  $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[],
  $21::timestamptz[], $22::timestamptz[], $23::uuid[], $24::text[], $25::text[], $26::timestamptz[],
  $27::timestamptz[])
"""

ADD_COLLECTIONS: Final = """
INSERT INTO ingestion.collections (name) SELECT name FROM unnest($1::text[]) AS name ORDER BY name
ON CONFLICT (name) DO NOTHING RETURNING name
"""

RESET: Final[Mapping[str, object]] = {
    "generation": files.c.generation + 1,
    "sha256": None,
    "name_meter": None,
    "chunks": 0,
    "offset": 0,
    "lines": 0,
    "received": 0,
    "created": 0,
    "updated": 0,
    "unchanged": 0,
    "rejected": 0,
    "first_time": None,
    "last_time": None,
    "duplicate_of": None,
    "error_code": None,
    "error_detail": None,
}
"""What makes a file one that nothing is known of but its place, to be read as a new generation."""

FREED: Final[Mapping[str, object]] = {
    "status": FileStatus.DISCOVERED.value,
    "worker": None,
    "lease_until": None,
    "started_at": None,
    "ended_at": None,
    "updated_at": func.clock_timestamp(),
}
"""What makes a file wait for a worker, from whomever it is taken."""

LAPSED: Final = and_(
    files.c.status == FileStatus.PROCESSING.value, files.c.lease_until <= func.clock_timestamp()
)
WAITS: Final = or_(files.c.status == FileStatus.DISCOVERED.value, LAPSED)

RECEIPT: Final = ("received", "created", "updated", "unchanged", "rejected")
"""The columns of a receipt."""


def claimed(file: MeterFile) -> ColumnElement[bool]:
    """Return what holds as long as nobody else has taken the file up."""
    return and_(
        files.c.file_id == file.file_id,
        files.c.claim == file.claim,
        files.c.status == FileStatus.PROCESSING.value,
    )


def columns(file: MeterFile) -> tuple[object, ...]:
    """Return a file as `ADD` takes it."""
    receipt, error = file.receipt, file.error
    return (
        file.file_id,
        file.origin.value,
        stored_path(file.path),
        stored_path(file.collection),
        file.status.value,
        file.size,
        file.modified,
        file.discovered_at,
        None if file.sha256 is None else bytes.fromhex(file.sha256),
        None if file.name_meter is None else storable(file.name_meter),
        file.generation,
        file.claim,
        file.chunks,
        file.offset,
        file.lines,
        receipt.received,
        receipt.created,
        receipt.updated,
        receipt.unchanged,
        receipt.rejected,
        file.first_time,
        file.last_time,
        file.duplicate_of,
        error.code if error else None,
        storable(error.detail) if error else None,
        file.started_at,
        file.ended_at,
    )


def stored_path(path: str) -> str:
    """Return a path as it is kept: whole, since it leads to the file."""
    return storable(path, None)


def meter_file(row: Row[Any]) -> MeterFile:
    """Return the file of a row."""
    return MeterFile(
        file_id=FileId(row.file_id),
        origin=FileOrigin(row.origin),
        path=row.path,
        collection=CollectionName(row.collection),
        status=FileStatus(row.status),
        size=row.size,
        modified=row.modified,
        discovered_at=row.discovered_at,
        sha256=None if row.sha256 is None else row.sha256.hex(),
        name_meter=row.name_meter,
        generation=row.generation,
        claim=row.claim,
        chunks=row.chunks,
        offset=row.offset,
        lines=row.lines,
        receipt=FileReceipt(
            received=row.received,
            created=row.created,
            updated=row.updated,
            unchanged=row.unchanged,
            rejected=row.rejected,
        ),
        first_time=row.first_time,
        last_time=row.last_time,
        duplicate_of=None if row.duplicate_of is None else FileId(row.duplicate_of),
        error=fault(row),
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def fault(row: Row[Any]) -> Fault | None:
    """Return the error of a row that may have one."""
    return None if row.error_code is None else Fault(row.error_code, row.error_detail)
