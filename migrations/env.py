"""How Alembic runs here: one at a time, never waiting long for a lock, in the schemas of the product only."""

import os
from logging.config import fileConfig
from typing import Final

from alembic import context
from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.schema import SchemaItem

import adapters.timescale.tables.all  # noqa: F401 - fills the metadata
from adapters.timescale.metadata import SCHEMAS, metadata

_ADVISORY_LOCK: Final = 0x656E657267790001
# A migration that must wait for a lock makes everybody wait behind it: give up early, try again later.
_LOCK_TIMEOUT: Final = "5s"
_STATEMENT_TIMEOUT: Final = "10min"
# How long to wait for another run to end, which is nothing that anybody else waits behind.
_TURN_TIMEOUT: Final = "15min"
_SCRIPT_HEAD: Final = """--
-- Energy Dashboard: run this as the owner of the database, after migrations/roles.sql:
--
--     psql -X -v ON_ERROR_STOP=1 -f SCRIPT <database>
--
-- Each revision is a transaction of its own; what has run stays if a later one fails."""


def _include_name(name: str | None, kind: str, parents: object) -> bool:
    if kind == "schema":
        return name in SCHEMAS
    if kind == "table" and isinstance(parents, dict):
        # Partitions belong to their parent.
        return not (parents.get("schema_name") == "sensors" and str(name).startswith("readings_"))
    return True


def _include_object(
    item: SchemaItem, name: str | None, kind: str, reflected: bool, compared: SchemaItem | None
) -> bool:
    del item, reflected, compared
    return not (kind == "table" and name == "alembic_version")


def _url() -> str:
    url = (
        context.config.attributes.get("url")
        or os.environ.get("MIGRATION_DATABASE_URL")
        or os.environ.get("DATABASE_URL")
    )
    if not url:
        raise SystemExit("MIGRATION_DATABASE_URL (or DATABASE_URL) must name the database to migrate")
    return make_url(str(url)).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def _configure(**options: object) -> None:
    context.configure(
        target_metadata=metadata,
        include_schemas=True,
        include_name=_include_name,
        include_object=_include_object,
        version_table="alembic_version",
        version_table_schema="ops",
        compare_type=True,
        transaction_per_migration=True,
        **options,  # type: ignore[arg-type]  # alembic types each option on its own
    )


def _offline() -> None:
    # With the default style of parameters every % would be doubled in the script.
    _configure(dialect_name="postgresql", literal_binds=True, dialect_opts={"paramstyle": "named"})
    with context.begin_transaction():
        context.get_context().impl.static_output(_SCRIPT_HEAD)
        context.execute(f"SET statement_timeout = '{_TURN_TIMEOUT}'")
        context.execute(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})")
        context.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT}'")
        context.execute(f"SET statement_timeout = '{_STATEMENT_TIMEOUT}'")
        context.execute("CREATE SCHEMA IF NOT EXISTS ops")
        context.run_migrations()
        context.execute(f"SELECT pg_advisory_unlock({_ADVISORY_LOCK})")


def _online() -> None:
    engine = create_engine(_url(), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as guard:
        guard.execute(text(f"SET statement_timeout = '{_TURN_TIMEOUT}'"))
        guard.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
        with engine.connect().execution_options(isolation_level="READ COMMITTED") as connection:
            connection.execute(text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
            connection.execute(text(f"SET statement_timeout = '{_STATEMENT_TIMEOUT}'"))
            connection.execute(text("CREATE SCHEMA IF NOT EXISTS ops"))
            connection.commit()
            _configure(connection=connection)
            with context.begin_transaction():
                context.run_migrations()
    engine.dispose()


if context.config.config_file_name is not None and not context.config.attributes.get("quiet"):
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)

if context.is_offline_mode():
    _offline()
else:
    _online()
