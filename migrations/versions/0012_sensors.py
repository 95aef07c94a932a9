"""sensors: alarms of sensors from which no data come.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

from migrations.grants import grant

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLE = """
ALTER TABLE sensors.sensors ADD COLUMN no_data_after interval;
CREATE TABLE sensors.alarms (
    id bigint GENERATED ALWAYS AS IDENTITY,
    since timestamptz NOT NULL,
    raised_at timestamptz NOT NULL,
    last_time timestamptz NOT NULL,
    ended_at timestamptz,
    sensor_key integer NOT NULL,
    kind text NOT NULL,
    CONSTRAINT pk_alarms PRIMARY KEY (id),
    CONSTRAINT fk_alarms_sensor_key_sensors FOREIGN KEY (sensor_key)
        REFERENCES sensors.sensors (key) ON DELETE CASCADE
);
CREATE INDEX ix_alarms_sensor_key ON sensors.alarms (sensor_key);
CREATE INDEX ix_alarms_ended_at ON sensors.alarms (ended_at);
CREATE UNIQUE INDEX uq_alarms_open ON sensors.alarms (sensor_key, kind) WHERE ended_at IS NULL;
COMMENT ON COLUMN sensors.sensors.no_data_after IS
    'How old the newest reading may become before that is an alarm; null: max_gap.';
COMMENT ON TABLE sensors.alarms IS
    'Sensors from which no data came (no_data); kept for 90 days after their end.';
COMMENT ON COLUMN sensors.alarms.since IS 'Of the newest reading when it was raised.';
COMMENT ON COLUMN sensors.alarms.last_time IS 'Of the newest reading, as far as is known.';
COMMENT ON COLUMN sensors.alarms.ended_at IS 'Null: it is open.';
"""


def upgrade() -> None:
    op.execute(_TABLE)
    grant("SELECT, INSERT, UPDATE, DELETE", "sensors.alarms", to="sensors")


def downgrade() -> None:
    op.execute("DROP TABLE sensors.alarms")
    op.execute("ALTER TABLE sensors.sensors DROP COLUMN no_data_after")
