"""sensors: rooms, sensors, readings and what belongs to them.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

from migrations.grants import grant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE sensors.rooms (
    room_name text NOT NULL,
    floor text,
    area_m2 double precision,
    capacity integer,
    description text,
    temperature_min double precision,
    temperature_max double precision,
    co2_max double precision,
    has_comfort boolean DEFAULT false NOT NULL,
    described boolean DEFAULT true NOT NULL,
    CONSTRAINT pk_rooms PRIMARY KEY (room_name)
);
CREATE TABLE sensors.sensors (
    key integer GENERATED ALWAYS AS IDENTITY,
    sensor_id text NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    quantity text NOT NULL,
    unit text NOT NULL,
    canonical_unit text NOT NULL,
    factor double precision NOT NULL,
    "offset" double precision NOT NULL,
    accumulation text NOT NULL,
    room_name text,
    device_id text,
    resolution interval,
    max_gap interval,
    rollover_at double precision,
    max_power_kw double precision,
    direction text NOT NULL,
    submeter_of text,
    counts text NOT NULL,
    min_value double precision,
    max_value double precision,
    timezone text,
    labels jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_sensors PRIMARY KEY (key),
    CONSTRAINT uq_sensors_sensor_id UNIQUE (sensor_id),
    CONSTRAINT fk_sensors_room_name_rooms FOREIGN KEY (room_name) REFERENCES sensors.rooms (room_name)
);
CREATE INDEX ix_sensors_room_name ON sensors.sensors (room_name);
CREATE INDEX ix_sensors_device_id ON sensors.sensors (device_id);
CREATE TABLE sensors.latest (
    sensor_key integer NOT NULL,
    time timestamptz NOT NULL,
    value double precision NOT NULL,
    quality smallint NOT NULL,
    CONSTRAINT pk_latest PRIMARY KEY (sensor_key),
    CONSTRAINT fk_latest_sensor_key_sensors FOREIGN KEY (sensor_key)
        REFERENCES sensors.sensors (key) ON DELETE CASCADE
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.05);
CREATE TABLE sensors.sources (
    key integer GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    CONSTRAINT pk_sources PRIMARY KEY (key),
    CONSTRAINT uq_sources_name UNIQUE (name)
);
CREATE TABLE sensors.revisions (
    id bigint GENERATED ALWAYS AS IDENTITY,
    sensor_key integer NOT NULL,
    time timestamptz NOT NULL,
    value double precision NOT NULL,
    quality smallint NOT NULL,
    source_key integer NOT NULL,
    recorded_at timestamptz DEFAULT now() NOT NULL,
    replaced_by integer,
    CONSTRAINT pk_revisions PRIMARY KEY (id)
);
CREATE INDEX ix_revisions_sensor_key_time ON sensors.revisions (sensor_key, time);
CREATE TABLE sensors.rejections (
    id bigint GENERATED ALWAYS AS IDENTITY,
    receipt_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    source text NOT NULL,
    position integer NOT NULL,
    sensor_id text NOT NULL,
    time text NOT NULL,
    value text NOT NULL,
    unit text,
    code text NOT NULL,
    detail text NOT NULL,
    CONSTRAINT pk_rejections PRIMARY KEY (id)
);
CREATE INDEX ix_rejections_receipt_id ON sensors.rejections (receipt_id);
CREATE INDEX ix_rejections_received_at ON sensors.rejections (received_at);
CREATE TABLE sensors.stale_buckets (
    id bigint GENERATED ALWAYS AS IDENTITY,
    sensor_keys integer[] NOT NULL,
    buckets integer[] NOT NULL,
    marked_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_stale_buckets PRIMARY KEY (id)
);
"""

# One table, two ways of keeping it: a hypertable where TimescaleDB can be loaded (not merely installed:
# without the preload CREATE EXTENSION breaks every later session), else range partitions. Compression needs
# the Community Edition; a month old, a reading is seldom written again.
_READINGS = """
DO $readings$
DECLARE
    columns constant text := '(
        time timestamptz NOT NULL,
        value double precision NOT NULL,
        sensor_key integer NOT NULL,
        source_key integer NOT NULL,
        quality smallint NOT NULL,
        CONSTRAINT pk_readings PRIMARY KEY (sensor_key, time)
    )';
    timescale text;
    version text;
BEGIN
    -- The preloaded library has this setting; shared_preload_libraries itself is for superusers to see.
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'timescaledb.max_background_workers')
        AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
    THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
        SELECT quote_ident(nspname), extversion INTO timescale, version
        FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'timescaledb';
        IF string_to_array(substring(version FROM '^[0-9.]+'), '.')::int[] < ARRAY[2, 26, 3] THEN
            RAISE EXCEPTION 'TimescaleDB % is too old: it buckets wrongly when clocks change', version
                USING HINT = 'Update it to 2.26.3 or newer (ALTER EXTENSION timescaledb UPDATE).';
        END IF;
        EXECUTE 'CREATE TABLE sensors.readings ' || columns;
        EXECUTE format(
            'SELECT %1$s.create_hypertable(''sensors.readings'', '
            '%1$s.by_range(''time'', INTERVAL ''7 days''), create_default_indexes => false)', timescale);
        IF current_setting('timescaledb.license', true) = 'timescale' THEN
            EXECUTE 'ALTER TABLE sensors.readings SET (timescaledb.enable_columnstore = true, '
                'timescaledb.segmentby = ''sensor_key'', timescaledb.orderby = ''time DESC'')';
            EXECUTE format(
                'CALL %s.add_columnstore_policy(''sensors.readings'', after => INTERVAL ''30 days'')',
                timescale);
        END IF;
    ELSE
        EXECUTE 'CREATE TABLE sensors.readings ' || columns || ' PARTITION BY RANGE (time)';
    END IF;
END
$readings$;
"""

# Runs as the owner, so that the service needs no right to create tables. A partition is made apart and
# attached, since ATTACH lets writers go on where CREATE TABLE ... PARTITION OF would lock them out.
_ENSURE_PARTITIONS = """
CREATE FUNCTION sensors.ensure_partitions(low timestamptz, high timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $ensure$
DECLARE
    -- Weeks from here on; years before, so that even a sender of absurd times makes few partitions.
    weekly_from constant timestamptz := '2020-01-06 00:00:00+00';
    starts_at timestamptz;
    ends_at timestamptz;
    name text;
    made integer := 0;
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = 'sensors.readings'::regclass) <> 'p' THEN
        RETURN 0;
    END IF;
    IF low < '1970-01-01 00:00:00+00' OR high > now() + interval '60 days' OR low > high THEN
        RAISE EXCEPTION 'no partitions are made for % to %', low, high;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('sensors.ensure_partitions', 0));
    starts_at := low;
    WHILE starts_at <= high LOOP
        IF starts_at >= weekly_from THEN
            starts_at := date_trunc('week', starts_at);
            ends_at := starts_at + interval '7 days';
            name := 'readings_w' || to_char(starts_at, 'YYYYMMDD');
        ELSE
            starts_at := date_trunc('year', starts_at);
            ends_at := least(starts_at + interval '1 year', weekly_from);
            name := 'readings_y' || to_char(starts_at, 'YYYY');
        END IF;
        IF to_regclass('sensors.' || name) IS NULL THEN
            EXECUTE format('CREATE TABLE sensors.%I (LIKE sensors.readings INCLUDING CONSTRAINTS)', name);
            EXECUTE format(
                'ALTER TABLE sensors.readings ATTACH PARTITION sensors.%I FOR VALUES FROM (%L) TO (%L)',
                name, starts_at, ends_at);
            made := made + 1;
        END IF;
        starts_at := ends_at;
    END LOOP;
    RETURN made;
END
$ensure$;
REVOKE EXECUTE ON FUNCTION sensors.ensure_partitions(timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION sensors.ensure_partitions(timestamptz, timestamptz) IS
    'Makes the partitions of readings for this time that are not there; returns how many it made.';
"""

_COMMENTS = """
COMMENT ON SCHEMA sensors IS 'Energy Dashboard: rooms, sensors and their readings.';
COMMENT ON TABLE sensors.rooms IS 'Rooms, and the band in which people feel well in them.';
COMMENT ON TABLE sensors.sensors IS 'What each sensor measures; key stands for it in the other tables.';
COMMENT ON TABLE sensors.readings IS 'One value per sensor and time, in the unit sensors.canonical_unit.';
COMMENT ON TABLE sensors.latest IS
    'Newest reading per sensor. Room is left in each page so that updates stay in it (HOT).';
COMMENT ON TABLE sensors.sources IS 'Who sent readings; key stands for the name in readings.';
COMMENT ON TABLE sensors.revisions IS 'Values that later ones replaced, and who replaced them.';
COMMENT ON TABLE sensors.rejections IS 'Readings that were refused, with the reason; kept for 30 days.';
COMMENT ON TABLE sensors.stale_buckets IS 'Quarter-hours whose readings changed since they were summed up.';
"""

# Each table by name: what a later migration adds is not given away unseen.
_GRANTS = {
    "sensors.rooms": "SELECT, INSERT, UPDATE, DELETE",
    "sensors.sensors": "SELECT, INSERT, UPDATE, DELETE",
    "sensors.readings": "SELECT, INSERT, UPDATE, DELETE",
    "sensors.latest": "SELECT, INSERT, UPDATE, DELETE",
    "sensors.sources": "SELECT, INSERT",
    "sensors.revisions": "SELECT, INSERT, DELETE",
    "sensors.rejections": "SELECT, INSERT, DELETE",
    "sensors.stale_buckets": "SELECT, INSERT, DELETE",
}


def upgrade() -> None:
    op.execute("CREATE SCHEMA sensors")
    op.execute(_TABLES)
    op.execute(_READINGS)
    op.execute(_ENSURE_PARTITIONS)
    op.execute(_COMMENTS)
    grant("USAGE", "SCHEMA sensors", to="sensors")
    for table, privileges in _GRANTS.items():
        grant(privileges, table, to="sensors")
    grant("EXECUTE", "FUNCTION sensors.ensure_partitions(timestamptz, timestamptz)", to="sensors")


def downgrade() -> None:
    # One by one, and no CASCADE: what somebody else built upon them stops this with an error.
    op.execute("DROP FUNCTION sensors.ensure_partitions(timestamptz, timestamptz)")
    for name in reversed(_GRANTS):
        op.execute(f"DROP TABLE {name}")
    op.execute("DROP SCHEMA sensors")
