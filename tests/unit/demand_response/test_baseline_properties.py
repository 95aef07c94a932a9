"""What must hold of baselines whatever the load, the holidays and the events are."""

from datetime import date, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.demand_response.adjustments import AdjustmentKind
from domain.demand_response.baseline_methods import MATCHING, BaselineMethod, days_taken
from domain.demand_response.baseline_results import Baseline, BaselineRequest, MeasurementStatus
from domain.demand_response.baselines import baseline_of
from domain.demand_response.load import LoadInterval, MeteredLoad, metered_load
from domain.demand_response.local_days import LocalDays
from domain.shared.quantities import Quality
from domain.shared.time import TimeRange
from tests.unit.demand_response.metered import DAY, HOUR, LISBON, QUARTER, ZONE, at, metered, span
from tests.unit.demand_response.plain_baseline import Table, plain_baseline

EVENT_DAYS = st.dates(date(2025, 6, 2), date(2025, 9, 30))
"""No clock changes within 45 days before."""

METHODS = st.sampled_from(sorted(MATCHING))
QUARTERS = st.integers(16, 88)


@st.composite
def tables(draw: st.DrawFn, day: date) -> Table:
    """Draw a load of few different whole kW, so that days tie, with a gap here and there."""
    levels = st.integers(0, 4)
    table: Table = {}
    for back in range(47):
        level, slope = draw(levels), draw(st.integers(0, 1))
        table[day - back * DAY] = [float(level + slope * (quarter % 3)) for quarter in range(96)]
    for back, quarter in draw(st.lists(st.tuples(st.integers(0, 45), st.integers(0, 95)), max_size=60)):
        table[day - back * DAY][quarter] = None
    return table


def load_of(table: Table) -> MeteredLoad:
    return metered(min(table), max(table), lambda day, minute: table[day][minute // 15])


@given(st.data())
def test_a_plain_calculation_comes_to_the_same(data: st.DataObject) -> None:
    day = data.draw(EVENT_DAYS)
    table = data.draw(tables(day))
    method = data.draw(METHODS)
    first = data.draw(QUARTERS)
    last = data.draw(st.integers(first + 1, min(first + 12, 96)))
    backs = st.sets(st.integers(1, 46), max_size=20)
    holidays = {day - back * DAY for back in data.draw(backs)}
    event_days = {day - back * DAY for back in data.draw(backs)}
    if data.draw(st.booleans()):
        holidays.add(day)
    start = at(day, "00:00") + first * QUARTER
    window = TimeRange(start, start + (last - first) * QUARTER)
    events = [span(one, "23:45", "00:00", one + DAY) for one in sorted(event_days)]
    result = baseline_of(
        BaselineRequest(window=window, method=method),
        load_of(table),
        LocalDays(ZONE, frozenset(holidays)),
        events,
    )
    expected = plain_baseline(method.value, table, day, first, last, holidays, event_days)
    assert list(result.days_used) == expected.used
    assert {one.day: one.code.value for one in result.days_excluded} == expected.excluded
    assert result.adjustment.applied == pytest.approx(expected.factor)
    if expected.baseline is None:
        assert {one.baseline_kw for one in result.intervals} == {None}
        return
    assert [one.baseline_kw for one in result.intervals] == pytest.approx(expected.baseline)
    actual = table[day][first:last]
    reductions = [kw - used for kw, used in zip(expected.baseline, actual, strict=True) if used is not None]
    if len(reductions) >= 0.9 * len(actual):
        assert result.energy_kwh == pytest.approx(sum(reductions) / 4)
    else:
        assert result.energy_kwh is None


LEVELS = st.dictionaries(st.integers(1, 45), st.integers(0, 2000), min_size=45)


def of_levels(
    levels: dict[int, int], day: date, method: BaselineMethod, scale: float = 1.0, added: float = 0.0,
    kind: AdjustmentKind = AdjustmentKind.MULTIPLICATIVE, day_itself: int = 50,
) -> Baseline:  # fmt: skip
    def clock(one: date, minute: int) -> float:
        level = levels.get((day - one).days, day_itself)
        return (level / 16 + minute // 60) * scale + added

    window = TimeRange(at(day, "14:00"), at(day, "16:00"))
    load = metered(day - 45 * DAY, day, clock, resolution=HOUR)
    return baseline_of(BaselineRequest(window=window, method=method, adjustment=kind), load, LISBON)


def baselines(result: Baseline) -> list[float]:
    found = [one.baseline_kw for one in result.intervals if one.baseline_kw is not None]
    assert len(found) == len(result.intervals)
    return found


@given(LEVELS, EVENT_DAYS, METHODS, st.sampled_from([0.25, 3.0, 7.5, 1000.0]))
def test_a_load_times_as_high_has_a_baseline_times_as_high(
    levels: dict[int, int], day: date, method: BaselineMethod, scale: float
) -> None:
    once, scaled = of_levels(levels, day, method), of_levels(levels, day, method, scale)
    assert scaled.days_used == once.days_used
    assert baselines(scaled) == pytest.approx([kw * scale for kw in baselines(once)])
    assert scaled.adjustment.raw == pytest.approx(once.adjustment.raw)


@given(LEVELS, EVENT_DAYS, METHODS, st.sampled_from([-500.0, -3.5, 0.5, 20.0]))
def test_what_is_added_to_a_load_is_added_to_its_baseline(
    levels: dict[int, int], day: date, method: BaselineMethod, added: float
) -> None:
    kind = AdjustmentKind.ADDITIVE
    once = of_levels(levels, day, method, kind=kind)
    higher = of_levels(levels, day, method, added=added, kind=kind)
    assert higher.days_used == once.days_used
    assert baselines(higher) == pytest.approx([kw + added for kw in baselines(once)])
    assert higher.energy_kwh == pytest.approx(once.energy_kwh)


@given(LEVELS, EVENT_DAYS, METHODS, st.integers(0, 10_000))
def test_a_factor_stays_within_its_bounds(
    levels: dict[int, int], day: date, method: BaselineMethod, day_itself: int
) -> None:
    result = of_levels(levels, day, method, day_itself=day_itself)
    raw, applied = result.adjustment.raw, result.adjustment.applied
    assert raw is not None
    assert applied is not None
    assert 0.8 <= applied <= 1.2
    assert applied == raw or (raw > 1.2 and applied == 1.2) or (raw < 0.8 and applied == 0.8)


@given(LEVELS, EVENT_DAYS)
def test_the_middle_lies_between_the_lowest_and_the_highest(levels: dict[int, int], day: date) -> None:
    kind = AdjustmentKind.NONE
    middle = of_levels(levels, day, BaselineMethod.MIDDLE_8_OF_10, kind=kind)
    high = of_levels(levels, day, BaselineMethod.HIGH_5_OF_10, kind=kind)
    ten = of_levels(levels, day, BaselineMethod.TEN_OF_TEN, kind=kind)
    loads = [one.energy_kwh for one in middle.eligible_days]
    for result in (middle, high, ten):
        assert min(loads) - 1e-9 <= sum(baselines(result)) <= max(loads) + 1e-9
    assert sum(baselines(middle)) <= sum(baselines(high)) + 1e-9
    assert sum(baselines(ten)) <= sum(baselines(high)) + 1e-9


@given(st.floats(0.001, 1e6), EVENT_DAYS, st.sampled_from(list(BaselineMethod)))
def test_the_baseline_of_a_constant_load_is_the_load(kw: float, day: date, method: BaselineMethod) -> None:
    load = metered(day - 45 * DAY, day, lambda *_: kw, resolution=HOUR)
    for kind in AdjustmentKind:
        window = TimeRange(at(day, "14:00"), at(day, "16:00"))
        result = baseline_of(BaselineRequest(window=window, method=method, adjustment=kind), load, LISBON)
        assert baselines(result) == pytest.approx([kw, kw])
        assert result.energy_kwh == pytest.approx(0.0, abs=1e-9 * kw)


@settings(max_examples=50)
@given(st.dates(date(2024, 1, 1), date(2026, 12, 31)), st.integers(0, 95), METHODS)
def test_days_that_are_no_reference_are_never_used(day: date, quarter: int, method: BaselineMethod) -> None:
    start = at(day, "00:00") + quarter * QUARTER
    assume(LISBON.day_of(start) == day)
    holidays = frozenset({day - back * DAY for back in (3, 8, 11)})
    event = TimeRange(start - 2 * DAY, start - 2 * DAY + HOUR)
    load = metered(day - 47 * DAY, day + 2 * DAY, lambda *_: 1.0)
    local = LocalDays(ZONE, holidays)
    request = BaselineRequest(window=TimeRange(start, start + 2 * HOUR), method=method)
    result = baseline_of(request, load, local, (event,))
    changes = {one for one in result.days_used if local.changes_clocks(one)}
    assert not changes
    assert not {local.day_of(event.start), local.day_of(event.end - QUARTER)} & set(result.days_used)
    assert {local.is_working(one) for one in result.days_used} <= {result.working_day}
    assert all(day - 45 * DAY <= one < day for one in result.days_used)
    assert not set(result.days_used) & {one.day for one in result.days_excluded}


@given(st.data(), METHODS)
def test_which_days_are_taken_does_not_depend_on_their_order(
    data: st.DataObject, method: BaselineMethod
) -> None:
    matching = MATCHING[method]
    count = data.draw(st.integers(matching.fewest_days, matching.most_days))
    days = [date(2025, 6, 1) + number * DAY for number in range(count)]
    energy = {day: float(data.draw(st.integers(0, 3))) for day in days}
    shuffled = {day: energy[day] for day in data.draw(st.permutations(days))}
    taken = days_taken(matching, energy)
    assert taken == days_taken(matching, shuffled)
    assert matching.fewest_used <= len(taken) <= matching.most_days
    left = set(days) - taken
    if method in {BaselineMethod.HIGH_5_OF_10, BaselineMethod.HIGH_4_OF_5}:
        assert len(taken) == matching.keep
        assert all((energy[out], out) < (energy[one], one) for out in left for one in taken)
    elif method is BaselineMethod.MIDDLE_8_OF_10:
        assert len(left) == 2
        assert {energy[out] for out in left} == {min(energy.values()), max(energy.values())}
    else:
        assert not left


@pytest.mark.parametrize("quality", [Quality.ESTIMATED, Quality.BAD, Quality.MISSING])
@settings(max_examples=30)
@given(shift=st.floats(-100, 100), back=st.integers(0, 30))
def test_what_is_no_evidence_changes_nothing(quality: Quality, shift: float, back: int) -> None:
    """Whatever value an interval carries that does not count, it is as good as absent."""
    day = date(2025, 6, 18)
    window = span(day, "14:00", "16:00")
    start = window.start - back * DAY + QUARTER
    load = metered(day - 45 * DAY, day, lambda one, minute: one.day + minute / 60, resolution=QUARTER)
    without = {key: one for key, one in load.intervals.items() if key != start}
    bad = LoadInterval(start, 5.0 + shift, 1.0, quality)
    results = [
        baseline_of(BaselineRequest(window=window), metered_load(ones, known_until=load.known_until), LISBON)
        for ones in (without.values(), [*without.values(), bad])
    ]
    assert results[0] == results[1]
    is_measured = results[0].status is MeasurementStatus.OK
    # On the day itself an eighth of the window is missing.
    assert is_measured is (back > 0)


def test_the_plain_calculation_is_one() -> None:
    """Five levels on five days, by hand: highest four of five are 2, 3, 4 and 5 kW, mean 3.5; factor 1.2."""
    monday = date(2025, 6, 16)
    days = [monday - timedelta(days=back) for back in (3, 4, 5, 6, 7)]
    table: Table = {day: [float(kw)] * 96 for day, kw in zip(days, (5, 1, 4, 2, 3), strict=True)}
    table[monday] = [7.0] * 96
    result = plain_baseline("high_4_of_5", table, monday, 56, 58, set(), set())
    assert result.used == [days[0], days[2], days[3], days[4]]
    assert result.baseline == pytest.approx([4.2, 4.2])
