"""Tables of meter files and their collections, in the schema ``ingestion``."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from adapters.timescale.metadata import metadata

_SCHEMA: Final = "ingestion"
_TIMESTAMPTZ: Final = DateTime(timezone=True)

# Without parameters, so that a query that says the same may use the index.
UNFINISHED: Final = text("status IN ('discovered', 'processing')")
READ: Final = text("status IN ('processed', 'partial')")

collections: Final = Table(
    "collections",
    metadata,
    Column("name", Text, primary_key=True),
    # Nothing here reads or writes it: what files hold is added up from their rows. It goes with a migration
    # once no process serves that still counts in it.
    Column("readings", BigInteger, nullable=False, server_default=text("0")),
    Column("first_time", _TIMESTAMPTZ),
    Column("last_time", _TIMESTAMPTZ),
    Column("created_at", _TIMESTAMPTZ, nullable=False, server_default=text("now()")),
    schema=_SCHEMA,
    comment="Folders with meter files; readings are those that were new, times those of all.",
)

collection_sensors: Final = Table(
    "collection_sensors",
    metadata,
    Column(
        "collection", Text, ForeignKey("ingestion.collections.name", ondelete="CASCADE"), primary_key=True
    ),
    # Both together may be longer than what an index can hold.
    Column("digest", LargeBinary, primary_key=True),
    Column("meter", Text, nullable=False),
    Column("sensor_id", Text, nullable=False),
    schema=_SCHEMA,
    comment="Meters and sensors of which the files of a collection speak; digest (SHA-256) stands for both.",
)

files: Final = Table(
    "files",
    metadata,
    Column("file_id", Uuid, primary_key=True),
    Column("discovered_at", _TIMESTAMPTZ, nullable=False),
    Column("updated_at", _TIMESTAMPTZ, nullable=False, server_default=text("clock_timestamp()")),
    Column("started_at", _TIMESTAMPTZ),
    Column("ended_at", _TIMESTAMPTZ),
    Column("modified", _TIMESTAMPTZ),
    Column("first_time", _TIMESTAMPTZ),
    Column("last_time", _TIMESTAMPTZ),
    Column("lease_until", _TIMESTAMPTZ),
    Column("claim", BigInteger, nullable=False, comment="Grows each time a worker takes the file up."),
    Column("size", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False, comment="Up to which byte the content is stored."),
    Column("lines", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("unchanged", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("generation", Integer, nullable=False, comment="Grows when the file is to be read anew."),
    Column("chunks", Integer, nullable=False),
    Column("duplicate_of", Uuid, ForeignKey("ingestion.files.file_id")),
    Column("origin", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("collection", Text, ForeignKey("ingestion.collections.name"), nullable=False),
    Column("sha256", LargeBinary),
    Column("name_meter", Text),
    # NULL where nobody has it in hand.
    Column("worker", Text),
    Column("error_code", Text),
    Column("error_detail", Text),
    UniqueConstraint("origin", "path"),
    CheckConstraint("origin IN ('ftp', 'upload', 'import')", name="origin"),
    CheckConstraint(
        "status IN ('discovered', 'processing', 'processed', 'duplicate', 'partial', 'failed')", name="status"
    ),
    # What an index can hold.
    CheckConstraint("octet_length(path) <= 2000", name="path"),
    Index(None, "updated_at", "file_id"),
    Index(None, "status", "updated_at", "file_id"),
    Index(None, "collection", "updated_at", "file_id"),
    Index(None, "sha256"),
    Index("ix_files_waiting", "origin", "updated_at", "file_id", postgresql_where=UNFINISHED),
    Index("ix_files_read", "ended_at", postgresql_where=READ),
    schema=_SCHEMA,
    comment="Meter files, how far they are, and what became of their lines;"
    " times of a claim by the database's clock.",
)

file_rejects: Final = Table(
    "file_rejects",
    metadata,
    Column("file_id", Uuid, ForeignKey("ingestion.files.file_id", ondelete="CASCADE"), primary_key=True),
    Column("line", BigInteger, nullable=False),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("chunk", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    schema=_SCHEMA,
    comment="Refused lines of the newest generation of each file; position counts within the chunk.",
)

file_contents: Final = Table(
    "file_contents",
    metadata,
    Column("file_id", Uuid, ForeignKey("ingestion.files.file_id", ondelete="CASCADE"), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
    schema=_SCHEMA,
    comment="What was uploaded, in parts of zlib, to be read again.",
)
