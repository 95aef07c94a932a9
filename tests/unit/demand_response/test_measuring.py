import json
from dataclasses import replace
from datetime import date, timedelta

import pytest

from adapters.events.report_codec import JsonReportCodec
from domain.demand_response.accuracy import ClockWindow
from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.baseline_results import MeasurementStatus
from domain.demand_response.devices import Control, DeviceTerms
from domain.demand_response.dr_events import DrEventStatus, EventTerms
from domain.demand_response.events import PerformanceReported
from domain.demand_response.model import DeviceId, DrEventId, ProgramId
from domain.demand_response.programs import ProgramTerms
from domain.demand_response.reports import Unmeasured, overlaps_of
from domain.demand_response.services.baselines import AccuracyQuery, BaselineQuery
from domain.shared.errors import ConflictError, InvalidError, NotFoundError
from domain.shared.time import TimeRange
from tests.unit.demand_response.site import A_MINUTE, HOUR, ME, SECOND, SIMPLE, START, Site, reduction

OK, PENDING, INSUFFICIENT = (
    MeasurementStatus.OK,
    MeasurementStatus.PENDING,
    MeasurementStatus.INSUFFICIENT_DATA,
)
DAY = timedelta(days=1)


async def metered(days: int = 20) -> Site:
    """A site with a device that always draws 3 kW."""
    site = Site()
    await site.devices(1)
    site.metered_before("d0", days, 3.0)
    return site


async def held(site: Site, program_id: ProgramId | None = None) -> DrEventId:
    """An event of an hour in which 2 kW are shed, and half an hour of recovery."""
    event_id = await site.event(reduction(2.0), after=HOUR, recovery_period=HOUR / 2, program_id=program_id)
    await site.opt_in(event_id)
    await site.run(2 * HOUR)
    return event_id


async def test_an_event_is_measured_kept_and_corrected() -> None:
    site = await metered()
    event_id = await site.event(reduction(2.0), after=HOUR, recovery_period=HOUR / 2)
    await site.opt_in(event_id)
    report = (await site.main.measure.report(event_id)).report
    assert (report.performance.status, report.performance.devices) == (PENDING, ())
    await site.run(2 * HOUR)
    report = (await site.main.measure.report(event_id)).report
    assert (report.performance.status, report.settled) == (OK, False)
    total = report.performance.total
    assert total is not None
    assert (total.committed_kw, total.reduction_kw, total.energy_kwh, total.performance) == (2, 2, 2, 1)
    assert await site.main.measure.keep() == 0
    site.loads[DeviceId("d0")] = 4.0
    await site.run(HOUR / 2)
    await site.run(2 * HOUR)
    assert await site.main.measure.keep() == 1
    assert await site.main.measure.keep() == 0
    first = await site.main.measure.report(event_id)
    assert (first.version, first.report.settled) == (1, True)
    (device,) = first.report.performance.devices
    assert device.rebound is not None
    assert device.rebound.energy_kwh == pytest.approx(0.5)
    assert (await site.main.flexibility.get(DeviceId("d0"))).evidence.delivered_ratio == 1.0
    # Late data correct a quarter-hour.
    start = first.report.window.start
    site.history.measured_each("d0.power", TimeRange(start, start + 15 * A_MINUTE), 3.0)
    assert await site.main.measure.keep() == 0
    assert await site.main.measure.keep(again=True) == 1
    second = await site.main.measure.report(event_id)
    assert (second.version, second.report.performance.devices[0].baseline.energy_kwh) == (2, 1.5)
    assert await site.main.measure.version(event_id, 1) == replace(first, stored=first.stored)
    assert [one.version for one in await site.main.measure.versions(event_id)] == [1, 2]
    told = [one for one in site.database.events if isinstance(one, PerformanceReported)]
    assert [(one.version, one.energy_kwh) for one in told] == [(1, 2.0), (2, 1.5)]
    with pytest.raises(NotFoundError) as refused:
        await site.main.measure.version(event_id, 3)
    assert refused.value.code == "unknown_report"


@pytest.mark.parametrize("lasted", [timedelta(seconds=20, microseconds=123_456), timedelta(seconds=59)])
async def test_what_was_cancelled_within_a_minute_is_too_short_to_be_measured(lasted: timedelta) -> None:
    site = await metered()
    event_id = await site.event(reduction(2.0), after=timedelta(), recovery_period=HOUR / 2)
    await site.opt_in(event_id)
    await site.main.step()
    site.clock.advance(lasted)
    await site.main.events.cancel(event_id, ME)
    found = (await site.main.measure.report(event_id)).report
    assert (found.performance.status, found.performance.devices) == (INSUFFICIENT, ())
    assert (found.performance.total, found.performance.measured) == (None, None)
    assert found.unmeasured is Unmeasured.TOO_SHORT


@pytest.mark.parametrize(("ramp_up", "told"), [(timedelta(), 0), (2 * HOUR, 1)])
async def test_what_was_cancelled_before_its_start_will_never_be_measured(
    ramp_up: timedelta, told: int
) -> None:
    site = await metered()
    await site.device("d0", ramp_seconds=7200.0)
    event_id = await site.event(reduction(2.0), after=HOUR, ramp_up_period=ramp_up)
    await site.opt_in(event_id)
    await site.main.step()
    assert (await site.main.measure.report(event_id)).report.unmeasured is None
    await site.main.events.cancel(event_id, ME)
    assert len((await site.view(event_id)).assignments) == told
    for _ in range(2):
        view = await site.main.measure.report(event_id)
        found = view.report
        assert (found.performance.status, found.unmeasured) == (INSUFFICIENT, Unmeasured.CANCELLED)
        assert (found.performance.devices, view.version) == ((), 0)
        site.elapse(3 * HOUR)


async def test_an_event_for_which_nobody_was_told_will_never_be_measured() -> None:
    site = await metered()
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.run(30 * A_MINUTE)
    found = (await site.main.measure.report(event_id)).report
    assert (found.performance.status, found.unmeasured) == (PENDING, None)
    await site.run(30 * A_MINUTE)
    found = (await site.main.measure.report(event_id)).report
    assert (found.performance.status, found.unmeasured) == (INSUFFICIENT, Unmeasured.NOT_DISPATCHED)


@pytest.mark.parametrize(("late", "told"), [(timedelta(milliseconds=30), 0), (SECOND, 1)])
async def test_a_device_that_changes_events_some_moments_late_serves_one_at_a_time(
    late: timedelta, told: int
) -> None:
    site = await metered()
    first = await site.event(reduction(2.0), after=timedelta(), duration=10 * A_MINUTE)
    then = await site.event(reduction(2.0), after=10 * A_MINUTE, duration=10 * A_MINUTE)
    for one in (first, then):
        await site.opt_in(one)
    await site.run(30 * A_MINUTE)
    [served] = (await site.view(first)).assignments
    assert served.ended_at is not None
    ended_late = replace(served, ended_at=served.ended_at + late)
    found = overlaps_of((await site.view(then)).event, {DeviceId("d0"): [ended_late]}, site.clock.now())
    assert len(found) == told


async def test_times_that_another_event_counts_too_are_told() -> None:
    site = await metered()
    low = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(low)
    await site.run(10 * A_MINUTE)
    high = await site.event(reduction(2.5), after=timedelta(), duration=20 * A_MINUTE, priority=0)
    await site.opt_in(high)
    await site.main.step()
    assert (await site.main.measure.report(low)).report.overlaps == ()
    await site.run(5 * A_MINUTE)
    [going_on] = (await site.main.measure.report(low)).report.overlaps
    assert (going_on.start, going_on.end) == (START + 10 * A_MINUTE, START + 15 * A_MINUTE)
    await site.run(3 * HOUR)
    kept = await site.main.measure.report(low)
    [taken] = kept.report.overlaps
    assert (taken.device_id, taken.event_id) == ("d0", high)
    assert (taken.start, taken.end) == (START + 10 * A_MINUTE, START + 30 * A_MINUTE)
    assert (await site.main.measure.report(high)).report.overlaps == ()
    assert (await site.main.measure.version(low, kept.version)).report == kept.report
    # One that was kept before overlaps were told can still be read.
    assert kept.stored is not None
    old = json.loads(kept.stored.content)
    del old["overlaps"], old["unmeasured"]
    read = JsonReportCodec().decode(json.dumps(old))
    assert read == replace(kept.report, overlaps=())


async def test_too_few_days_are_no_number() -> None:
    site = await metered(days=3)
    event_id = await held(site)
    performance = (await site.main.measure.report(event_id)).report.performance
    assert (performance.status, performance.total, performance.measured) == (INSUFFICIENT, None, None)


async def test_a_program_says_how_its_events_are_measured() -> None:
    site = await metered()
    terms = ProgramTerms(program_name="p", baseline_method=BaselineMethod.METER_BEFORE_AFTER)
    program = await site.main.programs.create(terms, ME)
    event_id = await held(site, program_id=program.program_id)
    report = (await site.main.measure.report(event_id)).report
    assert report.method is BaselineMethod.METER_BEFORE_AFTER
    assert report.performance.devices[0].baseline.method is BaselineMethod.METER_BEFORE_AFTER


async def test_what_had_ended_when_it_was_posted_is_measured() -> None:
    site = await metered()
    start = site.clock.now() - 5 * HOUR
    site.history.measured_each("d0.power", TimeRange(start, start + HOUR), 1.0)
    terms = EventTerms(event_name="by hand", signal=SIMPLE, start=start, duration=HOUR)
    view = await site.main.events.create(terms, ME)
    assert (view.event.status, view.event.dispatched) == (DrEventStatus.COMPLETED, False)
    found = await site.main.measure.report(view.event.event_id)
    assert (found.version, found.report.performance.status) == (1, OK)
    (device,) = found.report.performance.devices
    assert (device.committed_kw, device.performance, device.baseline.energy_kwh) == (None, None, 2.0)


async def test_a_cancelled_event_is_measured_up_to_then() -> None:
    site = await metered()
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(event_id)
    await site.main.step()
    await site.run(30 * A_MINUTE)
    site.clock.advance(SECOND)
    await site.main.events.cancel(event_id, ME)
    report = (await site.main.measure.report(event_id)).report
    assert report.window == TimeRange(START, START + 30 * A_MINUTE)
    assert report.performance.devices[0].baseline.energy_kwh == pytest.approx(1.0)


async def test_days_of_events_are_no_reference() -> None:
    site = await metered()
    event_id = await held(site)
    site.clock.advance(7 * DAY)
    site.history.measured_each("d0.power", TimeRange(START + 2 * HOUR, site.clock.now()), 3.0)
    query = BaselineQuery(device_id=DeviceId("d0"), start=START + 7 * DAY, duration=HOUR)
    found = await site.main.baselines.of(query)
    assert found.status is OK
    assert date(2026, 3, 2) in {one.day for one in found.days_excluded if one.code.value == "event_day"}
    event = (await site.view(event_id)).event
    assert event.status is DrEventStatus.COMPLETED


async def test_the_baseline_of_any_window() -> None:
    site = await metered()
    device_id = DeviceId("d0")
    now = site.clock.now()
    found = await site.main.baselines.of(
        BaselineQuery(device_id=device_id, start=now - 2 * HOUR, duration=20 * A_MINUTE)
    )
    assert (found.status, found.resolution, found.reduction_kw) == (OK, 5 * A_MINUTE, 0.0)
    assert len(found.days_used) == 10
    ahead = await site.main.baselines.of(BaselineQuery(device_id=device_id, start=now, duration=HOUR))
    assert (ahead.status, ahead.intervals[0].baseline_kw, ahead.energy_kwh) == (PENDING, 3.0, None)


async def test_how_far_a_method_is_off() -> None:
    site = await metered(days=40)
    query = AccuracyQuery(
        device_id=DeviceId("d0"),
        start=START - 9 * DAY,
        end=START - DAY,
        window=ClockWindow(17 * 60, 19 * 60 + 20),
    )
    found = await site.main.baselines.accuracy(query)
    assert (found.bias, found.cv_rmse) == (0.0, 0.0)
    assert len(found.days) + len(found.skipped) == 8


async def test_baselines_that_there_are_not() -> None:
    site = await metered(days=1)
    good = BaselineQuery(device_id=DeviceId("d0"), start=START, duration=HOUR)
    for query, code, pointer in (
        (replace(good, start=START.replace(tzinfo=None)), "naive_timestamp", "/start"),
        (replace(good, start=START + SECOND), "unaligned_window", "/start"),
        (replace(good, duration=timedelta()), "end_before_start", "/duration"),
        (replace(good, duration=2 * DAY), "window_too_long", "/duration"),
        (replace(good, duration=HOUR + SECOND), "unaligned_window", "/duration"),
        (replace(good, resolution=7 * A_MINUTE), "invalid_resolution", "/resolution"),
        (replace(good, resolution=timedelta()), "invalid_resolution", "/resolution"),
        (replace(good, resolution=2 * HOUR), "invalid_resolution", "/resolution"),
    ):
        with pytest.raises(InvalidError) as refused:
            await site.main.baselines.of(query)
        assert (refused.value.code, refused.value.problems[0].pointer) == (code, pointer)
    with pytest.raises(NotFoundError):
        await site.main.baselines.of(replace(good, device_id=DeviceId("x")))
    await site.main.polled(
        [DeviceTerms(device_id=DeviceId("blind"), power_sensor_id=None, control=Control())]
    )
    with pytest.raises(ConflictError) as blind:
        await site.main.baselines.of(replace(good, device_id=DeviceId("blind")))
    assert blind.value.code == "no_power_sensor"
    asked = AccuracyQuery(device_id=DeviceId("d0"), start=START, end=START + DAY, window=ClockWindow(0, 60))
    for accuracy, pointer in (
        (replace(asked, end=START), "/end"),
        (replace(asked, end=START + 400 * DAY), "/end"),
        (replace(asked, end=START.replace(tzinfo=None)), "/end"),
        (replace(asked, window=ClockWindow(1440, 60)), "/window/from"),
        (replace(asked, window=ClockWindow(0, 1441)), "/window/to"),
    ):
        with pytest.raises(InvalidError) as refused:
            await site.main.baselines.accuracy(accuracy)
        assert refused.value.problems[0].pointer == pointer
