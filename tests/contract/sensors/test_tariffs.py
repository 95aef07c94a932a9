import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.tariffs import Rate, Tariff, TariffName, TariffPeriod
from domain.shared.weeks import Weekday

NIGHT = TariffPeriod(
    days=frozenset({Weekday.SUN, Weekday.MON}), from_minute=1320, to_minute=480, rate=Rate(-0.1, 0.1 + 0.2)
)
DAY = TariffPeriod(days=frozenset(Weekday), from_minute=480, to_minute=1320, rate=Rate(1 / 3))
HOME = Tariff(
    name=TariffName("home"),
    currency="EUR",
    timezone="Europe/Lisbon",
    valid_from=datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    valid_until=datetime(2027, 1, 1, tzinfo=UTC),
    periods=(NIGHT, DAY),
)


async def test_a_tariff_comes_back_as_it_was_set(uow: SensorsUnitOfWork) -> None:
    async with uow.begin() as tx:
        assert await tx.tariffs.put(HOME)
    async with uow.begin() as tx:
        assert await tx.tariffs.get(HOME.name) == HOME
        assert await tx.tariffs.get(TariffName("other")) is None


async def test_a_tariff_is_replaced_as_a_whole(uow: SensorsUnitOfWork) -> None:
    changed = replace(HOME, currency="USD", valid_until=None, periods=(DAY,))
    async with uow.begin() as tx:
        assert await tx.tariffs.put(HOME)
        assert not await tx.tariffs.put(changed)
        assert await tx.tariffs.get(HOME.name) == changed
        reversed_order = replace(HOME, periods=(DAY, NIGHT))
        assert not await tx.tariffs.put(reversed_order)
        assert await tx.tariffs.get(HOME.name) == reversed_order


async def test_tariffs_are_listed_by_name_in_pages(uow: SensorsUnitOfWork) -> None:
    names = ["Zürich", "a", "B", "é", "home 2"]
    async with uow.begin() as tx:
        for name in names:
            await tx.tariffs.put(replace(HOME, name=TariffName(name)))
    async with uow.begin() as tx:
        whole, total = await tx.tariffs.list(10, 0)
        page, _ = await tx.tariffs.list(2, 1)
        beyond = await tx.tariffs.list(2, 10)
    assert ([one.name for one in whole], total) == (sorted(names), 5)
    assert all(replace(one, name=HOME.name) == HOME for one in whole)
    assert page == whole[1:3]
    assert beyond == ([], 5)


async def test_a_deleted_tariff_is_gone_with_its_periods(uow: SensorsUnitOfWork) -> None:
    async with uow.begin() as tx:
        await tx.tariffs.put(HOME)
        assert await tx.tariffs.delete(HOME.name)
        assert not await tx.tariffs.delete(HOME.name)
        assert await tx.tariffs.get(HOME.name) is None
        again = replace(HOME, periods=(DAY,))
        assert await tx.tariffs.put(again)
        assert await tx.tariffs.get(HOME.name) == again


async def test_of_many_who_set_it_at_once_one_creates_it_and_one_is_last(uow: SensorsUnitOfWork) -> None:
    def of(number: int) -> Tariff:
        rate = Rate(float(number))
        periods = tuple(replace(DAY, from_minute=at, to_minute=at + 1, rate=rate) for at in range(number + 1))
        return replace(HOME, periods=periods)

    async def put(number: int) -> bool:
        async with uow.begin() as tx:
            return await tx.tariffs.put(of(number))

    created = await asyncio.gather(*(put(number) for number in range(6)))
    assert sum(created) == 1
    async with uow.begin() as tx:
        assert await tx.tariffs.get(HOME.name) in [of(number) for number in range(6)]
