import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from domain.ingestion.model import Fault, WorkerId
from domain.ingestion.ports import IngestionUnitOfWork
from domain.ingestion.scans import Scan, ScanId, ScanStatus, ScanTrigger
from domain.shared.errors import ConflictError
from tests.contract.ingestion.meter_files import LAPSED, ME, NOW, OTHER, TERM


def new_scan(trigger: ScanTrigger = ScanTrigger.REQUEST, started: datetime = NOW) -> Scan:
    return Scan(scan_id=ScanId(uuid4()), trigger=trigger, started=started)


async def begin(uow: IngestionUnitOfWork, scan: Scan) -> None:
    async with uow.begin() as tx:
        await tx.scans.begin(scan)


async def take(uow: IngestionUnitOfWork, worker: WorkerId = ME, term: timedelta = TERM) -> Scan | None:
    async with uow.begin() as tx:
        return await tx.scans.take(worker, term)


async def progress(uow: IngestionUnitOfWork, scan: Scan, worker: WorkerId = ME) -> bool:
    async with uow.begin() as tx:
        return await tx.scans.progress(scan, worker, TERM)


async def ended(uow: IngestionUnitOfWork, at: datetime) -> Scan:
    """A scan from its start to its end."""
    scan = new_scan()
    await begin(uow, scan)
    assert await take(uow) == scan
    done = replace(scan, status=ScanStatus.COMPLETED, ended=at)
    assert await progress(uow, done)
    return done


async def listed(uow: IngestionUnitOfWork) -> list[Scan]:
    async with uow.begin() as tx:
        scans, total = await tx.scans.list(100, 0)
    assert total == len(scans)
    return list(scans)


async def test_progress_is_kept_whole(uow: IngestionUnitOfWork) -> None:
    scan = new_scan(ScanTrigger.START)
    await begin(uow, scan)
    assert await listed(uow) == [scan]
    assert await take(uow) == scan
    async with uow.begin() as tx:
        assert await tx.scans.running() == scan
    further = replace(
        scan,
        folders=1,
        files_seen=2,
        files_done=3,
        files_skipped=4,
        files_failed=5,
        bytes_done=10**13,
        bytes_total=10**14,
        current_file="/a/1.csv",
    )
    failed = replace(
        further,
        status=ScanStatus.FAILED,
        ended=NOW + timedelta(hours=1),
        current_file=None,
        error=Fault("timeout", "the server does not answer"),
    )
    for state in (further, failed):
        assert await progress(uow, state)
        async with uow.begin() as tx:
            assert await tx.scans.get(scan.scan_id) == state
            assert await tx.scans.get(ScanId(uuid4())) is None


async def test_hostile_text_does_not_stop_a_scan(uow: IngestionUnitOfWork) -> None:
    scan = new_scan()
    await begin(uow, scan)
    await take(uow)
    nasty = "/\x00\ud800" + "x" * 10_000
    assert await progress(uow, replace(scan, current_file=nasty, error=Fault("protocol", nasty)))


async def test_one_runs_at_a_time(uow: IngestionUnitOfWork) -> None:
    await begin(uow, new_scan())
    for taken in (False, True):
        assert (await take(uow) is not None) == (not taken)
        with pytest.raises(ConflictError) as refused:
            await begin(uow, new_scan())
        assert refused.value.code == "scan_running"
    (running,) = await listed(uow)
    assert await progress(uow, replace(running, status=ScanStatus.FAILED, ended=NOW))
    await begin(uow, new_scan())


async def test_of_many_that_begin_at_once_one_does(
    uow: IngestionUnitOfWork, other_uow: IngestionUnitOfWork
) -> None:
    outcomes = await asyncio.gather(
        *(begin(where, new_scan()) for where in (uow, other_uow) * 3), return_exceptions=True
    )
    refused = [one for one in outcomes if one is not None]
    assert len(refused) == 5
    assert all(isinstance(one, ConflictError) and one.code == "scan_running" for one in refused)
    assert len(await listed(uow)) == 1


async def test_of_many_that_take_it_up_at_once_one_does(
    uow: IngestionUnitOfWork, other_uow: IngestionUnitOfWork
) -> None:
    assert await take(uow) is None
    scan = new_scan()
    await begin(uow, scan)
    places = enumerate((uow, other_uow) * 3)
    taken = await asyncio.gather(*(take(where, WorkerId(str(number))) for number, where in places))
    assert [one for one in taken if one is not None] == [scan]


async def test_the_scan_of_a_dead_worker_is_taken_over(uow: IngestionUnitOfWork) -> None:
    scan = new_scan()
    await begin(uow, scan)
    assert await take(uow, ME, LAPSED) == scan
    assert await take(uow, OTHER) == scan
    assert await take(uow, ME) is None
    assert not await progress(uow, replace(scan, folders=9))
    async with uow.begin() as tx:
        await tx.scans.release(scan.scan_id, ME)
    assert await take(uow, ME) is None, "it was not ME's to release"
    assert await progress(uow, replace(scan, folders=1), OTHER)
    assert await listed(uow) == [replace(scan, folders=1)]


async def test_progress_prolongs_the_lease(uow: IngestionUnitOfWork) -> None:
    scan = new_scan()
    await begin(uow, scan)
    assert await take(uow, ME, LAPSED)
    assert await progress(uow, scan)
    assert await take(uow, OTHER) is None


async def test_a_released_scan_goes_on_elsewhere(uow: IngestionUnitOfWork) -> None:
    scan = new_scan()
    await begin(uow, scan)
    assert await take(uow)
    assert await progress(uow, replace(scan, folders=3))
    async with uow.begin() as tx:
        await tx.scans.release(scan.scan_id, ME)
    assert not await progress(uow, scan)
    assert await take(uow, OTHER) == replace(scan, folders=3)


async def test_an_ended_scan_changes_no_more(uow: IngestionUnitOfWork) -> None:
    done = await ended(uow, NOW)
    assert not await progress(uow, replace(done, status=ScanStatus.RUNNING))
    assert await take(uow) is None
    async with uow.begin() as tx:
        assert await tx.scans.running() is None
    assert await listed(uow) == [done]


async def test_scans_are_listed_newest_first(uow: IngestionUnitOfWork) -> None:
    scans = [await ended(uow, NOW) for _ in range(3)]
    assert await listed(uow) == scans[::-1]
    async with uow.begin() as tx:
        assert await tx.scans.list(1, 1) == ([scans[1]], 3)


async def test_the_time_since_the_last_start_is_not_by_the_scans_clock(uow: IngestionUnitOfWork) -> None:
    async with uow.begin() as tx:
        assert await tx.scans.since_last_start() is None
    await begin(uow, new_scan(started=NOW + timedelta(days=10_000)))
    async with uow.begin() as tx:
        first = await tx.scans.since_last_start()
    async with uow.begin() as tx:
        second = await tx.scans.since_last_start()
    assert first is not None
    assert second is not None
    assert timedelta() <= first < second < timedelta(minutes=1)


async def test_old_scans_are_purged_but_for_the_newest(uow: IngestionUnitOfWork) -> None:
    old = [await ended(uow, NOW - timedelta(days=age)) for age in (3, 1, 2)]
    async with uow.begin() as tx:
        assert await tx.scans.purge(NOW - timedelta(days=1)) == 1
    assert await listed(uow) == [old[2], old[1]]
    async with uow.begin() as tx:
        assert await tx.scans.purge(NOW) == 1
        assert await tx.scans.purge(NOW) == 0
    assert await listed(uow) == [old[2]]
    await begin(uow, new_scan())
    async with uow.begin() as tx:
        assert await tx.scans.purge(NOW) == 1
        since = await tx.scans.since_last_start()
    assert since is not None
