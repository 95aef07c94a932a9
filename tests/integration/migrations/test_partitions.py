import threading
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from adapters.timescale.partitions import starts
from migrations import run

INSERT = (
    "INSERT INTO sensors.readings (time, value, sensor_key, source_key, quality) VALUES (%s, 1, %s, 1, 0)"
)
ENSURE = "SELECT sensors.ensure_partitions(%s, %s)"


@pytest.fixture
def migrated_url(plain_url: str) -> str:
    run.upgrade(plain_url)
    return plain_url


def partitions(connection: "psycopg.Connection[tuple[object, ...]]") -> list[str]:
    rows = connection.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'sensors.readings'::regclass"
    )
    return sorted(str(row[0]) for row in rows)


def test_years_before_2020_and_weeks_after(migrated_url: str) -> None:
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute(ENSURE, ["2018-12-31T23:59:59Z", "2020-01-06T00:00:00Z"])
        assert partitions(connection) == [
            "sensors.readings_w20200106",
            "sensors.readings_y2018",
            "sensors.readings_y2019",
            "sensors.readings_y2020",
        ]
        for moment in (
            "2018-12-31T23:59:59.999999Z",
            "2019-12-31T23:59:59Z",
            "2020-01-01T00:00:00Z",
            "2020-01-05T23:59:59.999999Z",
            "2020-01-06T00:00:00Z",
        ):
            connection.execute(INSERT, [moment, 1])


def test_all_of_history_is_some_hundred_partitions_laid_out_as_the_program_thinks(migrated_url: str) -> None:
    low, high = datetime(1970, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=59)
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute(ENSURE, [low, high])
        made = partitions(connection)
        assert 400 < len(made) < 2000
        assert made == sorted(
            f"sensors.readings_{'w' if at >= datetime(2020, 1, 6, tzinfo=UTC) else 'y'}"
            f"{at:{'%Y%m%d' if at >= datetime(2020, 1, 6, tzinfo=UTC) else '%Y'}}"
            for at in starts(low, high)
        )


@pytest.mark.parametrize(
    ("low", "high"),
    [("1969-12-31", "2020-01-01"), ("2020-01-01", "2100-01-01"), ("2026-02-02", "2026-02-01")],
)
def test_times_that_no_reading_may_have_make_no_partitions(migrated_url: str, low: str, high: str) -> None:
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.RaiseException, match="no partitions"):
            connection.execute(ENSURE, [low, high])
        assert not partitions(connection)


def test_an_open_transaction_of_a_writer_holds_nothing_up(migrated_url: str) -> None:
    now = datetime.now(UTC)
    with psycopg.connect(migrated_url) as writer, psycopg.connect(migrated_url, autocommit=True) as job:
        job.execute(ENSURE, [now, now])
        writer.execute(INSERT, [now, 1])
        began = time.monotonic()
        job.execute("SET lock_timeout = '2s'")
        job.execute(ENSURE, [now - timedelta(days=70), now + timedelta(days=50)])
        assert time.monotonic() - began < 2
        # And the other way round: partitions in the making hold no writer up.
        with psycopg.connect(migrated_url) as maker, psycopg.connect(migrated_url) as second:
            maker.execute(ENSURE, [now - timedelta(days=300), now])
            second.execute("SET lock_timeout = '2s'")
            second.execute(INSERT, [now, 2])
            second.commit()


def test_many_writers_and_makers_at_once(migrated_url: str) -> None:
    """Nobody deadlocks, nobody waits long, and every row is there."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    failures: list[BaseException] = []
    slowest = [0.0]

    def write(sensor: int) -> None:
        try:
            with psycopg.connect(migrated_url, autocommit=True) as connection:
                for week in range(30):
                    began = time.monotonic()
                    moment = start + timedelta(days=7 * week)
                    connection.execute(ENSURE, [moment, moment + timedelta(days=7)])
                    with connection.transaction():
                        for step in range(7):
                            connection.execute(INSERT, [moment + timedelta(days=step), sensor])
                    slowest[0] = max(slowest[0], time.monotonic() - began)
        except BaseException as failure:  # noqa: BLE001 - shown by the test
            failures.append(failure)

    threads = [threading.Thread(target=write, args=[sensor]) for sensor in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert not failures, failures
    assert slowest[0] < 5
    with psycopg.connect(migrated_url) as connection:
        assert connection.execute("SELECT count(*) FROM sensors.readings").fetchone() == (6 * 30 * 7,)
