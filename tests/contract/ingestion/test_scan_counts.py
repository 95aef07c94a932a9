from dataclasses import replace
from uuid import uuid4

from domain.ingestion.ports import IngestionUnitOfWork
from domain.ingestion.scans import Scan, ScanId, ScanStatus, ScanTrigger
from tests.contract.ingestion.meter_files import ME, NOW, TERM


async def test_scans_are_counted_by_status(uow: IngestionUnitOfWork) -> None:
    async with uow.begin() as tx:
        assert await tx.scans.counts() == dict.fromkeys(ScanStatus, 0)
    for status in (ScanStatus.COMPLETED, ScanStatus.FAILED, ScanStatus.COMPLETED, None):
        scan = Scan(scan_id=ScanId(uuid4()), trigger=ScanTrigger.REQUEST, started=NOW)
        async with uow.begin() as tx:
            await tx.scans.begin(scan)
            await tx.scans.take(ME, TERM)
            if status is not None:
                assert await tx.scans.progress(replace(scan, status=status, ended=NOW), ME, TERM)
    async with uow.begin() as tx:
        assert await tx.scans.counts() == {
            ScanStatus.RUNNING: 1,
            ScanStatus.COMPLETED: 2,
            ScanStatus.FAILED: 1,
        }
