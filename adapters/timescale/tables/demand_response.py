"""Tables of what is planned, in the schema ``demand_response``: programs, events, invitations, devices."""

from typing import Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    Interval,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from adapters.timescale.metadata import metadata

_SCHEMA: Final = "demand_response"
_TIMESTAMPTZ: Final = DateTime(timezone=True)
# What may be absent is NULL, never the null of JSON.
_DOCUMENT: Final = JSONB(none_as_null=True)

# Without parameters, so that a query that says the same may use the index.
IS_COMPLETED: Final = text("status = 'completed'")
IS_UNANSWERED: Final = text("status = 'invited'")

ALL_OTHERS: Final = ""
"""Stands for the devices that have no rule of their own; no device has this id."""

programs: Final = Table(
    "programs",
    metadata,
    Column("program_id", Uuid, primary_key=True),
    Column("created_at", _TIMESTAMPTZ, nullable=False),
    Column("updated_at", _TIMESTAMPTZ, nullable=False),
    Column("program_name", Text, nullable=False),
    Column("description", Text),
    Column("baseline_method", Text, nullable=False),
    Column("payload_descriptors", _DOCUMENT, nullable=False),
    Column("rule", _DOCUMENT, comment="Creates an event on each of its days; null: none."),
    UniqueConstraint("program_name"),
    schema=_SCHEMA,
    comment="What events have in common, how they are measured, and rules that create them.",
)

events: Final = Table(
    "events",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("created_at", _TIMESTAMPTZ, nullable=False),
    Column("starts_at", _TIMESTAMPTZ, nullable=False),
    Column("ends_at", _TIMESTAMPTZ, nullable=False),
    Column("published_at", _TIMESTAMPTZ),
    Column("invited_at", _TIMESTAMPTZ, comment="When its invitations went out."),
    Column("due_at", _TIMESTAMPTZ, comment="When its life goes on by itself; null: never."),
    Column("signal_value", Double, nullable=False),
    # No foreign key: a program may go, and its events keep its id.
    Column("program_id", Uuid),
    Column("notification_period", Interval),
    Column("ramp_up_period", Interval, nullable=False),
    Column("recovery_period", Interval, nullable=False),
    Column("randomize_start", Interval, nullable=False),
    Column("priority", Integer, comment="0 is the highest, null the lowest."),
    Column("reported_version", Integer, nullable=False, comment="Of its newest report; 0: none."),
    Column("test_event", Boolean, nullable=False),
    Column("dispatched", Boolean, nullable=False, comment="Some device was told to shed."),
    Column("status", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("event_name", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("signal_type", Text, nullable=False),
    Column("signal_unit", Text),
    Column("missed_code", Text),
    Column("missed_detail", Text),
    Column("targets", _DOCUMENT, nullable=False),
    Column("left_out", _DOCUMENT, nullable=False, comment="Devices of its targets that got no invitation."),
    Column("history", _DOCUMENT, nullable=False, comment="Each status it had: since when, by whom and why."),
    CheckConstraint("starts_at < ends_at", name="range"),
    CheckConstraint("status IN ('draft', 'far', 'near', 'active', 'completed', 'cancelled')", name="status"),
    CheckConstraint("origin IN ('api', 'rule', 'load_reduction')", name="origin"),
    CheckConstraint(
        "signal_type IN ('SIMPLE', 'LOAD_REDUCTION', 'PRICE', 'IMPORT_CAPACITY_LIMIT')", name="signal_type"
    ),
    Index(None, "starts_at", "event_id"),
    Index(None, "status", "starts_at", "event_id"),
    Index(None, "program_id", "starts_at", "event_id"),
    Index("ix_events_due", "due_at", "event_id", postgresql_where=text("due_at IS NOT NULL")),
    Index("ix_events_completed", "ends_at", "event_id", postgresql_where=IS_COMPLETED),
    Index(
        "uq_events_of_rule",
        "program_id",
        "starts_at",
        unique=True,
        postgresql_where=text("origin = 'rule'"),
    ),
    schema=_SCHEMA,
    comment="What is asked of whom and when, and how far it is; none is ever deleted.",
)

invitations: Final = Table(
    "invitations",
    metadata,
    Column("invitation_id", Uuid, primary_key=True),
    Column("event_id", Uuid, ForeignKey("demand_response.events.event_id"), nullable=False),
    Column("invited_at", _TIMESTAMPTZ, nullable=False),
    Column("answer_until", _TIMESTAMPTZ, nullable=False),
    Column("answered_at", _TIMESTAMPTZ),
    Column("committed_kw", Double),
    # No foreign key: a device may go, and what it did stays.
    Column("device_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("answered_by", Text),
    Column("actor", Text),
    Column("rule", Text),
    Column("reason", Text),
    UniqueConstraint("event_id", "device_id"),
    CheckConstraint("status IN ('invited', 'opt_in', 'opt_out', 'expired')", name="status"),
    CheckConstraint("answered_by IN ('person', 'rule')", name="answered_by"),
    Index(None, "invited_at", "invitation_id"),
    Index(None, "status", "invited_at", "invitation_id"),
    Index(None, "device_id", "invited_at", "invitation_id"),
    Index("ix_invitations_unanswered", "answer_until", "invitation_id", postgresql_where=IS_UNANSWERED),
    schema=_SCHEMA,
    comment="Whether a device takes part in an event, who said so and why.",
)

devices: Final = Table(
    "devices",
    metadata,
    Column("device_id", Text, primary_key=True),
    Column("created_at", _TIMESTAMPTZ, nullable=False),
    Column("updated_at", _TIMESTAMPTZ, nullable=False),
    Column("min_power_kw", Double, nullable=False),
    Column("max_reduction_kw", Double),
    Column("ramp_seconds", Double, nullable=False),
    Column("max_duration", Interval),
    Column("min_rest", Interval, nullable=False),
    Column("max_events_per_day", Integer),
    Column("priority", Integer, comment="0 is shed first, null last."),
    Column("controllable", Boolean, nullable=False),
    Column("origin", Text, nullable=False),
    Column("control_origin", Text, nullable=False),
    Column("power_sensor_id", Text),
    Column("site_meter_id", Text),
    Column("room_name", Text),
    Column("labels", _DOCUMENT, nullable=False),
    Column("availability", _DOCUMENT, comment="Windows of the week; null: always."),
    # Names of environment variables stand in it, never secrets.
    Column(
        "control", _DOCUMENT, nullable=False, comment="The requests that tell it to shed and to come back."
    ),
    CheckConstraint("origin IN ('api', 'poller')", name="origin"),
    CheckConstraint("control_origin IN ('api', 'poller')", name="control_origin"),
    schema=_SCHEMA,
    comment="Devices that can shed load: what they can do, when, and how they are told.",
)

auto_responses: Final = Table(
    "auto_responses",
    metadata,
    Column("device_id", Text, primary_key=True, comment="Empty: of all that have none of their own."),
    Column("min_price", Double),
    Column("min_notice", Interval, nullable=False),
    Column("max_duration", Interval),
    Column("max_events_per_day", Integer),
    Column("enabled", Boolean, nullable=False),
    Column("keep_comfort", Boolean, nullable=False),
    Column("decision", Text, nullable=False),
    Column("hours", _DOCUMENT, comment="Windows of the week; null: always."),
    CheckConstraint("decision IN ('opt_in', 'opt_out')", name="decision"),
    schema=_SCHEMA,
    comment="Rules for automatic answers to invitations.",
)
