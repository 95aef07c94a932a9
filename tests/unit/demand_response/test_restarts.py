"""A process that dies anywhere, two that run at once, clocks that jump."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from adapters.memory.demand_response import MemoryDemandResponseUnitOfWork
from domain.demand_response.commands import ControlOrder, ControlReceipt
from domain.demand_response.dr_events import DrEventStatus
from domain.demand_response.model import DeviceId
from domain.demand_response.ports import DemandResponseTransaction
from domain.demand_response.services.leases import LeaseLostError
from domain.demand_response.services.scheduler import LEASE_TERM
from domain.demand_response.services.sending import CLAIM_TERM
from tests.unit.demand_response.site import A_MINUTE, HOUR, SECOND, Process, Site, reduction


class Died(BaseException):
    """The process was killed."""


class MortalUnitOfWork(MemoryDemandResponseUnitOfWork):
    """Kills the process as it begins its n-th transaction, or right after that committed."""

    lives = -1
    after = False

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[DemandResponseTransaction]:
        self.lives -= 1
        if self.lives == 0 and not self.after:
            raise Died
        async with super().begin() as tx:
            yield tx
        if self.lives == 0:
            raise Died


def mortal(site: Site, lives: int, *, after: bool) -> Process:
    """Return a process that dies at its n-th transaction."""
    process = Process(site, "mortal")
    uow = MortalUnitOfWork(site.database, site.clock)
    for part in (process.scheduler, process.dispatch, process.answers, process.sending, process.rules):
        part._uow = uow
    process.dispatch._situations._uow = uow
    uow.lives, uow.after = lives, after
    return process


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("lives", range(1, 30))
async def test_whoever_dies_anywhere_leaves_nothing_undone(lives: int, *, after: bool) -> None:
    site = Site()
    await site.devices(2)
    event_id = await site.event(reduction(4.0), after=A_MINUTE, duration=10 * A_MINUTE)
    await site.opt_in(event_id)
    site.elapse(A_MINUTE)
    process = mortal(site, lives, after=after)
    try:
        await process.step(everything=True)
        site.elapse(10 * A_MINUTE)
        await process.step()
    except Died:
        pass
    # Another one goes on once the lease and the claims have lapsed, and looks at everything first.
    site.clock.advance(max(LEASE_TERM, CLAIM_TERM))
    await site.main.step(everything=True)
    view = await site.view(event_id)
    if view.event.status is DrEventStatus.ACTIVE:
        assert site.control.reduced == {DeviceId("d0"): 2.5, DeviceId("d1"): 1.5}
    site.elapse(10 * A_MINUTE)
    await site.main.step()
    assert (await site.view(event_id)).event.status is DrEventStatus.COMPLETED
    assert site.control.reduced == {}
    told = await site.told(event_id)
    assert sorted(told) == [
        (device, kind, "delivered") for device in ("d0", "d1") for kind in ("reduce", "restore")
    ]
    # Whatever was sent twice carried the same key.
    commands = (await site.view(event_id)).commands
    assert {one.command_id for one in site.control.orders} == {one.command_id for one in commands}


async def test_a_command_whose_sender_died_is_sent_once_more_with_its_key() -> None:
    site = Site()
    await site.devices(1)
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(event_id)
    await site.main.scheduler.run(await site.main.lease())
    (claimed,) = await site.main.sending.claim()
    assert await site.main.sending.claim() == []
    site.clock.advance(CLAIM_TERM)
    other = Process(site, "other")
    await other.sending()
    (command,) = (await site.view(event_id)).commands
    assert (command.status.value, command.attempts) == ("delivered", 2)
    # The first one was only slow: what it has to say comes too late.
    await site.main.sending.send(claimed)
    assert (await site.view(event_id)).commands == [command]
    assert [one.command_id for one in site.control.orders] == [command.command_id] * 2


async def test_of_two_schedulers_one_does_the_work() -> None:
    site = Site()
    await site.devices(4)
    event_id = await site.event(after=timedelta())
    await site.opt_in(event_id)
    one, other = Process(site, "one"), Process(site, "other")
    leases = await asyncio.gather(one.scheduler.take(), other.scheduler.take())
    assert [lease is not None for lease in leases] == [True, False]
    assert leases[0] is not None
    site.clock.advance(LEASE_TERM)
    taken = await other.lease()
    with pytest.raises(LeaseLostError):
        await one.scheduler.run(leases[0])
    assert await site.told(event_id) == []
    await other.scheduler.run(taken)
    await asyncio.gather(one.sending(), other.sending(), site.main.sending())
    assert await site.told(event_id) == [(f"d{number}", "reduce", "delivered") for number in range(4)]
    assert len(site.control.orders) == 4


async def test_even_without_a_lease_nothing_happens_twice() -> None:
    site = Site()
    await site.devices(4)
    event_id = await site.event(reduction(6.0), after=timedelta())
    await site.opt_in(event_id)
    lease = await site.main.lease()
    others = [Process(site, str(number)) for number in range(3)]
    await asyncio.gather(*(one.scheduler.run(lease, everything=True) for one in others))
    await asyncio.gather(*(one.sending() for one in others))
    assert await site.told(event_id) == [(f"d{number}", "reduce", "delivered") for number in range(3)]
    assert len(site.control.orders) == 3


@pytest.mark.parametrize(("late", "starts"), [(29 * A_MINUTE, True), (31 * A_MINUTE, False)])
async def test_a_service_that_was_down_at_the_start(late: timedelta, *, starts: bool) -> None:
    site = Site()
    await site.devices(1)
    event_id = await site.event(reduction(2.0), after=HOUR, recovery_period=HOUR)
    await site.opt_in(event_id)
    site.elapse(HOUR + late)
    await site.main.step(everything=True)
    event = (await site.view(event_id)).event
    assert event.dispatched is starts
    assert event.status is (DrEventStatus.ACTIVE if starts else DrEventStatus.COMPLETED)
    assert (event.missed is None) is starts
    assert bool(site.control.orders) is starts
    if starts:
        assert event.history[-1].reason == "it starts 0:29:00 late"


async def test_a_service_that_was_down_at_the_end_releases_late() -> None:
    site = Site()
    await site.devices(1)
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(event_id)
    await site.main.step()
    site.elapse(9 * HOUR)
    await Process(site, "other").step(everything=True)
    assert site.control.reduced == {}
    assert (await site.view(event_id)).event.status is DrEventStatus.COMPLETED


async def test_a_clock_that_jumps_back_changes_nothing_that_has_happened() -> None:
    site = Site()
    await site.devices(1)
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(event_id)
    await site.main.step()
    before = await site.view(event_id)
    site.clock.advance(-30 * A_MINUTE)
    for _ in range(3):
        await site.main.step(everything=True)
        site.clock.advance(SECOND)
    assert await site.told(event_id) == [("d0", "reduce", "delivered")]
    assert (await site.view(event_id)).event.history == before.event.history
    site.clock.advance(2 * HOUR)
    await site.main.step()
    assert site.control.reduced == {}


async def test_the_scheduler_knows_when_to_wake() -> None:
    site = Site()
    await site.devices(1)
    assert await site.main.scheduler.next_due() is None
    start = site.clock.now() + HOUR
    event_id = await site.event(reduction(2.0), after=HOUR)
    # Once to look at the invitations, then at the start.
    assert await site.main.scheduler.next_due() == site.clock.now()
    await site.main.step()
    assert await site.main.scheduler.next_due() == start
    await site.opt_in(event_id)
    site.clock.advance(HOUR - SECOND)
    await site.main.step()
    assert site.control.orders == []
    site.elapse(timedelta())
    site.clock.advance(SECOND)
    site.history.measured("d0.power", site.clock.now() - A_MINUTE, 3.0)
    await site.main.step()
    assert len(site.control.orders) == 1
    assert await site.main.scheduler.next_due() == start + 2 * A_MINUTE
    assert await site.main.scheduler.next_command() is None


async def test_an_event_that_is_cancelled_while_a_command_is_on_its_way() -> None:
    site = Site()
    await site.devices(1)
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(event_id)
    sent, answered = asyncio.Event(), asyncio.Event()

    async def slow(order: ControlOrder) -> ControlReceipt:
        sent.set()
        await answered.wait()
        return await type(site.control).send(site.control, order)

    site.main.sending._control.send = slow  # type: ignore[method-assign]  # a fault put in
    await site.main.scheduler.run(await site.main.lease())
    sending = asyncio.create_task(site.main.sending())
    await sent.wait()
    await site.main.events.cancel(event_id, (await site.view(event_id)).event.created_by)
    answered.set()
    await sending
    assert await site.told(event_id) == [("d0", "reduce", "superseded"), ("d0", "restore", "delivered")]
    assert site.control.told("d0")[-1].endswith("/restore")
    assert site.control.reduced == {}
