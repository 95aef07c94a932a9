"""Programs of demand response in PostgreSQL."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, delete, func, insert, select, update

from adapters.timescale.dr_documents import document
from adapters.timescale.session import Session
from adapters.timescale.tables.demand_response import programs
from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.model import ProgramId
from domain.demand_response.programs import EventRule, PayloadDescriptor, Program, ProgramTerms
from domain.demand_response.store_ports import ProgramStore


class TimescaleProgramStore(ProgramStore):
    """The table ``demand_response.programs``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, program: Program) -> None:
        await self._session.execute(insert(programs).values(**_columns(program)))

    async def get(self, program_id: ProgramId) -> Program | None:
        found = await self._session.execute(select(programs).where(programs.c.program_id == program_id))
        row = found.first()
        return None if row is None else _program(row)

    async def list(self, limit: int, offset: int) -> tuple[Sequence[Program], int]:
        total = (await self._session.execute(select(func.count()).select_from(programs))).scalar_one()
        found = await self._session.execute(_by_name().limit(limit).offset(offset))
        return [_program(row) for row in found], total

    async def with_rules(self) -> Sequence[Program]:
        found = await self._session.execute(_by_name().where(programs.c.rule.is_not(None)))
        return [_program(row) for row in found]

    async def replace(self, program: Program) -> bool:
        replaced = await self._session.execute(
            update(programs).where(programs.c.program_id == program.program_id).values(**_columns(program))
        )
        return bool(replaced.rowcount)

    async def delete(self, program_id: ProgramId) -> bool:
        deleted = await self._session.execute(delete(programs).where(programs.c.program_id == program_id))
        return bool(deleted.rowcount)


def _by_name() -> Any:  # noqa: ANN401 - a query of SQLAlchemy
    return select(programs).order_by(programs.c.program_name.collate("C"))


def _columns(program: Program) -> dict[str, object]:
    terms = program.terms
    return {
        "program_id": program.program_id,
        "created_at": program.created_at,
        "updated_at": program.updated_at,
        "program_name": terms.program_name,
        "description": terms.description,
        "baseline_method": terms.baseline_method.value,
        "payload_descriptors": document(terms.payload_descriptors),
        "rule": document(terms.rule),
    }


def _program(row: Row[Any]) -> Program:
    return Program(
        program_id=ProgramId(row.program_id),
        terms=ProgramTerms(
            program_name=row.program_name,
            description=row.description,
            baseline_method=BaselineMethod(row.baseline_method),
            payload_descriptors=msgspec.convert(row.payload_descriptors, tuple[PayloadDescriptor, ...]),
            rule=msgspec.convert(row.rule, EventRule | None),
        ),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
