"""Demand response events in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.sql import ColumnElement

from adapters.timescale.dr_documents import document, fault_columns, fault_of
from adapters.timescale.session import Session
from adapters.timescale.tables.demand_response import IS_COMPLETED, events
from domain.demand_response.dr_events import (
    DrEvent,
    DrEventStatus,
    EventOrigin,
    EventTerms,
    Signal,
    SignalType,
    StatusChange,
)
from domain.demand_response.model import DrEventId, LeftOut, ProgramId, Targets
from domain.demand_response.store_ports import EventFilter, EventStore
from domain.shared.events import Actor


class TimescaleEventStore(EventStore):
    """The table ``demand_response.events``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, event: DrEvent) -> None:
        await self._session.execute(insert(events).values(**_columns(event)))

    async def get(self, event_id: DrEventId) -> DrEvent | None:
        found = await self._session.execute(select(events).where(events.c.event_id == event_id))
        row = found.first()
        return None if row is None else _event(row)

    async def hold(self, event_id: DrEventId) -> DrEvent | None:
        # Rows that refer to it can still be added by others: only its key is theirs.
        held = select(events).where(events.c.event_id == event_id).with_for_update(key_share=True)
        row = (await self._session.execute(held)).first()
        return None if row is None else _event(row)

    async def list(self, where: EventFilter, limit: int, offset: int) -> tuple[Sequence[DrEvent], int]:
        conditions = _conditions(where)
        counted = select(func.count()).select_from(events).where(*conditions)
        total = (await self._session.execute(counted)).scalar_one()
        latest_first = (
            select(events).where(*conditions).order_by(events.c.starts_at.desc(), events.c.event_id.desc())
        )
        found = await self._session.execute(latest_first.limit(limit).offset(offset))
        return [_event(row) for row in found], total

    async def counts(self) -> Mapping[DrEventStatus, int]:
        counted = select(events.c.status, func.count().label("events")).group_by(events.c.status)
        found = {row.status: row.events for row in await self._session.execute(counted)}
        return {status: found.get(status.value, 0) for status in DrEventStatus}

    async def find(self, event_ids: Collection[DrEventId]) -> Mapping[DrEventId, DrEvent]:
        if not event_ids:
            return {}
        wanted = select(events).where(events.c.event_id == func.any(list(event_ids)))
        found = [_event(row) for row in await self._session.execute(wanted)]
        return {event.event_id: event for event in found}

    async def replace(self, event: DrEvent) -> None:
        await self._session.execute(
            update(events).where(events.c.event_id == event.event_id).values(**_columns(event))
        )

    async def due(self, until: datetime, limit: int) -> Sequence[DrEventId]:
        due = (
            select(events.c.event_id)
            .where(events.c.due_at <= until)
            .order_by(events.c.due_at, events.c.event_id)
        )
        return [DrEventId(row.event_id) for row in await self._session.execute(due.limit(limit))]

    async def next_due(self) -> datetime | None:
        earliest: datetime | None = (await self._session.execute(select(func.min(events.c.due_at)))).scalar()
        return earliest

    async def dispatching(self) -> Sequence[DrEvent]:
        # As `DrEvent.rank` says.
        statuses = [status.value for status in DrEventStatus if status.is_dispatching]
        running = (
            select(events)
            .where(events.c.status == func.any(statuses))
            .order_by(events.c.priority.nulls_last(), events.c.created_at, events.c.event_id)
        )
        return [_event(row) for row in await self._session.execute(running)]

    async def ended(self, since: datetime, until: datetime, limit: int) -> Sequence[DrEvent]:
        completed = (
            select(events)
            .where(IS_COMPLETED, events.c.ends_at >= since, events.c.ends_at < until)
            .order_by(events.c.reported_version > 0, events.c.ends_at, events.c.event_id)
        )
        return [_event(row) for row in await self._session.execute(completed.limit(limit))]


def _conditions(where: EventFilter) -> Sequence[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if where.statuses is not None:
        conditions.append(events.c.status == func.any([status.value for status in where.statuses]))
    if where.since is not None:
        conditions.append(events.c.ends_at > where.since)
    if where.until is not None:
        conditions.append(events.c.starts_at < where.until)
    if where.program_id is not None:
        conditions.append(events.c.program_id == where.program_id)
    return conditions


def _columns(event: DrEvent) -> dict[str, object]:
    terms = event.terms
    missed_code, missed_detail = fault_columns(event.missed)
    return {
        "event_id": event.event_id,
        "created_at": event.created_at,
        "created_by": event.created_by,
        "origin": event.origin.value,
        "status": event.status.value,
        "event_name": terms.event_name,
        "program_id": terms.program_id,
        "signal_type": terms.signal.type.value,
        "signal_value": terms.signal.value,
        "signal_unit": terms.signal.unit,
        "starts_at": terms.start,
        "ends_at": terms.end,
        "notification_period": terms.notification_period,
        "ramp_up_period": terms.ramp_up_period,
        "recovery_period": terms.recovery_period,
        "randomize_start": terms.randomize_start,
        "priority": terms.priority,
        "targets": document(terms.targets),
        "test_event": terms.test_event,
        "published_at": event.published_at,
        "invited_at": event.invited_at,
        "dispatched": event.dispatched,
        "missed_code": missed_code,
        "missed_detail": missed_detail,
        "left_out": document(event.left_out),
        "history": document(event.history),
        "due_at": event.due_at,
        "reported_version": event.reported_version,
    }


def _event(row: Row[Any]) -> DrEvent:
    return DrEvent(
        event_id=DrEventId(row.event_id),
        terms=EventTerms(
            event_name=row.event_name,
            signal=Signal(SignalType(row.signal_type), row.signal_value, row.signal_unit),
            start=row.starts_at,
            duration=row.ends_at - row.starts_at,
            program_id=None if row.program_id is None else ProgramId(row.program_id),
            notification_period=row.notification_period,
            ramp_up_period=row.ramp_up_period,
            recovery_period=row.recovery_period,
            randomize_start=row.randomize_start,
            priority=row.priority,
            targets=msgspec.convert(row.targets, Targets),
            test_event=row.test_event,
        ),
        status=DrEventStatus(row.status),
        origin=EventOrigin(row.origin),
        created_at=row.created_at,
        created_by=Actor(row.created_by),
        published_at=row.published_at,
        invited_at=row.invited_at,
        dispatched=row.dispatched,
        missed=fault_of(row, "missed"),
        left_out=msgspec.convert(row.left_out, tuple[LeftOut, ...]),
        history=msgspec.convert(row.history, tuple[StatusChange, ...]),
        due_at=row.due_at,
        reported_version=row.reported_version,
    )
