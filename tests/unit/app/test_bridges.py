from array import array
from datetime import timedelta

import pytest

from app.container import make_container
from app.settings import read_settings
from domain.ingestion.model import ChunkKey, DeviceId, ReadingBatch, SensorId, SensorRegistration
from domain.ingestion.ports import ReadingSink
from domain.sensors.model import SensorId as DefinedSensorId
from domain.sensors.services.sensors import Sensors
from domain.shared.quantities import Accumulation, Quantity
from domain.shared.time import to_microseconds
from tests.memory_provider import MemoryProvider


def batch(provider: MemoryProvider, resolution: timedelta) -> ReadingBatch:
    sensor_id = SensorId("m1")
    registration = SensorRegistration(
        sensor_id=sensor_id,
        name="m1",
        quantity=Quantity.ENERGY,
        unit="kWh",
        accumulation=Accumulation.DELTA,
        resolution=resolution,
        device_id=DeviceId("m1"),
    )
    return ReadingBatch(
        registrations=[registration],
        sensor_ids=[sensor_id],
        times_us=array("q", [to_microseconds(provider.clock.time)]),
        values=array("d", [1.0]),
    )


@pytest.mark.parametrize(
    ("resolution", "no_data_after"),
    [(timedelta(minutes=15), timedelta(days=3)), (timedelta(days=7), timedelta(days=21))],
)
async def test_a_sensor_that_files_bring_along_may_be_silent_for_days(
    resolution: timedelta, no_data_after: timedelta
) -> None:
    provider = MemoryProvider()
    container = make_container(read_settings({}, None), provider)
    sink: ReadingSink = await container.get(ReadingSink)
    await sink.write_chunk(batch(provider, resolution), ChunkKey("ftp:/m1.csv", "1"))
    sensors: Sensors = await container.get(Sensors)
    sensor = (await sensors.get(DefinedSensorId("m1"))).sensor
    assert sensor.effective_no_data_after == no_data_after
    assert sensor.effective_max_gap == 3 * resolution
    await container.close()


async def test_one_that_the_poller_brings_along_may_not() -> None:
    provider = MemoryProvider()
    container = make_container(read_settings({}, None), provider)
    sink: ReadingSink = await container.get(ReadingSink)
    await sink.write(batch(provider, timedelta(minutes=15)))
    sensors: Sensors = await container.get(Sensors)
    sensor = (await sensors.get(DefinedSensorId("m1"))).sensor
    assert sensor.effective_no_data_after == timedelta(minutes=45)
    await container.close()
