"""demand_response: programs, events, invitations, devices, rules, assignments, commands, reports, the lease.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

from migrations.grants import grant

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_PLANS = """
CREATE TABLE demand_response.programs (
    program_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    program_name text NOT NULL,
    description text,
    baseline_method text NOT NULL,
    payload_descriptors jsonb NOT NULL,
    rule jsonb,
    CONSTRAINT pk_programs PRIMARY KEY (program_id),
    CONSTRAINT uq_programs_program_name UNIQUE (program_name)
);
CREATE TABLE demand_response.events (
    event_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    published_at timestamptz,
    invited_at timestamptz,
    due_at timestamptz,
    signal_value float8 NOT NULL,
    program_id uuid,
    notification_period interval,
    ramp_up_period interval NOT NULL,
    recovery_period interval NOT NULL,
    randomize_start interval NOT NULL,
    priority integer,
    reported_version integer NOT NULL,
    test_event boolean NOT NULL,
    dispatched boolean NOT NULL,
    status text NOT NULL,
    origin text NOT NULL,
    event_name text NOT NULL,
    created_by text NOT NULL,
    signal_type text NOT NULL,
    signal_unit text,
    missed_code text,
    missed_detail text,
    targets jsonb NOT NULL,
    left_out jsonb NOT NULL,
    history jsonb NOT NULL,
    CONSTRAINT pk_events PRIMARY KEY (event_id),
    CONSTRAINT ck_events_range CHECK (starts_at < ends_at),
    CONSTRAINT ck_events_status CHECK (
        status IN ('draft', 'far', 'near', 'active', 'completed', 'cancelled')),
    CONSTRAINT ck_events_origin CHECK (origin IN ('api', 'rule', 'load_reduction')),
    CONSTRAINT ck_events_signal_type CHECK (
        signal_type IN ('SIMPLE', 'LOAD_REDUCTION', 'PRICE', 'IMPORT_CAPACITY_LIMIT'))
);
CREATE INDEX ix_events_starts_at_event_id ON demand_response.events (starts_at, event_id);
CREATE INDEX ix_events_status_starts_at_event_id ON demand_response.events (status, starts_at, event_id);
CREATE INDEX ix_events_program_id_starts_at_event_id
    ON demand_response.events (program_id, starts_at, event_id);
CREATE INDEX ix_events_due ON demand_response.events (due_at, event_id) WHERE due_at IS NOT NULL;
CREATE INDEX ix_events_completed ON demand_response.events (ends_at, event_id) WHERE status = 'completed';
CREATE UNIQUE INDEX uq_events_of_rule ON demand_response.events (program_id, starts_at)
    WHERE origin = 'rule';
CREATE TABLE demand_response.invitations (
    invitation_id uuid NOT NULL,
    event_id uuid NOT NULL,
    invited_at timestamptz NOT NULL,
    answer_until timestamptz NOT NULL,
    answered_at timestamptz,
    committed_kw float8,
    device_id text NOT NULL,
    status text NOT NULL,
    answered_by text,
    actor text,
    rule text,
    reason text,
    CONSTRAINT pk_invitations PRIMARY KEY (invitation_id),
    CONSTRAINT uq_invitations_event_id_device_id UNIQUE (event_id, device_id),
    CONSTRAINT fk_invitations_event_id_events FOREIGN KEY (event_id)
        REFERENCES demand_response.events (event_id),
    CONSTRAINT ck_invitations_status CHECK (status IN ('invited', 'opt_in', 'opt_out', 'expired')),
    CONSTRAINT ck_invitations_answered_by CHECK (answered_by IN ('person', 'rule'))
);
CREATE INDEX ix_invitations_invited_at_invitation_id
    ON demand_response.invitations (invited_at, invitation_id);
CREATE INDEX ix_invitations_status_invited_at_invitation_id
    ON demand_response.invitations (status, invited_at, invitation_id);
CREATE INDEX ix_invitations_device_id_invited_at_invitation_id
    ON demand_response.invitations (device_id, invited_at, invitation_id);
CREATE INDEX ix_invitations_unanswered ON demand_response.invitations (answer_until, invitation_id)
    WHERE status = 'invited';
CREATE TABLE demand_response.devices (
    device_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    min_power_kw float8 NOT NULL,
    max_reduction_kw float8,
    ramp_seconds float8 NOT NULL,
    max_duration interval,
    min_rest interval NOT NULL,
    max_events_per_day integer,
    priority integer,
    controllable boolean NOT NULL,
    origin text NOT NULL,
    control_origin text NOT NULL,
    power_sensor_id text,
    site_meter_id text,
    room_name text,
    labels jsonb NOT NULL,
    availability jsonb,
    control jsonb NOT NULL,
    CONSTRAINT pk_devices PRIMARY KEY (device_id),
    CONSTRAINT ck_devices_origin CHECK (origin IN ('api', 'poller')),
    CONSTRAINT ck_devices_control_origin CHECK (control_origin IN ('api', 'poller'))
);
CREATE TABLE demand_response.auto_responses (
    device_id text NOT NULL,
    min_price float8,
    min_notice interval NOT NULL,
    max_duration interval,
    max_events_per_day integer,
    enabled boolean NOT NULL,
    keep_comfort boolean NOT NULL,
    decision text NOT NULL,
    hours jsonb,
    CONSTRAINT pk_auto_responses PRIMARY KEY (device_id),
    CONSTRAINT ck_auto_responses_decision CHECK (decision IN ('opt_in', 'opt_out'))
);
COMMENT ON TABLE demand_response.programs IS
    'What events have in common, how they are measured, and rules that create them.';
COMMENT ON COLUMN demand_response.programs.rule IS 'Creates an event on each of its days; null: none.';
COMMENT ON TABLE demand_response.events IS
    'What is asked of whom and when, and how far it is; none is ever deleted.';
COMMENT ON COLUMN demand_response.events.invited_at IS 'When its invitations went out.';
COMMENT ON COLUMN demand_response.events.due_at IS 'When its life goes on by itself; null: never.';
COMMENT ON COLUMN demand_response.events.priority IS '0 is the highest, null the lowest.';
COMMENT ON COLUMN demand_response.events.reported_version IS 'Of its newest report; 0: none.';
COMMENT ON COLUMN demand_response.events.dispatched IS 'Some device was told to shed.';
COMMENT ON COLUMN demand_response.events.left_out IS 'Devices of its targets that got no invitation.';
COMMENT ON COLUMN demand_response.events.history IS 'Each status it had: since when, by whom and why.';
COMMENT ON TABLE demand_response.invitations IS
    'Whether a device takes part in an event, who said so and why.';
COMMENT ON TABLE demand_response.devices IS
    'Devices that can shed load: what they can do, when, and how they are told.';
COMMENT ON COLUMN demand_response.devices.priority IS '0 is shed first, null last.';
COMMENT ON COLUMN demand_response.devices.availability IS 'Windows of the week; null: always.';
COMMENT ON COLUMN demand_response.devices.control IS 'The requests that tell it to shed and to come back.';
COMMENT ON TABLE demand_response.auto_responses IS 'Rules for automatic answers to invitations.';
COMMENT ON COLUMN demand_response.auto_responses.device_id IS 'Empty: of all that have none of their own.';
COMMENT ON COLUMN demand_response.auto_responses.hours IS 'Windows of the week; null: always.';
"""

_DISPATCH = """
CREATE TABLE demand_response.assignments (
    assignment_id uuid NOT NULL,
    event_id uuid NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    check_at timestamptz,
    until timestamptz,
    asked_kw float8,
    power_before_kw float8,
    shed_kw float8,
    committed_kw float8,
    delivered_kw float8,
    device_id text NOT NULL,
    following text NOT NULL,
    end_reason text,
    CONSTRAINT pk_assignments PRIMARY KEY (assignment_id),
    CONSTRAINT fk_assignments_event_id_events FOREIGN KEY (event_id)
        REFERENCES demand_response.events (event_id),
    CONSTRAINT ck_assignments_following CHECK (following IN ('unknown', 'yes', 'no'))
);
CREATE INDEX ix_assignments_event_id_began_at_assignment_id
    ON demand_response.assignments (event_id, began_at, assignment_id);
CREATE INDEX ix_assignments_device_id_ended_at ON demand_response.assignments (device_id, ended_at);
CREATE UNIQUE INDEX uq_assignments_serving ON demand_response.assignments (device_id)
    WHERE ended_at IS NULL;
CREATE TABLE demand_response.held_devices (
    device_id text NOT NULL,
    CONSTRAINT pk_held_devices PRIMARY KEY (device_id)
);
CREATE TABLE demand_response.commands (
    command_id uuid NOT NULL,
    assignment_id uuid NOT NULL,
    event_id uuid NOT NULL,
    noted_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    "time" timestamptz,
    claimed_until timestamptz,
    reduction_kw float8,
    target_kw float8,
    attempts integer NOT NULL,
    device_id text NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    status text NOT NULL,
    fault_code text,
    fault_detail text,
    CONSTRAINT pk_commands PRIMARY KEY (command_id),
    CONSTRAINT fk_commands_assignment_id_assignments FOREIGN KEY (assignment_id)
        REFERENCES demand_response.assignments (assignment_id),
    CONSTRAINT fk_commands_event_id_events FOREIGN KEY (event_id)
        REFERENCES demand_response.events (event_id),
    CONSTRAINT ck_commands_kind CHECK (kind IN ('reduce', 'restore')),
    CONSTRAINT ck_commands_status CHECK (
        status IN ('pending', 'delivered', 'failed', 'superseded', 'manual'))
);
CREATE INDEX ix_commands_event_id_noted_at_command_id
    ON demand_response.commands (event_id, noted_at, command_id);
CREATE INDEX ix_commands_assignment_id ON demand_response.commands (assignment_id);
CREATE INDEX ix_commands_due ON demand_response.commands (due_at, noted_at, command_id)
    WHERE status = 'pending';
CREATE INDEX ix_commands_pending ON demand_response.commands (device_id, due_at, noted_at, command_id)
    WHERE status = 'pending';
CREATE INDEX ix_commands_claimed ON demand_response.commands (device_id) WHERE claimed_until IS NOT NULL;
CREATE TABLE demand_response.reports (
    event_id uuid NOT NULL,
    version integer NOT NULL,
    made_at timestamptz NOT NULL,
    reduction_kw float8,
    energy_kwh float8,
    status text NOT NULL,
    fingerprint text NOT NULL,
    content text NOT NULL,
    CONSTRAINT pk_reports PRIMARY KEY (event_id, version),
    CONSTRAINT fk_reports_event_id_events FOREIGN KEY (event_id)
        REFERENCES demand_response.events (event_id)
);
CREATE TABLE demand_response.scheduler_lease (
    is_only boolean NOT NULL,
    worker text,
    lease_until timestamptz,
    fence bigint NOT NULL,
    CONSTRAINT pk_scheduler_lease PRIMARY KEY (is_only),
    CONSTRAINT ck_scheduler_lease_is_only CHECK (is_only)
);
COMMENT ON TABLE demand_response.assignments IS
    'Devices that serve, and served, events; a device serves one at a time.';
COMMENT ON COLUMN demand_response.assignments.ended_at IS 'Null: it goes on.';
COMMENT ON COLUMN demand_response.assignments.check_at IS 'When its meter is looked at; null: never.';
COMMENT ON COLUMN demand_response.assignments.until IS
    'When it has to end although the event goes on; null: never.';
COMMENT ON TABLE demand_response.held_devices IS
    'A row for each device that ever served: locked while it is decided what the device serves.';
COMMENT ON TABLE demand_response.commands IS
    'What devices are told, noted before it is sent, and what came of it.';
COMMENT ON COLUMN demand_response.commands."time" IS 'When the last attempt began.';
COMMENT ON COLUMN demand_response.commands.claimed_until IS
    'By the database''s clock; null: nobody is sending it.';
COMMENT ON COLUMN demand_response.commands.attempts IS 'Tells a claim from an earlier one.';
COMMENT ON TABLE demand_response.reports IS 'The performance of events, every version of it.';
COMMENT ON COLUMN demand_response.reports.fingerprint IS
    'The same where nothing that was put in differs.';
COMMENT ON COLUMN demand_response.reports.content IS 'The whole report with its inputs, as JSON.';
COMMENT ON TABLE demand_response.scheduler_lease IS
    'Which process moves events on, by the database''s clock; the only row of it.';
COMMENT ON COLUMN demand_response.scheduler_lease.fence IS 'Grows with each new holder.';
"""


def upgrade() -> None:
    op.execute(_PLANS)
    op.execute(_DISPATCH)
    for table in ("programs", "devices", "auto_responses"):
        grant("SELECT, INSERT, UPDATE, DELETE", f"demand_response.{table}", to="demand_response")
    # What was asked of whom, and what came of it, is never forgotten.
    for table in ("events", "invitations", "assignments", "commands", "held_devices", "scheduler_lease"):
        grant("SELECT, INSERT, UPDATE", f"demand_response.{table}", to="demand_response")
    # A report stays as it was made.
    grant("SELECT, INSERT", "demand_response.reports", to="demand_response")


def downgrade() -> None:
    for table in (
        "scheduler_lease",
        "reports",
        "commands",
        "held_devices",
        "assignments",
        "auto_responses",
        "devices",
        "invitations",
        "events",
        "programs",
    ):
        op.execute(f"DROP TABLE demand_response.{table}")
