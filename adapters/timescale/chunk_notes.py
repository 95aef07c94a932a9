"""Noting in PostgreSQL that a chunk of a meter file is stored."""

import hashlib
from datetime import timedelta
from typing import Final

from adapters.timescale.storable import storable
from domain.ingestion.files import ChunkNote, CollectionSensor, MeterFile

# One statement, so that what is noted of a file, its collection and its rejects never differs. Everything
# hangs on the first part, which finds nothing once the claim is lost or the chunk is noted.
NOTE: Final = """
WITH noted AS (
  UPDATE ingestion.files SET
    chunks = chunks + 1, "offset" = $4, lines = lines + $5, received = received + $6, created = created + $7,
    updated = updated + $8, unchanged = unchanged + $9, rejected = rejected + $10,
    first_time = least(first_time, $11), last_time = greatest(last_time, $12),
    name_meter = coalesce($13, name_meter),
    lease_until = clock_timestamp() + $14::interval, updated_at = clock_timestamp()
  WHERE file_id = $1 AND claim = $2 AND status = 'processing' AND chunks = $3
  RETURNING file_id, generation, collection
), refused AS (
  INSERT INTO ingestion.file_rejects (file_id, generation, chunk, line, text, code, detail, position)
  SELECT noted.file_id, noted.generation, $3, one.* FROM noted,
    unnest($15::bigint[], $16::text[], $17::text[], $18::text[]) WITH ORDINALITY AS one
), gathered AS (
  UPDATE ingestion.collections AS whole SET
    first_time = least(first_time, $11), last_time = greatest(last_time, $12)
  FROM noted WHERE whole.name = noted.collection
  RETURNING whole.name
), named AS (
  INSERT INTO ingestion.collection_sensors (collection, digest, meter, sensor_id)
  SELECT gathered.name, one.* FROM gathered, unnest($19::bytea[], $20::text[], $21::text[]) AS one
  ON CONFLICT (collection, digest) DO NOTHING
)
SELECT count(*) FROM noted
"""


def note_arguments(file: MeterFile, note: ChunkNote, term: timedelta) -> tuple[object, ...]:
    """Return what `NOTE` takes."""
    receipt = note.receipt
    rejected = sorted(note.rejected, key=lambda one: one.line)
    sensors = {_digest(one): one for one in note.sensors}
    return (
        file.file_id,
        file.claim,
        note.number,
        note.end_offset,
        note.lines,
        receipt.received,
        receipt.created,
        receipt.updated,
        receipt.unchanged,
        receipt.rejected,
        note.first_time,
        note.last_time,
        None if note.name_meter is None else storable(note.name_meter),
        term,
        [one.line for one in rejected],
        [storable(one.text) for one in rejected],
        [one.code for one in rejected],
        [storable(one.detail) for one in rejected],
        list(sensors),
        [storable(one.meter) for one in sensors.values()],
        [storable(one.sensor_id) for one in sensors.values()],
    )


def _digest(sensor: CollectionSensor) -> bytes:
    meter, sensor_id = storable(sensor.meter), storable(sensor.sensor_id)
    return hashlib.sha256(f"{len(meter)}:{meter}{sensor_id}".encode()).digest()
