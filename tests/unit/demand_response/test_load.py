from datetime import UTC, datetime, timedelta
from math import inf, nan
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.demand_response.load import (
    DEFAULT_RESOLUTION,
    LoadInterval,
    check_resolution,
    fitting_resolution,
    metered_load,
)
from domain.shared.errors import InvalidError
from domain.shared.quantities import Quality
from tests.unit.demand_response.metered import DAY, HOUR, QUARTER

START = datetime(2025, 6, 18, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("mean_kw", "quality", "counts"),
    [
        (1.5, Quality.OK, True),
        (0.0, Quality.OK, True),
        (-2.0, Quality.OK, True),
        (None, Quality.OK, False),
        (nan, Quality.OK, False),
        (inf, Quality.OK, False),
        (1.5, Quality.ESTIMATED, False),
        (1.5, Quality.BAD, False),
        (None, Quality.MISSING, False),
    ],
)
def test_only_what_was_well_metered_is_evidence(
    mean_kw: float | None, quality: Quality, counts: bool
) -> None:
    load = metered_load([LoadInterval(START, mean_kw, 0.96, quality)], known_until=START + DAY)
    assert load.kw(START) == (mean_kw if counts else None)
    assert load.coverage([START]) == (0.96 if counts else 0.0)


def test_what_is_not_over_is_no_evidence() -> None:
    interval = LoadInterval(START, 1.0, 1.0, Quality.OK)
    early = metered_load([interval], known_until=START + QUARTER - timedelta(microseconds=1))
    assert early.kw(START) is None
    assert metered_load([interval], known_until=START + QUARTER).kw(START) == 1.0


def test_coverage_is_the_share_of_the_time() -> None:
    load = metered_load(
        [
            LoadInterval(START, 1.0, 1.0, Quality.OK),
            LoadInterval(START + QUARTER, 1.0, 0.96, Quality.OK),
            LoadInterval(START + 2 * QUARTER, 1.0, 0.9, Quality.ESTIMATED),
        ],
        known_until=START + DAY,
    )
    starts = [START + number * QUARTER for number in range(4)]
    assert load.coverage(starts) == pytest.approx(1.96 / 4)
    assert load.coverage([]) == 0.0
    assert load.hours == 0.25


def test_intervals_are_found_by_the_moment() -> None:
    elsewhere = START.astimezone(ZoneInfo("America/New_York"))
    load = metered_load([LoadInterval(elsewhere, 1.0, 1.0, Quality.OK)], known_until=START + DAY)
    assert load.kw(START) == 1.0
    assert load.kw(START + QUARTER) is None


@pytest.mark.parametrize("seconds", [0, -900, 7 * 60, 50 * 60, 7 * 3600, 2 * 86400])
def test_a_resolution_divides_an_hour_or_a_day(seconds: int) -> None:
    with pytest.raises(InvalidError) as refused:
        metered_load([], known_until=START, resolution=timedelta(seconds=seconds))
    assert refused.value.code == "invalid_resolution"


@pytest.mark.parametrize("seconds", [1, 60, 300, 900, 1800, 3600, 5400, 7200, 43200, 86400])
def test_resolutions(seconds: int) -> None:
    check_resolution(timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("minutes", "expected"), [(15, 15), (60, 15), (20, 5), (90, 15), (10, 5), (7, 1), (100, 5)]
)
def test_a_resolution_fits_the_window(minutes: int, expected: int) -> None:
    assert fitting_resolution(timedelta(minutes=minutes)) == timedelta(minutes=expected)


@given(st.lists(st.integers(1, 86_400), min_size=1, max_size=3), st.sampled_from([QUARTER, HOUR]))
def test_what_fits_divides_all_and_is_a_resolution(seconds: list[int], at_most: timedelta) -> None:
    lengths = [timedelta(seconds=one) for one in seconds]
    fitting = fitting_resolution(*lengths, at_most=at_most)
    check_resolution(fitting)
    assert fitting <= at_most
    assert not any(length % fitting for length in lengths)
    assert not HOUR % fitting


def test_a_recovery_of_no_time_does_not_count() -> None:
    assert fitting_resolution(HOUR, timedelta()) == DEFAULT_RESOLUTION
    assert fitting_resolution(HOUR, timedelta(minutes=10)) == timedelta(minutes=5)
