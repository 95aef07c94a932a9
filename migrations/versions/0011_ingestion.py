"""Versions of the IoT configuration.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

from migrations.grants import grant

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TABLE = """
CREATE TABLE ingestion.configurations (
    version integer NOT NULL,
    origin text NOT NULL,
    document text NOT NULL,
    sha256 text NOT NULL,
    devices integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    restored_from integer,
    CONSTRAINT pk_configurations PRIMARY KEY (version),
    CONSTRAINT ck_configurations_origin CHECK (origin IN ('file', 'api', 'restore'))
);
CREATE INDEX ix_configurations_of_file ON ingestion.configurations (version) WHERE origin = 'file';
COMMENT ON TABLE ingestion.configurations IS
    'Every version of the IoT configuration; the newest one is in force. sha256 (hexadecimal) is of the'
    ' document without white space and with its keys in order.';
"""


def upgrade() -> None:
    op.execute(_TABLE)
    # What was in force once stays as it was.
    grant("SELECT, INSERT", "ingestion.configurations", to="ingestion")


def downgrade() -> None:
    op.execute("DROP TABLE ingestion.configurations")
