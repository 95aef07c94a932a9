"""Sensors and batches for the contract suites."""

from array import array
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from domain.sensors.model import (
    Outcome,
    QualityCode,
    ReadingBatch,
    RoomName,
    Sensor,
    SensorDefinition,
    SensorId,
    SensorRun,
    Source,
)
from domain.sensors.ports import SensorsUnitOfWork
from domain.shared.quantities import Quantity, UnitConversion
from domain.shared.time import to_microseconds

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
METER = Source("meter")
PERSON = Source("person")


async def add_sensor(
    uow: SensorsUnitOfWork, sensor_id: str = "s1", *, room: str | None = None, **more: object
) -> Sensor:
    definition = SensorDefinition(
        sensor_id=SensorId(sensor_id),
        name=str(more.pop("name", sensor_id)),
        quantity=Quantity.POWER,
        unit="kW",
        room_name=None if room is None else RoomName(room),
        **more,  # type: ignore[arg-type]  # a test names fields that exist
    )
    async with uow.begin() as tx:
        if room is not None:
            await tx.rooms.mention(RoomName(room))
        return await tx.sensors.add(definition, UnitConversion(), "kW", NOON)


def batch(
    sensor: Sensor,
    values: Sequence[float],
    *,
    source: Source = METER,
    start: datetime = NOON,
    step: timedelta = timedelta(minutes=1),
    quality: QualityCode = QualityCode.OK,
) -> ReadingBatch:
    times = [to_microseconds(start + n * step) for n in range(len(values))]
    return ReadingBatch(
        runs=[SensorRun(sensor.key, sensor.version, source, 0, len(values))],
        times_us=array("q", times),
        values=array("d", values),
        qualities=array("b", [quality] * len(values)),
    )


async def store(uow: SensorsUnitOfWork, rows: ReadingBatch, *, overlapping: bool = True) -> list[Outcome]:
    async with uow.begin() as tx:
        outcomes = await tx.readings.write(rows, overlapping=overlapping)
    return [Outcome(one) for one in outcomes]
