from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.baseline_results import BaselineRequest
from domain.demand_response.baselines import baseline_of
from domain.demand_response.load import LoadInterval, metered_load
from domain.demand_response.load_spans import baseline_spans
from domain.demand_response.rebounds import rebound_of
from domain.shared.errors import InvalidError
from domain.shared.quantities import Quality
from domain.shared.time import TimeRange
from tests.unit.demand_response.metered import DAY, HOUR, LISBON, QUARTER, ZONE, at, metered, span

TEN, BEFORE_AFTER = BaselineMethod.TEN_OF_TEN, BaselineMethod.METER_BEFORE_AFTER


def test_of_each_day_that_may_be_a_reference_its_windows() -> None:
    wednesday = date(2025, 6, 18)
    spans = baseline_spans(span(wednesday, "14:00", "16:00"), TEN, QUARTER, LISBON, HOUR)
    days = [wednesday - back * DAY for back in range(45, -1, -1)]
    assert list(spans) == [span(day, "10:00", "17:00") for day in days if day.weekday() < 5]


def test_the_three_hours_before_are_all_that_meter_before_after_needs() -> None:
    wednesday = date(2025, 6, 18)
    spans = baseline_spans(span(wednesday, "14:00", "16:00"), BEFORE_AFTER, QUARTER, LISBON)
    assert list(spans) == [span(wednesday, "11:00", "16:00")]


def test_coarse_intervals_have_no_window_before() -> None:
    wednesday = date(2025, 6, 18)
    spans = baseline_spans(span(wednesday, "14:00", "16:00"), TEN, 2 * HOUR, LISBON)
    assert spans[-1] == span(wednesday, "14:00", "16:00")


@pytest.mark.parametrize("resolution", [timedelta(), timedelta(minutes=7), -QUARTER])
def test_wrong_resolutions(resolution: timedelta) -> None:
    with pytest.raises(InvalidError) as refused:
        baseline_spans(span(date(2025, 6, 18), "14:00", "16:00"), TEN, resolution, LISBON)
    assert refused.value.code == "invalid_resolution"


@settings(max_examples=50)
@given(
    st.dates(date(2024, 1, 1), date(2026, 12, 31)),
    st.integers(0, 1439),
    st.integers(1, 30),
    st.integers(0, 12),
    st.sampled_from(list(BaselineMethod)),
)
def test_nothing_else_is_looked_at(
    day: date, minute: int, quarters: int, recovery: int, method: BaselineMethod
) -> None:
    """With the load of the spans alone, cut from the start of each, comes the same as with all of it."""
    start = at(day, "00:00") + timedelta(minutes=minute)
    window = TimeRange(start, start + quarters * QUARTER)

    def kw(moment: datetime) -> float:
        return moment.timestamp() // 60 * 7919 % 1000 / 10

    spans = baseline_spans(window, method, QUARTER, LISBON, recovery * QUARTER)
    starts = {
        one.start + number * QUARTER for one in spans for number in range((one.end - one.start) // QUARTER)
    }
    whole = {start + number * QUARTER for number in range(-50 * 96, 3 * 96)}
    until = window.end + DAY
    few, many = (
        metered_load([LoadInterval(one, kw(one), 1.0, Quality.OK) for one in ones], known_until=until)
        for ones in (starts, whole | starts)
    )
    request = BaselineRequest(window=window, method=method)
    result = baseline_of(request, few, LISBON)
    assert result == baseline_of(request, many, LISBON)
    assert None not in {one.actual_kw for one in result.intervals}
    if recovery:
        length = recovery * QUARTER
        assert rebound_of(result, length, few, LISBON) == rebound_of(result, length, many, LISBON)


def test_spans_are_of_the_grid_that_the_tests_use() -> None:
    """The load that other tests hand in has what the spans ask for."""
    day = date(2025, 6, 18)
    load = metered(day - 46 * DAY, day, lambda *_: 1.0, zone=ZONE)
    assert all(
        one.start in load.intervals
        for one in baseline_spans(span(day, "14:00", "16:00"), TEN, QUARTER, LISBON)
    )
