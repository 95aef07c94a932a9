from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from domain.demand_response.dr_events import DrEvent, DrEventStatus, EventOrigin
from domain.demand_response.model import DrEventId, ProgramId
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.demand_response.store_ports import EventFilter
from domain.shared.errors import ConflictError
from tests.contract.demand_response.samples import HOUR, NOW, full_event, new_event, with_events

ALL = EventFilter()


async def listed(uow: DemandResponseUnitOfWork, where: EventFilter) -> list[DrEventId]:
    async with uow.begin() as tx:
        found, total = await tx.dr_events.list(where, 100, 0)
    assert total == len(found)
    return [one.event_id for one in found]


async def test_an_event_comes_back_as_it_was_stored(uow: DemandResponseUnitOfWork) -> None:
    plain, full = new_event(), full_event()
    await with_events(uow, plain, full)
    nobody = DrEventId(uuid4())
    async with uow.begin() as tx:
        for one in (plain, full):
            assert await tx.dr_events.get(one.event_id) == one
            assert await tx.dr_events.hold(one.event_id) == one
        assert await tx.dr_events.get(nobody) is await tx.dr_events.hold(nobody) is None
        assert await tx.dr_events.find([full.event_id, nobody]) == {full.event_id: full}
        changed = replace(full, event_id=plain.event_id, origin=EventOrigin.API)
        await tx.dr_events.replace(changed)
        assert await tx.dr_events.get(plain.event_id) == changed


async def test_what_is_rolled_back_has_not_happened(uow: DemandResponseUnitOfWork) -> None:
    (event,) = await with_events(uow, new_event())
    with suppress(RuntimeError):
        async with uow.begin() as tx:
            await tx.dr_events.replace(replace(event, status=DrEventStatus.CANCELLED))
            await tx.dr_events.add(new_event())
            raise RuntimeError
    async with uow.begin() as tx:
        assert await tx.dr_events.list(ALL, 10, 0) == ([event], 1)


async def test_events_are_found_by_status_range_and_program(uow: DemandResponseUnitOfWork) -> None:
    program_id = ProgramId(uuid4())
    first = new_event(NOW)
    of_program = replace(first, event_id=DrEventId(uuid4()))
    of_program = replace(of_program, terms=replace(first.terms, start=NOW + HOUR, program_id=program_id))
    draft = new_event(NOW + 2 * HOUR, DrEventStatus.DRAFT)
    await with_events(uow, first, of_program, draft)
    every = [draft.event_id, of_program.event_id, first.event_id]
    assert await listed(uow, ALL) == every
    assert await listed(uow, EventFilter(statuses=frozenset({DrEventStatus.DRAFT}))) == every[:1]
    assert await listed(uow, EventFilter(program_id=program_id)) == every[1:2]
    assert await listed(uow, EventFilter(since=NOW + HOUR)) == every[:2]
    assert await listed(uow, EventFilter(until=NOW + HOUR)) == every[2:]
    assert await listed(uow, EventFilter(since=NOW + HOUR / 2, until=NOW + 1.5 * HOUR)) == every[1:]
    async with uow.begin() as tx:
        page, total = await tx.dr_events.list(ALL, 1, 1)
        counts = await tx.dr_events.counts()
    assert ([one.event_id for one in page], total) == (every[1:2], 3)
    assert counts == dict.fromkeys(DrEventStatus, 0) | {DrEventStatus.DRAFT: 1, DrEventStatus.FAR: 2}


async def test_a_rule_makes_an_event_once(uow: DemandResponseUnitOfWork) -> None:
    event = new_event()
    terms = replace(event.terms, program_id=ProgramId(uuid4()))
    of_rule = replace(event, terms=terms, origin=EventOrigin.RULE)
    by_hand = replace(event, terms=terms, event_id=DrEventId(uuid4()))
    again = replace(of_rule, event_id=DrEventId(uuid4()))
    await with_events(uow, by_hand, of_rule)
    with pytest.raises(ConflictError) as refused:
        await with_events(uow, again)
    assert refused.value.code == "event_exists"
    await with_events(uow, replace(again, terms=replace(terms, start=NOW + timedelta(days=1))))
    await with_events(uow, replace(by_hand, event_id=DrEventId(uuid4())))


def due(event: DrEvent, at: datetime | None) -> DrEvent:
    return replace(event, due_at=at)


async def test_the_earliest_due_comes_first(uow: DemandResponseUnitOfWork) -> None:
    async with uow.begin() as tx:
        assert await tx.dr_events.next_due() is None
        assert not await tx.dr_events.due(NOW, 10)
    later, sooner, never = due(new_event(), NOW + HOUR), due(new_event(), NOW), due(new_event(), None)
    await with_events(uow, later, never, sooner)
    async with uow.begin() as tx:
        assert await tx.dr_events.next_due() == NOW
        assert not await tx.dr_events.due(NOW - timedelta(microseconds=1), 10)
        assert list(await tx.dr_events.due(NOW, 10)) == [sooner.event_id]
        assert list(await tx.dr_events.due(NOW + HOUR, 10)) == [sooner.event_id, later.event_id]
        assert list(await tx.dr_events.due(NOW + HOUR, 1)) == [sooner.event_id]


async def test_events_that_dispatch_come_by_rank(uow: DemandResponseUnitOfWork) -> None:
    def event(priority: int | None, status: DrEventStatus, created_at: datetime) -> DrEvent:
        one = new_event(status=status)
        return replace(one, terms=replace(one.terms, priority=priority), created_at=created_at)

    last = event(None, DrEventStatus.NEAR, NOW)
    first = event(0, DrEventStatus.ACTIVE, NOW + HOUR)
    second = event(1, DrEventStatus.ACTIVE, NOW)
    third = event(1, DrEventStatus.NEAR, NOW + timedelta(microseconds=1))
    others = [new_event(status=one) for one in DrEventStatus if not one.is_dispatching]
    await with_events(uow, last, third, second, first, *others)
    async with uow.begin() as tx:
        assert list(await tx.dr_events.dispatching()) == [first, second, third, last]


async def test_completed_events_without_a_report_come_first(uow: DemandResponseUnitOfWork) -> None:
    def completed(start: datetime, version: int = 0) -> DrEvent:
        return replace(new_event(start, DrEventStatus.COMPLETED), reported_version=version)

    reported = completed(NOW - 2 * HOUR, 1)
    first, second, late = completed(NOW - HOUR), completed(NOW), completed(NOW + HOUR)
    await with_events(uow, reported, late, second, first, new_event(NOW, DrEventStatus.CANCELLED))
    async with uow.begin() as tx:
        found = await tx.dr_events.ended(NOW - HOUR, NOW + 2 * HOUR, 10)
        assert list(found) == [first, second, reported]
        assert list(await tx.dr_events.ended(NOW, NOW + 2 * HOUR, 1)) == [first]
