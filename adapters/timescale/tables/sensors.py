"""Tables of the schema ``sensors``."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Interval,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from adapters.timescale.metadata import metadata

_TIMESTAMPTZ = DateTime(timezone=True)

rooms = Table(
    "rooms",
    metadata,
    Column("room_name", Text, primary_key=True),
    Column("floor", Text),
    Column("area_m2", Double),
    Column("capacity", Integer),
    Column("description", Text),
    Column("temperature_min", Double),
    Column("temperature_max", Double),
    Column("co2_max", Double),
    Column("has_comfort", Boolean, nullable=False, server_default=text("false")),
    # False where a sensor named the room and nobody has described it yet.
    Column("described", Boolean, nullable=False, server_default=text("true")),
    schema="sensors",
    comment="Rooms, and the band in which people feel well in them.",
)

sensors = Table(
    "sensors",
    metadata,
    Column("key", Integer, Identity(always=True), primary_key=True),
    Column("sensor_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("canonical_unit", Text, nullable=False),
    Column("factor", Double, nullable=False),
    Column("offset", Double, nullable=False),
    Column("accumulation", Text, nullable=False),
    Column("room_name", Text, ForeignKey("sensors.rooms.room_name")),
    Column("device_id", Text),
    Column("resolution", Interval),
    Column("max_gap", Interval),
    Column(
        "no_data_after",
        Interval,
        comment="How old the newest reading may become before that is an alarm; null: max_gap.",
    ),
    Column("rollover_at", Double),
    Column("max_power_kw", Double),
    Column("direction", Text, nullable=False),
    Column("submeter_of", Text),
    Column("counts", Text, nullable=False),
    Column("min_value", Double),
    Column("max_value", Double),
    Column("timezone", Text),
    Column("labels", JSONB, nullable=False),
    Column("created_at", _TIMESTAMPTZ, nullable=False),
    Column("updated_at", _TIMESTAMPTZ, nullable=False),
    UniqueConstraint("sensor_id"),
    Index(None, "room_name"),
    Index(None, "device_id"),
    schema="sensors",
    comment="What each sensor measures; key stands for it in the other tables.",
)

readings = Table(
    "readings",
    metadata,
    # The widest first: no padding between columns.
    Column("time", _TIMESTAMPTZ, primary_key=True, nullable=False),
    Column("value", Double, nullable=False),
    Column("sensor_key", Integer, primary_key=True, nullable=False, autoincrement=False),
    Column("source_key", Integer, nullable=False),
    Column("quality", SmallInteger, nullable=False),
    schema="sensors",
    comment="One value per sensor and time, in the unit sensors.canonical_unit.",
)

latest = Table(
    "latest",
    metadata,
    Column(
        "sensor_key",
        Integer,
        ForeignKey("sensors.sensors.key", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("time", _TIMESTAMPTZ, nullable=False),
    Column("value", Double, nullable=False),
    Column("quality", SmallInteger, nullable=False),
    schema="sensors",
    comment="Newest reading per sensor. Room is left in each page so that updates stay in it (HOT).",
)

sources = Table(
    "sources",
    metadata,
    Column("key", Integer, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    UniqueConstraint("name"),
    schema="sensors",
    comment="Who sent readings; key stands for the name in readings.",
)

revisions = Table(
    "revisions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("sensor_key", Integer, nullable=False),
    Column("time", _TIMESTAMPTZ, nullable=False),
    Column("value", Double, nullable=False),
    Column("quality", SmallInteger, nullable=False),
    Column("source_key", Integer, nullable=False),
    Column("recorded_at", _TIMESTAMPTZ, nullable=False, server_default=text("now()")),
    # NULL where the source only said again what stood already.
    Column("replaced_by", Integer),
    Index(None, "sensor_key", "time"),
    schema="sensors",
    comment="Values that later ones replaced, and who replaced them.",
)

rejections = Table(
    "rejections",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("receipt_id", Uuid, nullable=False),
    Column("received_at", _TIMESTAMPTZ, nullable=False),
    Column("source", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("sensor_id", Text, nullable=False),
    Column("time", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("unit", Text),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "receipt_id"),
    Index(None, "received_at"),
    schema="sensors",
    comment="Readings that were refused, with the reason; kept for 30 days.",
)

stale_buckets = Table(
    "stale_buckets",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("sensor_keys", ARRAY(Integer), nullable=False),
    # Quarter-hours since the epoch, beside the sensor of the same position.
    Column("buckets", ARRAY(Integer), nullable=False),
    Column("marked_at", _TIMESTAMPTZ, nullable=False, server_default=text("now()")),
    # The least and greatest of both, and their number; the defaults are for programs that know of none.
    Column("first_key", Integer, nullable=False, server_default=text("0")),
    Column("last_key", Integer, nullable=False, server_default=text("2147483647")),
    Column("first_bucket", Integer, nullable=False, server_default=text("0")),
    Column("last_bucket", Integer, nullable=False, server_default=text("2147483647")),
    Column("entries", Integer, nullable=False, server_default=text("1000")),
    schema="sensors",
    comment="Quarter-hours whose readings changed since they were summed up.",
)
