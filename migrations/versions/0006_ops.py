"""ops: who runs which slot of the periodic jobs, and how the runs ended.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from migrations.grants import grant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COMMENTS = """
COMMENT ON TABLE ops.jobs IS
    'The claim on the newest slot of each periodic job, and how its last run ended.';
COMMENT ON TABLE ops.job_runs IS
    'One row per claimed slot of a job, kept for 7 days; jobs of every few seconds have none.';
"""


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("every", sa.Interval(), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("outcome IN ('succeeded', 'failed')", name="ck_jobs_outcome"),
        sa.PrimaryKeyConstraint("job", name="pk_jobs"),
        schema="ops",
    )
    # A few rows, written every few seconds: room on the page lets each update stay in it and clean up after
    # the one before (HOT).
    op.execute("ALTER TABLE ops.jobs SET (fillfactor = 25)")
    op.create_table(
        "job_runs",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("outcome IN ('succeeded', 'failed')", name="ck_job_runs_outcome"),
        sa.PrimaryKeyConstraint("job", "slot", name="pk_job_runs"),
        schema="ops",
    )
    op.execute(_COMMENTS)
    grant("SELECT, INSERT, UPDATE", "ops.jobs", to="ops")
    grant("SELECT, INSERT, UPDATE, DELETE", "ops.job_runs", to="ops")


def downgrade() -> None:
    for table in ("job_runs", "jobs"):
        op.drop_table(table, schema="ops")
