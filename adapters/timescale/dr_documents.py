"""Nested parts of what demand response keeps, as JSON that is named like their fields.

New fields of these types need defaults, so that what was stored before can be read.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row

from adapters.timescale.storable import storable
from domain.demand_response.model import Fault


def document(value: object) -> Any:  # noqa: ANN401 - what JSON can hold
    """Return the value as lists, dictionaries and scalars, for a column of the statement compiler."""
    return msgspec.to_builtins(value, enc_hook=_plain)


def json_text(value: object) -> str:
    """Return the value as JSON, for the driver."""
    return msgspec.json.encode(value, enc_hook=_plain).decode()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(f"{type(value).__name__} is not kept as JSON")


def columns(rows: Sequence[tuple[object, ...]]) -> Sequence[Sequence[object]]:
    """Return the columns of the rows (of which there is one at least), each an argument of ``unnest``."""
    return [list(one) for one in zip(*rows, strict=True)]


def fault_columns(fault: Fault | None) -> tuple[str | None, str | None]:
    """Return the code and the detail; what a device answered may be in it."""
    return (None, None) if fault is None else (fault.code, storable(fault.detail))


def fault_of(row: Row[Any], name: str) -> Fault | None:
    """Return the fault of a row in ``<name>_code`` and ``<name>_detail``."""
    code = getattr(row, f"{name}_code")
    return None if code is None else Fault(code, getattr(row, f"{name}_detail"))
