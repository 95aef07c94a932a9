"""Devices that serve an event and can do more are asked for it where its target is not met."""

from datetime import timedelta

import pytest

from domain.demand_response.assignments import EndReason, Following
from domain.demand_response.commands import Command
from domain.demand_response.devices import Control
from domain.demand_response.errors import DeviceControlError
from domain.demand_response.events import DeviceFollowingChecked
from domain.demand_response.model import DeviceId, DrEventId
from tests.unit.demand_response.site import A_MINUTE, Site, reduction

NOW = timedelta()
TIMEOUT = DeviceControlError("timeout", "no answer")
REFUSED = DeviceControlError("host_not_allowed", "no")


async def started(site: Site, kw: float = 2.8, committed: float | None = None) -> DrEventId:
    """Let an event begin for which d0 gives its 2.5 kW, and d1 the rest."""
    event_id = await site.event(reduction(kw), after=NOW)
    for device_id in await site.invitations(event_id):
        await site.answer(event_id, device_id, kw=committed if device_id == "d1" else None)
    await site.main.step()
    return event_id


async def reductions(site: Site, event_id: DrEventId, device_id: str) -> list[Command]:
    commands = (await site.view(event_id)).commands
    return [one for one in commands if one.device_id == device_id and one.kind == "reduce"]


async def test_one_that_serves_already_is_raised_in_place_of_one_that_does_not_follow() -> None:
    site = Site()
    await site.devices(2)
    site.control.deaf = {"d0"}
    event_id = await started(site)
    assert site.control.reduced == {DeviceId("d1"): 0.3}
    await site.run(2 * A_MINUTE)
    first, more = await reductions(site, event_id, "d1")
    assert first.reduction_kw == pytest.approx(0.3)
    assert first.target_kw == 2.7
    assert (more.reduction_kw, more.target_kw, more.reason) == (2.5, 0.5, "replacement")
    assert (first.status, more.status) == ("delivered", "delivered")
    assert first.command_id != more.command_id
    assert first.assignment_id == more.assignment_id
    _, assignment = (await site.view(event_id)).assignments
    assert (assignment.asked_kw, assignment.power_before_kw) == (2.5, 3.0)
    # It cannot do more, and is not told the same again; its meter shows that it follows.
    await site.run(10 * A_MINUTE)
    assert len(await reductions(site, event_id, "d1")) == 2
    _, assignment = (await site.view(event_id)).assignments
    assert (assignment.following, assignment.shed_kw) == (Following.YES, 2.5)


async def test_one_that_serves_already_is_raised_in_place_of_one_that_cannot_be_told() -> None:
    site = Site()
    await site.devices(2)
    site.control.answers("d0", REFUSED)
    await started(site)
    assert site.control.reduced == {DeviceId("d1"): 2.5}


async def test_none_is_raised_beyond_its_word_and_others_step_in_for_the_rest() -> None:
    site = Site()
    await site.devices(3)
    site.control.deaf = {"d0"}
    await started(site, committed=1.0)
    await site.run(2 * A_MINUTE)
    assert site.control.reduced == {DeviceId("d1"): 1.0, DeviceId("d2"): 1.8}


async def test_an_idle_one_of_a_higher_priority_comes_first() -> None:
    site = Site()
    await site.devices(2)
    await site.device("first", 1.5, priority=0)
    site.control.deaf = {"d0"}
    event_id = await site.event(reduction(2.8), after=NOW)
    await site.answer(event_id, "d0")
    await site.answer(event_id, "d1")
    await site.main.step()
    await site.answer(event_id, "first")
    await site.run(2 * A_MINUTE)
    assert site.control.reduced == {DeviceId("first"): 1.0, DeviceId("d1"): 1.8}


async def test_one_that_does_not_follow_is_not_raised() -> None:
    site = Site()
    await site.devices(2)
    site.control.deaf = {"d0", "d1"}
    event_id = await started(site)
    await site.run(10 * A_MINUTE)
    assert len(await reductions(site, event_id, "d1")) == 1


async def test_one_that_does_not_follow_once_it_is_raised_is_replaced() -> None:
    site = Site()
    await site.devices(3)
    site.control.deaf = {"d0"}
    event_id = await started(site)
    await site.run(A_MINUTE)
    site.control.deaf = {"d0", "d1"}
    await site.run(A_MINUTE)
    assert len(await reductions(site, event_id, "d1")) == 2
    await site.run(2 * A_MINUTE)
    assert site.control.reduced == {DeviceId("d1"): 0.3, DeviceId("d2"): 2.5}


async def test_whether_it_follows_is_judged_once_it_has_heard_of_more() -> None:
    site = Site()
    await site.devices(2)
    site.control.deaf = {"d0"}
    event_id = await started(site)
    await site.run(A_MINUTE)
    site.control.answers("d1", TIMEOUT, TIMEOUT, TIMEOUT, None)
    for _ in range(5):
        await site.run(A_MINUTE)
        checked = [one for one in site.database.events if isinstance(one, DeviceFollowingChecked)]
        assert [one.follows for one in checked if one.device_id == "d1"][-1:] in ([], [True])
    assert site.control.reduced == {DeviceId("d1"): 2.5}
    assert [one.status.value for one in await reductions(site, event_id, "d1")] == ["delivered"] * 2


async def test_what_it_had_not_heard_yet_is_set_aside() -> None:
    site = Site()
    await site.devices(2)
    site.control.answers("d0", REFUSED)
    site.control.answers("d1", TIMEOUT, None)
    event_id = await started(site)
    told = [(one.reduction_kw, one.status.value) for one in await reductions(site, event_id, "d1")]
    assert told == [(pytest.approx(0.3), "superseded"), (2.5, "delivered")]
    assert site.control.reduced == {DeviceId("d1"): 2.5}


async def test_one_that_is_switched_by_hand_is_raised_too() -> None:
    site = Site()
    await site.device("d0", priority=0)
    await site.device("d1", priority=1, control=Control())
    site.control.deaf = {"d0"}
    event_id = await started(site)
    site.control.reduced[DeviceId("d1")] = 0.3
    await site.run(2 * A_MINUTE)
    first, more = await reductions(site, event_id, "d1")
    assert (first.status, more.status, more.reduction_kw) == ("manual", "manual", 2.5)
    site.control.reduced[DeviceId("d1")] = 2.5
    await site.run(3 * A_MINUTE)
    _, assignment = (await site.view(event_id)).assignments
    assert (assignment.following, assignment.shed_kw) == (Following.YES, 2.5)


async def test_an_event_that_loses_a_device_to_a_higher_one_asks_the_others_for_more() -> None:
    site = Site()
    await site.devices(2)
    low = await started(site)
    await site.run(5 * A_MINUTE)
    high = await site.event(reduction(2.5), after=NOW, priority=0)
    await site.opt_in(high)
    await site.main.step()
    assert (await site.view(low)).assignments[0].end_reason is EndReason.TAKEN_OVER
    assert site.control.reduced == {DeviceId("d0"): 2.5, DeviceId("d1"): 2.5}
