import json
from collections.abc import Collection, Mapping
from datetime import timedelta

from domain.demand_response.assignments import EndReason, Following
from domain.demand_response.conditions import MeterReading
from domain.demand_response.dr_events import DrEventStatus
from domain.demand_response.errors import DeviceControlError
from domain.demand_response.events import CommandChanged, DeviceFollowingChecked, EventStatusChanged
from domain.demand_response.model import DeviceId, SensorId
from domain.shared.time import TimeRange
from tests.unit.demand_response.site import A_MINUTE, HOUR, ME, SECOND, Site, reduction

TIMEOUT = DeviceControlError("timeout", "no answer")


async def test_an_event_from_the_invitation_to_the_release() -> None:
    site = Site()
    await site.devices(3)
    event_id = await site.event(reduction(4.0))
    await site.main.step()
    assert {one.status.value for one in (await site.invitations(event_id)).values()} == {"invited"}
    await site.opt_in(event_id)
    await site.run(HOUR - A_MINUTE)
    assert site.control.orders == []
    await site.run(A_MINUTE)
    # 2.5 kW each can be shed: the second one is asked for the rest, the third for nothing.
    assert await site.told(event_id) == [("d0", "reduce", "delivered"), ("d1", "reduce", "delivered")]
    bodies = [json.loads(one.request.body.text) for one in site.control.orders if one.request.body]
    assert bodies == [
        {"kw": 2.5, "to": 0.5, "event": str(event_id)},
        {"kw": 1.5, "to": 1.5, "event": str(event_id)},
    ]
    await site.run(HOUR - A_MINUTE)
    view = await site.view(event_id)
    assert (view.event.status, view.event.dispatched) == (DrEventStatus.ACTIVE, True)
    assert [(one.following, one.shed_kw) for one in view.assignments] == [
        (Following.YES, 2.5),
        (Following.YES, 1.5),
    ]
    await site.run(A_MINUTE)
    view = await site.view(event_id)
    assert (view.event.status, view.event.missed) == (DrEventStatus.COMPLETED, None)
    assert (await site.told(event_id))[2:] == [
        ("d0", "restore", "delivered"),
        ("d1", "restore", "delivered"),
    ]
    assert site.control.reduced == {}
    assert {one.end_reason for one in view.assignments} == {EndReason.EVENT_ENDED}
    statuses = [one.status for one in site.database.events if isinstance(one, EventStatusChanged)]
    assert statuses == [DrEventStatus.FAR, DrEventStatus.ACTIVE, DrEventStatus.COMPLETED]


async def test_a_control_endpoint_that_fails_is_tried_again() -> None:
    site = Site()
    await site.devices(1)
    site.control.answers("d0", TIMEOUT, DeviceControlError("http_500", "broken"), None)
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(event_id)
    await site.main.step()
    (command,) = (await site.view(event_id)).commands
    assert (command.status.value, command.attempts, command.fault and command.fault.code) == (
        "pending",
        1,
        "timeout",
    )
    site.clock.advance(SECOND)
    await site.main.step()
    site.clock.advance(SECOND)
    await site.main.step()
    assert len(site.control.orders) == 2
    site.clock.advance(SECOND)
    await site.main.step()
    (command,) = (await site.view(event_id)).commands
    assert (command.status.value, command.attempts, command.fault) == ("delivered", 3, None)
    assert len({one.command_id for one in site.control.orders}) == 1
    told = [(one.status.value, one.detail) for one in site.database.events if isinstance(one, CommandChanged)]
    assert told == [
        ("pending", None),
        ("pending", "timeout"),
        ("pending", "http_500"),
        ("delivered", None),
    ]


async def test_a_device_that_cannot_be_told_is_replaced() -> None:
    site = Site()
    await site.devices(2)
    site.control.answers("d0", DeviceControlError("http_500", "broken"))
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(event_id)
    for _ in range(20):
        await site.main.step()
        site.clock.advance(SECOND)
    assert await site.told(event_id) == [
        ("d0", "reduce", "failed"),
        ("d0", "restore", "pending"),
        ("d1", "reduce", "delivered"),
    ]
    failed = (await site.view(event_id)).commands[0]
    assert (failed.attempts, failed.fault and failed.fault.code) == (5, "http_500")
    assert site.control.reduced == {DeviceId("d1"): 2.0}


async def test_what_is_not_allowed_is_not_tried_again() -> None:
    site = Site()
    await site.devices(2)
    site.control.answers("d0", DeviceControlError("host_not_allowed", "no"))
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(event_id)
    await site.main.step()
    assert (await site.told(event_id))[0] == ("d0", "reduce", "failed")
    assert ("d1", "reduce", "delivered") in await site.told(event_id)


async def test_a_device_that_does_not_follow_is_replaced() -> None:
    site = Site()
    await site.devices(3)
    site.control.deaf = {"d0"}
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(event_id)
    await site.main.step()
    await site.run(A_MINUTE)
    assert await site.told(event_id) == [("d0", "reduce", "delivered")]
    # Two intervals of its meter after the command.
    await site.run(A_MINUTE)
    assert await site.told(event_id) == [("d0", "reduce", "delivered"), ("d1", "reduce", "delivered")]
    view = await site.view(event_id)
    assert (view.assignments[0].following, view.assignments[0].shed_kw) == (Following.NO, 0.0)
    assert view.commands[1].reason.value == "replacement"
    checked = [one for one in site.database.events if isinstance(one, DeviceFollowingChecked)]
    assert [(one.device_id, one.follows) for one in checked] == [("d0", False)]
    await site.run(5 * A_MINUTE)
    assert len((await site.view(event_id)).commands) == 2
    assert site.control.reduced == {DeviceId("d1"): 2.0}


async def test_a_device_with_a_slow_ramp_gets_its_time() -> None:
    site = Site()
    await site.device("slow", ramp_seconds=300.0)
    event_id = await site.event(reduction(2.0), after=HOUR, ramp_up_period=10 * A_MINUTE)
    await site.opt_in(event_id)
    await site.run(54 * A_MINUTE)
    assert site.control.orders == []
    assert (await site.view(event_id)).event.status is DrEventStatus.NEAR
    await site.run(A_MINUTE)
    assert await site.told(event_id) == [("slow", "reduce", "delivered")]
    assert (await site.view(event_id)).event.status is DrEventStatus.NEAR
    (assignment,) = (await site.view(event_id)).assignments
    assert assignment.check_at == site.clock.now() + 7 * A_MINUTE


async def test_opting_out_of_an_active_event_releases_at_once() -> None:
    site = Site()
    await site.devices(2)
    event_id = await site.event(reduction(2.0), after=timedelta(), randomize_start=HOUR / 2)
    await site.opt_in(event_id)
    await site.main.step()
    await site.answer(event_id, "d0", opt_in=False)
    await site.main.step()
    assert await site.told(event_id) == [
        ("d0", "reduce", "delivered"),
        ("d0", "restore", "delivered"),
        ("d1", "reduce", "delivered"),
    ]
    await site.answer(event_id, "d1", opt_in=False)
    await site.answer(event_id, "d0", opt_in=True)
    await site.main.step()
    assert site.control.reduced == {DeviceId("d0"): 2.0}


async def test_cancelling_releases_and_stays_with_the_reason() -> None:
    site = Site()
    await site.devices(1)
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(event_id)
    await site.main.step()
    await site.main.events.cancel(event_id, ME, "calm")
    await site.main.step()
    view = await site.view(event_id)
    assert view.event.status is DrEventStatus.CANCELLED
    last = view.event.history[-1]
    assert (last.by, last.reason, last.at) == ("key:1", "calm", site.clock.now())
    assert site.control.reduced == {}


async def test_devices_come_back_one_after_the_other() -> None:
    site = Site()
    await site.devices(4)
    event_id = await site.event(after=timedelta(), randomize_start=8 * A_MINUTE)
    await site.opt_in(event_id)
    await site.main.step()
    await site.run(HOUR)
    restores = (await site.view(event_id)).commands[4:]
    end = (await site.view(event_id)).event.terms.end
    assert sorted(one.due_at - end for one in restores) == [number * 2 * A_MINUTE for number in range(4)]
    backs = []
    for _ in range(8):
        backs.append(len(site.control.reduced))
        await site.run(A_MINUTE)
    assert backs == [3, 3, 2, 2, 1, 1, 0, 0]


async def test_a_device_with_a_longest_time_is_relieved() -> None:
    site = Site()
    await site.device("d0", priority=0, max_duration=20 * A_MINUTE)
    await site.device("d1", priority=1)
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(event_id)
    await site.main.step()
    await site.run(20 * A_MINUTE)
    assert await site.told(event_id) == [
        ("d0", "reduce", "delivered"),
        ("d0", "restore", "delivered"),
        ("d1", "reduce", "delivered"),
    ]
    assert (await site.view(event_id)).assignments[0].end_reason is EndReason.MAX_DURATION


async def test_without_kw_all_that_opted_in_are_dispatched() -> None:
    site = Site()
    await site.devices(2)
    await site.device("unread")
    site.history.forget("unread.power", everything(site))
    await site.device("away", room_name="r")
    site.rooms.is_comfortable("r", comfortable=False)
    event_id = await site.event(after=timedelta())
    await site.opt_in(event_id)
    await site.main.step()
    assert sorted(one for one, _, _ in await site.told(event_id)) == ["d0", "d1", "unread"]


def everything(site: Site) -> TimeRange:
    return TimeRange(site.clock.now() - HOUR, site.clock.now())


async def test_nobody_opted_in() -> None:
    site = Site()
    await site.devices(2)
    event_id = await site.event(after=A_MINUTE)
    await site.run(2 * A_MINUTE)
    assert {one.status.value for one in (await site.invitations(event_id)).values()} == {"expired"}
    await site.run(HOUR)
    event = (await site.view(event_id)).event
    assert (event.status, event.dispatched) == (DrEventStatus.COMPLETED, False)
    assert event.missed is not None
    assert event.missed.code == "nobody_opted_in"


async def test_who_opts_in_while_others_are_asked_is_not_forgotten() -> None:
    site = Site()
    await site.devices(2)
    event_id = await site.event(after=timedelta())
    await site.answer(event_id, "d0")
    newest = site.history.newest

    async def slow(sensor_ids: Collection[SensorId]) -> Mapping[SensorId, MeterReading]:
        site.history.newest = newest  # type: ignore[method-assign]  # as before again
        await site.answer(event_id, "d1")
        return await newest(sensor_ids)

    site.history.newest = slow  # type: ignore[method-assign]  # a fault put in
    await site.main.scheduler.run(await site.main.lease())
    assert [one for one, _, _ in await site.told(event_id)] == ["d0"]
    assert await site.main.scheduler.next_due() == site.clock.now()
    await site.main.scheduler.run(await site.main.lease())
    assert [one for one, _, _ in await site.told(event_id)] == ["d0", "d1"]
