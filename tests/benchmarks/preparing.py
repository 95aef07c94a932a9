"""What has to be there before readings can be sent: a key, sensors, partitions."""

import asyncio
from datetime import datetime

import psycopg

from app.container import make_container
from app.settings import Settings
from domain.operations.services.api_keys import ApiKeys
from domain.sensors.model import SensorDefinition, SensorId
from domain.sensors.ports import SensorsUnitOfWork, UnitCatalog
from domain.shared.ports import Clock
from domain.shared.quantities import CANONICAL_UNITS, Quantity
from tests.benchmarks.shapes import SENSORS, sensor_name
from tests.databases import MigratedDatabase

KEY = "benchmark-key-of-one-run"


def prepare(database: MigratedDatabase, start: datetime, end: datetime) -> str:
    """Make the key, the sensors and the partitions of ``[start, end]``; return the key."""
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("SELECT sensors.ensure_partitions(%s, %s)", [start, end])
    asyncio.run(_define(database.service_url))
    return KEY


async def _define(service_url: str) -> None:
    container = make_container(Settings(database_url=service_url))
    try:
        await (await container.get(ApiKeys)).bootstrap(KEY)
        uow: SensorsUnitOfWork = await container.get(SensorsUnitOfWork)
        units: UnitCatalog = await container.get(UnitCatalog)
        clock: Clock = await container.get(Clock)
        async with uow.begin() as tx:
            for number in range(SENSORS):
                # In W, with limits: every value is converted and compared.
                definition = SensorDefinition(
                    sensor_id=SensorId(sensor_name(number)),
                    name=sensor_name(number),
                    quantity=Quantity.POWER,
                    unit="W",
                    min_value=0.0,
                    max_value=1000.0,
                )
                conversion = units.conversion("W", Quantity.POWER)
                await tx.sensors.add(definition, conversion, CANONICAL_UNITS[Quantity.POWER], clock.now())
    finally:
        await container.close()
