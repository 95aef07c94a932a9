"""Invitations to demand response events in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, func, select
from sqlalchemy.sql import ColumnElement

from adapters.timescale.dr_documents import columns
from adapters.timescale.session import Session
from adapters.timescale.tables.demand_response import IS_UNANSWERED, events, invitations
from domain.demand_response.dr_events import DrEventStatus
from domain.demand_response.invitations import AnsweredBy, Invitation, InvitationStatus
from domain.demand_response.model import DeviceId, DrEventId, InvitationId
from domain.demand_response.store_ports import InvitationFilter, InvitationStore
from domain.shared.events import Actor

_GIVEN: Final = """unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[],
  $6::text[], $7::text[], $8::timestamptz[], $9::text[], $10::text[], $11::float8[], $12::text[])
  AS given (invitation_id, event_id, device_id, invited_at, answer_until, status, answered_by, answered_at,
    actor, rule, committed_kw, reason)"""

# Sorted, so that two that invite the same devices never wait in a ring.
_ADD: Final = f"""
INSERT INTO demand_response.invitations (invitation_id, event_id, device_id, invited_at, answer_until, status,
  answered_by, answered_at, actor, rule, committed_kw, reason)
SELECT * FROM {_GIVEN} ORDER BY event_id, device_id
ON CONFLICT (event_id, device_id) DO NOTHING RETURNING invitation_id
"""  # noqa: S608 - a constant

_REPLACE: Final = f"""
UPDATE demand_response.invitations AS kept SET
  (invited_at, answer_until, status, answered_by, answered_at, actor, rule, committed_kw, reason)
  = (given.invited_at, given.answer_until, given.status, given.answered_by, given.answered_at, given.actor,
    given.rule, given.committed_kw, given.reason)
FROM {_GIVEN} WHERE kept.invitation_id = given.invitation_id
"""  # noqa: S608 - a constant

_NOT_ASKED: Final = (DrEventStatus.DRAFT.value, DrEventStatus.CANCELLED.value)


class TimescaleInvitationStore(InvitationStore):
    """The table ``demand_response.invitations``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, new: Sequence[Invitation]) -> Sequence[Invitation]:
        if not new:
            return []
        rows = await self._session.driver.fetch(_ADD, *columns([_row(one) for one in new]))
        added = {row["invitation_id"] for row in rows}
        return [one for one in new if one.invitation_id in added]

    async def get(self, invitation_id: InvitationId) -> Invitation | None:
        wanted = select(invitations).where(invitations.c.invitation_id == invitation_id)
        row = (await self._session.execute(wanted)).first()
        return None if row is None else _invitation(row)

    async def list(
        self, where: InvitationFilter, limit: int, offset: int
    ) -> tuple[Sequence[Invitation], int]:
        conditions = _conditions(where)
        counted = select(func.count()).select_from(invitations).where(*conditions)
        total = (await self._session.execute(counted)).scalar_one()
        newest_first = (
            select(invitations)
            .where(*conditions)
            .order_by(invitations.c.invited_at.desc(), invitations.c.invitation_id.desc())
        )
        found = await self._session.execute(newest_first.limit(limit).offset(offset))
        return [_invitation(row) for row in found], total

    async def of_event(self, event_id: DrEventId) -> Sequence[Invitation]:
        by_device = (
            select(invitations)
            .where(invitations.c.event_id == event_id)
            .order_by(invitations.c.device_id.collate("C"))
        )
        return [_invitation(row) for row in await self._session.execute(by_device)]

    async def unanswered(self, limit: int) -> Sequence[Invitation]:
        first_first = (
            select(invitations)
            .where(IS_UNANSWERED)
            .order_by(invitations.c.answer_until, invitations.c.invitation_id)
        )
        return [_invitation(row) for row in await self._session.execute(first_first.limit(limit))]

    async def replace(self, changed: Sequence[Invitation]) -> None:
        if changed:
            await self._session.driver.execute(_REPLACE, *columns([_row(one) for one in changed]))

    async def opted_in(
        self, device_ids: Collection[DeviceId], start: datetime, end: datetime
    ) -> Mapping[DeviceId, Sequence[DrEventId]]:
        if not device_ids:
            return {}
        opted_in = (
            select(invitations.c.device_id, invitations.c.event_id)
            .join(events, events.c.event_id == invitations.c.event_id)
            .where(
                events.c.starts_at >= start,
                events.c.starts_at < end,
                events.c.status.not_in(_NOT_ASKED),
                invitations.c.device_id == func.any(list(device_ids)),
                invitations.c.status == InvitationStatus.OPT_IN.value,
            )
            .order_by(events.c.starts_at, events.c.event_id)
        )
        found: dict[DeviceId, list[DrEventId]] = {}
        for row in await self._session.execute(opted_in):
            found.setdefault(DeviceId(row.device_id), []).append(DrEventId(row.event_id))
        return found


def _conditions(where: InvitationFilter) -> Sequence[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if where.status is not None:
        conditions.append(invitations.c.status == where.status.value)
    if where.event_id is not None:
        conditions.append(invitations.c.event_id == where.event_id)
    if where.device_id is not None:
        conditions.append(invitations.c.device_id == where.device_id)
    return conditions


def _row(invitation: Invitation) -> tuple[object, ...]:
    return (
        invitation.invitation_id,
        invitation.event_id,
        invitation.device_id,
        invitation.invited_at,
        invitation.answer_until,
        invitation.status.value,
        None if invitation.answered_by is None else invitation.answered_by.value,
        invitation.answered_at,
        invitation.actor,
        invitation.rule,
        invitation.committed_kw,
        invitation.reason,
    )


def _invitation(row: Row[Any]) -> Invitation:
    return Invitation(
        invitation_id=InvitationId(row.invitation_id),
        event_id=DrEventId(row.event_id),
        device_id=DeviceId(row.device_id),
        invited_at=row.invited_at,
        answer_until=row.answer_until,
        status=InvitationStatus(row.status),
        answered_by=None if row.answered_by is None else AnsweredBy(row.answered_by),
        answered_at=row.answered_at,
        actor=None if row.actor is None else Actor(row.actor),
        rule=row.rule,
        committed_kw=row.committed_kw,
        reason=row.reason,
    )
