import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.demand_response.model import DrEventId, SchedulerLease, WorkerId
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.demand_response.reports import StoredReport
from domain.shared.errors import ConflictError
from tests.contract.demand_response.samples import ME, NASTY, NOW, OTHER, TERM, new_event, with_events

SHORT = timedelta(seconds=0.3)


async def test_each_version_of_a_report_is_kept(uow: DemandResponseUnitOfWork) -> None:
    (event,) = await with_events(uow, new_event())
    first = StoredReport(
        event_id=event.event_id,
        version=1,
        made_at=NOW,
        fingerprint="ab" * 32,
        status="INSUFFICIENT_DATA",
        reduction_kw=None,
        energy_kwh=None,
        content='{"a": [1.5, null, "é"]}',
    )
    second = replace(first, version=2, status="OK", reduction_kw=-1.25, energy_kwh=0.5, fingerprint=NASTY)
    async with uow.begin() as tx:
        assert await tx.reports.newest(event.event_id) is None
        await tx.reports.add(first)
    async with uow.begin() as tx:
        await tx.reports.add(second)
    with pytest.raises(ConflictError) as refused:
        async with uow.begin() as tx:
            await tx.reports.add(replace(second, status="PENDING"))
    assert refused.value.code == "report_exists"
    async with uow.begin() as tx:
        assert await tx.reports.newest(event.event_id) == second
        assert await tx.reports.get(event.event_id, 1) == first
        assert await tx.reports.get(event.event_id, 3) is None
        assert list(await tx.reports.versions(event.event_id)) == [first, second]
        assert not await tx.reports.versions(DrEventId(uuid4()))


async def take(
    uow: DemandResponseUnitOfWork, worker: WorkerId, term: timedelta = TERM
) -> SchedulerLease | None:
    async with uow.begin() as tx:
        return await tx.scheduler_leases.take(worker, term)


async def holds(uow: DemandResponseUnitOfWork, lease: SchedulerLease | None) -> bool:
    async with uow.begin() as tx:
        return lease is not None and await tx.scheduler_leases.holds(lease)


async def test_one_holds_the_lease_until_it_gives_it_up(uow: DemandResponseUnitOfWork) -> None:
    lease = await take(uow, ME)
    assert lease is not None
    assert await holds(uow, lease)
    assert await take(uow, OTHER) is None
    prolonged = await take(uow, ME)
    assert prolonged is not None
    assert (prolonged.worker, prolonged.fence) == (ME, lease.fence)
    assert prolonged.until >= lease.until
    async with uow.begin() as tx:
        await tx.scheduler_leases.release(OTHER)
    assert await take(uow, OTHER) is None
    async with uow.begin() as tx:
        await tx.scheduler_leases.release(ME)
    assert not await holds(uow, lease)
    next_one = await take(uow, OTHER)
    assert next_one is not None
    assert next_one.fence > lease.fence
    assert not await holds(uow, lease)


async def test_the_lease_of_a_dead_worker_lapses(uow: DemandResponseUnitOfWork) -> None:
    dead = await take(uow, ME, SHORT)
    await asyncio.sleep(0.4)
    # Nobody has taken over: what it does still counts.
    assert await holds(uow, dead)
    lease = await take(uow, OTHER)
    assert lease is not None
    assert not await holds(uow, dead)
    assert await take(uow, ME) is None


async def test_of_many_that_want_the_lease_one_gets_it(
    uow: DemandResponseUnitOfWork, other_uow: DemandResponseUnitOfWork
) -> None:
    workers = [WorkerId(str(number)) for number in range(6)]
    places = (uow, other_uow) * 3
    leases = await asyncio.gather(*(take(where, one) for where, one in zip(places, workers, strict=True)))
    assert sum(lease is not None for lease in leases) == 1
