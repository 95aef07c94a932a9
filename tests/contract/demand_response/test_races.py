"""Whoever holds something is alone with it until its transaction ends, however it ends."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from domain.demand_response.assignments import Assignment
from domain.demand_response.commands import Command, CommandStatus
from domain.demand_response.dr_events import DrEvent, DrEventStatus
from domain.demand_response.model import DeviceId, DrEventId, SchedulerLease
from domain.demand_response.ports import DemandResponseUnitOfWork
from tests.contract.demand_response.samples import (
    ME,
    OTHER,
    TERM,
    new_assignment,
    new_command,
    new_event,
    new_invitation,
    with_events,
)

A, B = DeviceId("a"), DeviceId("b")
A_MOMENT = 0.1


async def held(uow: DemandResponseUnitOfWork, event_id: DrEventId) -> DrEvent | None:
    async with uow.begin() as tx:
        return await tx.dr_events.hold(event_id)


async def test_whoever_waits_for_an_event_sees_what_became_of_it(
    uow: DemandResponseUnitOfWork, other_uow: DemandResponseUnitOfWork
) -> None:
    (event,) = await with_events(uow, new_event())
    cancelled = replace(event, status=DrEventStatus.CANCELLED)
    async with uow.begin() as tx:
        await tx.dr_events.hold(event.event_id)
        waiting = asyncio.create_task(held(other_uow, event.event_id))
        await asyncio.sleep(A_MOMENT)
        assert not waiting.done()
        await tx.dr_events.replace(cancelled)
    assert await waiting == cancelled


async def test_nothing_stays_held_by_one_that_was_stopped(
    uow: DemandResponseUnitOfWork, other_uow: DemandResponseUnitOfWork
) -> None:
    (event,) = await with_events(uow, new_event())
    begun = asyncio.Event()

    async def hold_for_ever() -> None:
        async with uow.begin() as tx:
            held_event = await tx.dr_events.hold(event.event_id)
            assert held_event is not None
            await tx.dr_events.replace(replace(held_event, status=DrEventStatus.CANCELLED))
            await tx.assignments.hold_serving([A])
            await tx.assignments.add([new_assignment(event)])
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hold_for_ever())
    await begun.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with other_uow.begin() as tx:
        assert await tx.dr_events.hold(event.event_id) == event
        assert not await tx.assignments.hold_serving([A])


async def test_a_device_that_serves_nothing_is_held_too(
    uow: DemandResponseUnitOfWork, other_uow: DemandResponseUnitOfWork
) -> None:
    (event,) = await with_events(uow, new_event())
    assignment = new_assignment(event)

    async def serving() -> dict[DeviceId, Assignment]:
        async with other_uow.begin() as tx:
            return dict(await tx.assignments.hold_serving([B, A]))

    async with uow.begin() as tx:
        assert not await tx.assignments.hold_serving([A])
        waiting = asyncio.create_task(serving())
        await asyncio.sleep(A_MOMENT)
        assert not waiting.done()
        await tx.assignments.add([assignment])
    assert await waiting == {A: assignment}


async def test_those_that_hold_many_devices_never_wait_in_a_ring(
    uow: DemandResponseUnitOfWork, other_uow: DemandResponseUnitOfWork
) -> None:
    devices = [DeviceId(f"d{number}") for number in range(30)]

    async def hold(where: DemandResponseUnitOfWork, order: list[DeviceId]) -> None:
        async with where.begin() as tx:
            await tx.assignments.hold_serving(order)
            await tx.assignments.hold_serving(order[:3])

    places = (uow, other_uow) * 4
    orders = (devices, devices[::-1], devices[15:] + devices[:15], devices[::2]) * 2
    async with asyncio.timeout(20):
        await asyncio.gather(*(hold(where, order) for where, order in zip(places, orders, strict=True)))


async def test_two_that_invite_the_same_devices_invite_each_once(
    uow: DemandResponseUnitOfWork, other_uow: DemandResponseUnitOfWork
) -> None:
    (event,) = await with_events(uow, new_event())
    devices = [f"d{number}" for number in range(20)]

    async def invite(where: DemandResponseUnitOfWork, order: list[str]) -> list[DeviceId]:
        async with where.begin() as tx:
            added = await tx.invitations.add([new_invitation(event, device) for device in order])
            return [one.device_id for one in added]

    outcomes = await asyncio.gather(
        invite(uow, devices), invite(other_uow, devices[::-1]), invite(uow, devices[10:])
    )
    assert sorted(one for added in outcomes for one in added) == sorted(devices)


async def test_a_lease_that_is_being_used_changes_hands_afterwards(
    uow: DemandResponseUnitOfWork, other_uow: DemandResponseUnitOfWork
) -> None:
    async def take(term: timedelta = TERM) -> SchedulerLease | None:
        async with other_uow.begin() as tx:
            return await tx.scheduler_leases.take(OTHER, term)

    async with uow.begin() as tx:
        lapsed = await tx.scheduler_leases.take(ME, timedelta())
    assert lapsed is not None
    async with uow.begin() as tx:
        assert await tx.scheduler_leases.holds(lapsed)
        taking = asyncio.create_task(take())
        await asyncio.sleep(A_MOMENT)
        assert not taking.done()
    taken = await taking
    assert taken is not None
    assert taken.fence > lapsed.fence
    async with uow.begin() as tx:
        assert not await tx.scheduler_leases.holds(lapsed)


async def test_of_those_that_claim_at_once_none_tells_a_device_two_things(
    uow: DemandResponseUnitOfWork, other_uow: DemandResponseUnitOfWork
) -> None:
    (event,) = await with_events(uow, new_event())
    assignments = [new_assignment(event, f"d{number}") for number in range(6)]
    commands = [new_command(one) for one in assignments for _ in range(3)]
    async with uow.begin() as tx:
        await tx.assignments.add(assignments)
        await tx.commands.add(commands)

    async def claim(where: DemandResponseUnitOfWork) -> list[Command]:
        async with where.begin() as tx:
            return list(await tx.commands.claim_due(commands[0].due_at, TERM, 4))

    for _ in range(3):
        rounds = await asyncio.gather(*(claim(where) for where in (uow, other_uow) * 3))
        claimed = [one for each in rounds for one in each]
        assert sorted(one.device_id for one in claimed) == [f"d{number}" for number in range(6)]
        async with uow.begin() as tx:
            for one in claimed:
                assert await tx.commands.end_attempt(replace(one, status=CommandStatus.DELIVERED))
    assert not await claim(uow)


async def test_what_is_claimed_and_what_is_set_aside_at_once_is_one_or_the_other(
    uow: DemandResponseUnitOfWork, other_uow: DemandResponseUnitOfWork
) -> None:
    (event,) = await with_events(uow, new_event())
    assignments = [new_assignment(event, f"d{number}") for number in range(20)]
    commands = [new_command(one) for one in assignments]
    async with uow.begin() as tx:
        await tx.assignments.add(assignments)
        await tx.commands.add(commands)

    async def claim_and_end() -> set[DeviceId]:
        async with uow.begin() as tx:
            claimed = await tx.commands.claim_due(commands[0].due_at, TERM, 20)
        delivered = set()
        for one in claimed:
            async with uow.begin() as tx:
                if await tx.commands.end_attempt(replace(one, status=CommandStatus.DELIVERED)):
                    delivered.add(one.device_id)
        return delivered

    async def set_aside() -> set[DeviceId]:
        found = set()
        for one in assignments:
            async with other_uow.begin() as tx:
                found |= {one.device_id for one in await tx.commands.supersede([one.device_id])}
        return found

    delivered, superseded = await asyncio.gather(claim_and_end(), set_aside())
    assert not delivered & superseded
    async with uow.begin() as tx:
        of_event = await tx.commands.of_event(event.event_id)
    for status, devices in ((CommandStatus.DELIVERED, delivered), (CommandStatus.SUPERSEDED, superseded)):
        assert {one.device_id for one in of_event if one.status is status} == devices
    assert len(delivered) + len(superseded) == len(commands)
