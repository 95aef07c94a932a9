"""Summing up as the program does it, and answering from what was summed up: for tests of the storage."""

from collections.abc import Mapping, Sequence

from domain.sensors.covering import QUARTERS, Level, Span, covering
from domain.sensors.model import Sensor, SensorKey
from domain.sensors.ports import SensorsTransaction, SensorsUnitOfWork
from domain.sensors.summaries import Summary, Total, merged, totals

QUARTER_US = Level.QUARTER_HOUR.length_us


async def sum_up(uow: SensorsUnitOfWork, *sensors: Sensor, limit: int = 10_000) -> int:
    """Work off some marks; return how many quarter-hours that were."""
    async with uow.begin() as tx:
        taken = await tx.rollups.take(limit)
        if taken is None:
            return 0
        of_sensors = {sensor.key: sensor for sensor in sensors}
        for key, quarters in taken.quarters.items():
            if key in of_sensors:
                await store_summaries(tx, of_sensors[key], quarters)
        await tx.rollups.finish(taken, {})
    return sum(len(quarters) for quarters in taken.quarters.values())


async def store_summaries(tx: SensorsTransaction, sensor: Sensor, quarters: Sequence[int]) -> None:
    finer, numbers = Level.READINGS, list(quarters)
    for level in (Level.QUARTER_HOUR, Level.HOUR, Level.DAY):
        per = level.length_us // finer.length_us
        cells: dict[tuple[SensorKey, int], Summary | None] = {}
        for number in numbers:
            span = Span(finer, number * per, (number + 1) * per)
            parts = (await tx.rollups.summaries({sensor.key: [span]})).get(sensor.key, ())
            cells[sensor.key, number] = merged(sensor, parts) if parts else None
        await tx.rollups.replace(level, cells)
        finer = level
        if level is not Level.DAY:
            per = QUARTERS[Level.DAY if level is Level.HOUR else Level.HOUR] // QUARTERS[level]
            numbers = sorted({number // per for number in numbers})


async def answer(uow: SensorsUnitOfWork, sensor: Sensor, edges_us: Sequence[int]) -> list[Total]:
    """Return what the sensor gave the buckets, from what is stored at this moment."""
    start, end = edges_us[0], edges_us[-1]
    async with uow.snapshot() as tx:
        stale = await tx.rollups.stale([sensor.key], start // QUARTER_US, -(-end // QUARTER_US))
        spans = covering(edges_us, stale.get(sensor.key, ()))
        parts = (await tx.rollups.summaries({sensor.key: spans})).get(sensor.key, ())
        ends = (await tx.rollups.neighbours([sensor.key], start, end))[sensor.key]
    line = [one for one in (ends.before, *sorted(parts), ends.after) if one is not None]
    return totals(sensor, line, edges_us)


async def marks(uow: SensorsUnitOfWork, *sensors: Sensor) -> Mapping[SensorKey, Sequence[int]]:
    async with uow.begin() as tx:
        return await tx.rollups.stale([sensor.key for sensor in sensors], 0, 2**31 - 1)
