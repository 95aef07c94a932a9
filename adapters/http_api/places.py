"""Where in a request a fault lies that the domain knows without its place."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from domain.shared.errors import InvalidError, Problem

IN_QUERY: Final = {
    "unit_mismatch": "/query/unit",
    "end_before_start": "/query/end",
    "out_of_calendar": "/query/end",
    "too_many_buckets": "/query/resolution",
    "invalid_resolution": "/query/resolution",
    "parquet_unavailable": "/query/format",
}


@contextmanager
def placed(places: Mapping[str, str] = IN_QUERY) -> Iterator[None]:
    """Say where a fault lies that the domain knows without its place: ``places`` are pointers by its code."""
    try:
        yield
    except InvalidError as error:
        if error.problems or error.code not in places:
            raise
        problem = Problem(places[error.code], error.code, error.detail)
        raise InvalidError(error.code, error.detail, [problem]) from error
