"""The table of receipts of chunks, in the schema ``sensors``."""

from sqlalchemy import Column, DateTime, Index, Integer, Table, Text, Uuid

from adapters.timescale.metadata import metadata

write_receipts = Table(
    "write_receipts",
    metadata,
    Column("receipt_id", Uuid, nullable=False),
    Column("stored_at", DateTime(timezone=True), nullable=False),
    Column("received", Integer, nullable=False),
    Column("created", Integer, nullable=False),
    Column("updated", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("source", Text, primary_key=True),
    Column("chunk", Text, primary_key=True),
    Index(None, "stored_at"),
    schema="sensors",
    comment="What became of each chunk that a source sent, so that it is stored once; kept for 30 days.",
)
