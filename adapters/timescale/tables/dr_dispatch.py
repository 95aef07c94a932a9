"""Tables of what is done, in the schema ``demand_response``: assignments, commands, reports, leases."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)

from adapters.timescale.metadata import metadata

_SCHEMA: Final = "demand_response"
_TIMESTAMPTZ: Final = DateTime(timezone=True)

# Without parameters, so that a query that says the same may use the index.
IS_SERVING: Final = text("ended_at IS NULL")
IS_PENDING: Final = text("status = 'pending'")

assignments: Final = Table(
    "assignments",
    metadata,
    Column("assignment_id", Uuid, primary_key=True),
    Column("event_id", Uuid, ForeignKey("demand_response.events.event_id"), nullable=False),
    Column("began_at", _TIMESTAMPTZ, nullable=False),
    Column("ended_at", _TIMESTAMPTZ, comment="Null: it goes on."),
    Column("check_at", _TIMESTAMPTZ, comment="When its meter is looked at; null: never."),
    Column("until", _TIMESTAMPTZ, comment="When it has to end although the event goes on; null: never."),
    Column("asked_kw", Double),
    Column("power_before_kw", Double),
    Column("shed_kw", Double),
    Column("committed_kw", Double),
    Column("delivered_kw", Double),
    # No foreign key: a device may go, and what it did stays.
    Column("device_id", Text, nullable=False),
    Column("following", Text, nullable=False),
    Column("end_reason", Text),
    CheckConstraint("following IN ('unknown', 'yes', 'no')", name="following"),
    Index(None, "event_id", "began_at", "assignment_id"),
    Index(None, "device_id", "ended_at"),
    Index("uq_assignments_serving", "device_id", unique=True, postgresql_where=IS_SERVING),
    schema=_SCHEMA,
    comment="Devices that serve, and served, events; a device serves one at a time.",
)

held_devices: Final = Table(
    "held_devices",
    metadata,
    Column("device_id", Text, primary_key=True),
    schema=_SCHEMA,
    comment="A row for each device that ever served: locked while it is decided what the device serves.",
)

commands: Final = Table(
    "commands",
    metadata,
    Column("command_id", Uuid, primary_key=True),
    Column("assignment_id", Uuid, ForeignKey("demand_response.assignments.assignment_id"), nullable=False),
    Column("event_id", Uuid, ForeignKey("demand_response.events.event_id"), nullable=False),
    Column("noted_at", _TIMESTAMPTZ, nullable=False),
    Column("due_at", _TIMESTAMPTZ, nullable=False),
    Column("time", _TIMESTAMPTZ, comment="When the last attempt began."),
    Column("claimed_until", _TIMESTAMPTZ, comment="By the database's clock; null: nobody is sending it."),
    Column("reduction_kw", Double),
    Column("target_kw", Double),
    Column("attempts", Integer, nullable=False, comment="Tells a claim from an earlier one."),
    Column("device_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("fault_code", Text),
    Column("fault_detail", Text),
    CheckConstraint("kind IN ('reduce', 'restore')", name="kind"),
    CheckConstraint("status IN ('pending', 'delivered', 'failed', 'superseded', 'manual')", name="status"),
    Index(None, "event_id", "noted_at", "command_id"),
    Index(None, "assignment_id"),
    Index("ix_commands_due", "due_at", "noted_at", "command_id", postgresql_where=IS_PENDING),
    Index(
        "ix_commands_pending", "device_id", "due_at", "noted_at", "command_id", postgresql_where=IS_PENDING
    ),
    Index("ix_commands_claimed", "device_id", postgresql_where=text("claimed_until IS NOT NULL")),
    schema=_SCHEMA,
    comment="What devices are told, noted before it is sent, and what came of it.",
)

reports: Final = Table(
    "reports",
    metadata,
    Column("event_id", Uuid, ForeignKey("demand_response.events.event_id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("made_at", _TIMESTAMPTZ, nullable=False),
    Column("reduction_kw", Double),
    Column("energy_kwh", Double),
    Column("status", Text, nullable=False),
    Column("fingerprint", Text, nullable=False, comment="The same where nothing that was put in differs."),
    # Text, not jsonb: it stays as it was written, with its numbers and the order of its keys.
    Column("content", Text, nullable=False, comment="The whole report with its inputs, as JSON."),
    schema=_SCHEMA,
    comment="The performance of events, every version of it.",
)

scheduler_lease: Final = Table(
    "scheduler_lease",
    metadata,
    Column("is_only", Boolean, primary_key=True),
    Column("worker", Text),
    Column("lease_until", _TIMESTAMPTZ),
    Column("fence", BigInteger, nullable=False, comment="Grows with each new holder."),
    CheckConstraint("is_only", name="is_only"),
    schema=_SCHEMA,
    comment="Which process moves events on, by the database's clock; the only row of it.",
)
