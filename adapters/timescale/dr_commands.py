"""What devices are told, in PostgreSQL."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    exists,
    func,
    literal_column,
    select,
    update,
)

from adapters.timescale.dr_documents import columns, fault_columns, fault_of
from adapters.timescale.session import Session
from adapters.timescale.tables.dr_dispatch import IS_PENDING, commands
from domain.demand_response.commands import Command, CommandKind, CommandReason, CommandStatus
from domain.demand_response.model import AssignmentId, CommandId, DeviceId, DrEventId
from domain.demand_response.store_ports import CommandStore

_ADD: Final = """
INSERT INTO demand_response.commands (command_id, assignment_id, event_id, device_id, kind, reason, noted_at,
  due_at, reduction_kw, target_kw, attempts, status, time, fault_code, fault_detail)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[],
  $7::timestamptz[], $8::timestamptz[], $9::float8[], $10::float8[], $11::integer[], $12::text[],
  $13::timestamptz[], $14::text[], $15::text[])
"""

# Those that claim do so one after the other: each sees which devices the others are about to tell something.
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtext('demand_response.commands'))"

_NOW: Final = func.clock_timestamp()
# No parameter, so that the partial indexes may be used.
_PENDING: Final[ColumnElement[Any]] = literal_column(f"'{CommandStatus.PENDING.value}'")

_SENT: Final = commands.alias("sent")
_IS_BUSY: Final = exists().where(_SENT.c.device_id == commands.c.device_id, _SENT.c.claimed_until > _NOW)
"""Whether somebody is telling the device something at this moment."""


class TimescaleCommandStore(CommandStore):
    """The table ``demand_response.commands``; claims by the database's clock."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, new: Sequence[Command]) -> None:
        if new:
            await self._session.driver.execute(_ADD, *columns([_row(one) for one in new]))

    async def of_event(self, event_id: DrEventId) -> Sequence[Command]:
        return await self._in_order(commands.c.event_id == event_id)

    async def of_assignments(self, assignments: Collection[AssignmentId]) -> Sequence[Command]:
        if not assignments:
            return []
        return await self._in_order(commands.c.assignment_id == func.any(list(assignments)))

    async def pending(self, device_ids: Collection[DeviceId]) -> Sequence[Command]:
        if not device_ids:
            return []
        return await self._in_order(commands.c.device_id == func.any(list(device_ids)), IS_PENDING)

    async def supersede(self, device_ids: Collection[DeviceId]) -> Sequence[Command]:
        if not device_ids:
            return []
        # A claim stays: the device may be hearing the old word at this moment, and gets the next after it.
        set_aside = await self._session.execute(
            update(commands)
            .where(commands.c.device_id == func.any(list(device_ids)), IS_PENDING)
            .values(status=CommandStatus.SUPERSEDED.value)
            .returning(commands)
        )
        return sorted(map(_command, set_aside), key=lambda one: (one.noted_at, one.command_id))

    async def claim_due(self, now: datetime, term: timedelta, limit: int) -> Sequence[Command]:
        await self._session.driver.execute(_ONE_AT_A_TIME)
        own = commands.alias("own")
        first_of_device = (
            select(own.c.command_id)
            .where(own.c.device_id == commands.c.device_id, own.c.status == _PENDING)
            .order_by(*_order(own))
            .limit(1)
            .scalar_subquery()
        )
        # What others are setting aside at this moment is passed over.
        chosen = (
            select(commands.c.command_id)
            .where(
                commands.c.status == _PENDING,
                commands.c.due_at <= now,
                commands.c.command_id == first_of_device,
                ~_IS_BUSY,
            )
            .order_by(*_order(commands))
            .limit(limit)
            .with_for_update(of=commands, key_share=True, skip_locked=True)
            .cte("chosen")
        )
        claimed = await self._session.execute(
            update(commands)
            .where(commands.c.command_id == chosen.c.command_id)
            .values(attempts=commands.c.attempts + 1, time=now, claimed_until=_NOW + term)
            .returning(commands)
        )
        return sorted(map(_command, claimed), key=lambda one: (one.due_at, one.noted_at, one.command_id))

    async def end_attempt(self, command: Command) -> bool:
        fault_code, fault_detail = fault_columns(command.fault)
        same_claim = (commands.c.command_id == command.command_id, commands.c.attempts == command.attempts)
        ended = await self._session.execute(
            update(commands)
            .where(*same_claim, IS_PENDING)
            .values(
                status=command.status.value,
                due_at=command.due_at,
                time=command.time,
                fault_code=fault_code,
                fault_detail=fault_detail,
                claimed_until=None,
            )
        )
        if ended.rowcount:
            return True
        # Set aside while it was sent: the device is free to be told the next thing.
        await self._session.execute(
            update(commands)
            .where(*same_claim, commands.c.status == CommandStatus.SUPERSEDED.value)
            .values(claimed_until=None)
        )
        return False

    async def next_due(self) -> datetime | None:
        earliest: datetime | None = (
            await self._session.execute(select(func.min(commands.c.due_at)).where(IS_PENDING, ~_IS_BUSY))
        ).scalar()
        return earliest

    async def _in_order(self, *conditions: Any) -> Sequence[Command]:  # noqa: ANN401 - of SQLAlchemy
        wanted = select(commands).where(*conditions).order_by(commands.c.noted_at, commands.c.command_id)
        return [_command(row) for row in await self._session.execute(wanted)]


def _order(table: FromClause) -> Sequence[ColumnElement[Any]]:
    """Return what sorts commands: the one that is sent first comes first."""
    return (table.c.due_at, table.c.noted_at, table.c.command_id)


def _row(command: Command) -> tuple[object, ...]:
    return (
        command.command_id,
        command.assignment_id,
        command.event_id,
        command.device_id,
        command.kind.value,
        command.reason.value,
        command.noted_at,
        command.due_at,
        command.reduction_kw,
        command.target_kw,
        command.attempts,
        command.status.value,
        command.time,
        *fault_columns(command.fault),
    )


def _command(row: Row[Any]) -> Command:
    return Command(
        command_id=CommandId(row.command_id),
        assignment_id=AssignmentId(row.assignment_id),
        event_id=DrEventId(row.event_id),
        device_id=DeviceId(row.device_id),
        kind=CommandKind(row.kind),
        reason=CommandReason(row.reason),
        noted_at=row.noted_at,
        due_at=row.due_at,
        reduction_kw=row.reduction_kw,
        target_kw=row.target_kw,
        attempts=row.attempts,
        status=CommandStatus(row.status),
        time=row.time,
        fault=fault_of(row, "fault"),
    )
