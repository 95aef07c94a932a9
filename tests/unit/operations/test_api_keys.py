from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.memory.operations import MemoryOperationsUnitOfWork
from adapters.memory.surroundings import MemoryClock, MemoryIdFactory
from domain.operations.errors import InvalidApiKeyError, MissingApiKeyError, UnknownApiKeyError
from domain.operations.events import ApiKeyCreated, ApiKeyRevoked
from domain.operations.model import ApiKeyId, Role
from domain.operations.services.api_keys import ApiKeys
from domain.shared.errors import InvalidError
from domain.shared.events import SYSTEM, Actor
from tests.unit.events.samples import CODEC

ADA = Actor("ada")


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase()


@pytest.fixture
def keys(database: MemoryDatabase, clock: MemoryClock, ids: MemoryIdFactory) -> ApiKeys:
    return ApiKeys(MemoryOperationsUnitOfWork(database, CODEC), clock, ids)


async def test_a_key_opens_what_its_role_allows(keys: ApiKeys, database: MemoryDatabase) -> None:
    key, secret = await keys.create("meter room", Role.OPERATOR, actor=ADA)
    assert secret.startswith("ed_")
    principal = await keys.authenticate(secret)
    assert (principal.key_id, principal.name, principal.role) == (key.key_id, "meter room", Role.OPERATOR)
    assert principal.actor == f"meter room ({key.key_id})"
    (created,) = database.audit
    assert isinstance(created, ApiKeyCreated)
    assert (created.actor, created.subject) == (ADA, str(key.key_id))
    assert secret not in repr(created)
    assert secret not in repr(key)


@pytest.mark.parametrize("secret", [None, ""])
async def test_no_key_is_told_apart_from_a_wrong_one(keys: ApiKeys, secret: str | None) -> None:
    with pytest.raises(MissingApiKeyError) as refused:
        await keys.authenticate(secret)
    assert refused.value.code == "missing_api_key"


@pytest.mark.parametrize("secret", ["ed_", "x" * 10_000_000, "\x00", "\ud800", "' OR 1=1 --", "🔑"])
async def test_hostile_secrets_are_just_wrong(keys: ApiKeys, secret: str) -> None:
    with pytest.raises(InvalidApiKeyError) as refused:
        await keys.authenticate(secret)
    assert refused.value.code == "invalid_api_key"


async def test_a_revoked_key_opens_nothing(keys: ApiKeys, database: MemoryDatabase) -> None:
    key, secret = await keys.create("k", Role.VIEWER, actor=ADA)
    await keys.revoke(key.key_id, actor=ADA)
    await keys.revoke(key.key_id, actor=ADA)
    with pytest.raises(InvalidApiKeyError):
        await keys.authenticate(secret)
    assert [type(event) for event in database.audit] == [ApiKeyCreated, ApiKeyRevoked]
    with pytest.raises(UnknownApiKeyError):
        await keys.revoke(ApiKeyId(uuid4()), actor=ADA)


async def test_a_key_expires(keys: ApiKeys, clock: MemoryClock) -> None:
    _, secret = await keys.create("k", Role.VIEWER, actor=ADA, expires_at=clock.now() + timedelta(days=1))
    await keys.authenticate(secret)
    clock.advance(timedelta(days=1))
    with pytest.raises(InvalidApiKeyError):
        await keys.authenticate(secret)


async def test_still_valid_leaves_out_what_ended(keys: ApiKeys) -> None:
    kept, _ = await keys.create("kept", Role.VIEWER, actor=ADA)
    gone, _ = await keys.create("gone", Role.VIEWER, actor=ADA)
    await keys.revoke(gone.key_id, actor=ADA)
    assert await keys.still_valid([kept.key_id, gone.key_id]) == {kept.key_id}
    assert await keys.still_valid([]) == frozenset()


async def test_all_faults_of_a_request_are_told_at_once(keys: ApiKeys) -> None:
    with pytest.raises(InvalidError) as refused:
        await keys.create("a\nb", Role.VIEWER, actor=ADA, expires_at=datetime(2000, 1, 1))  # noqa: DTZ001 - the fault
    assert [(one.pointer, one.code) for one in refused.value.problems] == [
        ("/name", "invalid_name"),
        ("/expires_at", "naive_timestamp"),
    ]


@pytest.mark.parametrize("name", ["", " x", "x" * 129, "\x00", "a\u202eb", "\ud800"])
async def test_a_hostile_name_is_refused(keys: ApiKeys, name: str) -> None:
    with pytest.raises(InvalidError):
        await keys.create(name, Role.VIEWER, actor=ADA)


async def test_a_key_cannot_expire_before_it_is_made(keys: ApiKeys, clock: MemoryClock) -> None:
    with pytest.raises(InvalidError) as refused:
        await keys.create("k", Role.VIEWER, actor=ADA, expires_at=clock.now())
    assert [one.code for one in refused.value.problems] == ["in_past"]


async def test_the_first_start_makes_an_admin_key_and_later_ones_none(
    keys: ApiKeys, database: MemoryDatabase
) -> None:
    await keys.create("no admin", Role.OPERATOR, actor=ADA)
    secret = await keys.bootstrap()
    assert secret is not None
    assert (await keys.authenticate(secret)).role is Role.ADMIN
    assert database.audit[-1].actor == SYSTEM
    assert await keys.bootstrap() is None


async def test_an_admin_key_that_ended_is_none(keys: ApiKeys, clock: MemoryClock) -> None:
    await keys.create("day", Role.ADMIN, actor=ADA, expires_at=clock.now() + timedelta(days=1))
    assert await keys.bootstrap() is None
    clock.advance(timedelta(days=1))
    assert await keys.bootstrap() is not None


async def test_a_given_key_is_taken_as_it_stands(keys: ApiKeys) -> None:
    assert await keys.bootstrap("a-given-secret") is None
    assert await keys.bootstrap("a-given-secret") is None
    (key,) = await keys.list()
    assert (await keys.authenticate("a-given-secret")).key_id == key.key_id
    await keys.revoke(key.key_id, actor=ADA)
    await keys.bootstrap("a-given-secret")
    with pytest.raises(InvalidApiKeyError):
        await keys.authenticate("a-given-secret")


@pytest.mark.parametrize("given", ["", "with space", "ü", "x" * 513, "a\n"])
async def test_a_given_key_must_fit_into_a_header(keys: ApiKeys, given: str) -> None:
    with pytest.raises(InvalidError) as refused:
        await keys.bootstrap(given)
    assert refused.value.code == "invalid_bootstrap_key"


def test_each_role_may_what_the_ones_before_it_may() -> None:
    assert Role.ADMIN.includes(Role.VIEWER)
    assert Role.OPERATOR.includes(Role.OPERATOR)
    assert not Role.VIEWER.includes(Role.OPERATOR)
