"""Answering invitations by rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from domain.demand_response.auto_response import (
    AutoResponse,
    Circumstances,
    automatic_answer,
    may_answer,
)
from domain.demand_response.devices import Device
from domain.demand_response.dispatching import LITTLE
from domain.demand_response.dr_events import DrEvent
from domain.demand_response.flexibility import expected_kw
from domain.demand_response.invitations import Answer, AnsweredBy, Invitation
from domain.demand_response.model import DeviceId, DrEventId, RoomName, SiteZone
from domain.demand_response.ports import (
    DemandResponseTransaction,
    DemandResponseUnitOfWork,
    RoomConditions,
)
from domain.demand_response.services.flexibility import FlexibilityReports
from domain.demand_response.services.telling import Teller
from domain.demand_response.services.waking import Waking
from domain.demand_response.week_windows import local_day
from domain.shared.ports import Clock
from domain.shared.time import TimeRange

_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Asked:
    """An event with its invitations that wait for an answer which a rule may give."""

    event: DrEvent
    invitations: Sequence[Invitation]
    devices: Mapping[DeviceId, Device]
    rules: Mapping[DeviceId, AutoResponse]
    others_that_day: Mapping[DeviceId, int]


class AnswerInvitations:
    """Answers what the rules have an answer to; the rest is left to people, whose answers always stand."""

    def __init__(
        self,
        uow: DemandResponseUnitOfWork,
        flexibility: FlexibilityReports,
        rooms: RoomConditions,
        teller: Teller,
        waking: Waking,
        clock: Clock,
        zone: SiteZone,
    ) -> None:
        self._uow = uow
        self._flexibility = flexibility
        self._rooms = rooms
        self._teller = teller
        self._waking = waking
        self._clock = clock
        self._zone = zone

    async def __call__(self) -> int:
        """Look at all invitations that wait for an answer; return how many got one."""
        async with self._uow.begin() as tx:
            waiting = await tx.invitations.unanswered(_AT_ONCE)
        answered = 0
        for event_id in dict.fromkeys(one.event_id for one in waiting):
            answered += await self.of_event(event_id)
        return answered

    async def of_event(self, event_id: DrEventId) -> int:
        """Answer the invitations of one event; return how many."""
        async with self._uow.begin() as tx:
            asked = await self._asked(tx, event_id)
        if asked is None:
            return 0
        comfort = await self._comfort(asked)
        answers = {
            one.device_id: answer
            for one in asked.invitations
            if (answer := self._answer(asked, one, comfort.get(one.device_id))) is not None
        }
        if not answers:
            return 0
        promised = await self._promised(asked, answers)
        async with self._uow.begin() as tx:
            answered = await self._keep(tx, event_id, answers, promised)
        if answered:
            self._waking.wake()
        return answered

    async def _asked(self, tx: DemandResponseTransaction, event_id: DrEventId) -> _Asked | None:
        event = await tx.dr_events.get(event_id)
        if event is None or not event.status.is_open:
            return None
        invitations = [one for one in await tx.invitations.of_event(event_id) if may_answer(one)]
        ids = [one.device_id for one in invitations]
        of_all = await tx.auto_responses.get(None)
        own = await tx.auto_responses.find(ids)
        rules = {one: own.get(one, of_all) for one in ids}
        enabled = {one: rule for one, rule in rules.items() if rule is not None and rule.enabled}
        if not enabled:
            return None
        day = local_day(event.terms.start, self._zone)
        opted_in = await tx.invitations.opted_in(enabled.keys(), day.start, day.end)
        return _Asked(
            event=event,
            invitations=[one for one in invitations if one.device_id in enabled],
            devices=await tx.devices.find(enabled.keys()),
            rules=enabled,
            others_that_day={one: len(set(ids) - {event_id}) for one, ids in opted_in.items()},
        )

    async def _comfort(self, asked: _Asked) -> Mapping[DeviceId, bool | None]:
        room_of: dict[DeviceId, RoomName] = {
            one.device_id: one.terms.room_name
            for one in asked.devices.values()
            if one.terms.room_name is not None and asked.rules[one.device_id].keep_comfort
        }
        if not room_of:
            return {}
        rooms = await self._rooms.comfort(set(room_of.values()))
        return {device_id: rooms[room].comfortable for device_id, room in room_of.items() if room in rooms}

    def _answer(self, asked: _Asked, invitation: Invitation, comfortable: bool | None) -> Answer | None:
        circumstances = Circumstances(
            events_that_day=asked.others_that_day.get(invitation.device_id, 0), comfortable=comfortable
        )
        rule = asked.rules[invitation.device_id]
        return automatic_answer(rule, asked.event, invitation, circumstances, self._zone)

    async def _promised(
        self, asked: _Asked, answers: Mapping[DeviceId, Answer]
    ) -> Mapping[DeviceId, float | None]:
        """Return what the devices that opt in will shed, as far as can be told."""
        opting_in = {device_id for device_id, answer in answers.items() if answer.opt_in}
        devices = [one for one in asked.devices.values() if one.device_id in opting_in]
        found = await self._flexibility.of(devices)
        terms = asked.event.terms
        now = self._clock.now()
        window = TimeRange(terms.start, terms.end)
        return {device_id: expected_kw(one, window, now) for device_id, one in found.items()}

    async def _keep(
        self,
        tx: DemandResponseTransaction,
        event_id: DrEventId,
        answers: Mapping[DeviceId, Answer],
        promised: Mapping[DeviceId, float | None],
    ) -> int:
        event = await tx.dr_events.hold(event_id)
        if event is None or not event.status.is_open:
            return 0
        now = self._clock.now()
        changed = []
        for one in await tx.invitations.of_event(event_id):
            answer = answers.get(one.device_id)
            # Somebody may have answered since it was looked at.
            if answer is None or not may_answer(one):
                continue
            kw = promised.get(one.device_id)
            changed.append(
                replace(
                    one,
                    status=answer.status,
                    answered_by=AnsweredBy.RULE,
                    answered_at=now,
                    rule=answer.rule,
                    reason=answer.reason,
                    committed_kw=kw if answer.opt_in and kw is not None and kw >= LITTLE else None,
                )
            )
        await tx.invitations.replace(changed)
        for invitation in changed:
            tx.events.add(self._teller.invitation(invitation))
        if changed and event.status.is_dispatching:
            await tx.dr_events.replace(replace(event, due_at=now))
        return len(changed)
