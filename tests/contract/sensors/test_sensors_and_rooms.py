from dataclasses import replace
from datetime import timedelta

import pytest

from domain.sensors.model import Comfort, DeviceId, Room, RoomName, SensorId, Staleness
from domain.sensors.ports import SensorFilter, SensorSelection, SensorSort, SensorsUnitOfWork
from domain.shared.errors import ConflictError
from domain.shared.quantities import Accumulation, Quantity
from tests.contract.sensors.batches import NOON, add_sensor, batch, store

LAB = RoomName("Lab")


async def test_a_sensor_comes_back_as_it_was_defined(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(
        uow,
        room="Lab",
        device_id=DeviceId("d1"),
        resolution=timedelta(minutes=15),
        max_gap=timedelta(hours=2),
        no_data_after=timedelta(days=3),
        min_value=-1.5,
        max_value=100.0,
        max_power_kw=7.5,
        submeter_of=SensorId("main"),
        timezone="Europe/Lisbon",
        labels={"floor": "2"},
    )
    async with uow.begin() as tx:
        found = await tx.sensors.find([sensor.sensor_id, SensorId("nobody")])
        by_key = await tx.sensors.by_key([sensor.key])
    assert found == {sensor.sensor_id: sensor}
    assert by_key == {sensor.key: sensor}


async def test_an_id_is_given_once_and_a_key_never_twice(uow: SensorsUnitOfWork) -> None:
    first = await add_sensor(uow)
    with pytest.raises(ConflictError):
        await add_sensor(uow)
    async with uow.begin() as tx:
        await tx.sensors.delete(first.key)
    second = await add_sensor(uow)
    assert second.key != first.key


async def test_a_change_needs_the_version_before_it(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    changed = replace(sensor, version=2, definition=replace(sensor.definition, name="new"))
    async with uow.begin() as tx:
        await tx.sensors.replace(changed)
    with pytest.raises(ConflictError):
        async with uow.begin() as tx:
            await tx.sensors.replace(changed)
    async with uow.begin() as tx:
        assert await tx.sensors.find([sensor.sensor_id]) == {sensor.sensor_id: changed}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (SensorFilter(), ["a", "b", "c_1"]),
        (SensorFilter(room_name=LAB), ["a", "c_1"]),
        (SensorFilter(text="C_"), ["c_1"]),
        (SensorFilter(text="KETTLE"), ["b"]),
        (SensorFilter(text="%"), []),
        (SensorFilter(labels=(("site", "x"),)), ["a", "b"]),
        (SensorFilter(labels=(("site", "x"), ("kind", "y"))), ["b"]),
        (SensorFilter(status=Staleness.NEVER), ["c_1"]),
        (SensorFilter(status=Staleness.FRESH), ["a"]),
        (SensorFilter(status=Staleness.STALE), ["b"]),
        (SensorFilter(quantity=Quantity.ENERGY), []),
        (SensorFilter(device_id=DeviceId("d")), ["b"]),
    ],
)
async def test_sensors_are_filtered(uow: SensorsUnitOfWork, where: SensorFilter, expected: list[str]) -> None:
    a = await add_sensor(uow, "a", room="Lab", labels={"site": "x"})
    b = await add_sensor(
        uow,
        "b",
        name="The kettle",
        labels={"site": "x", "kind": "y"},
        device_id=DeviceId("d"),
        resolution=timedelta(minutes=15),
    )
    await add_sensor(uow, "c_1", room="Lab")
    await store(uow, batch(a, [1]))
    await store(uow, batch(b, [1]))
    async with uow.begin() as tx:
        states, total = await tx.sensors.list(where, now=NOON + timedelta(minutes=50), limit=10, offset=0)
    assert [state.sensor.sensor_id for state in states] == expected
    assert total == len(expected)


async def test_sensors_are_paged_and_sorted_those_without_value_last(uow: SensorsUnitOfWork) -> None:
    for number, name in enumerate("abc"):
        sensor = await add_sensor(uow, name)
        if name != "b":
            await store(uow, batch(sensor, [1], start=NOON + timedelta(minutes=number)))
    async with uow.begin() as tx:
        newest, total = await tx.sensors.list(
            SensorFilter(), now=NOON, limit=2, offset=0, sort=SensorSort.LATEST, descending=True
        )
        rest, _ = await tx.sensors.list(
            SensorFilter(), now=NOON, limit=2, offset=2, sort=SensorSort.LATEST, descending=True
        )
    assert total == 3
    assert [state.sensor.sensor_id for state in (*newest, *rest)] == ["c", "a", "b"]
    assert newest[0].latest is not None
    assert newest[0].latest.time == NOON + timedelta(minutes=2)


async def test_a_room_that_was_only_named_can_be_described_once(uow: SensorsUnitOfWork) -> None:
    room = Room(room_name=LAB, floor="2", area_m2=12.5, capacity=4, comfort=Comfort(19, 25, 1000))
    async with uow.begin() as tx:
        assert await tx.rooms.mention(LAB)
        assert not await tx.rooms.mention(LAB)
        assert await tx.rooms.get(LAB) == Room(room_name=LAB)
        assert await tx.rooms.add(room)
        assert not await tx.rooms.add(room)
        assert await tx.rooms.get(LAB) == room
        assert await tx.rooms.names() == [LAB]
        changed = Room(room_name=LAB, description="empty")
        await tx.rooms.replace(changed)
        assert await tx.rooms.list(10, 0) == ([changed], 1)
        await tx.rooms.delete(LAB)
        assert await tx.rooms.get(LAB) is None


async def test_sensors_leave_a_room(uow: SensorsUnitOfWork) -> None:
    inside = await add_sensor(uow, "a", room="Lab")
    outside = await add_sensor(uow, "b")
    async with uow.begin() as tx:
        assert await tx.sensors.leave_room(LAB, NOON) == ["a"]
        await tx.rooms.delete(LAB)
        found = await tx.sensors.find([inside.sensor_id, outside.sensor_id])
    assert found[inside.sensor_id].definition.room_name is None
    assert found[inside.sensor_id].version == inside.version + 1
    assert found[outside.sensor_id] == outside


async def test_a_register_may_be_as_steep_as_its_devices_power_sensors_say(uow: SensorsUnitOfWork) -> None:
    more: dict[str, object] = {"device_id": DeviceId("d"), "accumulation": Accumulation.CUMULATIVE}
    register = await add_sensor(uow, "register", **more)  # type: ignore[arg-type]  # fields by name
    assert register.max_power_kw is None
    await add_sensor(uow, "p1", device_id=DeviceId("d"), max_value=10.0)
    await add_sensor(uow, "p2", device_id=DeviceId("d"), max_value=12.0)
    await add_sensor(uow, "p3", device_id=DeviceId("e"), max_value=99.0)
    await add_sensor(uow, "other", **more, max_power_kw=3.0)  # type: ignore[arg-type]  # fields by name
    async with uow.begin() as tx:
        found = await tx.sensors.find([SensorId("register"), SensorId("other"), SensorId("p1")])
        by_key = await tx.sensors.by_key([register.key])
        selected = await tx.sensors.select(SensorSelection(sensor_ids=(SensorId("register"),)))
    assert {name: one.max_power_kw for name, one in found.items()} == {
        "register": 12.0,
        "other": 3.0,
        "p1": None,
    }
    assert [one.max_power_kw for one in (by_key[register.key], *selected)] == [12.0, 12.0]
