from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.sensors.model import Room, RoomName, SensorId
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.room_metrics import KeptTimes, RoomMetrics
from domain.shared.quantities import Quality

LAB, HALL, GONE = RoomName("Lab 1"), RoomName("Hall é"), RoomName("Gone")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SLOT = timedelta(minutes=5)
DAY = date(2026, 3, 2)
WHOLE = RoomMetrics(
    room_name=LAB,
    start=NOON,
    end=NOON + SLOT,
    power_kw=-1 / 3,
    slot_energy_kwh=0.1 + 0.2,
    energy_kwh=3.5,
    temperature=21.25,
    humidity=40.0,
    co2=600.0,
    co2_peak=650.0,
    occupancy=2.5,
    occupancy_estimated=True,
    comfort=False,
    comfort_share=0.25,
    coverage=0.9,
    quality=Quality.ESTIMATED,
    missing_sensors=(SensorId("a"), SensorId("b.c:d_e-f")),
)
BARE = RoomMetrics(room_name=LAB, start=NOON, end=NOON + SLOT)


@pytest.fixture(autouse=True)
async def rooms(uow: SensorsUnitOfWork) -> None:
    async with uow.begin() as tx:
        for name in (LAB, HALL):
            await tx.rooms.add(Room(room_name=name))


def _slots(room: RoomName, count: int) -> list[RoomMetrics]:
    return [
        replace(BARE, room_name=room, start=NOON + n * SLOT, end=NOON + (n + 1) * SLOT, co2=float(n))
        for n in range(count)
    ]


@pytest.mark.parametrize("metrics", [WHOLE, BARE])
async def test_metrics_come_back_as_they_were_put(uow: SensorsUnitOfWork, metrics: RoomMetrics) -> None:
    async with uow.begin() as tx:
        await tx.room_metrics.put([metrics])
    async with uow.begin() as tx:
        assert await tx.room_metrics.newest([LAB, HALL]) == {LAB: metrics}
        assert await tx.room_metrics.page(LAB, NOON, NOON + SLOT, 10) == [metrics]


async def test_those_of_the_same_slot_are_replaced_as_a_whole(uow: SensorsUnitOfWork) -> None:
    async with uow.begin() as tx:
        await tx.room_metrics.put([WHOLE])
        await tx.room_metrics.put([replace(BARE, co2=1.0)])
        await tx.room_metrics.put([])
        assert (await tx.room_metrics.newest([LAB]))[LAB] == replace(BARE, co2=1.0)


async def test_a_room_that_is_gone_is_left_out(uow: SensorsUnitOfWork) -> None:
    async with uow.begin() as tx:
        await tx.room_metrics.put([replace(BARE, room_name=GONE), BARE])
        await tx.room_metrics.mark({GONE: [DAY], LAB: [DAY]})
    async with uow.begin() as tx:
        assert set(await tx.room_metrics.newest([LAB, GONE])) == {LAB}
        assert [one.room_name for one in await tx.room_metrics.marked(10)] == [LAB]


async def test_newest_between_page_and_kept(uow: SensorsUnitOfWork) -> None:
    async with uow.begin() as tx:
        await tx.room_metrics.put([*_slots(LAB, 5)[::-1], *_slots(HALL, 2)])
    async with uow.begin() as tx:
        store = tx.room_metrics
        newest = await store.newest([LAB, HALL, GONE])
        assert {room: one.co2 for room, one in newest.items()} == {LAB: 4.0, HALL: 1.0}
        assert await store.newest([]) == {}
        between = await store.between([LAB, HALL], NOON + SLOT, NOON + 3 * SLOT)
        assert sorted((one.room_name, one.co2) for one in between) == [(HALL, 1.0), (LAB, 1.0), (LAB, 2.0)]
        page = await store.page(LAB, NOON + SLOT, NOON + 4 * SLOT, 2)
        assert [one.co2 for one in page] == [1.0, 2.0]
        assert await store.kept([LAB, HALL, GONE]) == {
            LAB: KeptTimes(NOON, NOON + 4 * SLOT),
            HALL: KeptTimes(NOON, NOON + SLOT),
        }


async def test_purging_takes_what_begins_before(uow: SensorsUnitOfWork) -> None:
    async with uow.begin() as tx:
        await tx.room_metrics.put([*_slots(LAB, 5), *_slots(HALL, 2)])
        assert await tx.room_metrics.purge(NOON + 2 * SLOT) == 4
        assert await tx.room_metrics.purge(NOON + 2 * SLOT) == 0
        kept = await tx.room_metrics.kept([LAB, HALL])
    assert kept == {LAB: KeptTimes(NOON + 2 * SLOT, NOON + 4 * SLOT)}


async def test_metrics_and_marks_go_with_their_room(uow: SensorsUnitOfWork) -> None:
    async with uow.begin() as tx:
        await tx.room_metrics.put([*_slots(LAB, 2), *_slots(HALL, 2)])
        await tx.room_metrics.mark({LAB: [DAY], HALL: [DAY]})
        await tx.room_metrics.delete(LAB)
        await tx.rooms.delete(LAB)
    async with uow.begin() as tx:
        assert set(await tx.room_metrics.kept([LAB, HALL])) == {HALL}
        assert [one.room_name for one in await tx.room_metrics.marked(10)] == [HALL]


async def test_marks_come_newest_day_first_and_once(uow: SensorsUnitOfWork) -> None:
    before = DAY - timedelta(days=1)
    async with uow.begin() as tx:
        await tx.room_metrics.mark({})
        await tx.room_metrics.mark({LAB: {before, DAY}, HALL: [DAY]})
        await tx.room_metrics.mark({LAB: [before]})
        marks = await tx.room_metrics.marked(10)
        assert [(one.day, one.room_name) for one in marks] == [(DAY, HALL), (DAY, LAB), (before, LAB)]
        assert await tx.room_metrics.marked(1) == marks[:1]


async def test_a_mark_that_was_set_again_meanwhile_stays(uow: SensorsUnitOfWork) -> None:
    async with uow.begin() as tx:
        await tx.room_metrics.mark({LAB: [DAY], HALL: [DAY]})
        marks = await tx.room_metrics.marked(10)
    async with uow.begin() as tx:
        await tx.room_metrics.mark({LAB: [DAY]})
    async with uow.begin() as tx:
        await tx.room_metrics.unmark(marks)
        await tx.room_metrics.unmark([])
        (left,) = await tx.room_metrics.marked(10)
        assert (left.room_name, left.day) == (LAB, DAY)
        await tx.room_metrics.unmark([left])
        assert await tx.room_metrics.marked(10) == []
