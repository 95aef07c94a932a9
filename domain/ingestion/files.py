"""Meter files: where they come from, how far they are, and what became of their lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NewType
from uuid import UUID

from domain.ingestion.model import Fault, ReadingBatch

FileId = NewType("FileId", UUID)
CollectionName = NewType("CollectionName", str)
"""The path of a folder under the remote path, without slashes at its ends; ``/`` for the root."""

ROOT: Final = CollectionName("/")
MAX_PATH_BYTES: Final = 2_000
"""Of a path in UTF-8; files with longer ones cannot be known."""


class FileStatus(StrEnum):
    """How far a file is.

    ``discovered`` waits; ``partial`` is read, but some of its lines were refused; of a ``failed`` one nothing
    could be stored.
    """

    DISCOVERED = "discovered"
    PROCESSING = "processing"
    PROCESSED = "processed"
    DUPLICATE = "duplicate"
    PARTIAL = "partial"
    FAILED = "failed"


class FileOrigin(StrEnum):
    """How a file came: found on the FTP server, uploaded, or read by the command line."""

    FTP = "ftp"
    UPLOAD = "upload"
    IMPORT = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReceipt:
    """What became of a file's values, and of its lines that hold none that can be read."""

    received: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0

    @property
    def stored(self) -> int:
        """How many values the store holds by it, those too that it held already."""
        return self.created + self.updated + self.unchanged

    def __add__(self, other: "FileReceipt") -> "FileReceipt":
        """Return the sums."""
        return FileReceipt(
            received=self.received + other.received,
            created=self.created + other.created,
            updated=self.updated + other.updated,
            unchanged=self.unchanged + other.unchanged,
            rejected=self.rejected + other.rejected,
        )


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line, or a value of it, that was refused: its number from 1, its text (cut), and why.

    Codes: ``not_a_number, invalid_timestamp, nonexistent_local_time, missing_column, line_too_long,
    too_many_sensors``, and those of readings.
    """

    line: int
    text: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterFile:
    """A file and how far it is.

    ``path`` begins with ``/`` and counts from the remote path. ``generation`` grows when the file is to be
    read anew (it changed, or somebody asked); ``claim`` each time somebody takes it up. ``chunks`` and
    ``offset`` (bytes) say how much is noted as stored. ``name_meter`` is the meter by the file's name or
    folder, where its lines do not say which; None where they do, and before it was read.
    """

    file_id: FileId
    origin: FileOrigin
    path: str
    collection: CollectionName
    status: FileStatus
    size: int
    modified: datetime | None
    discovered_at: datetime
    sha256: str | None = None
    name_meter: str | None = None
    generation: int = 1
    claim: int = 0
    chunks: int = 0
    offset: int = 0
    lines: int = 0
    receipt: FileReceipt = FileReceipt()
    first_time: datetime | None = None
    last_time: datetime | None = None
    duplicate_of: FileId | None = None
    error: Fault | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file as a listing shows it; ``modified`` is aware UTC, None where the server does not say."""

    path: str
    size: int
    modified: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedChunk:
    """A piece of a file as readings, the same for the same content whenever it is parsed.

    ``line_numbers`` has the line of each reading of the batch; ``texts`` holds the chunk's lines from
    ``first_line`` on, cut to what is kept of a rejected one. ``end_offset`` is where the next chunk begins.
    """

    batch: ReadingBatch
    line_numbers: Sequence[int]
    first_line: int
    texts: Sequence[str]
    rejected: Sequence[RejectedLine]
    end_offset: int
    lines: int
    """How many lines the chunk has, comments and empty ones too."""
    by_name: bool
    """Whether a meter of the batch is the one of the file's name or folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkNote:
    """That a chunk is stored, as it is noted of its file; ``number`` counts from 0."""

    number: int
    end_offset: int
    lines: int
    receipt: FileReceipt
    rejected: Sequence[RejectedLine]
    first_time: datetime | None
    last_time: datetime | None
    sensors: Sequence["CollectionSensor"]
    name_meter: str | None


@dataclass(frozen=True, slots=True)
class CollectionSensor:
    """A sensor that a collection's files speak of, and its meter."""

    meter: str
    sensor_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What the files of one folder hold.

    ``readings`` counts the stored values of each file as it was read last, though another collection may have
    brought them first; a duplicate holds none of its own.
    """

    name: CollectionName
    files: int
    meters: Sequence[str]
    sensors: Sequence[str]
    readings: int
    first_time: datetime | None
    last_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTotals:
    """What there is of files: how many by status (each is named), and the sums of what they gave."""

    files: Mapping[FileStatus, int]
    bytes_read: int
    receipt: FileReceipt


def collection_of(path: str) -> CollectionName:
    """Return the collection of a file by its path."""
    folder = path.rpartition("/")[0].strip("/")
    return CollectionName(folder) if folder else ROOT
