"""The database that a command works on: the one that the settings name, else the embedded one."""

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psycopg
from alembic.util.exc import CommandError
from psycopg import sql
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from adapters.embedded import EmbeddedPostgres
from app.settings import Settings
from migrations import run
from migrations.roles import MODULES, ensure_roles, missing_roles, role_name

_CONNECT_SECONDS: Final = 10
_PRIVATE: Final = 0o700


class StorageError(Exception):
    """The database cannot be used as it is; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Storage:
    """Where the data are: the settings with the service's URL, and the owner's URL for migrations."""

    settings: Settings
    owner_url: str
    embedded: bool


def default_data_dir() -> Path:
    """Return the user's data folder (root's is the system's)."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "energy-dashboard"
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/energy-dashboard")
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "energy-dashboard"


@contextmanager
def prepared(settings: Settings, *, folder: str = "data") -> Iterator[Storage]:
    """Give a database at the newest revision, for as long as the context lasts.

    Raises:
        StorageError: it cannot be reached, or stands at another revision.
        EmbeddedPostgresError: the embedded one cannot be started.

    """
    with opened(settings, folder=folder) as storage:
        if storage.embedded or settings.migrate_on_start:
            migrate(storage.owner_url)
        url = storage.owner_url if storage.embedded else _service_url(settings)
        check_revision(url)
        check_roles(url)
        yield storage


@contextmanager
def opened(settings: Settings, *, folder: str = "data") -> Iterator[Storage]:
    """Give the database as it is."""
    if settings.database_url is not None:
        yield Storage(settings, settings.migration_database_url or settings.database_url, embedded=False)
        return
    data_dir = settings.data_dir or default_data_dir() / folder
    try:
        data_dir.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"the folder {data_dir} cannot be made or used: {error.strerror}") from error
    postgres = EmbeddedPostgres(data_dir / "postgres")
    with postgres as owner_url:
        password = _service_password(data_dir / "service-password")
        with _connected(owner_url) as connection:
            if postgres.owner or missing_roles(connection):
                ensure_roles(connection, password)
            database = connection.info.dbname
        service = make_url(owner_url).set(username=role_name(database, "service"), password=password)
        url = service.render_as_string(hide_password=False)
        yield Storage(replace(settings, database_url=url), owner_url, embedded=True)


def migrate(owner_url: str, revision: str = "head") -> None:
    """Make the roles where that is allowed, then bring the database to the revision.

    Raises:
        StorageError: it cannot be reached, or roles are missing and this user may not make them.

    """
    with _connected(owner_url) as connection:
        missing = missing_roles(connection)
        if missing:
            try:
                ensure_roles(connection)
            except psycopg.errors.InsufficientPrivilege as error:
                raise StorageError(
                    f"the roles {', '.join(missing)} are missing, and this user may not make them: "
                    "have a DBA run migrations/roles.sql (see migrations/README.md)"
                ) from error
    if revision != "head" or run.current(owner_url) != run.head():
        with _explained():
            run.upgrade(owner_url, revision)


def downgrade(owner_url: str, revision: str) -> None:
    """Take the database back to the revision, or raise `StorageError`."""
    with _explained():
        run.downgrade(owner_url, revision)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (CommandError, SQLAlchemyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise StorageError(f"the migration did not work: {reason} (is this the owner's URL?)") from error


def check_revision(url: str) -> None:
    """Raise `StorageError` where the database is not at the revision that this program was written for."""
    revision, wanted = revision_of(url), run.head()
    if revision == wanted:
        return
    if revision is None or revision < wanted:
        raise StorageError(
            f"the database is at revision {revision or 'none'}, and this program needs {wanted}: run "
            "`energy-dashboard migrate` with MIGRATION_DATABASE_URL (the owner), or set MIGRATE_ON_START=true"
        )
    raise StorageError(
        f"the database is at revision {revision}, newer than this program ({wanted}): update it"
    )


def check_roles(url: str) -> None:
    """Raise `StorageError` where the user of the URL may not take the role of each module."""
    with _connected(url) as connection:
        names = [role_name(connection.info.dbname, module) for module in MODULES]
        rows = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND pg_has_role(oid, 'MEMBER')", [names]
        ).fetchall()
        refused = sorted(set(names) - {str(row[0]) for row in rows})
    if refused:
        raise StorageError(
            f"the user of DATABASE_URL may not take the roles {', '.join(refused)}: the service logs in as "
            "the user that migrations/roles.sql makes (see migrations/README.md)"
        )


def revision_of(url: str) -> str | None:
    """Return the revision of the database, read as the service may read it."""
    with _connected(url) as connection:
        role = sql.Identifier(role_name(connection.info.dbname, "ops"))
        try:
            with connection.transaction():
                if not _may_read_revision(
                    connection
                ):  # the service may in its role only, the owner as itself
                    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(role))
                row = connection.execute("SELECT version_num FROM ops.alembic_version").fetchone()
        except (
            psycopg.errors.UndefinedTable,
            psycopg.errors.InvalidSchemaName,
            psycopg.errors.InvalidParameterValue,
        ):
            return None
        except psycopg.errors.InsufficientPrivilege as error:
            if _is_unmigrated(connection):
                return None
            raise StorageError(
                f"the user of DATABASE_URL may not take the role {role_name(connection.info.dbname, 'ops')}: "
                "have a DBA run migrations/roles.sql (see migrations/README.md)"
            ) from error
        return None if row is None else str(row[0])


def missing_roles_of(url: str) -> list[str]:
    """Return the roles that the database's server lacks."""
    with _connected(url) as connection:
        return missing_roles(connection)


def _may_read_revision(connection: "psycopg.Connection[tuple[object, ...]]") -> bool:
    row = connection.execute(
        "SELECT has_schema_privilege(oid, 'USAGE') AND to_regclass('ops.alembic_version') IS NOT NULL"
        " AND has_table_privilege('ops.alembic_version', 'SELECT') FROM pg_namespace WHERE nspname = 'ops'"
    ).fetchone()
    return bool(row and row[0])


def _is_unmigrated(connection: "psycopg.Connection[tuple[object, ...]]") -> bool:
    """Return whether no migration has ever run."""
    row = connection.execute("SELECT to_regnamespace('ops') IS NULL").fetchone()
    return bool(row and row[0])


def _service_url(settings: Settings) -> str:
    if settings.database_url is None:
        raise StorageError("DATABASE_URL names no database")
    return settings.database_url


@contextmanager
def _connected(url: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    parsed = make_url(url)
    try:
        connection = psycopg.connect(
            host=parsed.host,
            port=parsed.port,
            user=parsed.username,
            password=parsed.password,
            dbname=parsed.database,
            connect_timeout=_CONNECT_SECONDS,
            **{name: str(value) for name, value in parsed.query.items()},  # type: ignore[arg-type]  # by name
        )
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise StorageError(f"the database cannot be reached: {reason}") from error
    with connection:
        yield connection


def _service_password(file: Path) -> str:
    """Return the service's password, made once and kept for its owner's eyes only."""
    if not file.exists():
        # Written aside and linked, so that of two first starts one makes it and both read it whole.
        handle, name = tempfile.mkstemp(prefix=".service-password-", dir=file.parent)
        with os.fdopen(handle, "w") as aside:
            aside.write(secrets.token_urlsafe(32))
        with suppress(FileExistsError):
            os.link(name, file)
        Path(name).unlink()
    return file.read_text()
