"""Where in a query a fault lies that the domain knows without its place."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from domain.shared.errors import InvalidError, Problem

_PLACES: Final = {
    "unit_mismatch": "/query/unit",
    "end_before_start": "/query/end",
    "out_of_calendar": "/query/end",
    "too_many_buckets": "/query/resolution",
    "invalid_resolution": "/query/resolution",
    "parquet_unavailable": "/query/format",
}


@contextmanager
def placed() -> Iterator[None]:
    """Say of which parameter a fault is that the domain knows without its place."""
    try:
        yield
    except InvalidError as error:
        if error.problems or error.code not in _PLACES:
            raise
        problem = Problem(_PLACES[error.code], error.code, error.detail)
        raise InvalidError(error.code, error.detail, [problem]) from error
