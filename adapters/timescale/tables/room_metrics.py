"""Tables of room metrics, in the schema ``sensors``."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Integer,
    Table,
    Text,
    text,
)

from adapters.timescale.metadata import metadata

_TIMESTAMPTZ = DateTime(timezone=True)


def _room() -> Column[str]:
    return Column(
        "room_name", Text, ForeignKey("sensors.rooms.room_name", ondelete="CASCADE"), primary_key=True
    )


room_metrics = Table(
    "room_metrics",
    metadata,
    # The widest first: no padding between columns.
    Column("starts_at", _TIMESTAMPTZ, primary_key=True),
    Column("ends_at", _TIMESTAMPTZ, nullable=False),
    Column("coverage", Double, nullable=False),
    Column("power_kw", Double),
    Column("slot_energy_kwh", Double),
    Column("energy_kwh", Double, comment="Since local midnight, up to ends_at."),
    Column("temperature", Double),
    Column("humidity", Double),
    Column("co2", Double),
    Column("co2_peak", Double),
    Column("occupancy", Double),
    Column("comfort_share", Double),
    Column("occupancy_estimated", Boolean, nullable=False),
    Column("comfort", Boolean),
    _room(),
    Column("quality", Text, nullable=False),
    Column("missing_sensors", ARRAY(Text), comment="Their ids; null: none."),
    CheckConstraint("ends_at > starts_at", "slot"),
    schema="sensors",
    comment="What each room was like in each slot of UTC (every 5 minutes).",
)

stale_room_metrics = Table(
    "stale_room_metrics",
    metadata,
    Column("day", Date, primary_key=True),
    Column("version", Integer, nullable=False, server_default=text("1")),
    _room(),
    schema="sensors",
    comment="Local days of rooms whose metrics are to be computed again.",
)
