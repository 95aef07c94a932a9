"""Prices across clock changes, against lookups of each minute on the clock on the wall."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.sensors.services.tariff_prices import PriceSpan, price_edges, price_spans, rate_at
from domain.sensors.services.tariff_rules import tariff_problems
from domain.sensors.tariffs import Rate, Tariff, TariffName, TariffPeriod
from domain.shared.errors import InvalidError
from domain.shared.time import EPOCH
from domain.shared.weeks import Weekday, parse_clock

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TICK = timedelta(microseconds=1)
ALWAYS = frozenset(Weekday)
ZONES = [
    "UTC",
    "Europe/Lisbon",
    "Asia/Kathmandu",  # +05:45
    "Australia/Lord_Howe",  # half an hour of summer time
    "America/Sao_Paulo",  # clocks went forward at midnight
    "America/Havana",  # and back to midnight
    "America/St_Johns",  # back at 00:01, into the day before
    "Pacific/Apia",  # left out the 30th of December 2011
    "Africa/Monrovia",  # 44 minutes and 30 seconds
    "Africa/Casablanca",  # a month without summer time
]


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def period(start: str, end: str, price: float, days: frozenset[Weekday] = ALWAYS) -> TariffPeriod:
    return TariffPeriod(
        days=days, from_minute=parse_clock(start), to_minute=parse_clock(end), rate=Rate(price, 100 * price)
    )


def tariff(
    zone: str, *periods: TariffPeriod, since: datetime = EPOCH, until: datetime | None = None
) -> Tariff:
    return Tariff(
        name=TariffName("t"),
        currency="EUR",
        timezone=zone,
        valid_from=since,
        valid_until=until,
        periods=periods,
    )


def minutes_of(one: TariffPeriod) -> set[tuple[int, int]]:
    """Say it plainly: each weekday and minute of the day at which the period holds."""
    found = set()
    for day, name in enumerate(Weekday):
        if name in one.days and one.from_minute < one.to_minute:
            found |= {(day, minute) for minute in range(one.from_minute, one.to_minute)}
        elif name in one.days:
            found |= {(day, minute) for minute in range(one.from_minute, 1440)}
            found |= {((day + 1) % 7, minute) for minute in range(one.to_minute)}
    return found


class Lookup:
    """The rate of each minute of the week, in a table."""

    def __init__(self, wanted: Tariff) -> None:
        self.zone = ZoneInfo(wanted.timezone)
        self.rates = {minute: one.rate for one in wanted.periods for minute in minutes_of(one)}

    def __call__(self, time: datetime) -> Rate | None:
        local = time.astimezone(self.zone)
        return self.rates.get((local.weekday(), local.hour * 60 + local.minute))


_STARTS = st.one_of(
    st.integers(0, 66 * 365 * 24 * 60).map(lambda minutes: utc(1971, 12, 2) + minutes * MINUTE),
    # Around the days on which the clocks of these zones change.
    st.tuples(
        st.sampled_from(
            [
                utc(1972, 1, 7),
                utc(2011, 12, 30),
                utc(2010, 11, 7, 3),
                utc(2018, 11, 4, 3),
                utc(2019, 2, 17, 2),
                utc(2026, 2, 15, 2),
                utc(2026, 3, 29),
                utc(2026, 10, 25),
                utc(2026, 4, 4, 15),
                utc(2026, 10, 3, 16),
                utc(2026, 11, 1, 5),
            ]
        ),
        st.integers(-48 * 3600, 12 * 3600),
    ).map(lambda one: one[0] + timedelta(seconds=one[1])),
)
_MINUTES = st.one_of(st.integers(0, 95).map(lambda quarter: quarter * 15), st.integers(0, 1439))


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    """Make a tariff of any periods that do not overlap."""
    taken: set[tuple[int, int]] = set()
    periods: list[TariffPeriod] = []
    for price in range(draw(st.integers(1, 6))):
        one = TariffPeriod(
            days=draw(st.frozensets(st.sampled_from(Weekday), min_size=1)),
            from_minute=draw(_MINUTES),
            to_minute=draw(_MINUTES | st.just(1440)),
            rate=Rate(draw(st.sampled_from([float(price), 0.5])), draw(st.none() | st.just(10.0))),
        )
        held = minutes_of(one)
        if one.from_minute != one.to_minute and not held & taken:
            taken |= held
            periods.append(one)
    return tariff(draw(st.sampled_from(ZONES)), *periods)


@given(made=tariffs(), start=_STARTS, minutes=st.integers(1, 3 * 24 * 60))
@settings(deadline=None, max_examples=150)
def test_each_minute_has_the_rate_that_its_clock_shows(made: Tariff, start: datetime, minutes: int) -> None:
    end = start + minutes * MINUTE
    looked_up = Lookup(made)
    spans = price_spans(made, start, end)
    assert (spans[0].start, spans[-1].end) == (start, end)
    edges = [span.start for span in spans]
    for number in range(minutes):
        time = start + number * MINUTE
        rate = looked_up(time)
        assert spans[bisect_right(edges, time) - 1].rate == rate
        if number % 60 == 0:
            assert rate_at(made, time) == rate
    for before, after in pairwise(spans):
        assert before.end == after.start
        assert before.start < before.end
        # The border is exact: the rate is another one from this very moment on.
        assert looked_up(after.start - TICK) == before.rate == rate_at(made, after.start - TICK)
        assert looked_up(after.start) == after.rate == rate_at(made, after.start)
        assert before.rate != after.rate
    assert price_edges(made, start, end) == [*edges, end]


@given(made=tariffs(), start=_STARTS, cut=st.integers(1, 10_000), minutes=st.integers(1, 10_000))
@settings(deadline=None, max_examples=100)
def test_borders_do_not_depend_on_where_one_begins_to_look(
    made: Tariff, start: datetime, cut: int, minutes: int
) -> None:
    middle = start + cut * MINUTE
    end = middle + minutes * MINUTE
    parts = {*price_edges(made, start, middle), *price_edges(made, middle, end)}
    assert parts - {middle} == {*price_edges(made, start, end)} - {middle}


@given(made=tariffs())
@settings(deadline=None, max_examples=100)
def test_periods_that_share_no_minute_are_accepted(made: Tariff) -> None:
    assert [one.code for one in tariff_problems(made) if one.code == "overlapping_periods"] == []


NIGHT_AND_DAY = (period("22:00", "08:00", 1), period("08:00", "22:00", 2))


@pytest.mark.parametrize(
    ("zone", "start", "end", "inner"),
    [
        # 23 hours, 25 hours: the night is shorter, and longer.
        ("Europe/Lisbon", utc(2026, 3, 28, 12), utc(2026, 3, 29, 12), [(28, 22, 0), (29, 7, 0)]),
        ("Europe/Lisbon", utc(2026, 10, 24, 12), utc(2026, 10, 25, 12), [(24, 21, 0), (25, 8, 0)]),
        ("Asia/Kathmandu", utc(2026, 3, 28), utc(2026, 3, 29), [(28, 2, 15), (28, 16, 15)]),
        ("Australia/Lord_Howe", utc(2026, 4, 4), utc(2026, 4, 5), [(4, 11, 0), (4, 21, 30)]),
        ("Australia/Lord_Howe", utc(2026, 10, 3), utc(2026, 10, 4), [(3, 11, 30), (3, 21, 0)]),
    ],
)
def test_a_night_is_as_long_as_its_clock_says(
    zone: str, start: datetime, end: datetime, inner: list[tuple[int, int, int]]
) -> None:
    times = [start.replace(day=day, hour=hour, minute=minute) for day, hour, minute in inner]
    assert price_edges(tariff(zone, *NIGHT_AND_DAY), start, end) == [start, *times, end]


def test_the_repeated_hour_has_its_price_twice() -> None:
    made = tariff("Europe/Lisbon", period("01:15", "01:30", 9))
    spans = price_spans(made, utc(2026, 10, 25), utc(2026, 10, 25, 3))
    dear = [(span.start, span.end) for span in spans if span.rate is not None]
    assert dear == [
        (utc(2026, 10, 25, 0, 15), utc(2026, 10, 25, 0, 30)),
        (utc(2026, 10, 25, 1, 15), utc(2026, 10, 25, 1, 30)),
    ]


def test_a_time_that_clocks_skip_has_no_price_and_costs_nobody_any() -> None:
    made = tariff("Europe/Lisbon", period("01:15", "01:30", 9), period("01:30", "02:30", 3))
    spans = price_spans(made, utc(2026, 3, 29), utc(2026, 3, 29, 3))
    assert [
        (span.start.hour, span.start.minute, span.rate and span.rate.price_per_kwh) for span in spans
    ] == [
        (0, 0, None),
        (1, 0, 3),  # 02:00 of summer, from the moment that the clocks go forward
        (1, 30, None),
    ]


def test_a_day_whose_midnight_does_not_exist_begins_with_its_first_moment() -> None:
    sunday = tariff("America/Sao_Paulo", period("00:00", "24:00", 5, frozenset({Weekday.SUN})))
    edges = price_edges(sunday, utc(2018, 11, 3), utc(2018, 11, 6))
    assert edges[1:-1] == [utc(2018, 11, 4, 3), utc(2018, 11, 5, 2)]


def test_a_period_past_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    made = tariff("UTC", period("22:00", "06:00", 5, frozenset({Weekday.SUN})))
    edges = price_edges(made, utc(2026, 3, 1, 12), utc(2026, 3, 9, 0))
    assert edges[1:-1] == [utc(2026, 3, 1, 22), utc(2026, 3, 2, 6), utc(2026, 3, 8, 22)]
    monday = tariff("UTC", period("00:00", "24:00", 5, frozenset({Weekday.MON})))
    assert rate_at(monday, utc(2026, 3, 2, 3)) == Rate(5, 500)
    assert rate_at(made, utc(2026, 3, 3, 3)) is None


def test_nothing_is_priced_outside_the_validity() -> None:
    made = tariff("UTC", period("00:00", "24:00", 5), since=utc(2026, 3, 1), until=utc(2026, 3, 2, 0, 30))
    rate = Rate(5, 500)
    assert price_spans(made, utc(2026, 2, 28), utc(2026, 3, 3)) == [
        PriceSpan(utc(2026, 2, 28), utc(2026, 3, 1), None),
        PriceSpan(utc(2026, 3, 1), utc(2026, 3, 2, 0, 30), rate),
        PriceSpan(utc(2026, 3, 2, 0, 30), utc(2026, 3, 3), None),
    ]
    for start in (utc(2026, 2, 1), utc(2026, 3, 5), utc(2026, 3, 2, 0, 30)):
        assert price_spans(made, start, start + HOUR) == [PriceSpan(start, start + HOUR, None)]
    assert price_spans(made, utc(2026, 3, 1), utc(2026, 3, 1, 1))[0].rate == rate
    assert rate_at(made, utc(2026, 3, 1) - TICK) is None
    assert rate_at(made, utc(2026, 3, 2, 0, 30)) is None


def test_an_empty_range_has_no_spans() -> None:
    made = tariff("UTC", *NIGHT_AND_DAY)
    assert price_spans(made, utc(2026, 3, 1), utc(2026, 3, 1)) == []
    assert price_edges(made, utc(2026, 3, 1), utc(2026, 3, 1)) == []


def test_one_price_for_all_time_is_one_span_however_long() -> None:
    made = tariff("Europe/Lisbon", period("08:00", "07:00", 5), period("07:00", "08:00", 5))
    assert len(price_spans(made, utc(1971, 1, 1), datetime.max.replace(tzinfo=UTC))) == 1


@pytest.mark.parametrize("zone", ["Pacific/Apia", "America/Sao_Paulo"])
@pytest.mark.parametrize("end", [utc(2900, 1, 1), datetime.max.replace(tzinfo=UTC)])
def test_more_changes_than_one_answer_holds_are_refused(zone: str, end: datetime) -> None:
    with pytest.raises(InvalidError) as refused:
        price_spans(tariff(zone, *NIGHT_AND_DAY), utc(1971, 1, 1), end)
    assert refused.value.code == "too_many_buckets"


def test_where_the_calendar_ends_prices_do_too() -> None:
    end = datetime.max.replace(tzinfo=UTC)
    with pytest.raises(InvalidError) as refused:
        price_spans(tariff("Pacific/Apia", *NIGHT_AND_DAY), end - 3 * DAY, end)
    assert refused.value.code == "out_of_calendar"
    assert len(price_spans(tariff("America/Sao_Paulo", *NIGHT_AND_DAY), end - DAY, end)) == 3
