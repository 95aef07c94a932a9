from datetime import date

import pytest

from adapters.calendars.countries import country_of
from adapters.calendars.public_holidays import LibraryHolidayCalendar, has_holidays
from app.container import make_container
from app.settings import SettingsError, read_settings
from domain.demand_response.ports import HolidayCalendar
from tests.memory_provider import MemoryProvider

YEAR = date(2026, 1, 1), date(2026, 12, 31)


def test_the_holidays_of_portugal_with_those_that_move() -> None:
    found = LibraryHolidayCalendar("PT").holidays(*YEAR)
    assert len(found) == 13
    assert found[date(2026, 4, 3)] == "Good Friday"
    assert found[date(2026, 6, 4)] == "Corpus Christi"
    assert list(found) == sorted(found)


def test_both_ends_are_included_over_the_turn_of_the_year() -> None:
    found = LibraryHolidayCalendar("PT").holidays(date(2025, 12, 25), date(2026, 1, 1))
    assert list(found) == [date(2025, 12, 25), date(2026, 1, 1)]
    assert LibraryHolidayCalendar("PT").holidays(date(2026, 1, 2), date(2026, 1, 1)) == {}


def test_a_subdivision_has_more() -> None:
    germany, bavaria = (LibraryHolidayCalendar(one).holidays(*YEAR) for one in ("DE", "DE-BY"))
    assert date(2026, 1, 6) not in germany
    assert bavaria[date(2026, 1, 6)] == "Epiphany"


def test_a_day_off_in_lieu_counts() -> None:
    assert date(2026, 7, 3) in LibraryHolidayCalendar("US").holidays(*YEAR)


@pytest.mark.parametrize("country", [None, "XX", "PT-ZZ", "ZZ-1"])
def test_of_what_is_not_known_there_are_none(country: str | None) -> None:
    assert LibraryHolidayCalendar(country).holidays(*YEAR) == {}
    assert country is None or not has_holidays(country)


@pytest.mark.parametrize(
    ("zone", "country"),
    [
        ("Europe/Lisbon", "PT"),
        ("Portugal", "PT"),
        ("Asia/Calcutta", "IN"),
        ("America/Los_Angeles", "US"),
        ("UTC", None),
        ("Etc/GMT+3", None),
        ("nowhere", None),
    ],
)
def test_the_country_of_a_zone(zone: str, country: str | None) -> None:
    assert country_of(zone) == country


@pytest.mark.parametrize(
    ("given", "is_holiday"),
    [
        ({}, True),
        ({"TIMEZONE": "Europe/Berlin"}, False),
        ({"TIMEZONE": "Europe/Berlin", "HOLIDAYS_COUNTRY": "PT"}, True),
        ({"TIMEZONE": "UTC"}, False),
    ],
)
async def test_the_setting_wins_over_the_zone(given: dict[str, str], *, is_holiday: bool) -> None:
    container = make_container(read_settings(given, None), MemoryProvider())
    calendar: HolidayCalendar = await container.get(HolidayCalendar)
    assert (date(2026, 12, 8) in calendar.holidays(*YEAR)) == is_holiday
    await container.close()


@pytest.mark.parametrize("given", ["XX", "PT-ZZ"])
def test_a_country_that_nobody_knows_stops_the_start(given: str) -> None:
    with pytest.raises(SettingsError, match="HOLIDAYS_COUNTRY"):
        read_settings({"HOLIDAYS_COUNTRY": given}, None)
