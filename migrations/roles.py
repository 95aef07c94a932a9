"""The roles of one database, for those who may make roles; roles.sql is the same for a DBA's psql."""

from typing import Final

import psycopg
from psycopg import sql

MODULES: Final = ("ops", "sensors", "ingestion", "demand_response")


def role_name(database: str, module: str) -> str:
    """Return the name of a module's role; the module ``service`` is the one that logs in."""
    return f"{database}_{module}"


def missing_roles(connection: "psycopg.Connection[tuple[object, ...]]") -> list[str]:
    """Return the roles of this connection's database that are not there."""
    wanted = [role_name(connection.info.dbname, module) for module in (*MODULES, "service")]
    rows = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [wanted]).fetchall()
    there = {row[0] for row in rows}
    return [name for name in wanted if name not in there]


def ensure_roles(
    connection: "psycopg.Connection[tuple[object, ...]]", service_password: str | None = None
) -> None:
    """Make the roles that are missing, and let the service take each module's role.

    Raises:
        psycopg.errors.InsufficientPrivilege: the user of the connection may not make roles.

    """
    database = connection.info.dbname
    service = role_name(database, "service")
    with connection.transaction():
        # Two processes that start at once must not make the same role twice.
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('energy-dashboard roles', 0))")
        missing = set(missing_roles(connection))
        for module in MODULES:
            if role_name(database, module) in missing:
                connection.execute(
                    sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role_name(database, module)))
                )
        if service in missing:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN NOINHERIT").format(sql.Identifier(service)))
        if service_password is not None:
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                    sql.Identifier(service), sql.Literal(service_password)
                )
            )
        if missing:
            for module in MODULES:
                connection.execute(
                    sql.SQL("GRANT {} TO {}").format(
                        sql.Identifier(role_name(database, module)), sql.Identifier(service)
                    )
                )
            connection.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                    sql.Identifier(database), sql.Identifier(service)
                )
            )
