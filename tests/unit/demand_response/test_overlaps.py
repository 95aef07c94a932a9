from dataclasses import replace
from datetime import timedelta

from domain.demand_response.assignments import EndReason
from domain.demand_response.dr_events import DrEventStatus, Signal, SignalType
from domain.demand_response.model import DeviceId, DrEventId, Fault, RoomName
from tests.unit.demand_response.site import A_MINUTE, HOUR, ME, SECOND, Site, reduction

NOW = timedelta()


async def started(
    site: Site, kw: float, priority: int | None = None, duration: timedelta = HOUR
) -> DrEventId:
    event_id = await site.event(reduction(kw), after=NOW, priority=priority, duration=duration)
    await site.opt_in(event_id)
    await site.main.step()
    return event_id


async def serving(site: Site, event_id: DrEventId) -> list[str]:
    return sorted(one.device_id for one in (await site.view(event_id)).assignments if one.is_serving)


async def test_the_higher_priority_takes_the_device_and_the_lower_event_finds_another() -> None:
    site = Site()
    await site.devices(2)
    low = await started(site, 2.0, priority=5)
    assert await serving(site, low) == ["d0"]
    await site.run(5 * A_MINUTE)
    high = await started(site, 2.5, priority=1)
    assert (await serving(site, high), await serving(site, low)) == (["d0"], ["d1"])
    taken = (await site.view(low)).assignments[0]
    assert taken.end_reason is EndReason.TAKEN_OVER
    # It is asked anew, and by what it drew before; it never came back in between.
    assert [url.rsplit("/", 1)[1] for url in site.control.told("d0")] == ["reduce", "reduce"]
    assert site.control.reduced == {DeviceId("d0"): 2.5, DeviceId("d1"): 2.0}


async def test_a_lower_event_takes_nothing_from_a_higher_one() -> None:
    site = Site()
    await site.devices(2)
    high = await started(site, 2.0, priority=1)
    low = await started(site, 4.0, priority=2)
    nobody = await started(site, 2.0)
    assert (await serving(site, high), await serving(site, low)) == (["d0"], ["d1"])
    assert await serving(site, nobody) == []


async def test_an_event_whose_devices_served_another_one_says_so() -> None:
    site = Site()
    await site.devices(1)
    await started(site, 2.0, priority=1)
    low = await started(site, 2.0, priority=2)
    await site.run(HOUR)
    event = (await site.view(low)).event
    assert (event.status, event.dispatched) == (DrEventStatus.COMPLETED, False)
    assert event.missed == Fault(
        "served_other_events", "each device that opted in served other events for most of that time"
    )


async def test_an_event_that_had_a_device_with_nothing_to_shed_says_so() -> None:
    site = Site()
    await site.devices(1)
    await site.device("idle", 0.4)
    await started(site, 2.0, priority=1)
    low = await started(site, 2.0, priority=2)
    await site.run(HOUR)
    event = (await site.view(low)).event
    assert event.missed is not None
    assert event.missed.code == "nothing_to_shed"


async def test_a_device_that_served_another_event_for_a_while_had_time_for_this_one() -> None:
    site = Site()
    device_id = await site.device("d0", 3.0)
    await started(site, 2.0, priority=1, duration=20 * A_MINUTE)
    low = await started(site, 2.0, priority=2)
    await site.run(19 * A_MINUTE)
    site.rooms.is_comfortable("r", comfortable=False)
    terms = (await site.main.devices.get(device_id)).terms
    await site.main.devices.put(replace(terms, room_name=RoomName("r")), ME)
    await site.run(HOUR)
    event = (await site.view(low)).event
    assert event.missed is not None
    assert event.missed.code == "nothing_to_shed"


async def test_between_equals_the_earlier_created_wins() -> None:
    site = Site()
    await site.devices(1)
    first = await started(site, 2.0, priority=1)
    site.elapse(A_MINUTE)
    second = await started(site, 2.0, priority=1)
    assert (await serving(site, first), await serving(site, second)) == (["d0"], [])


async def test_the_lower_event_gets_the_device_back_at_once() -> None:
    site = Site()
    await site.devices(1)
    low = await started(site, 2.0, duration=2 * HOUR)
    await site.run(A_MINUTE)
    high = await started(site, 2.0, priority=0, duration=30 * A_MINUTE)
    await site.run(29 * A_MINUTE)
    assert await serving(site, high) == ["d0"]
    await site.run(A_MINUTE)
    assert (await site.view(high)).event.status is DrEventStatus.COMPLETED
    assert (await serving(site, high), await serving(site, low)) == ([], ["d0"])
    # The word to come back was set aside for the next one to shed.
    assert "restore" not in {url.rsplit("/", 1)[1] for url in site.control.told("d0")}
    await site.main.events.cancel(low, ME)
    await site.main.step()
    assert site.control.reduced == {}


async def test_import_is_held_at_its_limit() -> None:
    site = Site()
    site.history.sensor("site")
    for number in range(3):
        await site.device(f"d{number}", 3.0, priority=number, site_meter_id="site")
    await site.device("elsewhere", 3.0, priority=0)
    metered(site, 12.0)
    signal = Signal(SignalType.IMPORT_CAPACITY_LIMIT, 9.0, "kW")
    event_id = await site.event(signal, after=NOW, duration=2 * HOUR)
    assert [one.code for one in (await site.view(event_id)).event.left_out] == ["no_site_meter"]
    await site.opt_in(event_id)
    await site.main.step()
    assert site.control.reduced == {DeviceId("d0"): 2.5, DeviceId("d1"): 0.5}
    # It is within its limit now: nobody is asked for more.
    for _ in range(5):
        site.elapse(A_MINUTE)
        metered(site, 9.0)
        await site.main.step()
    assert len(site.control.orders) == 2
    # Something else is switched on: who sheds already and can do more does so first.
    site.elapse(A_MINUTE)
    metered(site, 10.5)
    await site.main.step()
    assert site.control.reduced == {DeviceId("d0"): 2.5, DeviceId("d1"): 2.0}
    # What it was told lately is still to come: it is not asked for twice.
    site.clock.advance(30 * SECOND)
    await site.main.step()
    assert len(site.control.orders) == 3
    for _ in range(3):
        site.elapse(A_MINUTE)
        metered(site, 9.0)
        await site.main.step()
    site.elapse(A_MINUTE)
    metered(site, 11.0)
    await site.main.step()
    assert site.control.reduced == {DeviceId("d0"): 2.5, DeviceId("d1"): 2.5, DeviceId("d2"): 1.5}


async def test_a_site_within_its_limit_asks_for_nothing_and_misses_nothing() -> None:
    site = Site()
    site.history.sensor("site")
    await site.device("d0", 3.0, site_meter_id="site")
    metered(site, 5.0)
    event_id = await site.event(Signal(SignalType.IMPORT_CAPACITY_LIMIT, 9.0), after=NOW)
    await site.opt_in(event_id)
    for _ in range(60):
        site.elapse(A_MINUTE)
        metered(site, 5.0)
        await site.main.step()
    event = (await site.view(event_id)).event
    assert (event.status, event.dispatched, event.missed) == (DrEventStatus.COMPLETED, False, None)
    assert site.control.orders == []


async def test_a_site_whose_meter_is_silent_is_kept_safe() -> None:
    site = Site()
    site.history.sensor("site")
    await site.device("d0", 3.0, site_meter_id="site")
    event_id = await site.event(Signal(SignalType.IMPORT_CAPACITY_LIMIT, 9.0), after=NOW)
    await site.opt_in(event_id)
    await site.main.step()
    assert site.control.reduced == {DeviceId("d0"): 2.5}


def metered(site: Site, kw: float) -> None:
    site.history.measured("site", site.clock.now() - A_MINUTE, kw)
