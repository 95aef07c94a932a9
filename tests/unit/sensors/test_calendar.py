"""Calendar buckets of zones whose clocks do every trick."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.sensors.services.calendar import MAX_BUCKETS, bucket_edges, check_resolution
from domain.shared.errors import InvalidError
from domain.shared.periods import Period, parse_period

ZONES = {
    name: ZoneInfo(name)
    for name in (
        "UTC",
        "Europe/Lisbon",
        "Asia/Kathmandu",  # +05:45
        "Australia/Lord_Howe",  # half an hour of summer time
        "America/Sao_Paulo",  # clocks went forward at midnight
        "America/Havana",  # and back to midnight
        "America/St_Johns",  # back at 00:01, into the day before
        "Pacific/Apia",  # left out the 30th of December 2011
        "Africa/Monrovia",  # 44 minutes and 30 seconds
    )
}
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def of(text: str) -> Period:
    return parse_period(text)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


_STARTS = st.one_of(
    st.integers(0, 66 * 365 * 24 * 60).map(lambda minutes: utc(1972, 1, 2) + minutes * MINUTE),
    # Around the days on which the clocks of these zones change.
    st.tuples(
        st.sampled_from(
            [
                utc(2011, 12, 30),
                utc(2010, 11, 7, 3),
                utc(2018, 11, 4, 3),
                utc(2019, 2, 17, 2),
                utc(2026, 3, 29),
                utc(2026, 10, 25),
                utc(2026, 4, 4, 15),
                utc(2026, 10, 3, 16),
                utc(2026, 11, 1, 5),
            ]
        ),
        st.integers(-36 * 60, 36 * 60),
    ).map(lambda one: one[0] + one[1] * MINUTE),
)
_RANGES = st.tuples(_STARTS, st.integers(1, 4 * 24 * 60)).map(lambda one: (one[0], one[0] + one[1] * MINUTE))
_SHORT = st.sampled_from(["PT1M", "PT15M", "PT1H", "PT7H", "PT24H", "PT1H30M"]).map(of)
_DAYS = st.sampled_from(["P1D", "P2D", "P1W", "P1M", "P3M", "P1Y"]).map(of)


@given(zone=st.sampled_from(sorted(ZONES)), asked=_RANGES, resolution=st.one_of(_SHORT, _DAYS))
@settings(deadline=None, max_examples=300)
def test_edges_ascend_and_cover_what_was_asked(
    zone: str, asked: tuple[datetime, datetime], resolution: Period
) -> None:
    edges = bucket_edges(*asked, resolution, ZONES[zone])
    assert all(before < after for before, after in pairwise(edges))
    assert edges[0] <= asked[0] < edges[1]
    assert edges[-2] < asked[1] <= edges[-1]
    assert all(edge.tzinfo is UTC for edge in edges)


@given(zone=st.sampled_from(sorted(ZONES)), asked=_RANGES, resolution=_DAYS)
@settings(deadline=None, max_examples=300)
def test_days_and_longer_begin_with_the_first_moment_of_a_local_day(
    zone: str, asked: tuple[datetime, datetime], resolution: Period
) -> None:
    second = timedelta(seconds=1)
    for edge in bucket_edges(*asked, resolution, ZONES[zone]):
        local, before = edge.astimezone(ZONES[zone]), (edge - second).astimezone(ZONES[zone])
        assert before.date() < local.date()
        if local.time() != time.min:  # midnight itself was left out
            assert before.utcoffset() != local.utcoffset()


@given(zone=st.sampled_from(sorted(ZONES)), asked=_RANGES, resolution=_SHORT)
@settings(deadline=None, max_examples=300)
def test_shorter_ones_have_one_length_but_for_the_last_of_a_day(
    zone: str, asked: tuple[datetime, datetime], resolution: Period
) -> None:
    edges = bucket_edges(*asked, resolution, ZONES[zone])
    midnights = set(bucket_edges(asked[0] - HOUR, asked[1] + 25 * HOUR, of("P1D"), ZONES[zone]))
    for before, after in pairwise(edges):
        assert after - before == resolution.elapsed or (
            after in midnights and after - before < resolution.elapsed
        )


@given(zone=st.sampled_from(sorted(ZONES)), asked=_RANGES, resolution=st.one_of(_SHORT, _DAYS))
@settings(deadline=None, max_examples=100)
def test_buckets_do_not_depend_on_where_one_begins_to_look(
    zone: str, asked: tuple[datetime, datetime], resolution: Period
) -> None:
    start, end = asked
    wide = bucket_edges(start - 50 * HOUR, end + 50 * HOUR, resolution, ZONES[zone])
    assert set(bucket_edges(start, end, resolution, ZONES[zone])) <= set(wide)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Lisbon", date(2026, 3, 29), 23),
        ("Europe/Lisbon", date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),
        ("America/Sao_Paulo", date(2019, 2, 16), 25),
        ("Asia/Kathmandu", date(2026, 3, 29), 24),
    ],
)
def test_days_are_as_long_as_their_clocks_say(zone: str, day: date, hours: float) -> None:
    noon = datetime.combine(day, time(12), ZONES[zone]).astimezone(UTC)
    start, end = bucket_edges(noon, noon + HOUR, of("P1D"), ZONES[zone])
    assert end - start == hours * HOUR
    quarters = bucket_edges(start, end, of("PT15M"), ZONES[zone])
    assert len(quarters) - 1 == hours * 4


def test_a_day_that_never_was_has_no_bucket() -> None:
    edges = bucket_edges(utc(2011, 12, 29, 12), utc(2011, 12, 31, 0), of("P1D"), ZONES["Pacific/Apia"])
    assert [edge.astimezone(ZONES["Pacific/Apia"]).date().day for edge in edges] == [29, 31, 1]


def test_weeks_begin_on_monday() -> None:
    edges = bucket_edges(utc(2026, 3, 4), utc(2026, 3, 20), of("P1W"), ZONES["Europe/Lisbon"])
    assert edges == [utc(2026, 3, 2), utc(2026, 3, 9), utc(2026, 3, 16), utc(2026, 3, 23)]


def test_months_and_years_begin_on_their_first_day() -> None:
    edges = bucket_edges(utc(2026, 3, 4), utc(2026, 4, 20), of("P1M"), ZONES["Europe/Lisbon"])
    assert edges == [utc(2026, 3, 1), utc(2026, 3, 31, 23), utc(2026, 4, 30, 23)]
    edges = bucket_edges(utc(2026, 3, 4), utc(2026, 4, 20), of("P1Y"), ZONES["Asia/Kathmandu"])
    assert edges == [utc(2025, 12, 31, 18, 15), utc(2026, 12, 31, 18, 15)]


def test_an_empty_range_has_no_buckets() -> None:
    assert bucket_edges(utc(2026, 3, 4), utc(2026, 3, 4), of("P1D"), ZONES["UTC"]) == []


@pytest.mark.parametrize("text", ["P1DT1H", "P1M1D", "PT25H", "PT0.5S", "P1YT1S"])
def test_a_resolution_of_mixed_parts_is_refused(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        check_resolution(of(text))
    assert refused.value.code == "invalid_resolution"


@pytest.mark.parametrize("text", ["PT1S", "PT15M"])
def test_too_many_buckets_are_refused(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        bucket_edges(utc(2000, 1, 1), utc(2026, 1, 1), of(text), ZONES["Europe/Lisbon"])
    assert refused.value.code == "too_many_buckets"
    most = bucket_edges(
        utc(2026, 1, 1), utc(2026, 1, 1) + MAX_BUCKETS * timedelta(seconds=1), of("PT1S"), ZONES["UTC"]
    )
    assert len(most) == MAX_BUCKETS + 1


@pytest.mark.parametrize("text", ["P1D", "P1W", "P1M", "P1Y", "PT1H", "P3000Y", "P999999D"])
@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/Sao_Paulo", "UTC"])
@pytest.mark.parametrize(
    ("start", "end"),
    [
        (datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC) + 2 * HOUR),
        (datetime.max.replace(tzinfo=UTC) - 2 * HOUR, datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_where_the_calendar_ends_a_range_is_covered_or_refused(
    text: str, zone: str, start: datetime, end: datetime
) -> None:
    try:
        edges = bucket_edges(start, end, of(text), ZONES[zone])
    except InvalidError as refused:
        assert refused.code == "out_of_calendar"  # noqa: PT017 - either is right
    else:
        assert edges[0] <= start
        assert end <= edges[-1]
