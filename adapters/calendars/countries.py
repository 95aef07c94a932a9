"""Which country a time zone lies in, by the tables of the time zone database."""

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Final

_COMMENT: Final = "#"
_LINK: Final = "L"


def country_of(zone: str) -> str | None:
    """Return the country (ISO 3166) of a zone's name, an old name too; None for UTC and the like."""
    by_zone = _countries()
    return by_zone.get(zone) or by_zone.get(_links().get(zone, ""))


@cache
def _countries() -> dict[str, str]:
    rows = (line.split("\t") for line in _lines("zone.tab") if not line.startswith(_COMMENT))
    return {row[2]: row[0] for row in rows}


@cache
def _links() -> dict[str, str]:
    """Return the zone's newer name by its older one."""
    rows = (line.split() for line in _lines("tzdata.zi"))
    return {row[2]: row[1] for row in rows if row and row[0] == _LINK}


def _lines(table: str) -> Iterator[str]:
    file = resources.files("tzdata") / "zoneinfo" / table
    yield from file.read_text(encoding="utf-8").splitlines()
