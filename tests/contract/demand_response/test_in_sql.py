"""What only the tables of demand response can show."""

import asyncio
from dataclasses import replace

import pytest

from adapters.timescale.database import Database
from adapters.timescale.demand_response import TimescaleDemandResponseUnitOfWork
from domain.demand_response.commands import Command
from domain.demand_response.dr_events import DrEvent
from domain.demand_response.events import EventStatusChanged
from domain.demand_response.model import DeviceId, Fault
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.demand_response.store_ports import InvitationFilter
from domain.shared.errors import InvalidError
from domain.shared.events import SYSTEM, EventId
from tests.contract.demand_response.samples import (
    ME,
    NOW,
    OTHER,
    TERM,
    new_assignment,
    new_command,
    new_event,
    new_invitation,
    new_program,
    with_events,
)


@pytest.fixture
def sql(database: Database) -> DemandResponseUnitOfWork:
    return TimescaleDemandResponseUnitOfWork(database)


async def noted(uow: DemandResponseUnitOfWork, *devices: str) -> tuple[DrEvent, list[Command]]:
    (event,) = await with_events(uow, new_event())
    assignments = {device: new_assignment(event, device) for device in devices}
    commands = [new_command(assignments[device]) for device in devices]
    async with uow.begin() as tx:
        await tx.assignments.add(list(assignments.values()))
        await tx.commands.add(commands)
    return event, commands


async def test_claims_and_leases_go_by_the_databases_clock(
    database: Database, sql: DemandResponseUnitOfWork
) -> None:
    await noted(sql, "a")
    async with sql.begin() as tx:
        # NOW is long past: only the clock of the database can make this a claim in force.
        assert len(await tx.commands.claim_due(NOW, TERM, 1)) == 1
        await tx.scheduler_leases.take(ME, TERM)
    async with database.transaction("demand_response") as session:
        for left in (
            "SELECT claimed_until - clock_timestamp() FROM demand_response.commands",
            "SELECT lease_until - clock_timestamp() FROM demand_response.scheduler_lease",
        ):
            assert TERM / 2 < await session.driver.fetchval(left) <= TERM


async def test_whoever_looks_at_the_lease_of_another_writes_nothing(
    database: Database, sql: DemandResponseUnitOfWork
) -> None:
    row = "SELECT xmin::text || ' ' || xmax::text FROM demand_response.scheduler_lease"
    async with sql.begin() as tx:
        await tx.scheduler_leases.take(ME, TERM)
    async with database.transaction("demand_response") as session:
        before = await session.driver.fetchval(row)
    async with TimescaleDemandResponseUnitOfWork(database).begin() as tx:
        assert await tx.scheduler_leases.take(OTHER, TERM) is None
    async with database.transaction("demand_response") as session:
        assert await session.driver.fetchval(row) == before


async def test_who_claims_does_not_wait_for_one_that_sets_aside(sql: DemandResponseUnitOfWork) -> None:
    _, (_, other) = await noted(sql, "a", "b")
    async with sql.begin() as tx:
        await tx.commands.supersede([DeviceId("a")])
        async with asyncio.timeout(5), sql.begin() as claiming:
            claimed = await claiming.commands.claim_due(NOW, TERM, 1)
    assert [one.command_id for one in claimed] == [other.command_id]


async def test_while_an_event_is_held_others_may_refer_to_it(sql: DemandResponseUnitOfWork) -> None:
    (event,) = await with_events(sql, new_event())
    async with sql.begin() as tx:
        held = await tx.dr_events.hold(event.event_id)
        assert held is not None
        await tx.dr_events.replace(replace(held, dispatched=True))
        async with asyncio.timeout(5), sql.begin() as other:
            await other.invitations.add([new_invitation(event)])
            assert (await other.invitations.list(InvitationFilter(), 1, 0))[1] == 1


async def test_what_a_device_answered_can_always_be_kept(sql: DemandResponseUnitOfWork) -> None:
    event, _ = await noted(sql, "a")
    async with sql.begin() as tx:
        (claimed,) = await tx.commands.claim_due(NOW, TERM, 1)
        await tx.commands.end_attempt(replace(claimed, fault=Fault("bad_http", "a\x00b\ud800" + "c" * 1000)))
        (kept,) = await tx.commands.of_event(event.event_id)
    assert kept.fault is not None
    assert kept.fault.detail.startswith("a\N{REPLACEMENT CHARACTER}b?ccc")
    assert len(kept.fault.detail) == 500


async def test_a_text_that_cannot_be_kept_is_the_clients_fault(sql: DemandResponseUnitOfWork) -> None:
    event = new_event()
    terms = event.terms
    signal = replace(terms.signal, unit="\x00")
    targets = replace(terms.targets, labels=(("a", "\x00"),))
    for change in (replace(terms, signal=signal), replace(terms, targets=targets)):
        with pytest.raises(InvalidError, match="cannot be stored"):
            await with_events(sql, replace(event, terms=change))
    with pytest.raises(InvalidError):
        async with sql.begin() as tx:
            await tx.programs.add(new_program("a\x00"))


async def test_what_happened_is_kept_with_what_it_did(
    database: Database, sql: DemandResponseUnitOfWork
) -> None:
    event = new_event()
    happened = EventStatusChanged(
        event_id=EventId(event.event_id),
        occurred_at=NOW,
        actor=SYSTEM,
        dr_event_id=event.event_id,
        event_name="e",
        previous=None,
        status=event.status,
    )
    async with sql.begin() as tx:
        await tx.dr_events.add(event)
        tx.events.add(happened)
    async with database.transaction("ops") as session:
        for table in ("ops.outbox", "ops.audit"):
            kept = await session.driver.fetchval(f"SELECT event_id FROM {table}")  # noqa: S608 - ours
            assert kept == event.event_id
