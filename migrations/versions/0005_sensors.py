"""sensors: rollups, and readings that go after a while.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

from migrations.grants import grant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# The row of an open bucket is written again every few seconds, in place (HOT) where its page has room.
_TABLE = """
CREATE TABLE sensors.rollups (
    first_us bigint NOT NULL,
    last_us bigint NOT NULL,
    covered_us bigint NOT NULL,
    first_value double precision NOT NULL,
    last_value double precision NOT NULL,
    total double precision NOT NULL,
    minimum double precision NOT NULL,
    maximum double precision NOT NULL,
    amount double precision NOT NULL,
    sensor_key integer NOT NULL,
    level integer NOT NULL,
    bucket integer NOT NULL,
    count integer NOT NULL,
    first_quality smallint NOT NULL,
    last_quality smallint NOT NULL,
    estimated boolean NOT NULL,
    sealed boolean DEFAULT false NOT NULL,
    CONSTRAINT pk_rollups PRIMARY KEY (sensor_key, level, bucket),
    CONSTRAINT fk_rollups_sensor_key_sensors FOREIGN KEY (sensor_key)
        REFERENCES sensors.sensors (key) ON DELETE CASCADE
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
COMMENT ON TABLE sensors.rollups IS
    'Good readings summed up by quarter-hours, hours and days (level, in seconds) of UTC.';
COMMENT ON COLUMN sensors.rollups.bucket IS 'Its number since 1970, counted in its level.';
COMMENT ON COLUMN sensors.rollups.sealed IS
    'The readings are gone, so that this can never be made again (quarter-hours only).';
"""

_PARTITIONS = """
CREATE FUNCTION sensors.reading_partitions()
RETURNS TABLE (partition text, starts_at timestamptz, ends_at timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $partitions$
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = 'sensors.readings'::regclass) = 'p' THEN
        RETURN QUERY SELECT inhrelid::regclass::text, bounds[1]::timestamptz, bounds[2]::timestamptz
            FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
            CROSS JOIN regexp_match(pg_get_expr(relpartbound, inhrelid), '''(.+)''.+''(.+)''') AS bounds
            WHERE inhparent = 'sensors.readings'::regclass AND bounds IS NOT NULL ORDER BY 2;
    ELSE
        RETURN QUERY EXECUTE 'SELECT format(''%I.%I'', chunk_schema, chunk_name), range_start, range_end '
            'FROM timescaledb_information.chunks '
            'WHERE hypertable_schema = ''sensors'' AND hypertable_name = ''readings'' ORDER BY 2';
    END IF;
END
$partitions$;
REVOKE EXECUTE ON FUNCTION sensors.reading_partitions() FROM PUBLIC;
COMMENT ON FUNCTION sensors.reading_partitions() IS
    'The partitions (chunks) of readings and the times [starts_at, ends_at) that they hold, oldest first.';
"""

# These two run as the owner, so that the service needs no right to drop tables. What is younger than a day
# never goes: the write path relies on it, and looks whether a quarter-hour is sealed for older ones only.
_RETENTION = """
CREATE FUNCTION sensors.close_readings(low timestamptz, high timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $close$
DECLARE
    name text;
BEGIN
    IF high > now() - interval '1 day' THEN
        RAISE EXCEPTION 'readings younger than a day are not closed: %', high;
    END IF;
    SELECT partition INTO name FROM sensors.reading_partitions() WHERE starts_at = low AND ends_at = high;
    IF name IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', name);
    RETURN true;
EXCEPTION WHEN lock_not_available OR undefined_table THEN
    RETURN false;
END
$close$;
REVOKE EXECUTE ON FUNCTION sensors.close_readings(timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION sensors.close_readings(timestamptz, timestamptz) IS
    'Keeps writers from the partition of this time until the transaction ends; false if it is in use.';
CREATE FUNCTION sensors.drop_readings(low timestamptz, high timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '250ms' AS $drop$
DECLARE
    name text;
    timescale text;
BEGIN
    IF high > now() - interval '1 day' THEN
        RAISE EXCEPTION 'readings younger than a day are not dropped: %', high;
    END IF;
    SELECT partition INTO name FROM sensors.reading_partitions() WHERE starts_at = low AND ends_at = high;
    IF name IS NULL THEN
        RETURN false;
    END IF;
    SELECT quote_ident(nspname) INTO timescale
    FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'timescaledb';
    -- Everybody waits behind who waits for these locks: often for a moment rather than once for long. And
    -- whoever waits for the partition that the caller closed may hold them: then it is for another time.
    FOR attempt IN 1..12 LOOP
        IF EXISTS (SELECT FROM pg_locks WHERE relation = name::regclass AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
        THEN
            RETURN false;
        END IF;
        BEGIN
            IF (SELECT relkind FROM pg_class WHERE oid = 'sensors.readings'::regclass) = 'p' THEN
                LOCK TABLE ONLY sensors.readings IN ACCESS EXCLUSIVE MODE;
                EXECUTE format('DROP TABLE %s', name);
            ELSE
                EXECUTE format('SELECT %s.drop_chunks(''sensors.readings'', '
                    'older_than => $1, newer_than => $2)', timescale) USING high, low;
            END IF;
            RETURN true;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            PERFORM pg_sleep(0.25 * random() + 0.1);
        END;
    END LOOP;
    RETURN false;
END
$drop$;
REVOKE EXECUTE ON FUNCTION sensors.drop_readings(timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION sensors.drop_readings(timestamptz, timestamptz) IS
    'Drops the partition (chunk) of readings of this time, all in the past; false if it is in use.';
"""

# Compression is a job of the product, listed and settable like the others, in place of TimescaleDB's own.
_POLICY = """
DO $policy$
DECLARE
    timescale text;
BEGIN
    SELECT quote_ident(nspname) INTO timescale
    FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'timescaledb';
    IF timescale IS NOT NULL AND current_setting('timescaledb.license', true) = 'timescale' THEN
        EXECUTE format('CALL %s.{}', timescale);
    END IF;
END
$policy$;
"""
_COMPRESSION = """
CREATE FUNCTION sensors.compress_readings(low timestamptz, high timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s'
SET client_min_messages = 'warning' AS $compress$
DECLARE
    name text;
    timescale text;
BEGIN
    SELECT quote_ident(nspname) INTO timescale
    FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'timescaledb';
    SELECT partition INTO name FROM sensors.reading_partitions() WHERE starts_at = low AND ends_at = high;
    IF timescale IS NULL OR name IS NULL OR current_setting('timescaledb.license', true) <> 'timescale' THEN
        RETURN false;
    END IF;
    EXECUTE format('SELECT %s.compress_chunk($1::regclass, if_not_compressed => true)', timescale) USING name;
    RETURN true;
EXCEPTION WHEN lock_not_available OR undefined_table THEN
    RETURN false;
END
$compress$;
REVOKE EXECUTE ON FUNCTION sensors.compress_readings(timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION sensors.compress_readings(timestamptz, timestamptz) IS
    'Compresses the chunk of readings of this time, late rows too; false where that cannot be done now.';
"""

# Readings that are there already were never summed up: all their quarter-hours are marked, a row for each
# sensor and week, one partition at a time. Marks that stand already say the same; those that come while
# this runs stay. Nothing is locked until that is done.
_GATHER = """
DO $gather$
DECLARE
    part record;
BEGIN
    DELETE FROM sensors.stale_buckets;
    CREATE TEMPORARY TABLE unsummed (sensor_keys integer[], buckets integer[]) ON COMMIT DROP;
    FOR part IN SELECT * FROM sensors.reading_partitions() LOOP
        -- 672 quarter-hours are a week.
        EXECUTE format('INSERT INTO unsummed '
            'SELECT array_fill(sensor_key, ARRAY[count(*)::int]), array_agg(bucket ORDER BY bucket) '
            'FROM (SELECT DISTINCT sensor_key, floor(date_part(''epoch'', time) / 900)::int AS bucket '
            'FROM sensors.readings WHERE time >= %L AND time < %L) AS touched '
            'GROUP BY sensor_key, bucket / 672 ORDER BY min(bucket), sensor_key',
            part.starts_at, part.ends_at);
    END LOOP;
END
$gather$;
"""

# The bounds of a row spare a look into its arrays. One that says nothing of them may hold any sensor and
# time: older programs leave such ones.
_MARK = """
ALTER TABLE sensors.stale_buckets
    ADD COLUMN first_key integer DEFAULT 0 NOT NULL,
    ADD COLUMN last_key integer DEFAULT 2147483647 NOT NULL,
    ADD COLUMN first_bucket integer DEFAULT 0 NOT NULL,
    ADD COLUMN last_bucket integer DEFAULT 2147483647 NOT NULL,
    ADD COLUMN entries integer DEFAULT 1000 NOT NULL;
INSERT INTO sensors.stale_buckets (
        sensor_keys, buckets, first_key, last_key, first_bucket, last_bucket, entries)
    SELECT sensor_keys, buckets, sensor_keys[1], sensor_keys[1],
        buckets[1], buckets[cardinality(buckets)], cardinality(buckets)
    FROM pg_temp.unsummed;
"""

_FUNCTIONS = (
    "sensors.reading_partitions()",
    "sensors.close_readings(timestamptz, timestamptz)",
    "sensors.drop_readings(timestamptz, timestamptz)",
    "sensors.compress_readings(timestamptz, timestamptz)",
)
_BOUNDS = ("first_key", "last_key", "first_bucket", "last_bucket", "entries")


def upgrade() -> None:
    op.execute(_PARTITIONS)
    op.execute(_GATHER)
    op.execute(_TABLE)
    op.execute(_RETENTION)
    op.execute(_COMPRESSION)
    op.execute(_POLICY.format("remove_columnstore_policy(''sensors.readings'', if_exists => true)"))
    op.execute(_MARK)
    grant("SELECT, INSERT, UPDATE, DELETE", "sensors.rollups", to="sensors")
    for function in _FUNCTIONS:
        grant("EXECUTE", f"FUNCTION {function}", to="sensors")


def downgrade() -> None:
    after = "after => INTERVAL ''30 days'', if_not_exists => true"
    op.execute(_POLICY.format(f"add_columnstore_policy(''sensors.readings'', {after})"))
    op.execute("ALTER TABLE sensors.stale_buckets " + ", ".join(f"DROP COLUMN {name}" for name in _BOUNDS))
    for function in reversed(_FUNCTIONS):
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP TABLE sensors.rollups")
