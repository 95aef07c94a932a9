from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.demand_response.dr_events import DrEventStatus, EventOrigin
from domain.demand_response.events import ProgramChanged
from domain.demand_response.model import NO_TIME, ProgramId
from domain.demand_response.programs import EventRule, PayloadDescriptor, ProgramTerms
from domain.demand_response.store_ports import EventFilter
from domain.shared.errors import ConflictError, InvalidError, NotFoundError
from domain.shared.weeks import Weekday
from tests.unit.demand_response.site import HOUR, ME, SIMPLE, Process, Site, reduction

TERMS = ProgramTerms(program_name="p")
EVENINGS = EventRule(days=frozenset(Weekday), at=18 * 60, duration=HOUR, signal=reduction(2.0))
DAY = timedelta(days=1)


async def test_a_program_is_set_up_changed_and_deleted() -> None:
    site = Site()
    await site.devices(1)
    program = await site.main.programs.create(TERMS, ME)
    assert await site.main.programs.get(program.program_id) == program
    site.clock.advance(HOUR)
    changed = await site.main.programs.change(program.program_id, replace(TERMS, description="d"), ME)
    assert (changed.terms.description, changed.updated_at - changed.created_at) == ("d", HOUR)
    await site.main.programs.change(program.program_id, changed.terms, ME)
    told = [one for one in site.database.audit if isinstance(one, ProgramChanged)]
    assert [one.changed for one in told] == [("description",)]
    with pytest.raises(ConflictError) as taken:
        await site.main.programs.create(TERMS, ME)
    assert taken.value.code == "program_exists"
    event_id = await site.event(SIMPLE, program_id=program.program_id)
    with pytest.raises(ConflictError) as in_use:
        await site.main.programs.delete(program.program_id, ME)
    assert in_use.value.code == "program_has_events"
    await site.main.events.cancel(event_id, ME)
    await site.main.programs.delete(program.program_id, ME)
    assert await site.main.programs.list(10, 0) == ([], 0)
    assert (await site.view(event_id)).event.terms.program_id == program.program_id


async def test_programs_that_cannot_be() -> None:
    site = Site()
    nothing = ProgramId(UUID(int=9))
    for call in (
        site.main.programs.get(nothing),
        site.main.programs.change(nothing, TERMS, ME),
        site.main.programs.delete(nothing, ME),
    ):
        with pytest.raises(NotFoundError) as unknown:
            await call
        assert unknown.value.code == "unknown_program"
    for terms, pointer in (
        (replace(TERMS, program_name=""), "/program_name"),
        (replace(TERMS, description="x" * 2001), "/description"),
        (
            replace(TERMS, payload_descriptors=(PayloadDescriptor(payload_type=""),)),
            "/payload_descriptors/0/payload_type",
        ),
        (replace(TERMS, rule=replace(EVENINGS, days=frozenset())), "/rule/days"),
        (replace(TERMS, rule=replace(EVENINGS, at=1440)), "/rule/at"),
        (replace(TERMS, rule=replace(EVENINGS, ahead=NO_TIME)), "/rule/ahead"),
        (replace(TERMS, rule=replace(EVENINGS, duration=NO_TIME)), "/rule/duration"),
        (replace(TERMS, rule=replace(EVENINGS, signal=reduction(-1.0))), "/rule/signal/value"),
        (replace(TERMS, rule=replace(EVENINGS, ramp_up_period=-HOUR)), "/rule/ramp_up_period"),
        (replace(TERMS, rule=replace(EVENINGS, priority=-1)), "/rule/priority"),
    ):
        with pytest.raises(InvalidError) as refused:
            await site.main.programs.create(terms, ME)
        assert [one.pointer for one in refused.value.problems] == [pointer]


async def test_a_rule_creates_its_events_a_day_ahead_and_once() -> None:
    site = Site(datetime(2026, 3, 27, 12, 0, tzinfo=UTC))
    await site.devices(1)
    program = await site.main.programs.create(replace(TERMS, rule=EVENINGS), ME)
    starts = []
    for _ in range(4 * 24):
        await site.main.step(everything=True)
        await Process(site, "main").rules()
        site.clock.advance(HOUR)
    events, total = await site.main.events.list(EventFilter(program_id=program.program_id), 10, 0)
    starts = sorted(one.terms.start for one in events)
    # 18:00 in Lisbon, where clocks change on the 29th.
    assert starts == [
        datetime(2026, 3, day, hour, 0, tzinfo=UTC)
        for day, hour in ((27, 18), (28, 18), (29, 17), (30, 17), (31, 17))
    ]
    assert total == 5
    assert {one.origin for one in events} == {EventOrigin.RULE}
    assert events[-1].status is DrEventStatus.COMPLETED
    assert events[0].history[0].reason == "rule of its program"


async def test_of_processes_that_make_an_event_at_once_one_does() -> None:
    site = Site()
    await site.devices(1)
    await site.main.programs.create(replace(TERMS, rule=EVENINGS), ME)
    made = [await Process(site, str(number)).rules() for number in range(3)]
    assert made == [1, 0, 0]
    site.clock.advance(7 * HOUR)
    # Its start has passed: what nobody was there for is not made up, but tomorrow's is due.
    assert await site.main.rules() == 1
