"""The ops schema: outbox, audit trail, API keys, idempotent requests."""

import sqlalchemy as sa
from alembic import op

from migrations.grants import grant, revoke

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_WRITERS = ("ops", "sensors", "ingestion", "demand_response")
_COMMENTS = """
COMMENT ON SCHEMA ops IS 'Energy Dashboard: what belongs to no module.';
COMMENT ON TABLE ops.outbox IS
    'Events of committed transactions, for delivery; parked_at is set where that failed.';
COMMENT ON TABLE ops.topic_position IS 'The number last given to an event of each public topic.';
COMMENT ON TABLE ops.audit IS 'Who changed what, and when.';
COMMENT ON TABLE ops.api_keys IS 'API keys, by the SHA-256 of each.';
COMMENT ON TABLE ops.idempotency IS 'Answers of requests that carried an Idempotency-Key; kept for 24 hours.';
"""


def upgrade() -> None:
    # The version table of Alembic may have been here first.
    op.execute("CREATE SCHEMA IF NOT EXISTS ops")
    _outbox()
    op.create_table(
        "topic_position",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", name="pk_topic_position"),
        schema="ops",
    )
    op.create_table(
        "audit",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_audit"),
        schema="ops",
    )
    op.create_index("ix_audit_time_event_id", "audit", ["time", "event_id"], schema="ops")
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('viewer', 'operator', 'admin')", name="ck_api_keys_role"),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
        sa.UniqueConstraint("secret_hash", name="uq_api_keys_secret_hash"),
        schema="ops",
    )
    op.create_table(
        "idempotency",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("scope", "key", name="pk_idempotency"),
        schema="ops",
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"], schema="ops")
    op.execute(_COMMENTS)
    _grants()


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("event_id", name="uq_outbox_event_id"),
        schema="ops",
    )
    # Write batches put 20 to 30 kB of base64 here. Compressing it (pglz) costs the writer more than the
    # bytes are worth in the 24 hours that they are kept.
    op.execute("ALTER TABLE ops.outbox ALTER COLUMN payload SET STORAGE EXTERNAL")
    # Each row is written, updated and deleted within a day: clean up long before a fifth of them is dead.
    op.execute("ALTER TABLE ops.outbox SET (autovacuum_vacuum_scale_factor = 0.05)")
    op.create_index(
        "ix_outbox_unpublished",
        "outbox",
        ["id"],
        schema="ops",
        postgresql_where=sa.text("published_at IS NULL AND parked_at IS NULL"),
    )
    op.create_index(
        "ix_outbox_undispatched",
        "outbox",
        ["id"],
        schema="ops",
        postgresql_where=sa.text("published_at IS NOT NULL AND dispatched_at IS NULL AND parked_at IS NULL"),
    )
    op.create_index(
        "ix_outbox_parked",
        "outbox",
        ["id"],
        schema="ops",
        postgresql_where=sa.text("parked_at IS NOT NULL"),
    )
    op.create_index(
        "uq_outbox_topic_seq",
        "outbox",
        ["topic", "seq"],
        unique=True,
        schema="ops",
        postgresql_where=sa.text("seq IS NOT NULL"),
    )
    op.create_index(
        "ix_outbox_topic_published_at",
        "outbox",
        ["topic", "published_at"],
        schema="ops",
        postgresql_where=sa.text("seq IS NOT NULL"),
    )


def _grants() -> None:
    # Every module leaves its events with its own writes; none reads or changes what others left.
    for module in _WRITERS:
        grant("USAGE", "SCHEMA ops", to=module)
        grant("INSERT (event_id, type, topic, payload, occurred_at)", "ops.outbox", to=module)
        grant("INSERT (event_id, time, actor, action, subject, detail)", "ops.audit", to=module)
    grant("SELECT, DELETE", "ops.outbox", to="ops")
    grant(
        "UPDATE (seq, published_at, dispatched_at, attempts, next_attempt_at, last_error, parked_at)",
        "ops.outbox",
        to="ops",
    )
    grant("SELECT, INSERT, UPDATE", "ops.topic_position", to="ops")
    grant("SELECT", "ops.audit", to="ops")
    # The service compares the revision with its own before it starts.
    grant("SELECT", "ops.alembic_version", to="ops")
    grant("SELECT, INSERT, UPDATE (revoked_at)", "ops.api_keys", to="ops")
    grant("SELECT, INSERT, UPDATE, DELETE", "ops.idempotency", to="ops")


def downgrade() -> None:
    # The schema itself stays: it holds the version table of Alembic.
    for table in ("idempotency", "api_keys", "audit", "topic_position", "outbox"):
        op.drop_table(table, schema="ops")
    revoke("SELECT", "ops.alembic_version", of="ops")
    for module in _WRITERS:
        revoke("USAGE", "SCHEMA ops", of=module)
