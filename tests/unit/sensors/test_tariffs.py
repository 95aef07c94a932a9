from dataclasses import replace

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.memory.sensors_unit_of_work import MemorySensorsUnitOfWork
from adapters.memory.surroundings import MemoryClock, MemoryIdFactory
from domain.sensors.events import TariffChanged, TariffCreated, TariffDeleted
from domain.sensors.services.tariffs import Tariffs
from domain.sensors.tariffs import Tariff, TariffName
from domain.shared.errors import InvalidError, NotFoundError
from tests.unit.sensors.samples import ME, NOW
from tests.unit.sensors.test_tariff_prices import period, tariff

NAME = TariffName("t")
FLAT = tariff("Europe/Lisbon", period("00:00", "24:00", 0.2))


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase()


@pytest.fixture
def tariffs(database: MemoryDatabase) -> Tariffs:
    clock = MemoryClock(NOW)
    return Tariffs(MemorySensorsUnitOfWork(database, clock), clock, MemoryIdFactory())


async def test_a_tariff_is_set_replaced_and_deleted(database: MemoryDatabase, tariffs: Tariffs) -> None:
    assert await tariffs.put(FLAT, ME)
    assert await tariffs.get(NAME) == FLAT
    dearer = replace(FLAT, currency="USD", periods=(period("00:00", "24:00", 0.3),))
    assert not await tariffs.put(dearer, ME)
    assert await tariffs.get(NAME) == dearer
    assert not await tariffs.put(dearer, ME)
    await tariffs.delete(NAME, ME)
    assert await tariffs.list(10, 0) == ([], 0)
    assert [type(event) for event in database.audit] == [TariffCreated, TariffChanged, TariffDeleted]
    assert {event.subject for event in database.audit} == {"t"}
    changed = database.audit[1]
    assert isinstance(changed, TariffChanged)
    assert changed.changed == ("currency", "periods")


async def test_what_is_wrong_is_not_stored(tariffs: Tariffs) -> None:
    wrong: Tariff = replace(FLAT, currency="ABC", timezone="nowhere", periods=())
    with pytest.raises(InvalidError) as refused:
        await tariffs.put(wrong, ME)
    assert [one.pointer for one in refused.value.problems] == ["/currency", "/timezone", "/periods"]
    assert await tariffs.list(10, 0) == ([], 0)


async def test_unknown_tariffs_are_said_to_be_so(tariffs: Tariffs) -> None:
    for call in (tariffs.get(NAME), tariffs.delete(NAME, ME)):
        with pytest.raises(NotFoundError) as refused:
            await call
        assert refused.value.code == "unknown_tariff"
