from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from domain.sensors.errors import ChunkStoredError
from domain.sensors.model import Receipt, ReceiptId, Rejected, Source
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.receipt_ports import ChunkName, ChunkReceipt
from tests.contract.sensors.batches import METER, NOON, PERSON, add_sensor, batch

FIRST, SECOND = ChunkName("a.1"), ChunkName("a.2")
HOSTILE = ChunkName("'; DROP TABLE x -- {0} %s \U0001f600")


def _receipt(number: int = 1, errors: Sequence[Rejected] = ()) -> Receipt:
    return Receipt(
        receipt_id=ReceiptId(UUID(int=number)),
        received=15,
        created=5,
        updated=4,
        unchanged=3,
        rejected=3,
        errors=errors,
    )


async def _add(uow: SensorsUnitOfWork, *receipts: ChunkReceipt, days: int = 0) -> None:
    async with uow.begin() as tx:
        await tx.write_receipts.add(receipts, NOON + timedelta(days=days))


async def _found(uow: SensorsUnitOfWork, source: Source, chunk: ChunkName) -> Receipt | None:
    async with uow.begin() as tx:
        return await tx.write_receipts.get(source, chunk)


async def test_a_receipt_is_found_by_source_and_chunk(uow: SensorsUnitOfWork) -> None:
    await _add(
        uow,
        ChunkReceipt(METER, SECOND, _receipt(2)),
        ChunkReceipt(METER, FIRST, _receipt(1)),
        ChunkReceipt(METER, HOSTILE, _receipt(3)),
    )
    assert await _found(uow, METER, FIRST) == _receipt(1)
    assert await _found(uow, METER, SECOND) == _receipt(2)
    assert await _found(uow, METER, HOSTILE) == _receipt(3)
    assert await _found(uow, PERSON, FIRST) is None
    assert await _found(uow, METER, ChunkName("a")) is None


async def test_errors_are_not_its_business(uow: SensorsUnitOfWork) -> None:
    refused = Rejected(0, "s", "in_future", "no", "2026-03-01T12:00:00+00:00", "1.0")
    await _add(uow, ChunkReceipt(METER, FIRST, _receipt(1, [refused])))
    assert await _found(uow, METER, FIRST) == _receipt(1)


async def test_a_chunk_is_stored_once_and_nothing_of_the_second_time_stays(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await _add(uow, ChunkReceipt(METER, FIRST, _receipt(1)))

    async def again() -> None:
        async with uow.begin() as tx:
            await tx.readings.write(batch(sensor, [1.0]), overlapping=False)
            await tx.write_receipts.add(
                [ChunkReceipt(METER, SECOND, _receipt(2)), ChunkReceipt(METER, FIRST, _receipt(3))], NOON
            )

    with pytest.raises(ChunkStoredError):
        await again()
    assert await _found(uow, METER, FIRST) == _receipt(1)
    assert await _found(uow, METER, SECOND) is None
    async with uow.begin() as tx:
        assert not await tx.readings.any(sensor.key)


async def test_a_chunk_comes_once_in_one_transaction_too(uow: SensorsUnitOfWork) -> None:
    with pytest.raises(ChunkStoredError):
        await _add(uow, ChunkReceipt(METER, FIRST, _receipt(1)), ChunkReceipt(METER, FIRST, _receipt(2)))
    assert await _found(uow, METER, FIRST) is None
    await _add(uow, ChunkReceipt(METER, FIRST, _receipt(1)), ChunkReceipt(PERSON, FIRST, _receipt(2)))
    assert await _found(uow, PERSON, FIRST) == _receipt(2)


async def test_what_is_rolled_back_was_never_stored(uow: SensorsUnitOfWork) -> None:
    async with uow.begin() as tx:
        await tx.write_receipts.add([ChunkReceipt(METER, FIRST, _receipt(1))], NOON)
        tx.roll_back()
    assert await _found(uow, METER, FIRST) is None
    await _add(uow, ChunkReceipt(METER, FIRST, _receipt(2)))
    assert await _found(uow, METER, FIRST) == _receipt(2)


async def test_they_are_purged_by_age(uow: SensorsUnitOfWork) -> None:
    await _add(uow, ChunkReceipt(METER, FIRST, _receipt(1)))
    await _add(uow, ChunkReceipt(METER, SECOND, _receipt(2)), days=1)
    async with uow.begin() as tx:
        assert await tx.write_receipts.purge(NOON) == 0
        assert await tx.write_receipts.purge(NOON + timedelta(days=1)) == 1
    assert await _found(uow, METER, FIRST) is None
    assert await _found(uow, METER, SECOND) == _receipt(2)
