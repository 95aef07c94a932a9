"""Which devices serve, and served, which events, in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, func, or_, select

from adapters.timescale.dr_documents import columns
from adapters.timescale.session import Session
from adapters.timescale.tables.dr_dispatch import IS_SERVING, assignments
from domain.demand_response.assignments import Assignment, DeliveredSoFar, EndReason, Following
from domain.demand_response.model import AssignmentId, DeviceId, DrEventId
from domain.demand_response.store_ports import AssignmentStore

_GIVEN: Final = """unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::float8[], $6::float8[],
  $7::timestamptz[], $8::timestamptz[], $9::text[], $10::float8[], $11::timestamptz[], $12::text[],
  $13::float8[], $14::float8[])
  AS given (assignment_id, event_id, device_id, began_at, asked_kw, power_before_kw, check_at, until,
    following, shed_kw, ended_at, end_reason, committed_kw, delivered_kw)"""

# Sorted, so that two that assign the same devices never wait in a ring.
_ADD: Final = f"""
INSERT INTO demand_response.assignments (assignment_id, event_id, device_id, began_at, asked_kw,
  power_before_kw, check_at, until, following, shed_kw, ended_at, end_reason, committed_kw, delivered_kw)
SELECT * FROM {_GIVEN} ORDER BY device_id
"""  # noqa: S608 - a constant

_REPLACE: Final = f"""
UPDATE demand_response.assignments AS kept SET
  (began_at, asked_kw, power_before_kw, check_at, until, following, shed_kw, ended_at, end_reason,
   committed_kw, delivered_kw)
  = (given.began_at, given.asked_kw, given.power_before_kw, given.check_at, given.until, given.following,
   given.shed_kw, given.ended_at, given.end_reason, given.committed_kw, given.delivered_kw)
FROM {_GIVEN} WHERE kept.assignment_id = given.assignment_id
"""  # noqa: S608 - a constant

# This locks the rows one by one in that order, new ones and those that were there, and changes none.
_HOLD: Final = """
INSERT INTO demand_response.held_devices AS held (device_id)
SELECT DISTINCT device_id COLLATE "C" AS device_id FROM unnest($1::text[]) AS device_id ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE SET device_id = held.device_id WHERE false
"""

_DUE_AT: Final = func.least(assignments.c.check_at, assignments.c.until)


class TimescaleAssignmentStore(AssignmentStore):
    """The tables ``demand_response.assignments`` and ``held_devices``, whose rows are what is held."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, new: Sequence[Assignment]) -> None:
        if new:
            await self._session.driver.execute(_ADD, *columns([_row(one) for one in new]))

    async def replace(self, changed: Sequence[Assignment]) -> None:
        if changed:
            await self._session.driver.execute(_REPLACE, *columns([_row(one) for one in changed]))

    async def of_event(self, event_id: DrEventId) -> Sequence[Assignment]:
        in_order = (
            select(assignments)
            .where(assignments.c.event_id == event_id)
            .order_by(assignments.c.began_at, assignments.c.assignment_id)
        )
        return [_assignment(row) for row in await self._session.execute(in_order)]

    async def serving(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, Assignment]:
        if not device_ids:
            return {}
        wanted = select(assignments).where(assignments.c.device_id == func.any(list(device_ids)), IS_SERVING)
        return {DeviceId(row.device_id): _assignment(row) for row in await self._session.execute(wanted)}

    async def hold_serving(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, Assignment]:
        if device_ids:
            await self._session.driver.execute(_HOLD, list(device_ids))
        # In a statement of its own, which sees what those did that held the devices before.
        return await self.serving(device_ids)

    async def overlapping(
        self, device_ids: Collection[DeviceId], start: datetime, end: datetime
    ) -> Mapping[DeviceId, Sequence[Assignment]]:
        if not device_ids:
            return {}
        overlapping = (
            select(assignments)
            .where(
                assignments.c.device_id == func.any(list(device_ids)),
                or_(IS_SERVING, assignments.c.ended_at > start),
                assignments.c.began_at < end,
            )
            .order_by(assignments.c.began_at, assignments.c.assignment_id)
        )
        found: dict[DeviceId, list[Assignment]] = {}
        for row in await self._session.execute(overlapping):
            found.setdefault(DeviceId(row.device_id), []).append(_assignment(row))
        return found

    async def due_events(self, until: datetime, limit: int) -> Sequence[DrEventId]:
        # No more serve than there are devices.
        due = (
            select(assignments.c.event_id)
            .where(IS_SERVING, until >= _DUE_AT)
            .group_by(assignments.c.event_id)
            .order_by(func.min(_DUE_AT), assignments.c.event_id)
        )
        return [DrEventId(row.event_id) for row in await self._session.execute(due.limit(limit))]

    async def next_due(self) -> datetime | None:
        earliest: datetime | None = (
            await self._session.execute(select(func.min(_DUE_AT)).where(IS_SERVING))
        ).scalar()
        return earliest

    async def delivered(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, DeliveredSoFar]:
        if not device_ids:
            return {}
        summed_up = (
            select(
                assignments.c.device_id,
                func.sum(assignments.c.committed_kw).label("committed_kw"),
                func.sum(assignments.c.delivered_kw).label("delivered_kw"),
            )
            .where(
                assignments.c.device_id == func.any(list(device_ids)),
                assignments.c.committed_kw.is_not(None),
                assignments.c.delivered_kw.is_not(None),
            )
            .group_by(assignments.c.device_id)
        )
        return {
            DeviceId(row.device_id): DeliveredSoFar(row.committed_kw, row.delivered_kw)
            for row in await self._session.execute(summed_up)
        }


def _row(assignment: Assignment) -> tuple[object, ...]:
    return (
        assignment.assignment_id,
        assignment.event_id,
        assignment.device_id,
        assignment.began_at,
        assignment.asked_kw,
        assignment.power_before_kw,
        assignment.check_at,
        assignment.until,
        assignment.following.value,
        assignment.shed_kw,
        assignment.ended_at,
        None if assignment.end_reason is None else assignment.end_reason.value,
        assignment.committed_kw,
        assignment.delivered_kw,
    )


def _assignment(row: Row[Any]) -> Assignment:
    return Assignment(
        assignment_id=AssignmentId(row.assignment_id),
        event_id=DrEventId(row.event_id),
        device_id=DeviceId(row.device_id),
        began_at=row.began_at,
        asked_kw=row.asked_kw,
        power_before_kw=row.power_before_kw,
        check_at=row.check_at,
        until=row.until,
        following=Following(row.following),
        shed_kw=row.shed_kw,
        ended_at=row.ended_at,
        end_reason=None if row.end_reason is None else EndReason(row.end_reason),
        committed_kw=row.committed_kw,
        delivered_kw=row.delivered_kw,
    )
