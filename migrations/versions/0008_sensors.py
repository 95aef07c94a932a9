"""sensors: room_metrics.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

from migrations.grants import grant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE sensors.room_metrics (
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    coverage double precision NOT NULL,
    power_kw double precision,
    slot_energy_kwh double precision,
    energy_kwh double precision,
    temperature double precision,
    humidity double precision,
    co2 double precision,
    co2_peak double precision,
    occupancy double precision,
    comfort_share double precision,
    occupancy_estimated boolean NOT NULL,
    comfort boolean,
    room_name text NOT NULL,
    quality text NOT NULL,
    missing_sensors text[],
    CONSTRAINT pk_room_metrics PRIMARY KEY (room_name, starts_at),
    CONSTRAINT fk_room_metrics_room_name_rooms FOREIGN KEY (room_name)
        REFERENCES sensors.rooms (room_name) ON DELETE CASCADE,
    CONSTRAINT ck_room_metrics_slot CHECK (ends_at > starts_at)
);
CREATE TABLE sensors.stale_room_metrics (
    day date NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    room_name text NOT NULL,
    CONSTRAINT pk_stale_room_metrics PRIMARY KEY (room_name, day),
    CONSTRAINT fk_stale_room_metrics_room_name_rooms FOREIGN KEY (room_name)
        REFERENCES sensors.rooms (room_name) ON DELETE CASCADE
);
COMMENT ON TABLE sensors.room_metrics IS
    'What each room was like in each slot of UTC (every 5 minutes).';
COMMENT ON COLUMN sensors.room_metrics.energy_kwh IS 'Since local midnight, up to ends_at.';
COMMENT ON COLUMN sensors.room_metrics.missing_sensors IS 'Their ids; null: none.';
COMMENT ON TABLE sensors.stale_room_metrics IS
    'Local days of rooms whose metrics are to be computed again.';
"""


def upgrade() -> None:
    op.execute(_TABLES)
    grant("SELECT, INSERT, UPDATE, DELETE", "sensors.room_metrics", to="sensors")
    grant("SELECT, INSERT, UPDATE, DELETE", "sensors.stale_room_metrics", to="sensors")


def downgrade() -> None:
    op.execute("DROP TABLE sensors.stale_room_metrics")
    op.execute("DROP TABLE sensors.room_metrics")
