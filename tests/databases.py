"""Databases for tests: made by the migrations, with the roles of production."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from migrations import run
from migrations.roles import ensure_roles, role_name

SERVICE_PASSWORD = "service"


@dataclass(frozen=True, slots=True)
class MigratedDatabase:
    """A database at the newest revision: the URL of its owner and that of the service."""

    owner_url: str
    service_url: str

    def clear(self) -> None:
        """Empty every table."""
        with psycopg.connect(self.owner_url) as connection:
            tables = connection.execute(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
                " WHERE schemaname IN ('ops', 'sensors', 'ingestion', 'demand_response')"
                " AND tablename <> 'alembic_version' AND tablename NOT LIKE 'readings\\_%'"
            ).fetchall()
            names = ", ".join(row[0] for row in tables)
            connection.execute(sql.SQL("TRUNCATE " + names + " RESTART IDENTITY"))


@contextmanager
def empty_database(server_url: str) -> Iterator[str]:
    """Make an empty database on the server, with its roles; drop both at the end."""
    name = f"test_{uuid4().hex[:12]}"
    url = make_url(server_url).set(drivername="postgresql", database=name)
    text = url.render_as_string(hide_password=False)
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            with psycopg.connect(text) as connection:
                ensure_roles(connection, SERVICE_PASSWORD)
            yield text
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            for module in ("service", "ops", "sensors", "ingestion", "demand_response"):
                server.execute(
                    sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role_name(name, module)))
                )


@contextmanager
def migrated_database(server_url: str) -> Iterator[MigratedDatabase]:
    """Make a database at the newest revision; drop it at the end."""
    with empty_database(server_url) as owner_url:
        run.upgrade(owner_url)
        service = make_url(owner_url)
        service = service.set(username=f"{service.database}_service", password=SERVICE_PASSWORD)
        yield MigratedDatabase(owner_url, service.render_as_string(hide_password=False))
