"""The table of the versions of the IoT configuration, in the schema ``ingestion``."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, DateTime, Index, Integer, Table, Text, text

from adapters.timescale.metadata import metadata

configurations: Final = Table(
    "configurations",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("origin", Text, nullable=False),
    # Text, not jsonb: people get back what they gave, with the order of its keys and its numbers as written.
    Column("document", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("devices", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("restored_from", Integer),
    CheckConstraint("origin IN ('file', 'api', 'restore')", name="origin"),
    Index("ix_configurations_of_file", "version", postgresql_where=text("origin = 'file'")),
    schema="ingestion",
    comment="Every version of the IoT configuration; the newest one is in force."
    " sha256 (hexadecimal) is of the document without white space and with its keys in order.",
)
