"""What the upgrade makes of readings that were there before, and what the retention functions refuse."""

from collections.abc import Iterator

import psycopg
import pytest

from migrations import run
from tests.integration.migrations.samples import fill
from tests.integration.migrations.test_roles import as_module

Connection = psycopg.Connection[tuple[object, ...]]

READINGS = """
SELECT sensors.ensure_partitions(time, time) FROM sample;
INSERT INTO sensors.readings SELECT time, 1, key, 1, CASE WHEN key = 3 THEN 2 ELSE 0 END FROM sample;
"""
SAMPLE = """
CREATE TEMPORARY TABLE sample AS
SELECT time, key FROM generate_series(1, 3) AS key CROSS JOIN (
    SELECT generate_series('2024-12-29T22:50Z'::timestamptz, '2024-12-31', '7 minutes') AS time
    UNION SELECT unnest('{1999-05-05T00:15Z, 2026-03-01T00:14:59.999999Z, 2026-03-01T00:15Z}'::timestamptz[])
) AS times;
"""
MARKED = """
SELECT unnest(sensor_keys), unnest(buckets) FROM sensors.stale_buckets ORDER BY 1, 2
"""
TOUCHED = "SELECT DISTINCT key, floor(extract(epoch FROM time) / 900)::int FROM sample ORDER BY 1, 2"


@pytest.fixture
def database(url: str) -> Iterator[Connection]:
    """A database with readings as the release before left it."""
    run.upgrade(url, "0004")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SAMPLE)
        connection.execute(READINGS)
        connection.execute(
            "INSERT INTO sensors.stale_buckets (sensor_keys, buckets) SELECT '{1,2}', '{5,6}'"
            " FROM generate_series(1, 1000)"
        )
        yield connection


def test_every_quarter_hour_that_has_readings_is_marked_once(database: Connection, url: str) -> None:
    run.upgrade(url)
    touched = database.execute(TOUCHED).fetchall()
    assert len(touched) > 300
    assert database.execute(MARKED).fetchall() == touched
    [(rows, longest, wrong)] = database.execute(
        "SELECT count(*), max(cardinality(buckets)), count(*) FILTER (WHERE"
        " (first_key, last_key, first_bucket, last_bucket) <>"
        " ((SELECT min(one) FROM unnest(sensor_keys) AS one),"
        "  (SELECT max(one) FROM unnest(sensor_keys) AS one),"
        "  (SELECT min(one) FROM unnest(buckets) AS one), (SELECT max(one) FROM unnest(buckets) AS one)))"
        " FROM sensors.stale_buckets"
    ).fetchall()
    assert isinstance(longest, int)
    assert longest <= 672
    assert isinstance(rows, int)
    assert 9 <= rows <= 18
    assert wrong == 0
    run.downgrade(url, "0004")
    assert database.execute(MARKED).fetchall() == touched
    run.upgrade(url)
    assert database.execute(MARKED).fetchall() == touched


def test_a_program_that_knows_no_bounds_still_marks(database: Connection, url: str) -> None:
    run.upgrade(url)
    database.execute("INSERT INTO sensors.stale_buckets (sensor_keys, buckets) VALUES ('{7}', '{8}')")
    assert database.execute(
        "SELECT sensor_keys FROM sensors.stale_buckets"
        " WHERE first_key <= 7 AND last_key >= 7 AND first_bucket <= 8 AND last_bucket >= 8"
    ).fetchall() == [([7],)]


def test_partitions_are_listed_with_the_times_that_they_hold(database: Connection, url: str) -> None:
    run.upgrade(url)
    found = database.execute("SELECT * FROM sensors.reading_partitions()").fetchall()
    starts = [row[1] for row in found]
    assert starts == sorted(starts)  # type: ignore[type-var]  # times
    for partition, low, high in found:
        [(outside,)] = database.execute(
            f"SELECT count(*) FROM {partition} WHERE time < %s OR time >= %s".encode(),  # noqa: S608 - from the catalog
            [low, high],
        ).fetchall()
        assert outside == 0
    [(inside,)] = database.execute(
        "SELECT count(*) FROM sample WHERE EXISTS (SELECT FROM sensors.reading_partitions()"
        " WHERE time >= starts_at AND time < ends_at)"
    ).fetchall()
    assert database.execute("SELECT count(*) FROM sample").fetchall() == [(inside,)]


def test_one_partition_goes_and_the_others_stay(database: Connection, url: str) -> None:
    run.upgrade(url)
    before = database.execute("SELECT * FROM sensors.reading_partitions()").fetchall()
    _, low, high = before[1]
    drop = "SELECT sensors.drop_readings(%s, %s)"
    assert database.execute(drop, [low, high]).fetchone() == (True,)
    assert database.execute(drop, [low, high]).fetchone() == (False,)
    assert database.execute("SELECT sensors.close_readings(%s, %s)", [low, high]).fetchone() == (False,)
    left = database.execute("SELECT * FROM sensors.reading_partitions()").fetchall()
    assert left == [before[0], *before[2:]]
    [(count, gone)] = database.execute(
        "SELECT (SELECT count(*) FROM sample), count(*) FROM sample WHERE time >= %s AND time < %s",
        [low, high],
    ).fetchall()
    assert isinstance(count, int)
    assert isinstance(gone, int)
    assert database.execute("SELECT count(*) FROM sensors.readings").fetchone() == (count - gone,)


def test_neither_a_part_nor_the_present_can_be_dropped(database: Connection, url: str) -> None:
    run.upgrade(url)
    fill(database)
    parts = database.execute("SELECT * FROM sensors.reading_partitions()").fetchall()
    _, low, high = parts[0]
    for function in ("close_readings", "drop_readings"):
        call = f"SELECT sensors.{function}(%s, %s)"
        for start, end in ((low, parts[1][2]), ("1970-01-01Z", high), (low, low), (high, low)):
            assert database.execute(call.encode(), [start, end]).fetchone() == (False,)
        _, now_low, now_high = parts[-1]
        for start, end in ((now_low, now_high), ("1970-01-01Z", "2999-01-01Z")):
            with pytest.raises(psycopg.errors.RaiseException, match="younger than a day"):
                database.execute(call.encode(), [start, end])
        for module in ("ops", "ingestion", "demand_response"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                as_module(database, module, f"SELECT sensors.{function}(now(), now())")
    assert database.execute("SELECT * FROM sensors.reading_partitions()").fetchall() == parts
