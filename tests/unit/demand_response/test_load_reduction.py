from datetime import timedelta

import pytest

from domain.demand_response.dr_events import DrEventStatus, EventOrigin, Signal, SignalType
from domain.demand_response.errors import DeviceControlError
from domain.demand_response.model import DeviceId, Targets
from domain.demand_response.services.load_reduction import LoadReduction, ReductionPlan
from domain.shared.errors import InvalidError
from tests.unit.demand_response.site import A_MINUTE, HOUR, ME, Site, reduction


async def plan(site: Site, kw: float, *, dry_run: bool = True, **more: object) -> ReductionPlan:
    asked = LoadReduction(target_kw=kw, duration=HOUR, **more)  # type: ignore[arg-type]  # fields by name
    return await site.main.reduce_load(asked, ME, dry_run=dry_run)


def shown(found: ReductionPlan) -> list[tuple[str, float]]:
    return [(one.device_id, one.reduction_kw) for one in found.devices]


async def test_the_plan_goes_by_priority_and_tells_why_others_are_left_out() -> None:
    site = Site()
    await site.devices(3)
    await site.device("off", controllable=False)
    site.health.is_online("d0", online=False)
    found = await plan(site, 4.0)
    assert shown(found) == [("d1", 2.5), ("d2", 1.5)]
    assert (found.total_kw, found.shortfall_kw, found.event_id) == (4.0, 0.0, None)
    assert {one.device_id: one.code for one in found.left_out} == {
        "d0": "offline",
        "off": "not_controllable",
    }
    short = await plan(site, 8.0)
    assert (short.total_kw, short.shortfall_kw) == (5.0, 3.0)
    less = await plan(site, 1.0)
    assert [(one.device_id, one.code) for one in less.left_out if one.device_id == "d2"] == [
        ("d2", "not_needed")
    ]
    assert (await site.main.events.counts())[DrEventStatus.ACTIVE] == 0


async def test_the_plan_becomes_an_event_that_is_dispatched_as_planned() -> None:
    site = Site()
    await site.devices(3)
    found = await plan(site, 4.0, dry_run=False)
    assert found.event_id is not None
    await site.main.step()
    view = await site.view(found.event_id)
    assert (view.event.status, view.event.origin) == (DrEventStatus.ACTIVE, EventOrigin.LOAD_REDUCTION)
    assert {one.status.value for one in view.invitations} == {"opt_in"}
    assert {one.answered_by for one in view.invitations} == {"person"}
    assert site.control.reduced == {DeviceId("d0"): 2.5, DeviceId("d1"): 1.5}
    # The second one can do more, and the third one has opted in too.
    site.control.deaf = {"d0"}
    site.control.reduced.pop(DeviceId("d0"))
    await site.run(2 * A_MINUTE)
    assert site.control.reduced == {DeviceId("d1"): 2.5, DeviceId("d2"): 1.5}
    await site.run(HOUR)
    assert site.control.reduced == {}


async def test_a_device_that_serves_another_event_is_left_out() -> None:
    site = Site()
    await site.devices(2)
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(event_id)
    await site.main.step()
    found = await plan(site, 4.0)
    assert shown(found) == [("d1", 2.5)]
    assert [(one.device_id, one.code) for one in found.left_out] == [("d0", "serves_another")]


async def test_a_device_whose_event_ends_before_is_free() -> None:
    site = Site()
    await site.devices(1)
    await site.device("rests", priority=1, min_rest=HOUR)
    event_id = await site.event(reduction(4.0), after=timedelta(), duration=30 * A_MINUTE)
    await site.opt_in(event_id)
    await site.main.step()
    site.elapse(10 * A_MINUTE)
    start = site.clock.now() + 20 * A_MINUTE
    # It is counted by what it draws once it is released, and not by what is left of that now.
    found = await plan(site, 4.0, start=start)
    assert shown(found) == [("d0", 2.5)]
    assert [(one.device_id, one.code) for one in found.left_out] == [("rests", "rest")]
    overlapping = await plan(site, 4.0, start=start - A_MINUTE)
    assert [(one.device_id, one.code) for one in overlapping.left_out] == [
        ("d0", "serves_another"),
        ("rests", "serves_another"),
    ]
    assert overlapping.left_out[0].detail == (
        "it serves 'e' from 2026-03-02T12:00:00Z to 2026-03-02T12:30:00Z,"
        " which is of the same priority and was created earlier"
    )


@pytest.mark.parametrize("after", [timedelta(), 15 * A_MINUTE, 6 * HOUR])
async def test_plans_know_of_each_other(after: timedelta) -> None:
    site = Site()
    await site.devices(2)
    start = site.clock.now() + after
    for days in (3, 4, 5, 6):
        for minutes in range(60):
            for device_id in ("d0", "d1"):
                at = start - timedelta(days=days) + minutes * A_MINUTE
                site.history.measured(f"{device_id}.power", at, 3.0)
    first = await plan(site, 2.0, dry_run=False, start=start)
    assert shown(first) == [("d0", 2.0)]
    # What the first one does not need is free.
    second = await plan(site, 4.0, dry_run=False, start=start)
    assert (shown(second), second.shortfall_kw) == ([("d1", 2.5)], 1.5)
    assert [(one.device_id, one.code) for one in second.left_out] == [("d0", "serves_another")]
    third = await plan(site, 1.0, dry_run=False, start=start + 59 * A_MINUTE)
    assert (third.event_id, third.shortfall_kw) == (None, 1.0)
    after_both = await plan(site, 1.0, start=start + HOUR)
    assert "serves_another" not in {one.code for one in after_both.left_out}
    site.elapse(after)
    await site.main.step()
    assert site.control.reduced == {DeviceId("d0"): 2.0, DeviceId("d1"): 2.5}


async def test_what_other_events_will_take_is_left_out() -> None:
    site = Site()
    await site.devices(3)
    await site.device("d3", priority=3, site_meter_id=site.meter("d0"))
    for_all = await site.event(after=2 * HOUR)
    await site.answer(for_all, "d0")
    await site.answer(for_all, "d1", opt_in=False)
    start = site.clock.now() + 30 * A_MINUTE
    limit = Signal(SignalType.IMPORT_CAPACITY_LIMIT, 9.0, "kW")
    urgent = await site.event(limit, after=HOUR, duration=HOUR, priority=2)
    await site.answer(urgent, "d3")
    asked = LoadReduction(target_kw=9.0, duration=2 * HOUR, start=start)
    found = await site.main.reduce_load(asked, ME, dry_run=True)
    assert shown(found) == [("d1", 2.5), ("d2", 2.5)]
    assert {one.device_id: one.detail.rsplit(", ", 1)[1] for one in found.left_out} == {
        "d0": "which is of the same priority and was created earlier",
        "d3": "which is of a higher priority",
    }


async def test_what_other_events_will_not_take_is_free() -> None:
    site = Site()
    await site.devices(2)
    await site.opt_in(await site.event(Signal(SignalType.SIMPLE, 0), after=30 * A_MINUTE))
    unmet = await site.event(reduction(4.0), after=timedelta(), duration=2 * HOUR)
    await site.opt_in(unmet)
    site.control.answers("d0", DeviceControlError("host_not_allowed", "no"))
    await site.main.step()
    found = await plan(site, 4.0, start=site.clock.now() + 30 * A_MINUTE)
    # The first could not be told to serve the other event, and is not tried again.
    assert shown(found) == [("d0", 2.5)]
    assert [(one.device_id, one.code) for one in found.left_out] == [("d1", "serves_another")]


async def test_a_later_reduction_goes_by_what_is_usual() -> None:
    site = Site()
    await site.devices(1)
    start = site.clock.now() + 6 * HOUR
    found = await plan(site, 2.0, start=start)
    assert [(one.device_id, one.code) for one in found.left_out] == [("d0", "unknown_load")]
    for days in (3, 4, 5, 6):
        for minutes in range(60):
            site.history.measured("d0.power", start - timedelta(days=days) + minutes * A_MINUTE, 2.0)
    found = await plan(site, 2.0, dry_run=False, start=start)
    assert shown(found) == [("d0", 1.5)]
    assert found.shortfall_kw == 0.5
    assert found.event_id is not None
    assert (await site.view(found.event_id)).event.status is DrEventStatus.FAR


async def test_a_plan_in_which_nobody_can_becomes_nothing() -> None:
    site = Site()
    await site.device("d0", controllable=False)
    found = await plan(site, 2.0, dry_run=False)
    assert (found.event_id, found.shortfall_kw, found.total_kw) == (None, 2.0, 0.0)
    assert sum((await site.main.events.counts()).values()) == 0


async def test_what_cannot_be_planned() -> None:
    site = Site()
    await site.devices(1)
    now = site.clock.now()
    for more, code, pointer in (
        ({"target_kw": -1.0}, "invalid_value", "/target_kw"),
        ({"target_kw": 0.0}, "invalid_value", "/target_kw"),
        ({"duration": timedelta()}, "end_before_start", "/duration"),
        ({"start": now.replace(tzinfo=None)}, "naive_timestamp", "/start"),
        ({"start": now - 2 * HOUR, "duration": HOUR}, "in_past", "/start"),
        ({"start": now - 2 * HOUR, "duration": 3 * HOUR}, "began_too_long_ago", "/start"),
        ({"targets": Targets(labels=(("a", "b"),))}, "no_matching_devices", "/targets"),
        (
            {"targets": Targets(device_ids=(DeviceId("d0"), DeviceId("x")))},
            "unknown_device",
            "/targets/device_ids/1",
        ),
    ):
        asked = {"target_kw": 1.0, "duration": HOUR} | more
        with pytest.raises(InvalidError) as refused:
            await site.main.reduce_load(LoadReduction(**asked), ME)  # type: ignore[arg-type]  # fields by name
        assert (refused.value.code, refused.value.problems[0].pointer) == (code, pointer)
