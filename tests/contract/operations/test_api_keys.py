import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from adapters.memory.surroundings import MemoryClock, MemoryIdFactory
from domain.operations.model import ApiKey, ApiKeyId, Role
from domain.operations.ports import OperationsUnitOfWork
from domain.operations.services.api_keys import ApiKeys
from domain.shared.errors import ConflictError

NOW = MemoryClock().now()


def key(number: int, role: Role = Role.VIEWER) -> ApiKey:
    return ApiKey(
        key_id=ApiKeyId(UUID(int=number)),
        name=f"key {number}",
        role=role,
        secret_hash=bytes([number]) * 32,
        created_at=NOW + timedelta(seconds=number),
        expires_at=NOW + timedelta(days=1) if number % 2 else None,
    )


async def test_keys_are_kept_and_found(uow: OperationsUnitOfWork) -> None:
    async with uow.begin() as tx:
        for number in (1, 2, 3):
            await tx.api_keys.add(key(number, Role.ADMIN))
    async with uow.begin() as tx:
        assert list(await tx.api_keys.list()) == [key(number, Role.ADMIN) for number in (3, 2, 1)]
        assert await tx.api_keys.get(key(2).key_id) == key(2, Role.ADMIN)
        assert await tx.api_keys.find(bytes([3]) * 32) == key(3, Role.ADMIN)
        assert await tx.api_keys.get(ApiKeyId(uuid4())) is None
        assert await tx.api_keys.find(b"") is None


async def test_two_keys_cannot_share_a_secret(uow: OperationsUnitOfWork) -> None:
    async with uow.begin() as tx:
        await tx.api_keys.add(key(1))
    with pytest.raises(ConflictError) as refused:
        async with uow.begin() as tx:
            await tx.api_keys.add(replace(key(1), key_id=ApiKeyId(uuid4())))
    assert refused.value.code == "api_key_exists"


async def test_a_key_is_revoked_once(uow: OperationsUnitOfWork) -> None:
    async with uow.begin() as tx:
        await tx.api_keys.add(key(1))
    async with uow.begin() as tx:
        assert await tx.api_keys.revoke(key(1).key_id, NOW)
        assert not await tx.api_keys.revoke(key(1).key_id, NOW + timedelta(hours=1))
        assert not await tx.api_keys.revoke(ApiKeyId(uuid4()), NOW)
        assert await tx.api_keys.get(key(1).key_id) == replace(key(1), revoked_at=NOW)


async def test_valid_names_those_that_open_something_now(uow: OperationsUnitOfWork) -> None:
    async with uow.begin() as tx:
        for number in (1, 2, 3, 4):
            await tx.api_keys.add(key(number))
        await tx.api_keys.revoke(key(3).key_id, NOW)
        ids = {number: key(number).key_id for number in (1, 2, 3, 5)}
        assert await tx.api_keys.valid(ids.values(), NOW) == {ids[1], ids[2]}
        assert await tx.api_keys.valid(list(ids.values()), NOW + timedelta(days=1)) == {ids[2]}
        assert await tx.api_keys.valid([], NOW) == frozenset()


async def test_what_is_rolled_back_has_not_been(uow: OperationsUnitOfWork) -> None:
    async def add_and_fail() -> None:
        async with uow.begin() as tx:
            await tx.api_keys.add(key(1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await add_and_fail()
    async with uow.begin() as tx:
        assert await tx.api_keys.list() == []


async def test_processes_that_start_at_once_make_one_admin_key(
    uow: OperationsUnitOfWork, clock: MemoryClock, ids: MemoryIdFactory
) -> None:
    keys = ApiKeys(uow, clock, ids)
    made = await asyncio.gather(*(keys.bootstrap() for _ in range(5)))
    assert sum(secret is not None for secret in made) == 1
    await asyncio.gather(*(keys.bootstrap("a-given-secret") for _ in range(5)))
    assert len(await keys.list()) == 2
