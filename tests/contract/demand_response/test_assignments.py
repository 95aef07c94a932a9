import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.demand_response.assignments import Assignment, DeliveredSoFar, EndReason, Following
from domain.demand_response.model import DeviceId
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.shared.errors import ConflictError
from tests.contract.demand_response.samples import HOUR, NOW, new_assignment, new_event, with_events

A, B = DeviceId("a"), DeviceId("b")


def ended(assignment: Assignment, after: timedelta = HOUR) -> Assignment:
    return replace(assignment, ended_at=assignment.began_at + after, end_reason=EndReason.EVENT_ENDED)


async def test_an_assignment_comes_back_as_it_was_stored(uow: DemandResponseUnitOfWork) -> None:
    (event,) = await with_events(uow, new_event())
    plain = new_assignment(event)
    full = replace(
        ended(new_assignment(event, "b")),
        asked_kw=1.25,
        power_before_kw=-0.5,
        check_at=NOW,
        until=NOW + HOUR,
        following=Following.NO,
        shed_kw=0.125,
        committed_kw=2.5,
        delivered_kw=-0.25,
    )
    async with uow.begin() as tx:
        await tx.assignments.add([plain, full])
    async with uow.begin() as tx:
        assert set(await tx.assignments.of_event(event.event_id)) == {plain, full}
        assert await tx.assignments.serving([A, B]) == {A: plain}
        assert await tx.assignments.hold_serving([A, B]) == {A: plain}
        changed = replace(full, assignment_id=plain.assignment_id, device_id=A)
        await tx.assignments.replace([changed])
        assert not await tx.assignments.serving([A, B])
        assert set(await tx.assignments.of_event(event.event_id)) == {changed, full}


async def test_a_device_serves_one_event_at_a_time(
    uow: DemandResponseUnitOfWork, other_uow: DemandResponseUnitOfWork
) -> None:
    one, other = await with_events(uow, new_event(), new_event())

    async def assign(where: DemandResponseUnitOfWork, assignment: Assignment) -> None:
        async with where.begin() as tx:
            await tx.assignments.hold_serving([A])
            await tx.assignments.add([assignment])

    outcomes = await asyncio.gather(
        *(
            assign(where, new_assignment(event))
            for where, event in ((uow, one), (other_uow, other), (uow, other), (other_uow, one))
        ),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert [getattr(outcome, "code", outcome) for outcome in refused] == ["device_is_serving"] * 3
    async with uow.begin() as tx:
        serving = (await tx.assignments.serving([A]))[A]
        await tx.assignments.replace([ended(serving)])
        await tx.assignments.add([new_assignment(other), new_assignment(one, "b")])
    with pytest.raises(ConflictError):
        await assign(uow, new_assignment(one))


async def test_assignments_that_overlap_a_range(uow: DemandResponseUnitOfWork) -> None:
    (event,) = await with_events(uow, new_event())
    first = ended(new_assignment(event, "a", NOW - 3 * HOUR))
    second = ended(new_assignment(event, "a", NOW - HOUR))
    serving = new_assignment(event, "a", NOW)
    other = new_assignment(event, "b", NOW)
    async with uow.begin() as tx:
        await tx.assignments.add([serving, other, second, first])
        overlapping = tx.assignments.overlapping
        assert await overlapping([A], NOW - 4 * HOUR, NOW + HOUR) == {A: [first, second, serving]}
        assert await overlapping([A], NOW - 2 * HOUR, NOW) == {A: [second]}
        assert await overlapping([A, B], NOW + 9 * HOUR, NOW + 10 * HOUR) == {A: [serving], B: [other]}
        assert not await overlapping([B], NOW - HOUR, NOW)
        assert await tx.assignments.of_event(event.event_id) == [
            first,
            second,
            *sorted([serving, other], key=lambda one: one.assignment_id),
        ]


async def test_events_with_assignments_that_are_due(uow: DemandResponseUnitOfWork) -> None:
    first, second, third = await with_events(uow, new_event(), new_event(), new_event())
    async with uow.begin() as tx:
        assert await tx.assignments.next_due() is None
        await tx.assignments.add(
            [
                replace(new_assignment(first, "a"), check_at=NOW + HOUR, until=NOW + 3 * HOUR),
                replace(new_assignment(second, "b"), until=NOW),
                replace(new_assignment(second, "c"), check_at=NOW),
                new_assignment(third, "d"),
                replace(ended(new_assignment(third, "e")), check_at=NOW - HOUR),
            ]
        )
        assert await tx.assignments.next_due() == NOW
        assert not await tx.assignments.due_events(NOW - timedelta(microseconds=1), 10)
        assert list(await tx.assignments.due_events(NOW + HOUR, 10)) == [second.event_id, first.event_id]
        assert list(await tx.assignments.due_events(NOW + HOUR, 1)) == [second.event_id]


async def test_what_was_delivered_is_summed_up(uow: DemandResponseUnitOfWork) -> None:
    (event,) = await with_events(uow, new_event())
    async with uow.begin() as tx:
        await tx.assignments.add(
            [
                replace(ended(new_assignment(event)), committed_kw=2.0, delivered_kw=1.5),
                replace(ended(new_assignment(event)), committed_kw=1.0, delivered_kw=-0.5),
                replace(ended(new_assignment(event)), committed_kw=1.0),
                ended(new_assignment(event, "b")),
            ]
        )
        assert await tx.assignments.delivered([A, B]) == {A: DeliveredSoFar(3.0, 1.0)}
