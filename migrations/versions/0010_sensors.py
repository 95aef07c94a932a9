"""Receipts of chunks, so that a chunk that is sent again is stored once.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

from migrations.grants import grant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE sensors.write_receipts (
    receipt_id uuid NOT NULL,
    stored_at timestamptz NOT NULL,
    received integer NOT NULL,
    created integer NOT NULL,
    updated integer NOT NULL,
    unchanged integer NOT NULL,
    rejected integer NOT NULL,
    source text NOT NULL,
    chunk text NOT NULL,
    CONSTRAINT pk_write_receipts PRIMARY KEY (source, chunk)
);
CREATE INDEX ix_write_receipts_stored_at ON sensors.write_receipts (stored_at);
COMMENT ON TABLE sensors.write_receipts IS
    'What became of each chunk that a source sent, so that it is stored once; kept for 30 days.';
"""


def upgrade() -> None:
    op.execute(_TABLES)
    grant("SELECT, INSERT, DELETE", "sensors.write_receipts", to="sensors")


def downgrade() -> None:
    op.execute("DROP TABLE sensors.write_receipts")
