from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.demand_response.auto_response import AutoResponse
from domain.demand_response.events import FlexibilityChanged
from domain.demand_response.flexibility import percentile
from domain.demand_response.model import DeviceId, SiteZone, WeekWindow
from domain.demand_response.week_windows import at_clock, covered, holds, local_day
from domain.shared.time import TimeRange
from domain.shared.weeks import Weekday
from tests.unit.demand_response.site import A_MINUTE, HOUR, LISBON, ME, START, Site, reduction

DAY = timedelta(days=1)


async def test_what_a_device_can_shed_now_and_later_and_what_that_rests_on() -> None:
    site = Site()
    device_id = await site.device("d0", 3.0, max_reduction_kw=2.0)
    site.metered_before("d0", 28, 3.0)
    # At 18:00 it usually draws 1 kW.
    for days in range(28):
        evening = START - days * DAY - 18 * HOUR
        site.history.measured_each("d0.power", TimeRange(evening, evening + HOUR), 1.0)
    found = await site.main.flexibility.get(device_id)
    assert (found.now_kw, found.limits) == (2.0, ())
    assert [one.start for one in found.hours] == [START + number * HOUR for number in range(1, 25)]
    assert {one.start.hour: one.kw for one in found.hours}[18] == 0.5
    assert {one.kw for one in found.hours if one.start.hour != 18} == {2.0}
    evidence = found.evidence
    assert (evidence.power_kw, evidence.age, evidence.delivered_ratio) == (3.0, A_MINUTE, None)
    assert evidence.usual is not None
    assert (evidence.usual.p10, evidence.usual.p50, evidence.usual.p90) == (3.0, 3.0, 3.0)


async def test_what_is_not_known_is_no_number() -> None:
    site = Site()
    device_id = await site.device("d0")
    found = await site.main.flexibility.get(device_id)
    assert (found.now_kw, found.evidence.usual) == (2.5, None)
    assert {one.kw for one in found.hours} == {None}


@pytest.mark.parametrize(
    ("terms", "code", "hours"),
    [
        ({"controllable": False}, "not_controllable", 24),
        ({"availability": ()}, "outside_availability", 24),
        ({"availability": (WeekWindow(frozenset(Weekday), 13 * 60, 15 * 60),)}, "outside_availability", 22),
        ({"max_events_per_day": 0}, "daily_count", 24),
        ({"room_name": "hot"}, "comfort", 0),
    ],
)
async def test_limits_that_bind(terms: dict[str, object], code: str, hours: int) -> None:
    site = Site()
    device_id = await site.device("d0", **terms)  # type: ignore[arg-type]  # fields by name
    site.rooms.is_comfortable("hot", comfortable=False)
    found = await site.main.flexibility.get(device_id)
    assert (found.now_kw, [one.code for one in found.limits]) == (0.0, [code])
    assert sum(one.kw == 0.0 for one in found.hours) == hours


async def test_a_device_that_is_away_or_silent_sheds_nothing() -> None:
    site = Site()
    device_id = await site.device("d0")
    site.health.is_online("d0", online=False)
    site.clock.advance(4 * A_MINUTE)
    found = await site.main.flexibility.get(device_id)
    assert [one.code for one in found.limits] == ["offline", "stale"]
    assert found.limits[1].detail == "its power was last read 300 s ago"
    assert found.now_kw == 0.0


async def test_a_device_rests_and_serves_so_often_a_day() -> None:
    site = Site()
    device_id = await site.device("d0", min_rest=2 * HOUR, max_events_per_day=2)
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(event_id)
    await site.run(HOUR)
    codes = [one.code for one in (await site.main.flexibility.get(device_id)).limits]
    assert codes == ["rest"]
    hours = (await site.main.flexibility.get(device_id)).hours
    assert [one.kw for one in hours[:2]] == [0.0, None]
    await site.run(2 * HOUR)
    assert (await site.main.flexibility.get(device_id)).limits == ()
    second = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(second)
    await site.run(HOUR)
    await site.run(2 * HOUR)
    limits = (await site.main.flexibility.get(device_id)).limits
    assert [(one.code, one.detail) for one in limits] == [
        ("daily_count", "it has 2 of at most 2 events that day")
    ]
    # Whom it would be too much for is not invited.
    third = await site.event(reduction(2.0), after=HOUR)
    assert await site.invitations(third) == {}
    assert len(await site.invitations(await site.event(reduction(2.0), after=DAY))) == 1


async def test_a_device_that_serves_can_shed_what_its_power_leaves() -> None:
    site = Site()
    for device_id, terms in (("d0", {}), ("d1", {"max_reduction_kw": 1.5})):
        await site.device(device_id, 2.0, **{"min_power_kw": 0.0, **terms})
    event_id = await site.event(reduction(2.0), after=timedelta())
    for device_id in ("d0", "d1"):
        await site.answer(event_id, device_id, kw=1.0)
    await site.run(3 * A_MINUTE)
    assert await site.main.tell_flexibility() == 2
    for device_id, kw in (("d0", 1.0), ("d1", 0.5)):
        found = await site.main.flexibility.get(DeviceId(device_id))
        assert (found.now_kw, found.evidence.power_kw) == (kw, 1.0)
        [limit] = found.limits
        assert limit.code == "serves_another"
        assert limit.detail == (
            "it serves 'e' until 2026-03-02T13:00:00Z: more only for an event of a higher priority"
        )
    [told] = [one for one in site.database.events if isinstance(one, FlexibilityChanged)]
    assert told.now_kw == (1.0, 0.5)
    # A rule promises for a higher event what it could take over.
    urgent = await site.event(reduction(2.0), after=10 * A_MINUTE, priority=0)
    await site.main.auto_responses.put(AutoResponse(enabled=True), ME)
    await site.main.answers()
    promised = {one: by.committed_kw for one, by in (await site.invitations(urgent)).items()}
    assert promised == {"d0": 2.0, "d1": 1.5}
    # Where something else stands against it there is nothing.
    site.health.is_online("d0", online=False)
    away = await site.main.flexibility.get(DeviceId("d0"))
    assert (away.now_kw, [one.code for one in away.limits]) == (0.0, ["offline", "serves_another"])


async def test_a_device_rests_after_the_event_that_it_serves() -> None:
    site = Site()
    device_id = await site.device("d0", min_rest=2 * HOUR)
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(event_id)
    await site.run(A_MINUTE)
    hours = (await site.main.flexibility.get(device_id)).hours
    assert [one.kw for one in hours[:3]] == [0.0, 0.0, None]


async def test_changes_are_told_once() -> None:
    site = Site()
    await site.devices(2)
    assert await site.main.tell_flexibility() == 2
    assert await site.main.tell_flexibility() == 0
    site.health.is_online("d1", online=False)
    assert await site.main.tell_flexibility() == 1
    told = [one for one in site.database.events if isinstance(one, FlexibilityChanged)]
    assert [(one.device_ids, one.now_kw) for one in told] == [
        (("d0", "d1"), (2.5, 2.5)),
        (("d1",), (0.0,)),
    ]


def test_percentiles_lie_between_their_neighbours() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.5
    assert percentile([1.0, 2.0], 0.1) == pytest.approx(1.1)
    assert percentile([5.0], 0.9) == 5.0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0, 1))
def test_a_percentile_is_within_the_values(values: list[float], share: float) -> None:
    rising = sorted(values)
    assert rising[0] - 1e-6 <= percentile(rising, share) <= rising[-1] + 1e-6


def window(since: str, until: str, *days: Weekday) -> WeekWindow:
    hours = [int(one[:2]) * 60 + int(one[3:]) for one in (since, until)]
    return WeekWindow(frozenset(days or Weekday), *hours)


def span(start: str, end: str) -> TimeRange:
    return TimeRange(*(datetime.fromisoformat(f"2026-{one}").replace(tzinfo=LISBON) for one in (start, end)))


def test_windows_hold_what_lies_inside_them_together() -> None:
    office = window("08:00", "18:00", Weekday.MON)
    assert covered(span("03-02T08:00", "03-02T18:00"), [office], LISBON)
    assert not covered(span("03-02T07:59", "03-02T18:00"), [office], LISBON)
    assert not covered(span("03-03T08:00", "03-03T09:00"), [office], LISBON)
    halves = [window("12:00", "18:00"), window("08:00", "12:00")]
    assert covered(span("03-02T11:00", "03-02T13:00"), halves, LISBON)
    night = window("22:00", "06:00", Weekday.SUN)
    assert covered(span("03-01T23:00", "03-02T05:00"), [night], LISBON)
    assert not covered(span("03-02T23:00", "03-03T05:00"), [night], LISBON)
    assert covered(span("03-01T00:00", "03-09T00:00"), [window("00:00", "24:00")], LISBON)
    assert covered(span("03-01T00:00", "03-09T00:00"), None, LISBON)
    assert not covered(span("03-01T00:00", "03-01T00:01"), [], LISBON)
    moment = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
    assert not holds(moment, [office], LISBON)
    assert holds(moment - A_MINUTE, [office], LISBON)
    assert holds(moment, None, LISBON)


def test_days_are_those_of_the_zone() -> None:
    kathmandu = SiteZone(ZoneInfo("Asia/Kathmandu"))
    day = local_day(datetime(2026, 3, 1, 20, 0, tzinfo=UTC), kathmandu)
    assert day.start == datetime(2026, 3, 1, 18, 15, tzinfo=UTC)
    spring = local_day(datetime(2026, 3, 29, 12, 0, tzinfo=UTC), LISBON)
    assert spring.end - spring.start == 23 * HOUR
    # 01:30 is skipped on that day.
    assert at_clock(spring.start.date(), 90, LISBON) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
