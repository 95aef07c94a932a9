"""Sensors, submissions and use cases over memory for the tests of this folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from adapters.memory.database import MemoryDatabase
from adapters.memory.sensors_unit_of_work import MemorySensorsUnitOfWork
from adapters.memory.surroundings import MemoryClock, MemoryIdFactory
from adapters.units.pint_catalog import PintUnitCatalog
from domain.sensors.model import Sensor, SensorDefinition, SensorId, SensorKey
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.services.catalog import SensorCatalog
from domain.sensors.services.group_commit import GroupCommit
from domain.sensors.services.readings import ReadReadings, WriteReadings
from domain.sensors.services.rooms import Rooms
from domain.sensors.services.rules import Rule
from domain.sensors.services.sensors import Sensors
from domain.shared.events import Actor
from domain.shared.quantities import CANONICAL_UNITS, Quantity
from domain.shared.time import to_microseconds

UNITS: Final = PintUnitCatalog()
NOW: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NOW_US: Final = to_microseconds(NOW)
SECOND_US: Final = 1_000_000
ME: Final = Actor("me")


def definition(
    sensor_id: str = "a", *, quantity: Quantity = Quantity.POWER, unit: str = "kW", **more: object
) -> SensorDefinition:
    return SensorDefinition(
        sensor_id=SensorId(sensor_id),
        name=sensor_id,
        quantity=quantity,
        unit=unit,
        **more,  # type: ignore[arg-type]  # a test names fields that exist
    )


def sensor(key: int, wanted: SensorDefinition, version: int = 1) -> Sensor:
    return Sensor(
        key=SensorKey(key),
        version=version,
        definition=wanted,
        conversion=UNITS.conversion(wanted.unit, wanted.quantity),
        canonical_unit=CANONICAL_UNITS[wanted.quantity],
        created_at=NOW,
        updated_at=NOW,
    )


def rules(*sensors: Sensor) -> Mapping[str, Rule]:
    return {one.sensor_id: Rule.of(one) for one in sensors}


@dataclass(frozen=True, slots=True)
class World:
    """The use cases of the module over one memory database."""

    database: MemoryDatabase
    clock: MemoryClock
    uow: SensorsUnitOfWork
    catalog: SensorCatalog
    sensors: Sensors
    rooms: Rooms
    write: WriteReadings
    read: ReadReadings


def world(uow: SensorsUnitOfWork | None = None) -> World:
    database, clock, ids = MemoryDatabase(), MemoryClock(NOW), MemoryIdFactory()
    uow = uow or MemorySensorsUnitOfWork(database, clock)
    catalog = SensorCatalog(uow)
    return World(
        database,
        clock,
        uow,
        catalog,
        Sensors(uow, catalog, UNITS, clock, ids),
        Rooms(uow, catalog, clock, ids),
        WriteReadings(uow, catalog, UNITS, GroupCommit(uow, clock, ids), clock, ids),
        ReadReadings(uow, UNITS),
    )
