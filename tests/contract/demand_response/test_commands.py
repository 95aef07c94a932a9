import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from domain.demand_response.commands import Command, CommandKind, CommandReason, CommandStatus
from domain.demand_response.model import CommandId, DeviceId, Fault
from domain.demand_response.ports import DemandResponseUnitOfWork
from tests.contract.demand_response.samples import (
    HOUR,
    LAPSED,
    NASTY,
    NOW,
    TERM,
    new_assignment,
    new_command,
    new_event,
    with_events,
)


async def noted(uow: DemandResponseUnitOfWork, *devices: str) -> list[Command]:
    """Commands to these devices, due a second after each other."""
    (event,) = await with_events(uow, new_event())
    assignments = {device: new_assignment(event, device) for device in devices}
    commands = [
        new_command(assignments[device], NOW + timedelta(seconds=number), NOW + timedelta(seconds=number))
        for number, device in enumerate(devices)
    ]
    async with uow.begin() as tx:
        await tx.assignments.add(list(assignments.values()))
        await tx.commands.add(commands)
    return commands


async def claimed(uow: DemandResponseUnitOfWork, limit: int = 10, term: timedelta = TERM) -> list[Command]:
    async with uow.begin() as tx:
        return list(await tx.commands.claim_due(NOW + HOUR, term, limit))


def attempted(command: Command, attempts: int = 1) -> Command:
    return replace(command, attempts=attempts, time=NOW + HOUR)


async def test_a_command_comes_back_as_it_was_stored(uow: DemandResponseUnitOfWork) -> None:
    (plain,) = await noted(uow, "a")
    (event,) = await with_events(uow, new_event())
    assignment = new_assignment(event)
    full = replace(
        new_command(assignment),
        device_id=DeviceId("b"),
        kind=CommandKind.RESTORE,
        reason=CommandReason.EVENT_CANCELLED,
        reduction_kw=1.5,
        target_kw=-0.25,
        attempts=7,
        status=CommandStatus.FAILED,
        time=NOW,
        fault=Fault("http_500", NASTY),
    )
    async with uow.begin() as tx:
        await tx.assignments.add([replace(assignment, device_id=DeviceId("b"))])
        await tx.commands.add([full])
    async with uow.begin() as tx:
        assert list(await tx.commands.of_event(plain.event_id)) == [plain]
        assert list(await tx.commands.of_assignments([full.assignment_id])) == [full]
        assert not await tx.commands.of_assignments([])


async def test_what_is_due_is_claimed_in_order(uow: DemandResponseUnitOfWork) -> None:
    first, second, third = await noted(uow, "a", "b", "c")
    async with uow.begin() as tx:
        assert await tx.commands.next_due() == NOW
        assert not await tx.commands.claim_due(NOW - timedelta(microseconds=1), TERM, 10)
        (got,) = await tx.commands.claim_due(NOW, TERM, 10)
        assert got == replace(first, attempts=1, time=NOW)
        assert await tx.commands.next_due() == second.due_at
    assert await claimed(uow, 1) == [attempted(second)]
    assert await claimed(uow) == [attempted(third)]
    assert await claimed(uow) == []
    async with uow.begin() as tx:
        assert await tx.commands.next_due() is None
        assert [one.attempts for one in await tx.commands.of_event(first.event_id)] == [1, 1, 1]


async def test_a_device_is_told_one_thing_after_the_other(uow: DemandResponseUnitOfWork) -> None:
    first, second = await noted(uow, "a", "a")
    assert await claimed(uow) == [attempted(first)]
    assert await claimed(uow) == []
    async with uow.begin() as tx:
        done = replace(attempted(first), status=CommandStatus.DELIVERED, time=NOW + 2 * HOUR)
        assert await tx.commands.end_attempt(done)
        assert list(await tx.commands.of_event(first.event_id)) == [done, second]
    assert await claimed(uow) == [attempted(second)]


async def test_a_claim_of_one_that_died_lapses(uow: DemandResponseUnitOfWork) -> None:
    (command,) = await noted(uow, "a")
    assert await claimed(uow, term=LAPSED) == [attempted(command)]
    async with uow.begin() as tx:
        assert await tx.commands.next_due() == NOW
    assert await claimed(uow) == [attempted(command, 2)]
    late = replace(attempted(command), status=CommandStatus.DELIVERED)
    async with uow.begin() as tx:
        assert not await tx.commands.end_attempt(late)
        assert await tx.commands.end_attempt(replace(late, attempts=2))
        assert not await tx.commands.end_attempt(replace(late, attempts=2))
    assert await claimed(uow) == []


async def test_what_failed_is_tried_again_when_it_is_due(uow: DemandResponseUnitOfWork) -> None:
    (command,) = await noted(uow, "a")
    await claimed(uow)
    again = replace(attempted(command), due_at=NOW + HOUR, fault=Fault("timeout", "no answer"))
    async with uow.begin() as tx:
        assert await tx.commands.end_attempt(again)
        assert await tx.commands.next_due() == NOW + HOUR
        assert not await tx.commands.claim_due(NOW + HOUR - timedelta(seconds=1), TERM, 10)
    assert await claimed(uow) == [replace(again, attempts=2)]


async def test_what_devices_are_still_to_be_told(uow: DemandResponseUnitOfWork) -> None:
    first, second, other = await noted(uow, "a", "a", "b")
    await claimed(uow, 1)
    both = [DeviceId("a"), DeviceId("b"), DeviceId("c")]
    async with uow.begin() as tx:
        # What is being told at this moment is among it.
        assert list(await tx.commands.pending(both)) == [attempted(first), second, other]
        assert list(await tx.commands.pending(both[1:])) == [other]
        assert not await tx.commands.pending([])
        await tx.commands.end_attempt(replace(attempted(first), status=CommandStatus.DELIVERED))
        await tx.commands.supersede([DeviceId("b")])
        assert list(await tx.commands.pending(both)) == [second]


async def test_newer_orders_set_aside_what_was_still_to_be_told(uow: DemandResponseUnitOfWork) -> None:
    first, second, other = await noted(uow, "a", "a", "b")
    await claimed(uow, 1)
    async with uow.begin() as tx:
        set_aside = await tx.commands.supersede([DeviceId("a")])
    assert list(set_aside) == [
        replace(first, attempts=1, time=NOW + HOUR, status=CommandStatus.SUPERSEDED),
        replace(second, status=CommandStatus.SUPERSEDED),
    ]
    async with uow.begin() as tx:
        assert not await tx.commands.end_attempt(replace(attempted(first), status=CommandStatus.DELIVERED))
        assert not await tx.commands.supersede([DeviceId("a")])
        assert list(await tx.commands.of_event(first.event_id)) == [*set_aside, other]
    assert await claimed(uow) == [attempted(other)]


async def test_the_next_word_waits_until_the_old_one_was_heard(uow: DemandResponseUnitOfWork) -> None:
    (first,) = await noted(uow, "a")
    await claimed(uow)
    next_one = replace(first, command_id=CommandId(uuid4()), noted_at=NOW + HOUR)
    async with uow.begin() as tx:
        await tx.commands.supersede([DeviceId("a")])
        await tx.commands.add([next_one])
    assert await claimed(uow) == []
    async with uow.begin() as tx:
        assert not await tx.commands.end_attempt(replace(attempted(first), status=CommandStatus.DELIVERED))
    assert await claimed(uow) == [attempted(next_one)]


async def test_of_those_that_claim_at_once_one_gets_each(
    uow: DemandResponseUnitOfWork, other_uow: DemandResponseUnitOfWork
) -> None:
    commands = await noted(uow, *(f"d{number}" for number in range(20)))
    rounds = await asyncio.gather(*(claimed(where, 6) for where in (uow, other_uow) * 3))
    got = [one.command_id for each in rounds for one in each]
    while more := await claimed(uow, 6):  # whoever waits for another's claim may come back with fewer
        got += [one.command_id for one in more]
    assert sorted(got) == sorted(one.command_id for one in commands)
