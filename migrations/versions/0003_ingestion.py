"""The ingestion schema: how devices fare, and which worker polls which shard of them.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.grants import grant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COMMENTS = """
COMMENT ON SCHEMA ingestion IS 'Energy Dashboard: how data come in.';
COMMENT ON TABLE ingestion.device_status IS 'How each polled device fares.';
COMMENT ON TABLE ingestion.poll_workers IS 'Processes that poll, each for as long as it is known to live.';
COMMENT ON TABLE ingestion.poll_shards IS 'Which process polls which share of the devices, by lease.';
"""


def upgrade() -> None:
    op.execute("CREATE SCHEMA ingestion")
    op.create_table(
        "device_status",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_detail", sa.Text(), nullable=True),
        sa.Column("error_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("consecutive_failures", sa.Integer(), nullable=False),
        sa.Column("next_poll", sa.DateTime(timezone=True), nullable=True),
        sa.Column("polls", sa.BigInteger(), nullable=False),
        sa.Column("successes", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("latency_p50_ms", sa.Double(), nullable=True),
        sa.Column("latency_p95_ms", sa.Double(), nullable=True),
        sa.Column("latency_p99_ms", sa.Double(), nullable=True),
        sa.Column("readings_stored", sa.BigInteger(), nullable=False),
        sa.Column("last_values", postgresql.JSONB(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('unknown', 'online', 'degraded', 'offline')", name="ck_device_status_status"
        ),
        sa.PrimaryKeyConstraint("device_id", name="pk_device_status"),
        schema="ingestion",
    )
    # Rewritten every second while devices are polled: room on the page keeps those updates off the index.
    op.execute("ALTER TABLE ingestion.device_status SET (fillfactor = 50)")
    op.create_table(
        "poll_workers",
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("alive_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("worker", name="pk_poll_workers"),
        schema="ingestion",
    )
    op.create_table(
        "poll_shards",
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("shard", name="pk_poll_shards"),
        schema="ingestion",
    )
    op.execute(_COMMENTS)
    grant("USAGE", "SCHEMA ingestion", to="ingestion")
    grant("SELECT, INSERT, UPDATE", "ingestion.device_status", to="ingestion")
    grant("SELECT, INSERT, UPDATE, DELETE", "ingestion.poll_workers", to="ingestion")
    grant("SELECT, INSERT, UPDATE", "ingestion.poll_shards", to="ingestion")


def downgrade() -> None:
    for table in ("poll_shards", "poll_workers", "device_status"):
        op.drop_table(table, schema="ingestion")
    op.execute("DROP SCHEMA ingestion")
