"""The loop, in real time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from adapters.memory.demand_response import MemoryDemandResponseUnitOfWork
from adapters.memory.surroundings import MemoryClock
from domain.demand_response.commands import ControlOrder, ControlReceipt
from domain.demand_response.dr_events import DrEventStatus
from domain.demand_response.model import DrEventId
from domain.demand_response.services.scheduler_loop import SchedulerLoop, SchedulerPace
from tests.unit.demand_response.site import A_MINUTE, ME, Process, Site

MOMENT = timedelta(seconds=0.6)
PACE = SchedulerPace(look=timedelta(seconds=0.05))


class RunningClock(MemoryClock):
    def now(self) -> datetime:
        return datetime.now(UTC)


async def running_site(devices: int) -> Site:
    site = Site(datetime.now(UTC))
    running = RunningClock()
    site.clock = running
    site.history._clock = running
    site.main = Process(site, "main")
    for number in range(devices):
        await site.device(f"d{number}", priority=number)
    return site


@asynccontextmanager
async def looked_after(*processes: Process) -> AsyncIterator[None]:
    loops = [SchedulerLoop(one.scheduler, one.sending, one.waking, RunningClock(), PACE) for one in processes]
    tasks = [asyncio.create_task(loop()) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def eventually(condition: Callable[[], Awaitable[bool]]) -> datetime:
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110 - it is the outside that is watched
            await asyncio.sleep(0.005)
    return datetime.now(UTC)


async def until(site: Site, event_id: DrEventId, status: DrEventStatus) -> datetime:
    async def is_there() -> bool:
        return (await site.view(event_id)).event.status is status

    return await eventually(is_there)


async def until_told(site: Site, event_id: DrEventId, devices: list[str]) -> None:
    async def are_told() -> bool:
        told = await site.told(event_id)
        return devices == sorted(device for device, _, status in told if status == "delivered")

    await eventually(are_told)


async def test_events_start_and_end_on_time_and_devices_are_told_at_once() -> None:
    site = await running_site(2)
    async with looked_after(site.main, Process(site, "other")):
        event_id = await site.event(after=MOMENT, duration=MOMENT)
        await site.opt_in(event_id)
        terms = (await site.view(event_id)).event.terms
        assert await until(site, event_id, DrEventStatus.ACTIVE) - terms.start < MOMENT
        assert await until(site, event_id, DrEventStatus.COMPLETED) - terms.end < MOMENT
        await until_told(site, event_id, ["d0", "d0", "d1", "d1"])
    assert sorted(await site.told(event_id)) == [
        (device, kind, "delivered") for device in ("d0", "d1") for kind in ("reduce", "restore")
    ]
    commands = (await site.view(event_id)).commands
    assert all(one.time is not None and one.time - one.due_at < MOMENT for one in commands)
    assert len(site.control.orders) == 4


async def test_a_device_that_does_not_answer_delays_nobody() -> None:
    site = await running_site(3)
    send = site.control.send

    async def slow(order: ControlOrder) -> ControlReceipt:
        if order.device_id == "d0":
            await asyncio.sleep(60)
        return await send(order)

    site.control.send = slow  # type: ignore[method-assign]  # a fault put in
    async with looked_after(site.main):
        first = await site.event(after=timedelta())
        await site.opt_in(first)
        await until_told(site, first, ["d1", "d2"])
        await site.main.events.cancel(first, ME)
        await until_told(site, first, ["d1", "d1", "d2", "d2"])
    assert {one for one in await site.told(first) if one[0] == "d0"} == {
        ("d0", "reduce", "superseded"),
        ("d0", "restore", "pending"),
    }


async def test_the_loop_survives_a_database_that_is_away() -> None:
    site = await running_site(1)
    uow = MemoryDemandResponseUnitOfWork(site.database, site.clock)
    async with looked_after(Process(site, "mortal", uow)):
        await asyncio.sleep(0.05)
        uow.unavailable = True
        event_id = await site.event(after=timedelta(), duration=A_MINUTE)
        await site.opt_in(event_id)
        await asyncio.sleep(0.2)
        assert site.control.orders == []
        uow.unavailable = False
        await until_told(site, event_id, ["d0"])


async def test_whoever_leaves_lets_the_next_one_in() -> None:
    site = await running_site(1)
    async with looked_after(site.main):
        await asyncio.sleep(0.05)
        assert await Process(site, "other").scheduler.take() is None
    assert await Process(site, "other").scheduler.take() is not None
