"""The table of scans of the FTP server, in the schema ``ingestion``."""

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, Integer, Table, Text, Uuid, text

from adapters.timescale.metadata import metadata

_TIMESTAMPTZ: Final = DateTime(timezone=True)

scans: Final = Table(
    "scans",
    metadata,
    Column("scan_id", Uuid, primary_key=True),
    # By the database's clock, unlike `started`: the interval to the next scan is measured from it.
    Column("created_at", _TIMESTAMPTZ, nullable=False, server_default=text("clock_timestamp()")),
    Column("started", _TIMESTAMPTZ, nullable=False),
    Column("ended", _TIMESTAMPTZ),
    Column("lease_until", _TIMESTAMPTZ),
    Column("bytes_done", BigInteger, nullable=False),
    Column("bytes_total", BigInteger, nullable=False),
    Column("folders", Integer, nullable=False),
    Column("files_seen", Integer, nullable=False),
    Column("files_done", Integer, nullable=False),
    Column("files_skipped", Integer, nullable=False),
    Column("files_failed", Integer, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("status", Text, nullable=False),
    # NULL where the scan waits for a worker, or is over.
    Column("worker", Text),
    Column("current_file", Text),
    Column("error_code", Text),
    Column("error_detail", Text),
    CheckConstraint("trigger IN ('start', 'interval', 'request')", name="trigger"),
    CheckConstraint("status IN ('running', 'completed', 'failed')", name="status"),
    Index("uq_scans_running", "status", unique=True, postgresql_where=text("status = 'running'")),
    Index(None, "created_at", "scan_id"),
    schema="ingestion",
    comment="Looks through the FTP server, at most one of which is running;"
    " times of leases by the database's clock.",
)
