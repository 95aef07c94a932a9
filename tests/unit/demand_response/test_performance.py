from datetime import date, datetime

import pytest

from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.baseline_results import (
    BaselineRequest,
    Insufficiency,
    MeasurementStatus,
)
from domain.demand_response.baselines import baseline_of
from domain.demand_response.load import LoadInterval
from domain.demand_response.model import DeviceId
from domain.demand_response.performance import DevicePerformance, MissingDevice, event_performance
from domain.demand_response.rebounds import rebound_of
from domain.shared.quantities import Quality
from tests.unit.demand_response.metered import DAY, HOUR, LISBON, QUARTER, at, metered, span

OK, PENDING = MeasurementStatus.OK, MeasurementStatus.PENDING
INSUFFICIENT = MeasurementStatus.INSUFFICIENT_DATA
EVENT_DAY = date(2025, 2, 26)
WINDOW = span(EVENT_DAY, "17:00", "20:00")


def device(
    name: str,
    usual_kw: float,
    event_kw: float,
    committed_kw: float | None = 1.0,
    *,
    first: date = EVENT_DAY - 45 * DAY,
    missing: tuple[str, ...] = (),
    known_until: datetime | None = None,
    rebound: bool = True,
) -> DevicePerformance:
    """Return a device that has shed from 17:00 to 20:00, and then uses 2 kW more than usual for an hour."""

    def clock(day: date, minute: int) -> float:
        if day != EVENT_DAY or minute < 17 * 60:
            return usual_kw
        return event_kw if minute < 20 * 60 else usual_kw + 2

    gaps = [at(EVENT_DAY, one) for one in missing]
    changes = {start: LoadInterval(start, None, 0.0, Quality.MISSING) for start in gaps}
    load = metered(first, EVENT_DAY, clock, changes=changes, known_until=known_until)
    baseline = baseline_of(BaselineRequest(window=WINDOW), load, LISBON)
    return DevicePerformance(
        device_id=DeviceId(name),
        committed_kw=committed_kw,
        baseline=baseline,
        rebound=rebound_of(baseline, HOUR, load, LISBON) if rebound else None,
    )


@pytest.mark.parametrize(
    ("committed_kw", "performance"), [(4.0, 0.75), (3.0, 1.0), (2.0, 1.5), (0.0, None), (None, None)]
)
def test_performance_is_mean_reduction_by_commitment(
    committed_kw: float | None, performance: float | None
) -> None:
    one = device("a", 10.0, 7.0, committed_kw)
    assert one.baseline.reduction_kw == pytest.approx(3.0)
    assert one.performance == (None if performance is None else pytest.approx(performance))


def test_more_than_usual_is_a_negative_performance() -> None:
    assert device("a", 10.0, 12.0, 4.0).performance == pytest.approx(-0.5)


def test_the_figures_of_all_are_sums() -> None:
    result = event_performance([device("a", 10.0, 7.0, 4.0), device("b", 6.0, 4.0, 1.0)])
    assert result.status is OK
    assert result.missing == ()
    assert result.total is not None
    assert result.total == result.measured
    assert result.total.device_ids == ("a", "b")
    assert result.total.reduction_kw == pytest.approx(5.0)
    assert result.total.energy_kwh == pytest.approx(15.0)
    assert result.total.committed_kw == 5.0
    assert result.total.performance == pytest.approx(1.0)
    assert result.total.rebound_kwh == pytest.approx(4.0)
    assert result.summed == ("a", "b")
    assert len(result.intervals) == 12
    first = result.intervals[0]
    assert (first.start, first.missing) == (WINDOW.start, ())
    figures = [first.unadjusted_kw, first.baseline_kw, first.actual_kw, first.reduction_kw]
    assert figures == pytest.approx([16.0, 16.0, 11.0, 5.0])
    assert result.intervals[1].start == WINDOW.start + QUARTER


def test_a_device_without_data_is_named_and_never_taken_for_0() -> None:
    new = device("new", 8.0, 1.0, 7.0, first=EVENT_DAY - 3 * DAY)
    result = event_performance([device("a", 10.0, 7.0, 4.0), new])
    assert result.status is INSUFFICIENT
    assert result.total is None
    assert result.missing == (MissingDevice(DeviceId("new"), INSUFFICIENT, Insufficiency.TOO_FEW_DAYS),)
    assert result.measured is not None
    assert result.measured.device_ids == ("a",)
    # Its commitment is not held against the others either.
    assert result.measured.committed_kw == 4.0
    assert result.measured.performance == pytest.approx(0.75)
    assert result.summed == ("a",)
    assert result.intervals[0].baseline_kw == pytest.approx(10.0)
    assert len(result.devices) == 2


def test_an_interval_that_one_lacks_has_no_sum() -> None:
    gap = device("gap", 6.0, 4.0, missing=("17:15",))
    result = event_performance([device("a", 10.0, 7.0), gap])
    assert gap.status is OK
    assert result.status is OK
    assert result.intervals[1].missing == ("gap",)
    assert result.intervals[1].actual_kw is None
    assert result.intervals[1].reduction_kw is None
    assert result.intervals[1].baseline_kw == pytest.approx(16.0)
    assert result.intervals[0].reduction_kw == pytest.approx(5.0)
    assert result.total is not None
    # Three hours of 3 kW, and of 2 kW all but a quarter of an hour.
    assert result.total.energy_kwh == pytest.approx(9.0 + 5.5)
    assert result.total.reduction_kw == pytest.approx(5.0)


def test_before_the_end_all_are_pending_and_can_be_watched() -> None:
    now = at(EVENT_DAY, "18:00")
    devices = [device("a", 10.0, 7.0, known_until=now), device("b", 6.0, 4.0, known_until=now)]
    result = event_performance(devices)
    assert result.status is PENDING
    assert (result.total, result.measured) == (None, None)
    assert [one.device_id for one in result.missing] == ["a", "b"]
    assert [one.reduction_kw for one in result.intervals] == [pytest.approx(5.0)] * 4 + [None] * 8
    assert [one.baseline_kw for one in result.intervals] == [pytest.approx(16.0)] * 12


def test_one_that_is_pending_makes_all_pending() -> None:
    late = device("late", 10.0, 7.0, known_until=at(EVENT_DAY, "19:59"))
    new = device("new", 8.0, 1.0, first=EVENT_DAY)
    result = event_performance([late, new, device("a", 6.0, 4.0)])
    assert result.status is PENDING
    assert result.total is None
    assert result.measured is not None
    assert result.measured.device_ids == ("a",)
    assert {one.device_id: one.status for one in result.missing} == {"late": PENDING, "new": INSUFFICIENT}


def test_without_a_commitment_of_each_there_is_no_performance_of_all() -> None:
    result = event_performance([device("a", 10.0, 7.0, 4.0), device("b", 6.0, 4.0, None)])
    assert result.total is not None
    assert (result.total.committed_kw, result.total.performance) == (None, None)
    assert result.total.reduction_kw == pytest.approx(5.0)
    result = event_performance([device("a", 10.0, 7.0, 0.0), device("b", 6.0, 4.0, 0.0)])
    assert result.total is not None
    assert (result.total.committed_kw, result.total.performance) == (0.0, None)


def test_without_the_rebound_of_each_there_is_none_of_all() -> None:
    early = device("early", 6.0, 4.0, known_until=at(EVENT_DAY, "20:30"))
    assert early.status is OK
    for other in (early, device("b", 6.0, 4.0, rebound=False)):
        result = event_performance([device("a", 10.0, 7.0), other])
        assert result.status is OK
        assert result.total is not None
        assert result.total.rebound_kwh is None


def test_no_devices_are_no_measurement() -> None:
    result = event_performance([])
    assert result.status is INSUFFICIENT
    assert (result.total, result.measured, result.missing, result.intervals) == (None, None, (), ())


def test_devices_of_other_windows_cannot_be_summed() -> None:
    load = metered(EVENT_DAY - 45 * DAY, EVENT_DAY, lambda *_: 1.0)
    request = BaselineRequest(
        window=span(EVENT_DAY, "17:00", "19:00"), method=BaselineMethod.METER_BEFORE_AFTER
    )
    other = DevicePerformance(
        device_id=DeviceId("b"), committed_kw=None, baseline=baseline_of(request, load, LISBON)
    )
    with pytest.raises(ValueError, match="same intervals"):
        event_performance([device("a", 10.0, 7.0), other])
