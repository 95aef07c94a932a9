"""Rows out of PostgreSQL by COPY's binary format: no object per field, and one round trip.

Only for queries whose columns are of fixed width and never NULL, so that every row is of one length. Such a
query holds its arguments as text (integers only), so that it is planned for them.
"""

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Any, Final

from adapters.timescale.copy_format import integers
from domain.shared.time import from_microseconds

POSTGRES_EPOCH_US: Final = 946_684_800_000_000
"""2000-01-01 UTC in µs since 1970: PostgreSQL counts from there."""
_HEADER_LENGTH: Final = 19
_TRAILER_LENGTH: Final = 2


def row_layout(fields: str) -> Struct:
    """Return the layout of rows with these fields, as `struct` names them; ``x`` with a number is left out.

    Each row begins with the count of its fields, each field with its length.
    """
    return Struct(">2x" + "".join(f"4x{field}" for field in fields.split()))


async def copied(driver: Any, query: str) -> memoryview:  # noqa: ANN401 - asyncpg is untyped
    """Return the rows of the query, one after the other."""
    received = bytearray()

    async def receive(data: bytes) -> None:
        received.extend(data)

    await driver.copy_from_query(query, output=receive, format="binary")
    return memoryview(received)[_HEADER_LENGTH:-_TRAILER_LENGTH]


async def copied_rows(driver: Any, query: str, layout: Struct) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401
    """Return the rows of the query as tuples."""
    return layout.iter_unpack(await copied(driver, query))


def array(numbers: Iterable[int], of: str = "int") -> str:
    """Return the integers as an array in SQL."""
    return f"'{integers(numbers)}'::{of}[]"


def timestamp(time_us: int) -> str:
    """Return the time as a constant in SQL."""
    return f"timestamptz '{from_microseconds(time_us).isoformat()}'"
