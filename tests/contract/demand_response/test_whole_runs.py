"""Whole events over the real stores: the use cases find everything as they left it."""

import asyncio
from datetime import timedelta

from domain.demand_response.assignments import EndReason
from domain.demand_response.auto_response import AutoResponse
from domain.demand_response.dr_events import DrEventStatus
from domain.demand_response.errors import DeviceControlError
from domain.demand_response.model import DeviceId, DrEventId
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.demand_response.programs import EventRule, ProgramTerms
from domain.demand_response.services.load_reduction import LoadReduction
from domain.demand_response.store_ports import EventFilter
from domain.shared.weeks import Weekday
from tests.unit.demand_response.site import A_MINUTE, HOUR, ME, SECOND, SIMPLE, Process, Site, reduction


async def test_an_event_from_its_program_to_its_report(uow: DemandResponseUnitOfWork) -> None:
    site = Site(uow=uow)
    await site.devices(3)
    site.metered_before("d0", 20, 3.0)
    site.metered_before("d1", 20, 3.0)
    await site.main.auto_responses.put(AutoResponse(enabled=True), ME)
    # At 14:00 in Lisbon, two hours from now.
    rule = EventRule(
        days=frozenset(Weekday), at=14 * 60, duration=HOUR, signal=reduction(4.0), ahead=3 * HOUR
    )
    program = await site.main.programs.create(ProgramTerms(program_name="p", rule=rule), ME)
    await site.main.step(everything=True)
    (event,), _ = await site.main.events.list(EventFilter(program_id=program.program_id), 10, 0)
    assert {one.status.value for one in (await site.invitations(event.event_id)).values()} == {"opt_in"}
    site.elapse(2 * HOUR)
    await site.main.step()
    assert site.control.reduced == {DeviceId("d0"): 2.5, DeviceId("d1"): 1.5}
    await site.run(3 * A_MINUTE)
    site.elapse(57 * A_MINUTE)
    await site.main.step()
    view = await site.view(event.event_id)
    assert (view.event.status, view.event.dispatched) == (DrEventStatus.COMPLETED, True)
    assert site.control.reduced == {}
    site.elapse(61 * A_MINUTE)
    assert await site.main.measure.keep() == 1
    report = await site.main.measure.report(event.event_id)
    assert (report.version, report.report.performance.status.value) == (1, "OK")
    assert await site.main.measure.version(event.event_id, 1) == report
    assert (await site.main.flexibility.get(DeviceId("d1"))).evidence.delivered_ratio == 1.0


async def serving(site: Site, event_id: DrEventId) -> set[str]:
    return {one.device_id for one in (await site.view(event_id)).assignments if one.is_serving}


async def test_devices_fail_and_are_replaced_taken_over_and_released(uow: DemandResponseUnitOfWork) -> None:
    site = Site(uow=uow)
    await site.devices(4)
    site.control.answers("d0", DeviceControlError("timeout", "no answer"))
    site.control.deaf = {"d1"}
    asked = LoadReduction(target_kw=2.0, duration=HOUR)
    event_id = (await site.main.reduce_load(asked, ME)).event_id
    assert event_id is not None
    for _ in range(20):
        await site.main.step()
        site.clock.advance(SECOND)
    site.elapse(A_MINUTE)
    await site.run(2 * A_MINUTE)
    ends = {one.device_id: one.end_reason for one in (await site.view(event_id)).assignments}
    assert ends == {"d0": EndReason.FAILED, "d1": None, "d2": None}
    higher = await site.event(SIMPLE, after=timedelta(), priority=0, duration=HOUR / 2)
    await site.answer(higher, "d2")
    await site.main.step()
    assert {one.device_id for one in (await site.view(event_id)).assignments if one.is_serving} == {
        "d1",
        "d3",
    }
    await site.main.events.cancel(higher, ME, "enough")
    await site.answer(event_id, "d3", opt_in=False)
    await site.main.step()
    await site.main.step(everything=True)
    assert {one.device_id for one in (await site.view(event_id)).assignments if one.is_serving} == {
        "d1",
        "d2",
    }
    site.elapse(HOUR)
    await site.main.step()
    assert (await site.view(event_id)).event.status is DrEventStatus.COMPLETED
    assert site.control.reduced == {}


async def test_two_processes_race(uow: DemandResponseUnitOfWork, other_uow: DemandResponseUnitOfWork) -> None:
    site = Site(uow=uow)
    await site.devices(6)
    event_id = await site.event(reduction(9.0), after=timedelta())
    await site.opt_in(event_id)
    lease = await site.main.lease()
    processes = [Process(site, str(number), where) for number, where in enumerate((uow, other_uow) * 2)]
    # All with the same lease: the event itself lets one in after the other.
    await asyncio.gather(*(one.scheduler.run(lease, everything=True) for one in processes))
    await asyncio.gather(*(one.sending() for one in processes))
    told = await site.told(event_id)
    assert sorted(told) == [(f"d{number}", "reduce", "delivered") for number in range(4)]
    assert len(site.control.orders) == 4
    await asyncio.gather(
        site.main.events.cancel(event_id, ME),
        *(one.scheduler.run(lease, everything=True) for one in processes),
    )
    await asyncio.gather(*(one.sending() for one in processes))
    assert site.control.reduced == {}
    assert len(site.control.orders) == 8
