"""What is different where TimescaleDB is there."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.databases import MigratedDatabase
from tests.integration.migrations.samples import fill
from tests.integration.migrations.test_roles import as_module

Connection = psycopg.Connection[tuple[object, ...]]

pytestmark = pytest.mark.timescale
COPY = "COPY sensors.readings (time, value, sensor_key, source_key, quality) FROM STDIN"


@pytest.fixture
def database(migrated_timescale: MigratedDatabase) -> Iterator[Connection]:
    url = migrated_timescale.owner_url
    migrated_timescale.clear()
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def test_readings_are_a_hypertable_of_weeks_that_the_product_itself_compresses(database: Connection) -> None:
    assert database.execute(
        "SELECT hypertable_schema, hypertable_name, time_interval::text, compression_enabled"
        " FROM timescaledb_information.hypertables JOIN timescaledb_information.dimensions"
        " USING (hypertable_schema, hypertable_name)"
    ).fetchall() == [("sensors", "readings", "7 days", True)]
    assert not database.execute(
        "SELECT FROM timescaledb_information.jobs WHERE proc_name = 'policy_compression'"
    ).fetchall()


def test_what_is_compressed_can_still_be_written_corrected_and_read(database: Connection) -> None:
    fill(database)
    database.execute(
        "INSERT INTO sensors.readings SELECT t, 1, 1, 1, 0 FROM generate_series"
        "('2025-01-06Z'::timestamptz, '2025-01-12Z', '1 hour') AS t"
    )
    chunks = database.execute(
        "SELECT show_chunks('sensors.readings', older_than => '2025-02-01Z'::timestamptz)"
    )
    for (chunk,) in chunks.fetchall():
        database.execute("CALL convert_to_columnstore(%s::text::regclass)", [chunk])
    compressed = "SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed"
    assert database.execute(compressed).fetchone() != (0,)

    def copy(*times: str) -> None:
        with database.transaction(), database.cursor() as cursor:
            cursor.execute(f"SET LOCAL ROLE {database.info.dbname}_sensors".encode())
            with cursor.copy(COPY) as rows:
                for time in times:
                    rows.write_row((time, 2, 1, 1, 0))

    copy("2025-01-06T00:30:00Z")
    with pytest.raises(psycopg.errors.UniqueViolation):
        copy("2025-01-06T01:30:00Z", "2025-01-06T01:00:00Z")
    as_module(database, "sensors", "UPDATE sensors.readings SET value = 5 WHERE time = '2025-01-06T01:00Z'")
    as_module(database, "sensors", "DELETE FROM sensors.readings WHERE time = '2025-01-06T02:00Z'")
    found = as_module(
        database,
        "sensors",
        "SELECT value FROM sensors.readings WHERE time < '2025-01-06T04:00Z'"
        " AND time >= '2025-01-06Z' ORDER BY time",
    )
    assert found == [(1.0,), (2.0,), (5.0,), (1.0,)]
