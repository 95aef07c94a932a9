"""Tables of tariffs, in the schema ``sensors``."""

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    SmallInteger,
    Table,
    Text,
)

from adapters.timescale.metadata import metadata

tariffs = Table(
    "tariffs",
    metadata,
    Column("name", Text, primary_key=True),
    Column("currency", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("valid_until", DateTime(timezone=True)),
    CheckConstraint("valid_until > valid_from", "validity"),
    schema="sensors",
    comment="Prices of energy; valid_until is the first moment after, null: for good.",
)

tariff_periods = Table(
    "tariff_periods",
    metadata,
    Column("tariff_name", Text, ForeignKey("sensors.tariffs.name", ondelete="CASCADE"), primary_key=True),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("days", ARRAY(Text), nullable=False),
    Column("from_minute", SmallInteger, nullable=False),
    Column("to_minute", SmallInteger, nullable=False),
    Column("price_per_kwh", Double, nullable=False),
    Column("co2_g_per_kwh", Double),
    CheckConstraint("from_minute BETWEEN 0 AND 1439", "from_minute"),
    CheckConstraint("to_minute BETWEEN 0 AND 1440 AND to_minute <> from_minute", "to_minute"),
    schema="sensors",
    comment="When a price holds: on days such as {mon,tue}, in minutes from the local midnight of the"
    " tariff's timezone; where to_minute is below from_minute, it is on the day after.",
)
