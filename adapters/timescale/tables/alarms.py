"""The table of alarms, in the schema ``sensors``."""

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Index, Integer, Table, Text, text

from adapters.timescale.metadata import metadata

_TIMESTAMPTZ = DateTime(timezone=True)

alarms = Table(
    "alarms",
    metadata,
    # The widest first: no padding between columns.
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("since", _TIMESTAMPTZ, nullable=False, comment="Of the newest reading when it was raised."),
    Column("raised_at", _TIMESTAMPTZ, nullable=False),
    Column("last_time", _TIMESTAMPTZ, nullable=False, comment="Of the newest reading, as far as is known."),
    Column("ended_at", _TIMESTAMPTZ, comment="Null: it is open."),
    Column("sensor_key", Integer, ForeignKey("sensors.sensors.key", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),
    Index(None, "sensor_key"),
    Index(None, "ended_at"),
    Index("uq_alarms_open", "sensor_key", "kind", unique=True, postgresql_where=text("ended_at IS NULL")),
    schema="sensors",
    comment="Sensors from which no data came (no_data); kept for 90 days after their end.",
)
