from adapters.memory.surroundings import MemoryClock, MemoryIdFactory
from domain.operations.model import ApiKeyId, Role
from domain.operations.ports import OperationsUnitOfWork
from domain.operations.services.api_keys import ApiKeys
from domain.operations.services.audit import Audit
from domain.shared.events import Actor
from tests.unit.events.samples import noted


async def test_changes_are_listed_newest_first_with_their_facts(
    uow: OperationsUnitOfWork, clock: MemoryClock, ids: MemoryIdFactory
) -> None:
    keys = ApiKeys(uow, clock, ids)
    key, _ = await keys.create('n"ame😀', Role.VIEWER, actor=Actor("ada"))
    await keys.revoke(key.key_id, actor=Actor("bob"))
    async with uow.begin() as tx:
        tx.events.add(noted("nobody's doing"))
    (revoked, created), total = await Audit(uow).list(10, 0)
    assert total == 2
    assert (created.actor, created.action, created.subject) == ("ada", "ApiKeyCreated", str(key.key_id))
    assert created.time == clock.now()
    assert created.detail == {
        "key_id": str(key.key_id),
        "name": key.name,
        "role": "viewer",
        "expires_at": None,
    }
    assert (revoked.actor, revoked.action) == ("bob", "ApiKeyRevoked")


async def test_pages(uow: OperationsUnitOfWork, clock: MemoryClock, ids: MemoryIdFactory) -> None:
    keys = ApiKeys(uow, clock, ids)
    made: list[ApiKeyId] = []
    for number in range(5):
        key, _ = await keys.create(f"key {number}", Role.VIEWER, actor=Actor("ada"))
        made.append(key.key_id)
    page, total = await Audit(uow).list(2, 1)
    assert total == 5
    assert [entry.subject for entry in page] == [str(made[3]), str(made[2])]
    assert await Audit(uow).list(2, 10) == ([], 5)
