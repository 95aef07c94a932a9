import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.sensors.services.tariff_rules import MAX_PERIODS, tariff_problems
from domain.sensors.tariffs import Rate, Tariff, TariffName, TariffPeriod, start_of_day
from domain.shared.currencies import CURRENCIES
from domain.shared.errors import InvalidError
from domain.shared.weeks import Weekday, parse_clock, written_clock

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
ALWAYS = frozenset(Weekday)


def period(start: str, end: str, *days: Weekday, rate: Rate | None = None) -> TariffPeriod:
    return TariffPeriod(
        days=frozenset(days) or ALWAYS,
        from_minute=parse_clock(start),
        to_minute=parse_clock(end),
        rate=rate or Rate(0.2),
    )


GOOD = Tariff(
    name=TariffName("Bi-horária"),
    currency="EUR",
    timezone="Europe/Lisbon",
    valid_from=SINCE,
    periods=(period("22:00", "08:00", rate=Rate(-0.05)), period("08:00", "22:00", rate=Rate(0.2, 100))),
)


def test_a_good_tariff_has_no_faults() -> None:
    assert tariff_problems(GOOD) == []
    assert tariff_problems(replace(GOOD, valid_until=SINCE + timedelta(days=1))) == []


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"name": "a/b"}, "/name", "invalid_id"),
        ({"name": "names"}, "/name", "invalid_id"),
        ({"currency": "EURO"}, "/currency", "unknown_currency"),
        ({"currency": "eur"}, "/currency", "unknown_currency"),
        ({"currency": "XTS"}, "/currency", "unknown_currency"),
        ({"timezone": "Mars/Base"}, "/timezone", "unknown_timezone"),
        ({"timezone": "Europe"}, "/timezone", "unknown_timezone"),
        ({"timezone": ""}, "/timezone", "unknown_timezone"),
        ({"timezone": "../Lisbon\0"}, "/timezone", "unknown_timezone"),
        ({"valid_from": SINCE.replace(year=1969)}, "/valid_from", "out_of_range"),
        ({"valid_until": SINCE.replace(year=9999)}, "/valid_until", "out_of_range"),
        ({"valid_until": SINCE}, "/valid_until", "end_before_start"),
        ({"periods": ()}, "/periods", "invalid_value"),
        ({"periods": (period("00:00", "00:01"),) * (MAX_PERIODS + 1)}, "/periods", "invalid_value"),
    ],
)
def test_each_fault_has_its_place(fields: dict[str, object], pointer: str, code: str) -> None:
    found = tariff_problems(replace(GOOD, **fields))  # type: ignore[arg-type]  # fields by name
    assert [(one.pointer, one.code) for one in found] == [(pointer, code)]


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        (TariffPeriod(days=frozenset(), from_minute=0, to_minute=60, rate=Rate(1)), "days"),
        (TariffPeriod(days=ALWAYS, from_minute=1440, to_minute=60, rate=Rate(1)), "from"),
        (TariffPeriod(days=ALWAYS, from_minute=0, to_minute=1441, rate=Rate(1)), "to"),
        (period("08:00", "08:00"), "to"),
        (period("00:00", "24:00", rate=Rate(math.nan)), "price_per_kwh"),
        (period("00:00", "24:00", rate=Rate(-math.inf)), "price_per_kwh"),
        (period("00:00", "24:00", rate=Rate(1e300)), "price_per_kwh"),
        (period("00:00", "24:00", rate=Rate(1, math.nan)), "co2_g_per_kwh"),
        (period("00:00", "24:00", rate=Rate(1, -1)), "co2_g_per_kwh"),
    ],
)
def test_each_fault_of_a_period_has_its_place(wrong: TariffPeriod, place: str) -> None:
    found = tariff_problems(replace(GOOD, periods=(wrong,)))
    assert [(one.pointer, one.code) for one in found] == [(f"/periods/0/{place}", "invalid_value")]


MON, SUN = Weekday.MON, Weekday.SUN


@pytest.mark.parametrize(
    ("periods", "expected"),
    [
        ([period("08:00", "10:00"), period("10:00", "12:00")], []),
        ([period("08:00", "10:00", MON), period("08:00", "10:00", SUN)], []),
        ([period("22:00", "06:00", SUN), period("06:00", "07:00", MON)], []),
        ([period("08:00", "10:00"), period("09:59", "12:00")], ["/periods/1"]),
        ([period("09:00", "10:00"), period("08:00", "12:00")], ["/periods/1"]),
        ([period("22:00", "06:00", SUN), period("05:00", "07:00", MON)], ["/periods/1"]),
        ([period("05:00", "07:00", MON), period("22:00", "06:00", SUN)], ["/periods/1"]),
        ([period("22:00", "06:00"), period("06:00", "22:01", MON)], ["/periods/1"]),
        (
            [period("00:00", "24:00"), period("01:00", "02:00"), period("03:00", "04:00")],
            ["/periods/1", "/periods/2"],
        ),
        ([period("22:00", "00:00"), period("00:00", "06:00")], []),
    ],
)
def test_two_prices_at_one_time_are_refused(periods: list[TariffPeriod], expected: list[str]) -> None:
    found = tariff_problems(replace(GOOD, periods=tuple(periods)))
    assert [(one.pointer, one.code) for one in found] == [(one, "overlapping_periods") for one in expected]


def test_an_overlap_is_named_by_its_time() -> None:
    (found,) = tariff_problems(
        replace(GOOD, periods=(period("22:00", "06:00", SUN), period("05:30", "07:00", MON)))
    )
    assert found.detail == "two prices on mon at 05:30: it overlaps periods/0"


@pytest.mark.parametrize(
    ("text", "minutes"), [("00:00", 0), ("08:05", 485), ("23:59", 1439), ("24:00", 1440)]
)
def test_times_of_the_day_are_read_and_written(text: str, minutes: int) -> None:
    assert parse_clock(text) == minutes
    assert written_clock(minutes) == text


@pytest.mark.parametrize(
    "text",
    ["", "8:00", "08:60", "24:01", "25:00", "08:00:00", "\u0660\u0668:\u0660\u0660", "08:00\n", "-1:00"],
)
def test_what_is_no_time_of_the_day_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        parse_clock(text)


def test_a_day_begins_with_its_first_moment_in_the_zone() -> None:
    assert start_of_day(date(2026, 7, 1), "Europe/Lisbon") == datetime(2026, 6, 30, 23, tzinfo=UTC)
    assert start_of_day(date(2018, 11, 4), "America/Sao_Paulo") == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert start_of_day(date(2026, 7, 1), "Mars/Base") == datetime(2026, 7, 1, tzinfo=UTC)


def test_currencies_are_codes_of_three_letters() -> None:
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCIES)
    assert {"EUR", "USD", "GBP", "NPR", "AUD", "BRL", "JPY"} <= CURRENCIES
