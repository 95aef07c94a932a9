"""Creating the events that the rules of programs ask for."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from domain.demand_response.dr_events import DrEvent, DrEventStatus, EventOrigin, EventTerms
from domain.demand_response.lifecycle import publish
from domain.demand_response.model import DrEventId, SiteZone
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.demand_response.programs import EventRule, Program
from domain.demand_response.services.moving import Moving
from domain.demand_response.store_ports import EventFilter
from domain.demand_response.week_windows import at_clock
from domain.shared.errors import ConflictError
from domain.shared.events import SYSTEM
from domain.shared.ports import Clock, IdFactory
from domain.shared.weeks import Weekday

_DAY: Final = timedelta(days=1)
_DAYS: Final = tuple(Weekday)


class CreateEventsOfRules:
    """Creates each event of a rule once, ``ahead`` of its start; none whose start has passed."""

    def __init__(
        self, uow: DemandResponseUnitOfWork, moving: Moving, clock: Clock, ids: IdFactory, zone: SiteZone
    ) -> None:
        self._uow = uow
        self._moving = moving
        self._clock = clock
        self._ids = ids
        self._zone = zone

    async def __call__(self) -> int:
        """Create what is due, and return how many events."""
        async with self._uow.begin() as tx:
            programs = await tx.programs.with_rules()
        created = 0
        for program in programs:
            rule = program.terms.rule
            starts = () if rule is None else _starts(rule, self._clock.now(), self._zone)
            for start in starts:
                if rule is not None:
                    created += await self._create(program, rule, start)
        return created

    async def _create(self, program: Program, rule: EventRule, start: datetime) -> bool:
        now = self._clock.now()
        there = EventFilter(
            program_id=program.program_id, since=start, until=start + timedelta(microseconds=1)
        )
        with suppress(ConflictError):  # another process creates it at this moment
            async with self._uow.begin() as tx:
                found, _ = await tx.dr_events.list(there, 100, 0)
                if any(one.origin is EventOrigin.RULE and one.terms.start == start for one in found):
                    return False
                event = publish(self._event(program, rule, start, now), now, SYSTEM, "rule of its program")
                await self._moving.changed(tx, None, event, now)
                moved = await self._moving.step(tx, event, now)
                # The scheduler is to look at it, so that rules answer at once.
                await tx.dr_events.replace(replace(moved, due_at=now))
            return True
        return False

    def _event(self, program: Program, rule: EventRule, start: datetime, now: datetime) -> DrEvent:
        terms = EventTerms(
            event_name=program.terms.program_name,
            signal=rule.signal,
            start=start,
            duration=rule.duration,
            program_id=program.program_id,
            notification_period=rule.notification_period,
            ramp_up_period=rule.ramp_up_period,
            recovery_period=rule.recovery_period,
            randomize_start=rule.randomize_start,
            priority=rule.priority,
            targets=rule.targets,
        )
        return DrEvent(
            event_id=DrEventId(self._ids.new()),
            terms=terms,
            status=DrEventStatus.DRAFT,
            origin=EventOrigin.RULE,
            created_at=now,
            created_by=SYSTEM,
        )


def _starts(rule: EventRule, now: datetime, zone: SiteZone) -> Iterator[datetime]:
    """Yield the starts that lie in ``(now, now + ahead]``."""
    day = now.astimezone(zone).date()
    last = (now + rule.ahead).astimezone(zone).date()
    while day <= last:
        if _DAYS[day.weekday()] in rule.days:
            start = at_clock(day, rule.at, zone)
            if now < start <= now + rule.ahead:
                yield start
        day += _DAY
