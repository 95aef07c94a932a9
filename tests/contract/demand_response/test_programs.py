from dataclasses import replace
from uuid import uuid4

import pytest

from domain.demand_response.model import ProgramId
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.demand_response.programs import Program
from domain.shared.errors import ConflictError
from tests.contract.demand_response.samples import full_program, new_program


async def add(uow: DemandResponseUnitOfWork, program: Program) -> None:
    async with uow.begin() as tx:
        await tx.programs.add(program)


async def rename(uow: DemandResponseUnitOfWork, program: Program) -> None:
    async with uow.begin() as tx:
        await tx.programs.replace(program)


async def test_a_program_comes_back_as_it_was_stored(uow: DemandResponseUnitOfWork) -> None:
    plain, full = new_program("plain"), full_program()
    async with uow.begin() as tx:
        await tx.programs.add(plain)
        await tx.programs.add(full)
    async with uow.begin() as tx:
        assert await tx.programs.get(plain.program_id) == plain
        assert await tx.programs.get(full.program_id) == full
        assert await tx.programs.get(ProgramId(uuid4())) is None
        assert await tx.programs.with_rules() == [full]


async def test_programs_are_listed_by_name(uow: DemandResponseUnitOfWork) -> None:
    programs = [new_program(name) for name in ("b", "a", "c")]
    async with uow.begin() as tx:
        for one in programs:
            await tx.programs.add(one)
        found, total = await tx.programs.list(2, 1)
    assert (list(found), total) == ([programs[0], programs[2]], 3)


async def test_a_name_is_taken_once(uow: DemandResponseUnitOfWork) -> None:
    first, second = new_program("first"), new_program("second")
    async with uow.begin() as tx:
        await tx.programs.add(first)
        await tx.programs.add(second)
    renamed = replace(second, terms=first.terms)
    for change in (add(uow, new_program("first")), rename(uow, renamed)):
        with pytest.raises(ConflictError) as refused:
            await change
        assert refused.value.code == "program_exists"
    async with uow.begin() as tx:
        assert await tx.programs.get(second.program_id) == second
        assert (await tx.programs.list(10, 0))[1] == 2


async def test_programs_are_replaced_and_deleted(uow: DemandResponseUnitOfWork) -> None:
    program = new_program("one")
    changed = replace(full_program("one"), program_id=program.program_id, created_at=program.created_at)
    async with uow.begin() as tx:
        assert not await tx.programs.replace(program)
        await tx.programs.add(program)
        assert await tx.programs.replace(changed)
        assert await tx.programs.get(program.program_id) == changed
        assert await tx.programs.delete(program.program_id)
        assert not await tx.programs.delete(program.program_id)
        assert await tx.programs.get(program.program_id) is None
