import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import OperationalError

from adapters.embedded import binaries
from migrations import run
from tests.databases import empty_database
from tests.integration.migrations.catalog import catalog
from tests.integration.migrations.samples import counts, fill

Connection = psycopg.Connection[tuple[object, ...]]
PSQL = binaries.newest().folder / "psql"


def revisions() -> list[str]:
    script = ScriptDirectory.from_config(run.configuration("postgresql://"))
    return [one.revision for one in reversed(list(script.walk_revisions()))]


@pytest.fixture
def other_url(any_server_url: str) -> Iterator[str]:
    with empty_database(any_server_url) as made:
        yield made


def test_from_nothing_to_the_newest_and_again(url: str) -> None:
    assert run.current(url) is None
    run.upgrade(url)
    assert run.current(url) == run.head() == revisions()[-1]
    with psycopg.connect(url) as connection:
        once = catalog(connection)
    run.upgrade(url)
    with psycopg.connect(url) as connection:
        assert catalog(connection) == once


def test_the_tables_are_what_the_program_takes_them_for(url: str) -> None:
    run.upgrade(url)
    with psycopg.connect(url, autocommit=True) as connection:
        fill(connection)
    command.check(run.configuration(url))


def test_the_check_notices_a_difference(plain_url: str) -> None:
    run.upgrade(plain_url)
    with psycopg.connect(plain_url) as connection:
        connection.execute("ALTER TABLE sensors.sensors ADD COLUMN extra integer")
    with pytest.raises(CommandError, match="extra"):
        command.check(run.configuration(plain_url))


def test_step_by_step_down_with_data_and_up_again(url: str) -> None:
    run.upgrade(url)
    with psycopg.connect(url, autocommit=True) as connection:
        fresh = catalog(connection)
        fill(connection)
        rows = counts(connection)
        assert rows
        assert all(rows.values()), rows
    steps = revisions()
    for target in [*reversed(steps[:-1]), "base"]:
        run.downgrade(url, target)
        assert run.current(url) == (None if target == "base" else target)
    with psycopg.connect(url) as connection:
        left = catalog(connection)
        assert not left["functions"]
        assert {row.split("'")[3] for row in left["relations"]} == {"alembic_version", "alembic_version_pkc"}
        # Nothing keeps the roles from being dropped.
        assert not any("<database>_" in row for what in left.values() for row in what)
    for step in steps:
        run.upgrade(url, step)
        assert run.current(url) == step
    with psycopg.connect(url, autocommit=True) as connection:
        assert catalog(connection) == fresh
        fill(connection)


def test_each_step_down_keeps_the_data_of_those_below(plain_url: str) -> None:
    run.upgrade(plain_url)
    with psycopg.connect(plain_url, autocommit=True) as connection:
        fill(connection)
        before = counts(connection)
    run.downgrade(plain_url, "0002")
    with psycopg.connect(plain_url) as connection:
        kept = counts(connection)
    assert {name.split(".")[0] for name in kept} == {"ops", "sensors"}
    assert kept == {name: rows for name, rows in before.items() if name in kept}


def test_what_others_built_upon_the_tables_stops_a_downgrade(plain_url: str) -> None:
    run.upgrade(plain_url)
    with psycopg.connect(plain_url, autocommit=True) as connection:
        connection.execute("CREATE VIEW public.report AS SELECT value FROM sensors.readings")
        with pytest.raises(Exception, match="depend on it"):
            run.downgrade(plain_url, "0001")
        assert connection.execute("SELECT count(*) FROM public.report").fetchone() == (0,)


def test_the_script_makes_the_same_database_with_psql(url: str, other_url: str) -> None:
    text = io.StringIO()
    run.script(text)
    done = subprocess.run(  # noqa: S603 - of our own dependency
        [PSQL, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", other_url],
        input=text.getvalue(),
        text=True,
        capture_output=True,
        check=False,
        env={**os.environ, "PGOPTIONS": "--client-min-messages=warning"},
    )
    assert done.returncode == 0, done.stderr
    run.upgrade(url)
    with psycopg.connect(url) as online, psycopg.connect(other_url) as offline:
        assert catalog(offline) == catalog(online)
    assert run.current(other_url) == run.head()
    command.check(run.configuration(other_url))


def test_the_script_of_a_part_goes_on_from_there(plain_url: str) -> None:
    run.upgrade(plain_url, "0002")
    text = io.StringIO()
    run.script(text, "0002:head")
    with psycopg.connect(plain_url, autocommit=True) as connection:
        connection.execute(text.getvalue().encode())
    assert run.current(plain_url) == run.head()
    command.check(run.configuration(plain_url))


def test_two_at_once_go_one_after_the_other(url: str) -> None:
    failures: list[BaseException] = []

    # Alembic keeps its state in the module, so that two at once are two processes.
    code = "import sys; from migrations import run; run.upgrade(sys.argv[1])"

    def upgrade() -> None:
        done = subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, "-c", code, url],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            failures.append(AssertionError(done.stderr))

    threads = [threading.Thread(target=upgrade) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures, failures
    assert run.current(url) == run.head()


def test_a_table_that_others_hold_stops_it_in_seconds(plain_url: str) -> None:
    run.upgrade(plain_url)
    with psycopg.connect(plain_url) as holder:
        holder.execute("SELECT * FROM sensors.rejections")
        began = time.monotonic()
        with pytest.raises(OperationalError, match="lock timeout"):
            run.downgrade(plain_url, "0001")
        assert 4 < time.monotonic() - began < 20
    assert run.current(plain_url) == "0002"
    run.upgrade(plain_url)
    command.check(run.configuration(plain_url))


def test_without_its_roles_it_says_so_and_leaves_nothing_half_done(plain_url: str) -> None:
    with psycopg.connect(plain_url, autocommit=True) as connection:
        connection.execute(f"DROP ROLE {connection.info.dbname}_sensors".encode())
    with pytest.raises(Exception, match=r"_sensors.* does not exist"):
        run.upgrade(plain_url)
    with psycopg.connect(plain_url) as connection:
        assert not counts(connection)
