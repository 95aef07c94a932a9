from datetime import timedelta
from uuid import UUID

from domain.sensors.model import ReceiptId, Rejected
from domain.sensors.ports import SensorsUnitOfWork
from tests.contract.sensors.batches import METER, NOON

FIRST, SECOND = ReceiptId(UUID(int=1)), ReceiptId(UUID(int=2))


def _rejected(index: int, sensor_id: str = "s") -> Rejected:
    return Rejected(index, sensor_id, "not_a_number", "no", "2026-03-01T12:00:00+00:00", "nan", "kW")


async def test_refused_readings_are_kept_newest_first_by_receipt(uow: SensorsUnitOfWork) -> None:
    async with uow.begin() as tx:
        await tx.rejections.add(FIRST, METER, [_rejected(0), _rejected(1)], NOON)
        await tx.rejections.add(SECOND, METER, [_rejected(7)], NOON + timedelta(days=1))
    async with uow.begin() as tx:
        everything, total = await tx.rejections.list(None, 2, 0)
        of_first, total_of_first = await tx.rejections.list(FIRST, 10, 1)
    assert (total, [one.rejected.index for one in everything]) == (3, [7, 1])
    assert (total_of_first, [one.rejected for one in of_first]) == (2, [_rejected(0)])
    assert everything[0].receipt_id == SECOND
    assert everything[0].received_at == NOON + timedelta(days=1)


async def test_they_are_purged_by_age(uow: SensorsUnitOfWork) -> None:
    async with uow.begin() as tx:
        await tx.rejections.add(FIRST, METER, [_rejected(0)], NOON)
        await tx.rejections.add(SECOND, METER, [_rejected(1)], NOON + timedelta(days=1))
        assert await tx.rejections.purge(NOON + timedelta(hours=1)) == 1
        _, total = await tx.rejections.list(None, 10, 0)
    assert total == 1


async def test_hostile_text_is_kept_in_some_form(uow: SensorsUnitOfWork) -> None:
    async with uow.begin() as tx:
        await tx.rejections.add(
            FIRST, METER, [_rejected(0, "\x00\ud800'; DROP TABLE x" + "y" * 10_000)], NOON
        )
        (kept,), _ = await tx.rejections.list(None, 10, 0)
    assert "DROP TABLE" in kept.rejected.sensor_id
