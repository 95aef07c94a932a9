from datetime import timedelta

from domain.sensors.inventory import Inventory
from domain.sensors.model import QualityCode
from domain.sensors.ports import SensorsUnitOfWork
from tests.contract.sensors.batches import NOON, add_sensor, batch, store

HOUR = timedelta(hours=1)


async def count(uow: SensorsUnitOfWork) -> Inventory:
    async with uow.begin() as tx:
        return await tx.inventory.count(NOON, NOON + HOUR)


async def test_where_there_is_nothing(uow: SensorsUnitOfWork) -> None:
    assert await count(uow) == Inventory(sensors=0, rooms=0, readings=0)


async def test_readings_of_the_span_count_and_no_others(uow: SensorsUnitOfWork) -> None:
    both_sides = await add_sensor(uow, "s1", room="Lab")
    earlier = await add_sensor(uow, "s2", room="Hall")
    later = await add_sensor(uow, "s3")
    await add_sensor(uow, "s4")
    await store(uow, batch(both_sides, range(180), start=NOON - HOUR))
    await store(uow, batch(earlier, range(30), start=NOON - HOUR))
    await store(uow, batch(later, [1.0, 2.0], start=NOON + 2 * HOUR))
    await store(uow, batch(earlier, [9.0], start=NOON, quality=QualityCode.BAD))
    assert await count(uow) == Inventory(sensors=4, rooms=2, readings=61)
