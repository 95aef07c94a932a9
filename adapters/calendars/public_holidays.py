"""Public holidays by the `holidays` library, which knows some 250 countries and their subdivisions."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import holidays

from domain.demand_response.ports import HolidayCalendar

_LANGUAGE: Final = "en_US"
"""Where the library has it; else the names are in the country's own."""


def has_holidays(country: str) -> bool:
    """Whether the library knows a country (``PT``), or a subdivision of one (``US-CA``)."""
    name, _, subdivision = country.partition("-")
    known = holidays.list_supported_countries()
    return name in known and (not subdivision or subdivision in known[name])


class LibraryHolidayCalendar(HolidayCalendar):
    """The holidays on which nobody has to work, and days off in lieu; none of a country that is not known."""

    def __init__(self, country: str | None) -> None:
        self._country = country if country is not None and has_holidays(country) else None

    def holidays(self, first: date, last: date) -> Mapping[date, str]:
        if self._country is None or first > last:
            return {}
        name, _, subdivision = self._country.partition("-")
        found = holidays.country_holidays(
            name, subdiv=subdivision or None, years=range(first.year, last.year + 1), language=_LANGUAGE
        )
        return {day: found[day] for day in sorted(found) if first <= day <= last}
