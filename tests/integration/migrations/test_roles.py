import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

import migrations
from adapters.embedded import binaries
from app import storage
from app.cli import main
from app.settings import Settings
from migrations import run
from migrations.roles import MODULES, ensure_roles, missing_roles, role_name
from tests.databases import SERVICE_PASSWORD, empty_database
from tests.integration.migrations.catalog import roles
from tests.integration.migrations.samples import fill

Connection = psycopg.Connection[tuple[object, ...]]
PSQL = binaries.newest().folder / "psql"
SCRIPT = Path(migrations.__file__).parent / "roles.sql"

TABLES = {
    "ops": (
        "outbox",
        "topic_position",
        "audit",
        "api_keys",
        "idempotency",
        "jobs",
        "job_runs",
        "alembic_version",
    ),
    "sensors": (
        "rooms",
        "sensors",
        "readings",
        "latest",
        "sources",
        "revisions",
        "rejections",
        "stale_buckets",
        "rollups",
        "tariffs",
        "tariff_periods",
        "room_metrics",
        "stale_room_metrics",
        "write_receipts",
        "alarms",
    ),
    "ingestion": (
        "device_status",
        "poll_workers",
        "poll_shards",
        "configurations",
        "collections",
        "collection_sensors",
        "files",
        "file_rejects",
        "file_contents",
        "scans",
    ),
    "demand_response": (
        "programs",
        "events",
        "invitations",
        "devices",
        "auto_responses",
        "assignments",
        "held_devices",
        "commands",
        "reports",
        "scheduler_lease",
    ),
}


@pytest.fixture(scope="module")
def owner(any_server_url: str) -> Iterator[Connection]:
    """The owner's connection to a database with data."""
    with empty_database(any_server_url) as url:
        run.upgrade(url)
        with psycopg.connect(url, autocommit=True) as connection:
            fill(connection)
            yield connection


@pytest.fixture
def service(owner: Connection, any_server_url: str) -> Iterator[Connection]:
    """The service's login to it."""
    database = owner.info.dbname
    login = make_url(any_server_url).set(
        drivername="postgresql",
        database=database,
        username=role_name(database, "service"),
        password=SERVICE_PASSWORD,
    )
    with psycopg.connect(login.render_as_string(hide_password=False), autocommit=True) as connection:
        yield connection


def as_module(connection: Connection, module: str, statement: str) -> list[tuple[object, ...]]:
    with connection.transaction():
        role = sql.Identifier(role_name(connection.info.dbname, module))
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(role))
        done = connection.execute(statement.encode())
        return done.fetchall() if done.description else []


def test_every_table_is_in_this_tests_list(owner: Connection) -> None:
    found = owner.execute(
        "SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
        " WHERE nspname = ANY(%s) AND relkind IN ('r', 'p') AND NOT relispartition",
        [list(MODULES)],
    ).fetchall()
    assert {(schema, table) for schema, tables in TABLES.items() for table in tables} == set(found)


def test_the_login_alone_can_do_nothing(service: Connection) -> None:
    for schema, tables in TABLES.items():
        for table in tables:
            for statement in ("SELECT FROM {}", "DELETE FROM {}", "TRUNCATE {}"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    service.execute(statement.format(f"{schema}.{table}").encode())
    for statement in (
        "CREATE TABLE public.mine ()",
        "CREATE TABLE sensors.mine ()",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "SELECT sensors.ensure_partitions(now(), now())",
        "SELECT rolpassword FROM pg_authid",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            service.execute(statement)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_reads_its_own_schema_only(service: Connection, module: str) -> None:
    for schema, tables in TABLES.items():
        for table in tables:
            statement = f"SELECT count(*) FROM {schema}.{table}"  # noqa: S608 - our own names
            if schema == module:
                assert as_module(service, module, statement)
            else:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    as_module(service, module, statement)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_changes_nothing_of_the_others(service: Connection, module: str) -> None:
    for schema, tables in TABLES.items():
        for table in tables:
            for statement in (f"DELETE FROM {schema}.{table}", f"TRUNCATE {schema}.{table}"):  # noqa: S608 - ours
                if schema == module and "DELETE" in statement:
                    continue
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    as_module(service, module, statement)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_builds_nothing(service: Connection, module: str) -> None:
    for statement in (
        "CREATE TABLE public.mine ()",
        f"CREATE TABLE {module}.mine ()",
        f"CREATE FUNCTION {module}.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        f"DROP SCHEMA {module} CASCADE",
        "ALTER TABLE ops.api_keys ADD COLUMN mine int",
        "UPDATE ops.audit SET actor = 'nobody'",
        "DELETE FROM ops.audit",
        "UPDATE ops.alembic_version SET version_num = '9999'",
        "SELECT pg_read_file('PG_VERSION')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_module(service, module, statement)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_leaves_events_that_only_operations_reads(service: Connection, module: str) -> None:
    as_module(
        service,
        module,
        "INSERT INTO ops.outbox (event_id, type, payload, occurred_at)"
        " VALUES (gen_random_uuid(), 'X', '{}', now())",
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_module(
            service,
            module,
            "INSERT INTO ops.outbox (event_id, type, payload, occurred_at, published_at)"
            " VALUES (gen_random_uuid(), 'X', '{}', now(), now())",
        )


def test_keys_change_by_being_revoked_only(service: Connection) -> None:
    as_module(service, "ops", "UPDATE ops.api_keys SET revoked_at = now()")
    for statement in ("UPDATE ops.api_keys SET role = 'admin'", "DELETE FROM ops.api_keys"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_module(service, "ops", statement)


def test_versions_of_the_configuration_are_there_for_good(service: Connection) -> None:
    for statement in (
        "UPDATE ingestion.configurations SET document = '{}'",
        "DELETE FROM ingestion.configurations",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_module(service, "ingestion", statement)


def test_what_is_known_of_files_is_not_forgotten(service: Connection) -> None:
    for statement in (
        "DELETE FROM ingestion.files",
        "DELETE FROM ingestion.collections",
        "DELETE FROM ingestion.collection_sensors",
        "UPDATE ingestion.file_rejects SET line = 1",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_module(service, "ingestion", statement)


def test_what_demand_response_did_is_not_forgotten(service: Connection) -> None:
    for statement in (
        "DELETE FROM demand_response.events",
        "DELETE FROM demand_response.invitations",
        "DELETE FROM demand_response.assignments",
        "DELETE FROM demand_response.commands",
        "DELETE FROM demand_response.reports",
        "UPDATE demand_response.reports SET content = '{}'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_module(service, "demand_response", statement)


def test_a_role_ends_with_its_transaction(service: Connection) -> None:
    as_module(service, "ops", "SELECT 1")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        service.execute("SELECT FROM ops.outbox")


def test_sensors_makes_partitions_through_the_function_only(service: Connection) -> None:
    [[made]] = as_module(service, "sensors", "SELECT sensors.ensure_partitions('2024-01-01', '2024-01-20')")
    [[hypertable]] = as_module(
        service, "sensors", "SELECT relkind = 'r' FROM pg_class WHERE oid = 'sensors.readings'::regclass"
    )
    assert made == (0 if hypertable else 3)
    if not hypertable:
        # Once: what is there is left alone. And never the partition itself.
        assert as_module(
            service, "sensors", "SELECT sensors.ensure_partitions('2024-01-01', '2024-01-20')"
        ) == [(0,)]
        for statement in ("DROP TABLE sensors.readings_w20240101", "SELECT FROM sensors.readings_w20240101"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                as_module(service, "sensors", statement)
    for module in ("ops", "ingestion", "demand_response"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_module(service, module, "SELECT sensors.ensure_partitions(now(), now())")


@pytest.fixture
def bare_url(any_server_url: str) -> Iterator[str]:
    """A database without roles, whose name needs quoting."""
    name = f"Energy's-\"{uuid4().hex[:8]}"
    with psycopg.connect(any_server_url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield make_url(any_server_url).set(database=name).render_as_string(hide_password=False)
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        for module in (*MODULES, "service"):
            server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role_name(name, module))))


def run_script(url: str, password: str | None = None) -> None:
    parsed = make_url(url)
    environment = {
        **os.environ,
        "PGHOST": str(parsed.host),
        "PGPORT": str(parsed.port),
        "PGUSER": str(parsed.username),
        "PGPASSWORD": str(parsed.password),
        "PGDATABASE": str(parsed.database),
    }
    if password is not None:
        environment["SERVICE_PASSWORD"] = password
    subprocess.run(  # noqa: S603 - of our own dependency
        [PSQL, "-X", "-q", "-f", SCRIPT], check=True, capture_output=True, env=environment
    )


def test_the_dbas_script_makes_what_the_program_makes(bare_url: str, any_server_url: str) -> None:
    password = 'it\'s-"secret"-\\'
    run_script(bare_url, password)
    with psycopg.connect(bare_url) as one, empty_database(any_server_url) as other_url:
        assert not missing_roles(one)
        with psycopg.connect(other_url) as other:
            assert roles(one) == roles(other)
        service = role_name(one.info.dbname, "service")
    login = make_url(bare_url).set(username=service, password=password)
    with psycopg.connect(login.render_as_string(hide_password=False)) as connection:
        assert connection.info.user == service


def test_the_dbas_script_may_run_twice_and_without_a_password(bare_url: str) -> None:
    run_script(bare_url)
    with psycopg.connect(bare_url) as connection:
        once = roles(connection)
        ensure_roles(connection)
        assert roles(connection) == once
    run_script(bare_url)
    with psycopg.connect(bare_url) as connection:
        assert roles(connection) == once


def test_an_owner_who_is_no_superuser_migrates(bare_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in production: a DBA makes the roles, the owner migrates, and the service serves."""
    run_script(bare_url, SERVICE_PASSWORD)
    parsed = make_url(bare_url)
    name = f"owner_{uuid4().hex[:8]}"
    with psycopg.connect(bare_url, autocommit=True) as dba:
        dba.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'owner'").format(sql.Identifier(name)),
        )
        dba.execute(
            sql.SQL("ALTER DATABASE {} OWNER TO {}").format(
                sql.Identifier(str(parsed.database)), sql.Identifier(name)
            )
        )
        try:
            owner = parsed.set(username=name, password="owner").render_as_string(hide_password=False)
            service = parsed.set(
                username=role_name(str(parsed.database), "service"), password=SERVICE_PASSWORD
            )
            service_url = service.render_as_string(hide_password=False)
            settings = Settings(database_url=service_url, migration_database_url=owner, migrate_on_start=True)
            with storage.prepared(settings):
                pass
            assert storage.revision_of(service_url) == run.head()
            monkeypatch.setenv("DATABASE_URL", service_url)
            monkeypatch.setenv("MIGRATION_DATABASE_URL", owner)
            assert main(["migrate", "--to", "0001"]) == 0
            assert main(["migrate"]) == 0
            assert main(["check"]) == 0
            assert storage.revision_of(service_url) == run.head()
        finally:
            dba.execute(
                sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(sql.Identifier(name)),
            )
            dba.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
            dba.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
