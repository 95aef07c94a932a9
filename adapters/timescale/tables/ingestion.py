"""Tables of the schema ``ingestion``."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Integer,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from adapters.timescale.metadata import metadata

_SCHEMA: Final = "ingestion"

device_status: Final = Table(
    "device_status",
    metadata,
    Column("device_id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("status_since", DateTime(timezone=True)),
    Column("last_seen", DateTime(timezone=True)),
    Column("error_code", Text),
    Column("error_detail", Text),
    Column("error_time", DateTime(timezone=True)),
    Column("consecutive_failures", Integer, nullable=False),
    Column("next_poll", DateTime(timezone=True)),
    Column("polls", BigInteger, nullable=False),
    Column("successes", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("latency_p50_ms", Double),
    Column("latency_p95_ms", Double),
    Column("latency_p99_ms", Double),
    Column("readings_stored", BigInteger, nullable=False),
    Column("last_values", JSONB, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    CheckConstraint("status IN ('unknown', 'online', 'degraded', 'offline')", name="status"),
    schema=_SCHEMA,
    comment="How each polled device fares.",
)

poll_workers: Final = Table(
    "poll_workers",
    metadata,
    Column("worker", Text, primary_key=True),
    Column("alive_until", DateTime(timezone=True), nullable=False),
    schema=_SCHEMA,
    comment="Processes that poll, each for as long as it is known to live.",
)

poll_shards: Final = Table(
    "poll_shards",
    metadata,
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("worker", Text),
    Column("lease_until", DateTime(timezone=True)),
    Column("fence", BigInteger, nullable=False, server_default=text("0")),
    schema=_SCHEMA,
    comment="Which process polls which share of the devices, by lease.",
)
