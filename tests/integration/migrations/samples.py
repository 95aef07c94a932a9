"""A row in every table, so that migrations run on data."""

import psycopg

Row = tuple[object, ...]

_ROWS = """
INSERT INTO ops.outbox (event_id, type, payload, occurred_at) VALUES (gen_random_uuid(), 'X', '{}', now());
INSERT INTO ops.topic_position VALUES ('energy_data', 1);
INSERT INTO ops.audit VALUES (gen_random_uuid(), now(), 'cli', 'X', 'y', '{}');
INSERT INTO ops.api_keys VALUES (gen_random_uuid(), 'key', 'viewer', '\\x00', now());
INSERT INTO ops.idempotency VALUES ('scope', 'key', '\\x00', now());
INSERT INTO ops.jobs VALUES ('upkeep', '1 hour', now(), 1, 1, now());
INSERT INTO ops.job_runs VALUES ('upkeep', now(), 1, 'w', now());
INSERT INTO sensors.rooms (room_name) VALUES ('Lab');
INSERT INTO sensors.sensors (sensor_id, version, name, quantity, unit, canonical_unit, factor, "offset",
    accumulation, room_name, direction, counts, labels, created_at, updated_at)
    VALUES ('a', 1, 'A', 'power', 'kW', 'kW', 1, 0, 'instantaneous', 'Lab', 'import', 'auto', '{}',
        now(), now());
INSERT INTO sensors.sources (name) VALUES ('somebody');
SELECT sensors.ensure_partitions(day, day) FROM unnest(ARRAY['1999-05-05', '2026-03-03', now()]) AS day;
INSERT INTO sensors.readings (time, value, sensor_key, source_key, quality)
    VALUES ('1999-05-05', 1, 1, 1, 0), ('2026-03-03', 2, 1, 1, 0), (now(), 3, 1, 1, 0);
INSERT INTO sensors.latest VALUES (1, now(), 3, 0);
INSERT INTO sensors.revisions (sensor_key, time, value, quality, source_key) VALUES (1, now(), 2, 0, 1);
INSERT INTO sensors.rejections
    (receipt_id, received_at, source, position, sensor_id, time, value, code, detail)
    VALUES (gen_random_uuid(), now(), 'somebody', 0, 'b', 'noon', '1', 'unknown_sensor', 'no such sensor');
INSERT INTO sensors.stale_buckets (sensor_keys, buckets) VALUES ('{1}', '{1}');
INSERT INTO sensors.rollups
    SELECT 1, 2, 0, 1, 1, 2, 1, 1, 1, 1, level, 7, 2, 0, 0, false, level = 900
    FROM unnest(ARRAY[900, 3600, 86400]) AS level;
INSERT INTO sensors.tariffs VALUES ('home', 'EUR', 'Europe/Lisbon', '2026-01-01', NULL);
INSERT INTO sensors.tariff_periods VALUES ('home', 0, '{mon,sun}', 1320, 480, 0.1, NULL);
INSERT INTO sensors.room_metrics (starts_at, ends_at, coverage, occupancy_estimated, room_name, quality)
    VALUES ('2026-03-03', '2026-03-04', 1, false, 'Lab', 'OK');
INSERT INTO sensors.alarms (since, raised_at, last_time, sensor_key, kind)
    VALUES (now(), now(), now(), 1, 'no_data');
INSERT INTO sensors.stale_room_metrics (day, room_name) VALUES ('2026-03-03', 'Lab');
INSERT INTO sensors.write_receipts VALUES (gen_random_uuid(), now(), 3, 1, 1, 0, 1, 'ftp:/a.csv', '1');
INSERT INTO ingestion.device_status (device_id, status, consecutive_failures, polls, successes, failures,
    readings_stored, last_values) VALUES ('d', 'online', 0, 1, 1, 0, 1, '{}');
INSERT INTO ingestion.configurations VALUES (1, 'file', '{}', '00', 0, now(), 'system', NULL);
INSERT INTO ingestion.poll_workers VALUES ('w', now());
INSERT INTO ingestion.poll_shards VALUES (0, 'w', now(), 1);
INSERT INTO ingestion.collections (name) VALUES ('north');
INSERT INTO ingestion.collection_sensors VALUES ('north', '\\x00', 'm', 'm.a');
INSERT INTO ingestion.files (file_id, discovered_at, claim, size, "offset", lines, received, created, updated,
    unchanged, rejected, generation, chunks, origin, status, path, collection, sha256)
    SELECT gen_random_uuid(), now(), 1, 10, 10, 2, 2, 1, 0, 0, 1, 1, 1, 'ftp', 'partial',
        '/north/' || number || '.csv', 'north', '\\x00' FROM generate_series(1, 3) AS number;
INSERT INTO ingestion.file_rejects SELECT file_id, 2, 1, 0, 0, '?', 'not_a_number', 'no' FROM ingestion.files;
INSERT INTO ingestion.file_contents SELECT file_id, 0, '\\x00' FROM ingestion.files;
INSERT INTO ingestion.scans (scan_id, started, bytes_done, bytes_total, folders, files_seen, files_done,
    files_skipped, files_failed, trigger, status)
    VALUES (gen_random_uuid(), now(), 0, 0, 0, 0, 0, 0, 0, 'start', 'running');
INSERT INTO demand_response.programs VALUES (gen_random_uuid(), now(), now(), 'peak', NULL, '10_of_10', '[]');
INSERT INTO demand_response.events (event_id, created_at, starts_at, ends_at, signal_value, ramp_up_period,
    recovery_period, randomize_start, reported_version, test_event, dispatched, status, origin, event_name,
    created_by, signal_type, signal_unit, targets, left_out, history)
    VALUES (gen_random_uuid(), now(), now(), now() + interval '1 hour', 5, '0', '0', '0', 0, false, true,
        'active', 'api', 'evening', 'cli', 'LOAD_REDUCTION', 'kW', '{}', '[]', '[]');
INSERT INTO demand_response.invitations (invitation_id, event_id, invited_at, answer_until, device_id, status)
    SELECT gen_random_uuid(), event_id, now(), now(), 'heater', 'opt_in' FROM demand_response.events;
INSERT INTO demand_response.devices (device_id, created_at, updated_at, min_power_kw, ramp_seconds, min_rest,
    controllable, origin, control_origin, labels, control)
    VALUES ('heater', now(), now(), 0, 0, '0', true, 'api', 'api', '{}', '{"kind": "none"}');
INSERT INTO demand_response.auto_responses (device_id, min_notice, enabled, keep_comfort, decision)
    VALUES ('', '0', true, true, 'opt_in'), ('heater', '1 hour', true, true, 'opt_out');
INSERT INTO demand_response.assignments (assignment_id, event_id, began_at, device_id, following)
    SELECT gen_random_uuid(), event_id, now(), 'heater', 'unknown' FROM demand_response.events;
INSERT INTO demand_response.held_devices VALUES ('heater');
INSERT INTO demand_response.commands (command_id, assignment_id, event_id, noted_at, due_at, attempts,
    device_id, kind, reason, status)
    SELECT gen_random_uuid(), assignment_id, event_id, now(), now(), 0, 'heater', 'reduce', 'dispatch',
        'pending' FROM demand_response.assignments;
INSERT INTO demand_response.reports
    SELECT event_id, 1, now(), 5, 5, 'OK', '00', '{}' FROM demand_response.events;
INSERT INTO demand_response.scheduler_lease VALUES (true, 'w', now(), 1);
"""


def fill(connection: "psycopg.Connection[Row]") -> None:
    """Put a row into every table that there is."""
    connection.execute(_ROWS.encode())


def counts(connection: "psycopg.Connection[Row]") -> dict[str, object]:
    """Return the number of rows of each table, its partitions left out."""
    tables = connection.execute(
        "SELECT format('%I.%I', nspname, relname) FROM pg_class"
        " JOIN pg_namespace ON pg_namespace.oid = relnamespace"
        " WHERE nspname IN ('ops', 'sensors', 'ingestion', 'demand_response')"
        " AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'alembic_version'"
    ).fetchall()
    found = {}
    for (table,) in tables:
        row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608 - our own names
        found[str(table)] = row and row[0]
    return found
