"""The site that reading is measured on: rooms with sensors of every kind, and readings as they give them."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dishka import AsyncContainer

from domain.sensors.model import (
    ReadingBatch,
    RoomName,
    SensorDefinition,
    SensorId,
    SensorKey,
    SensorRun,
    Source,
)
from domain.sensors.ports import SensorsUnitOfWork
from domain.shared.columns import Floats
from domain.shared.ports import Clock
from domain.shared.quantities import CANONICAL_UNITS, Accumulation, Quantity, UnitConversion
from domain.shared.time import MICROSECOND, to_microseconds

SOURCE: Final = Source("benchmark")
MINUTE: Final = timedelta(minutes=1)
_AT_ONCE: Final = 60_000
_REGISTER_STEP: Final = 0.025


@dataclass(frozen=True, slots=True)
class Kind:
    """What a sensor measures, and the band of its values; a register only grows."""

    quantity: Quantity
    accumulation: Accumulation = Accumulation.INSTANTANEOUS
    low: float = 0.0
    high: float = 3.0

    def values(self, number: int, ticks: range) -> Floats:
        """Return the values of a sensor at these ticks: a few digits, seldom twice the same."""
        if self.accumulation is Accumulation.CUMULATIVE:
            return array("d", [tick * _REGISTER_STEP + (number + tick) % 7 / 1000 for tick in ticks])
        low, step, turn = self.low, (self.high - self.low) / 10_007, number * 7919
        return array("d", [low + (turn + tick * 104_729) % 10_007 * step for tick in ticks])


_POWER: Final = Kind(Quantity.POWER)
KINDS: Final = (
    *[_POWER] * 8,
    *[Kind(Quantity.POWER, Accumulation.MEAN)] * 2,
    *[Kind(Quantity.ENERGY, Accumulation.CUMULATIVE)] * 4,
    *[Kind(Quantity.ENERGY, Accumulation.DELTA, 0.0, 0.05)] * 2,
    Kind(Quantity.TEMPERATURE, low=18.0, high=26.0),
    Kind(Quantity.HUMIDITY, low=30.0, high=60.0),
    Kind(Quantity.CO2, low=400.0, high=1200.0),
    Kind(Quantity.OCCUPANCY, low=0.0, high=12.0),
)
"""The sensors of a room, in this order in each."""


@dataclass(frozen=True, slots=True)
class Member:
    """A sensor of the site as the database knows it."""

    sensor_id: SensorId
    key: SensorKey
    number: int
    kind: Kind


async def build(container: AsyncContainer, count: int, prefix: str = "site") -> list[Member]:
    """Make so many sensors, a room for every 20 of them, and return them by key."""
    uow = await container.get(SensorsUnitOfWork)
    clock = await container.get(Clock)
    members: list[Member] = []
    async with uow.begin() as tx:
        for number in range(count):
            kind, room = KINDS[number % len(KINDS)], RoomName(f"{prefix} {number // len(KINDS):03}")
            unit = CANONICAL_UNITS[kind.quantity]
            definition = SensorDefinition(
                sensor_id=SensorId(f"{prefix}-{number:04}"),
                name=f"{prefix} {number}",
                quantity=kind.quantity,
                unit=unit,
                accumulation=kind.accumulation,
                room_name=room,
                resolution=MINUTE,
            )
            await tx.rooms.mention(room)
            sensor = await tx.sensors.add(definition, UnitConversion(), unit, clock.now())
            members.append(Member(sensor.sensor_id, sensor.key, number, kind))
    return sorted(members, key=lambda member: member.key)


async def fill(container: AsyncContainer, members: Sequence[Member], start: datetime, minutes: int) -> int:
    """Store a reading a minute of each sensor by the write path's own COPY; return how many."""
    uow = await container.get(SensorsUnitOfWork)
    async with uow.begin() as tx:
        await tx.readings.prepare(start, start + minutes * MINUTE)
    for batch in batches(members, start, range(minutes), _AT_ONCE):
        async with uow.begin() as tx:
            await tx.readings.write(batch, overlapping=False)
    return len(members) * minutes


def batches(members: Sequence[Member], start: datetime, ticks: range, at_once: int) -> Iterator[ReadingBatch]:
    """Yield the readings in order of time, about so many at once; ticks are minutes since ``start``."""
    size = max(1, at_once // len(members))
    first_us, step_us = to_microseconds(start), MINUTE // MICROSECOND
    for at in range(ticks.start, ticks.stop, size):
        some = range(at, min(at + size, ticks.stop))
        times = array("q", [first_us + tick * step_us for tick in some])
        values: Floats = array("d")
        for member in members:
            values += member.kind.values(member.number, some)
        yield ReadingBatch(
            runs=[
                SensorRun(member.key, 1, SOURCE, place * len(some), (place + 1) * len(some))
                for place, member in enumerate(members)
            ],
            times_us=times * len(members),
            values=values,
            qualities=array("b", bytes(len(values))),
        )
