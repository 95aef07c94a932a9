"""Running migrations from the program, as ``alembic`` does from a shell."""

from pathlib import Path
from typing import Final, TextIO

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine, make_url

_HERE: Final = Path(__file__).parent


def configuration(url: str, output: TextIO | None = None) -> Config:
    """Return Alembic's configuration for a database."""
    config = Config(output_buffer=output) if output is not None else Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    config.attributes["quiet"] = True
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database to the revision; two that run at once go one after the other."""
    command.upgrade(configuration(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Take the database back to the revision."""
    command.downgrade(configuration(url), revision)


def script(output: TextIO, revision: str = "head") -> None:
    """Write the SQL of all migrations up to the revision."""
    command.upgrade(configuration("postgresql://", output), revision, sql=True)


def head() -> str:
    """Return the newest revision there is."""
    return ScriptDirectory.from_config(configuration("postgresql://")).get_current_head() or ""


def current(url: str) -> str | None:
    """Return the database's revision, None before the first migration."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"version_table": "alembic_version", "version_table_schema": "ops"}
            )
            return context.get_current_revision()
    finally:
        engine.dispose()
