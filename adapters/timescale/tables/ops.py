"""What belongs to no module: the outbox with the feed's positions, the audit trail, keys, idempotency."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from adapters.timescale.metadata import metadata

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("topic", Text),
    Column("payload", JSON, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("seq", BigInteger),
    Column("published_at", DateTime(timezone=True)),
    Column("dispatched_at", DateTime(timezone=True)),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    Column("next_attempt_at", DateTime(timezone=True)),
    Column("last_error", Text),
    Column("parked_at", DateTime(timezone=True)),
    schema="ops",
    comment="Events of committed transactions, for delivery; parked_at is set where that failed.",
)
Index(
    "ix_outbox_unpublished",
    outbox.c.id,
    postgresql_where=text("published_at IS NULL AND parked_at IS NULL"),
)
Index(
    "ix_outbox_undispatched",
    outbox.c.id,
    postgresql_where=text("published_at IS NOT NULL AND dispatched_at IS NULL AND parked_at IS NULL"),
)
Index("ix_outbox_parked", outbox.c.id, postgresql_where=text("parked_at IS NOT NULL"))
Index(
    "uq_outbox_topic_seq",
    outbox.c.topic,
    outbox.c.seq,
    unique=True,
    postgresql_where=text("seq IS NOT NULL"),
)
Index(
    "ix_outbox_topic_published_at",
    outbox.c.topic,
    outbox.c.published_at,
    postgresql_where=text("seq IS NOT NULL"),
)

topic_position = Table(
    "topic_position",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    schema="ops",
    comment="The number last given to an event of each public topic.",
)

audit = Table(
    "audit",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", JSON, nullable=False),
    Index(None, "time", "event_id"),
    schema="ops",
    comment="Who changed what, and when.",
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    CheckConstraint("role IN ('viewer', 'operator', 'admin')", name="role"),
    schema="ops",
    comment="API keys, by the SHA-256 of each.",
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, index=True),
    Column("status", SmallInteger),
    Column("headers", JSON),
    Column("body", LargeBinary),
    Column("completed_at", DateTime(timezone=True)),
    schema="ops",
    comment="Answers of requests that carried an Idempotency-Key; kept for 24 hours.",
)
