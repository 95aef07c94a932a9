import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ingestion.iot_configuration import StoreType, StoreWindow
from domain.ingestion.windows import SET_BACK_US, WindowedReading, WindowFilling

SECOND = 1_000_000
TEN = StoreWindow(StoreType.AVG, timedelta(seconds=10))


def fill(kind: StoreType, samples: list[tuple[int, float]], until: int) -> list[WindowedReading]:
    filling = WindowFilling(StoreWindow(kind, timedelta(seconds=10)))
    closed: list[WindowedReading] = []
    for time, value in samples:
        more, _ = filling.add(time, value)
        closed += more
    return closed + filling.close(until)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (StoreType.AVG, 3.0),
        (StoreType.MIN, 1.0),
        (StoreType.MAX, 6.0),
        (StoreType.LAST, 2.0),
        (StoreType.SUM, 9.0),
    ],
)
def test_a_window_is_stamped_with_its_start(kind: StoreType, value: float) -> None:
    samples = [(20 * SECOND, 1.0), (25 * SECOND, 6.0), (30 * SECOND - 1, 2.0), (30 * SECOND, 100.0)]
    assert fill(kind, samples, 31 * SECOND) == [WindowedReading(20 * SECOND, value)]


def test_a_window_closes_once_its_time_is_over() -> None:
    filling = WindowFilling(TEN)
    filling.add(21 * SECOND, 4.0)
    assert filling.close(30 * SECOND - 1) == []
    assert filling.close(30 * SECOND) == [WindowedReading(20 * SECOND, 4.0)]
    assert filling.close(99 * SECOND) == []


def test_grace_waits_for_devices_with_their_own_time() -> None:
    filling = WindowFilling(TEN, grace_us=5 * SECOND)
    filling.add(21 * SECOND, 4.0)
    assert filling.close(34 * SECOND) == []
    assert filling.close(35 * SECOND) == [WindowedReading(20 * SECOND, 4.0)]


def test_a_late_sample_changes_nothing() -> None:
    filling = WindowFilling(TEN)
    filling.add(25 * SECOND, 4.0)
    assert filling.add(31 * SECOND, 8.0) == ([WindowedReading(20 * SECOND, 4.0)], True)
    assert filling.add(29 * SECOND, 1000.0) == ([], False)
    assert filling.close(40 * SECOND) == [WindowedReading(30 * SECOND, 8.0)]
    assert filling.add(39 * SECOND, 1000.0) == ([], False)


def test_the_same_measurement_counts_once() -> None:
    filling = WindowFilling(StoreWindow(StoreType.SUM, timedelta(seconds=10)))
    filling.add(25 * SECOND, 4.0)
    assert filling.add(25 * SECOND, 4.0) == ([], True)
    assert filling.close(30 * SECOND) == [WindowedReading(20 * SECOND, 4.0)]


def test_a_clock_that_is_set_back_starts_anew() -> None:
    filling = WindowFilling(TEN)
    filling.add(3_600 * SECOND, 4.0)
    earlier = 3_600 * SECOND - SET_BACK_US - 10 * SECOND
    assert filling.add(earlier, 7.0) == ([WindowedReading(3_600 * SECOND, 4.0)], True)
    assert filling.close(earlier + 10 * SECOND) == [WindowedReading(earlier, 7.0)]


@given(
    st.lists(
        st.tuples(
            st.integers(min_value=0, max_value=100 * SECOND), st.floats(min_value=-1e100, max_value=1e100)
        ),
        unique_by=lambda sample: sample[0],
    ).map(sorted),
    st.sampled_from(StoreType).filter(lambda kind: kind is not StoreType.RAW),
)
def test_windows_are_what_one_computes_by_hand(samples: list[tuple[int, float]], kind: StoreType) -> None:
    by_hand: dict[int, list[float]] = {}
    for time, value in samples:
        by_hand.setdefault(time // (10 * SECOND) * 10 * SECOND, []).append(value)
    closed = fill(kind, samples, 200 * SECOND)
    assert [one.time_us for one in closed] == sorted(by_hand)
    for one in closed:
        values = by_hand[one.time_us]
        expected = {
            StoreType.AVG: math.fsum(values) / len(values),
            StoreType.MIN: min(values),
            StoreType.MAX: max(values),
            StoreType.LAST: values[-1],
            StoreType.SUM: math.fsum(values),
        }[kind]
        largest = max(abs(value) for value in values)
        assert math.isclose(one.value, expected, rel_tol=1e-9, abs_tol=1e-9 * largest)
