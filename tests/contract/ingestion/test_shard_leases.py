import asyncio
from datetime import timedelta

from domain.ingestion.model import SHARDS, ShardLease, WorkerId
from domain.ingestion.ports import IngestionUnitOfWork

LONG = timedelta(seconds=60)
SHORT = timedelta(seconds=0.3)
A, B, C = WorkerId("a"), WorkerId("b"), WorkerId("c")


async def hold(uow: IngestionUnitOfWork, worker: WorkerId, term: timedelta = LONG) -> dict[int, ShardLease]:
    async with uow.begin() as tx:
        return {lease.shard: lease for lease in await tx.shard_leases.hold(worker, term)}


async def test_a_lone_worker_holds_everything(uow: IngestionUnitOfWork) -> None:
    first = await hold(uow, A)
    assert set(first) == set(range(SHARDS))
    assert await hold(uow, A) == first


async def test_workers_come_to_fair_shares(uow: IngestionUnitOfWork) -> None:
    assert len(await hold(uow, A)) == 32
    assert len(await hold(uow, B)) == 0
    kept = await hold(uow, A)
    assert len(kept) == 16
    taken = await hold(uow, B)
    assert set(kept) | set(taken) == set(range(SHARDS))
    assert not set(kept) & set(taken)
    assert len(await hold(uow, C)) == 0
    shares = [len(await hold(uow, worker)) for worker in (A, B, C)]
    assert shares == [11, 11, 10]


async def test_each_new_holder_has_a_higher_fence(uow: IngestionUnitOfWork) -> None:
    old = await hold(uow, A)
    async with uow.begin() as tx:
        await tx.shard_leases.release(A)
    new = await hold(uow, B)
    assert set(new) == set(range(SHARDS))
    assert all(new[shard].fence > old[shard].fence for shard in new)


async def test_leases_of_a_dead_worker_lapse(uow: IngestionUnitOfWork) -> None:
    await hold(uow, A, SHORT)
    assert len(await hold(uow, B)) == 0
    await asyncio.sleep(0.4)
    assert len(await hold(uow, B)) == 32
    assert len(await hold(uow, A)) == 0


async def test_a_worker_that_slept_gets_new_fences(uow: IngestionUnitOfWork) -> None:
    old = await hold(uow, A, SHORT)
    await asyncio.sleep(0.4)
    new = await hold(uow, A)
    assert all(new[shard].fence > old[shard].fence for shard in old)


async def test_workers_that_come_at_once_share_without_overlap(uow: IngestionUnitOfWork) -> None:
    workers = [WorkerId(str(number)) for number in range(5)]
    for _ in range(3):
        held = await asyncio.gather(*(hold(uow, worker) for worker in workers))
    shards = [shard for one in held for shard in one]
    assert len(shards) == len(set(shards))
    held = [await hold(uow, worker) for worker in workers]
    shards = [shard for one in held for shard in one]
    assert sorted(shards) == list(range(SHARDS))
    assert max(map(len, held)) == 7
