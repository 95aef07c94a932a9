"""Summed up readings in the schema ``sensors``."""

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Integer, SmallInteger, Table, text

from adapters.timescale.metadata import metadata

rollups = Table(
    "rollups",
    metadata,
    # The widest first: no padding between columns.
    Column("first_us", BigInteger, nullable=False),
    Column("last_us", BigInteger, nullable=False),
    Column("covered_us", BigInteger, nullable=False),
    Column("first_value", Double, nullable=False),
    Column("last_value", Double, nullable=False),
    Column("total", Double, nullable=False),
    Column("minimum", Double, nullable=False),
    Column("maximum", Double, nullable=False),
    Column("amount", Double, nullable=False),
    Column(
        "sensor_key",
        Integer,
        ForeignKey("sensors.sensors.key", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column(
        "bucket",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment=("Its number since 1970, counted in its level."),
    ),
    Column("count", Integer, nullable=False),
    Column("first_quality", SmallInteger, nullable=False),
    Column("last_quality", SmallInteger, nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column(
        "sealed",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="The readings are gone, so that this can never be made again (quarter-hours only).",
    ),
    schema="sensors",
    comment="Good readings summed up by quarter-hours, hours and days (level, in seconds) of UTC.",
)
