"""Programs: setting up, changing, finding and deleting them."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from typing import Final

from domain.demand_response.dr_events import DrEventStatus, EventTerms
from domain.demand_response.errors import program_has_events, unknown_program
from domain.demand_response.events import ProgramChanged, ProgramCreated, ProgramDeleted
from domain.demand_response.model import NO_TIME, ProgramId
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.demand_response.programs import EventRule, Program, ProgramTerms
from domain.demand_response.services.event_checks import (
    duration_problems,
    name_problems,
    period_problems,
    refuse,
    signal_problems,
    targets_problems,
)
from domain.demand_response.store_ports import EventFilter
from domain.shared.errors import Problem
from domain.shared.events import Actor, EventId
from domain.shared.ports import Clock, IdFactory
from domain.shared.time import EPOCH
from domain.shared.weeks import MINUTES_A_DAY

_MOST_TEXT: Final = 2000
_MOST_DESCRIPTORS: Final = 100
_MOST_AHEAD: Final = timedelta(days=31)
_OPEN: Final = frozenset(one for one in DrEventStatus if not one.is_over)


class Programs:
    """The use cases around programs."""

    def __init__(self, uow: DemandResponseUnitOfWork, clock: Clock, ids: IdFactory) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids

    async def create(self, terms: ProgramTerms, actor: Actor) -> Program:
        """Set up a program.

        Raises:
            InvalidError: each fault, by JSON pointer.
            ConflictError: ``program_exists``.

        """
        refuse(list(_problems(terms)), "the program cannot be set up so")
        now = self._clock.now()
        program = Program(program_id=ProgramId(self._ids.new()), terms=terms, created_at=now, updated_at=now)
        async with self._uow.begin() as tx:
            await tx.programs.add(program)
            tx.events.add(
                ProgramCreated(
                    event_id=EventId(self._ids.new()),
                    occurred_at=now,
                    actor=actor,
                    program_id=program.program_id,
                    program_name=terms.program_name,
                )
            )
        return program

    async def get(self, program_id: ProgramId) -> Program:
        """Return a program, or raise `NotFoundError` (``unknown_program``)."""
        async with self._uow.begin() as tx:
            program = await tx.programs.get(program_id)
        if program is None:
            raise unknown_program(program_id)
        return program

    async def list(self, limit: int, offset: int) -> tuple[Sequence[Program], int]:
        """Return a page of programs by name, and the number of all."""
        async with self._uow.begin() as tx:
            return await tx.programs.list(limit, offset)

    async def change(self, program_id: ProgramId, terms: ProgramTerms, actor: Actor) -> Program:
        """Replace what is said of a program; events that are there stay as they are.

        Raises:
            InvalidError: each fault, by JSON pointer.
            NotFoundError: ``unknown_program``.
            ConflictError: ``program_exists``.

        """
        refuse(list(_problems(terms)), "the program cannot be changed so")
        now = self._clock.now()
        async with self._uow.begin() as tx:
            before = await tx.programs.get(program_id)
            if before is None:
                raise unknown_program(program_id)
            if before.terms == terms:
                return before
            program = replace(before, terms=terms, updated_at=now)
            if not await tx.programs.replace(program):
                raise unknown_program(program_id)
            changed = tuple(
                one.name
                for one in fields(ProgramTerms)
                if getattr(before.terms, one.name) != getattr(terms, one.name)
            )
            tx.events.add(
                ProgramChanged(
                    event_id=EventId(self._ids.new()),
                    occurred_at=now,
                    actor=actor,
                    program_id=program_id,
                    changed=changed,
                )
            )
        return program

    async def delete(self, program_id: ProgramId, actor: Actor) -> None:
        """Delete a program; its events stay, and are measured by the default method from then on.

        Raises:
            NotFoundError: ``unknown_program``.
            ConflictError: ``program_has_events``, where some are not over.

        """
        async with self._uow.begin() as tx:
            program = await tx.programs.get(program_id)
            if program is None:
                raise unknown_program(program_id)
            _, still_open = await tx.dr_events.list(EventFilter(program_id=program_id, statuses=_OPEN), 1, 0)
            if still_open:
                raise program_has_events(program_id)
            await tx.programs.delete(program_id)
            tx.events.add(
                ProgramDeleted(
                    event_id=EventId(self._ids.new()),
                    occurred_at=self._clock.now(),
                    actor=actor,
                    program_id=program_id,
                    program_name=program.terms.program_name,
                )
            )


def _problems(terms: ProgramTerms) -> Iterator[Problem]:
    yield from name_problems("/program_name", terms.program_name)
    if terms.description is not None and len(terms.description) > _MOST_TEXT:
        yield Problem("/description", "too_long", f"at most {_MOST_TEXT} characters")
    if len(terms.payload_descriptors) > _MOST_DESCRIPTORS:
        yield Problem("/payload_descriptors", "too_long", f"at most {_MOST_DESCRIPTORS}")
    for number, one in enumerate(terms.payload_descriptors):
        yield from name_problems(f"/payload_descriptors/{number}/payload_type", one.payload_type)
    if terms.rule is not None:
        yield from _rule_problems(terms.rule)


def _rule_problems(rule: EventRule) -> Iterator[Problem]:
    if not rule.days:
        yield Problem("/rule/days", "invalid_value", "it names no day")
    if not 0 <= rule.at < MINUTES_A_DAY:
        yield Problem("/rule/at", "invalid_value", "from 00:00 to 23:59")
    if not NO_TIME < rule.ahead <= _MOST_AHEAD:
        yield Problem("/rule/ahead", "invalid_value", f"at most {_MOST_AHEAD.days} days")
    yield from duration_problems("/rule/duration", rule.duration)
    yield from signal_problems("/rule/signal", rule.signal)
    yield from targets_problems("/rule/targets", rule.targets)
    shape = EventTerms(
        event_name="rule",
        signal=rule.signal,
        start=EPOCH,
        duration=rule.duration,
        notification_period=rule.notification_period,
        ramp_up_period=rule.ramp_up_period,
        recovery_period=rule.recovery_period,
        randomize_start=rule.randomize_start,
    )
    yield from period_problems("/rule", shape)
    if rule.priority is not None and rule.priority < 0:
        yield Problem("/rule/priority", "invalid_value", "from 0, the highest")
