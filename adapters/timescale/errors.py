"""What the database reports, in the domain's errors."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from domain.demand_response.errors import event_exists
from domain.ingestion.errors import concurrent_change
from domain.sensors.errors import ChunkStoredError, StaleSensorsError
from domain.shared.errors import ConflictError, DomainError, InvalidError, UnavailableError

CONSTRAINTS: Final[dict[str, Callable[[], DomainError]]] = {
    "uq_api_keys_secret_hash": lambda: ConflictError("api_key_exists", "there is such a key already"),
    "fk_latest_sensor_key_sensors": StaleSensorsError,
    "pk_configurations": concurrent_change,
    "pk_reports": lambda: ConflictError("report_exists", "there is a report of this version already"),
    "uq_assignments_serving": lambda: ConflictError(
        "device_is_serving", "the device serves an event already"
    ),
    "uq_events_of_rule": event_exists,
    "uq_files_origin_path": lambda: ConflictError("file_exists", "another process has just found this file"),
    "uq_programs_program_name": lambda: ConflictError(
        "program_exists", "there is a program of this name already; PUT changes it"
    ),
    "uq_scans_running": lambda: ConflictError("scan_running", "a scan is running"),
    "pk_write_receipts": ChunkStoredError,
}
"""The name of a constraint, and the error of the domain that breaking it means."""

_LOST: Final = (asyncpg.InternalClientError, ConnectionError, TimeoutError)
"""What the driver also raises where the server goes in the middle of an answer, or gives none in time."""


def _cause(error: BaseException) -> BaseException:
    """Return what the driver said; what lies below that (a broken pipe) says less."""
    while error.__cause__ is not None and not isinstance(
        error, (asyncpg.PostgresError, asyncpg.InterfaceError)
    ):
        error = error.__cause__
    return error


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn errors of the database into errors of the domain where they mean one."""
    try:
        yield
    except PoolTimeoutError as timeout:
        raise UnavailableError("database_busy", "no connection to the database was free in time") from timeout
    except _LOST as error:
        raise UnavailableError("database_unavailable", "the connection to the database was lost") from error
    except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        cause = _cause(error)
        known = CONSTRAINTS.get(getattr(cause, "constraint_name", None) or "")
        if known is not None:
            raise known() from error
        if isinstance(cause, (asyncpg.PostgresConnectionError, asyncpg.InterfaceError)) or (
            isinstance(error, DBAPIError) and error.connection_invalidated
        ):
            raise UnavailableError(
                "database_unavailable", "the connection to the database was lost"
            ) from error
        if isinstance(cause, asyncpg.DeadlockDetectedError | asyncpg.SerializationError):
            raise UnavailableError("database_busy", "others were changing the same at this moment") from error
        if isinstance(cause, asyncpg.UniqueViolationError):
            raise ConflictError("already_exists", "it exists already") from error
        if isinstance(cause, asyncpg.CharacterNotInRepertoireError | asyncpg.UntranslatableCharacterError):
            raise InvalidError("invalid_text", "a text holds a character that cannot be stored") from error
        if isinstance(cause, asyncpg.OperatorInterventionError | asyncpg.InsufficientResourcesError):
            raise UnavailableError("database_unavailable", "the database cannot do this now") from error
        raise
