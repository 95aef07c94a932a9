"""The tables of periodic jobs, in the schema ``ops``."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Integer, Interval, Table, Text

from adapters.timescale.metadata import metadata

_TIMESTAMPTZ = DateTime(timezone=True)

jobs = Table(
    "jobs",
    metadata,
    Column("job", Text, primary_key=True),
    Column("every", Interval, nullable=False),
    Column("slot", _TIMESTAMPTZ, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claimed_at", _TIMESTAMPTZ, nullable=False),
    # NULL once the run has ended.
    Column("worker", Text),
    # With a worker the end of its lease, else when the slot may be tried again: NULL where it is done.
    Column("free_at", _TIMESTAMPTZ),
    Column("started_at", _TIMESTAMPTZ),
    Column("ended_at", _TIMESTAMPTZ),
    Column("outcome", Text),
    Column("error", Text),
    CheckConstraint("outcome IN ('succeeded', 'failed')", name="outcome"),
    schema="ops",
    comment="The claim on the newest slot of each periodic job, and how its last run ended.",
)

job_runs = Table(
    "job_runs",
    metadata,
    Column("job", Text, primary_key=True),
    Column("slot", _TIMESTAMPTZ, primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("worker", Text, nullable=False),
    Column("started_at", _TIMESTAMPTZ, nullable=False),
    Column("ended_at", _TIMESTAMPTZ),
    Column("outcome", Text),
    Column("error", Text),
    CheckConstraint("outcome IN ('succeeded', 'failed')", name="outcome"),
    schema="ops",
    comment="One row per claimed slot of a job, kept for 7 days; jobs of every few seconds have none.",
)
