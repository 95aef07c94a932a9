"""What makes a tariff a good one."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from domain.sensors.tariffs import Tariff, TariffPeriod, is_timezone, tariff_name
from domain.shared.currencies import CURRENCIES
from domain.shared.errors import DomainError, Problem
from domain.shared.time import EPOCH
from domain.shared.weeks import MINUTES_A_DAY, Weekday, written_clock

MAX_PERIODS: Final = 200
_HIGHEST: Final = 1e9
_LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)


def tariff_problems(tariff: Tariff) -> list[Problem]:
    """Return each fault of a tariff."""
    return [*_field_problems(tariff), *_period_problems(tariff.periods)]


def _field_problems(tariff: Tariff) -> Iterator[Problem]:
    try:
        tariff_name(tariff.name)
    except DomainError as error:
        yield Problem("/name", error.code, error.detail)
    if tariff.currency not in CURRENCIES:
        yield Problem("/currency", "unknown_currency", "it needs to be a code of ISO 4217, such as EUR")
    if not is_timezone(tariff.timezone):
        yield Problem("/timezone", "unknown_timezone", "it needs to be an IANA name, such as Europe/Lisbon")
    for name, time in (("valid_from", tariff.valid_from), ("valid_until", tariff.valid_until)):
        if time is not None and not EPOCH <= time <= _LATEST:
            yield Problem(f"/{name}", "out_of_range", "it needs to lie in the years 1970 to 9000")
    if tariff.valid_until is not None and tariff.valid_until <= tariff.valid_from:
        yield Problem("/valid_until", "end_before_start", "it needs to lie after valid_from")


def _period_problems(periods: Sequence[TariffPeriod]) -> Iterator[Problem]:
    if not 1 <= len(periods) <= MAX_PERIODS:
        yield Problem("/periods", "invalid_value", f"a tariff has 1 to {MAX_PERIODS} periods")
        return
    for index, period in enumerate(periods):
        yield from _one_periods_problems(f"/periods/{index}", period)
    yield from _overlaps(periods)


def _one_periods_problems(pointer: str, period: TariffPeriod) -> Iterator[Problem]:
    if not period.days:
        yield Problem(f"{pointer}/days", "invalid_value", "at least one day")
    if not 0 <= period.from_minute < MINUTES_A_DAY:
        yield Problem(f"{pointer}/from", "invalid_value", "it needs to be 00:00 to 23:59")
    if not 0 <= period.to_minute <= MINUTES_A_DAY:
        yield Problem(f"{pointer}/to", "invalid_value", "it needs to be 00:00 to 24:00")
    if period.from_minute == period.to_minute:
        yield Problem(f"{pointer}/to", "invalid_value", "it equals from; a whole day is 00:00 to 24:00")
    if not abs(period.rate.price_per_kwh) <= _HIGHEST:
        yield Problem(f"{pointer}/price_per_kwh", "invalid_value", "it needs to be a finite price, below 1e9")
    co2 = period.rate.co2_g_per_kwh
    if co2 is not None and not (math.isfinite(co2) and 0 <= co2 <= _HIGHEST):
        yield Problem(f"{pointer}/co2_g_per_kwh", "invalid_value", "it needs to be 0 or more, below 1e9")


def _overlaps(periods: Sequence[TariffPeriod]) -> Iterator[Problem]:
    spans = sorted((*span, index) for index, period in enumerate(periods) for span in period.weekly())
    told: set[tuple[int, int]] = set()
    last_end, last_index = 0, 0
    for start, end, index in spans:
        pair = (max(index, last_index), min(index, last_index))
        if start < last_end and pair not in told:
            told.add(pair)
            day, minute = divmod(start, MINUTES_A_DAY)
            when = f"{list(Weekday)[day]} at {written_clock(minute)}"
            detail = f"two prices on {when}: it overlaps periods/{pair[1]}"
            yield Problem(f"/periods/{pair[0]}", "overlapping_periods", detail)
        if end > last_end:
            last_end, last_index = end, index
