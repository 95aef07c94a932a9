import math

import pytest

from domain.sensors.events import RoomChanged, RoomCreated, RoomDeleted
from domain.sensors.model import Comfort, Room, RoomName, SensorId
from domain.shared.errors import ConflictError, InvalidError, NotFoundError
from tests.unit.sensors.samples import ME, World, definition, world

LAB = RoomName("Lab 1")


@pytest.fixture
def w() -> World:
    return world()


async def test_a_room_is_described_once(w: World) -> None:
    room = Room(room_name=LAB, floor="1", comfort=Comfort(18, 26, 1000))
    assert await w.rooms.create(room, ME) == room
    with pytest.raises(ConflictError) as error:
        await w.rooms.create(room, ME)
    assert error.value.code == "room_exists"
    assert [type(event) for event in w.database.events] == [RoomCreated]


async def test_a_room_that_sensors_named_first_can_be_described(w: World) -> None:
    await w.sensors.create(definition("a", room_name=LAB), ME)
    await w.rooms.create(Room(room_name=LAB, floor="2"), ME)
    view = await w.rooms.get(LAB)
    assert view.room.floor == "2"
    assert [one.sensor.sensor_id for one in view.sensors] == ["a"]


async def test_a_change_keeps_what_it_does_not_name(w: World) -> None:
    await w.rooms.create(Room(room_name=LAB, floor="1", capacity=4), ME)
    assert (await w.rooms.change(LAB, {"capacity": 5}, ME)).floor == "1"
    await w.rooms.change(LAB, {"capacity": 5}, ME)
    assert [type(event) for event in w.database.events] == [RoomCreated, RoomChanged]


async def test_sensors_stay_when_their_room_goes(w: World) -> None:
    await w.sensors.create(definition("a", room_name=LAB), ME)
    before = (await w.catalog.resolve(["a"]))["a"]
    await w.rooms.delete(LAB, ME)
    assert (await w.sensors.get(SensorId("a"))).sensor.definition.room_name is None
    after = (await w.catalog.resolve(["a"]))["a"]
    assert after.version > before.version
    (event,) = [event for event in w.database.events if isinstance(event, RoomDeleted)]
    assert event.sensor_ids == ("a",)
    assert await w.rooms.names() == []


async def test_rooms_are_listed_by_name(w: World) -> None:
    for name in ("c", "a", "b"):
        await w.rooms.create(Room(room_name=RoomName(name)), ME)
    found, total = await w.rooms.list(2, 1)
    assert ([room.room_name for room in found], total) == (["b", "c"], 3)
    assert await w.rooms.names() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("room", "pointer"),
    [
        (Room(room_name=RoomName("a/b")), "/room_name"),
        (Room(room_name=RoomName("names")), "/room_name"),
        (Room(room_name=LAB, floor="x" * 2001), "/floor"),
        (Room(room_name=LAB, area_m2=0), "/area_m2"),
        (Room(room_name=LAB, area_m2=math.nan), "/area_m2"),
        (Room(room_name=LAB, capacity=-1), "/capacity"),
        (Room(room_name=LAB, comfort=Comfort(co2_max=math.inf)), "/comfort/co2_max"),
        (Room(room_name=LAB, comfort=Comfort(26, 18)), "/comfort/temperature_max"),
    ],
)
async def test_faults_have_their_place(w: World, room: Room, pointer: str) -> None:
    with pytest.raises(InvalidError) as error:
        await w.rooms.create(room, ME)
    assert [one.pointer for one in error.value.problems] == [pointer]
    assert await w.rooms.names() == []


async def test_unknown_rooms_are_said_to_be_so(w: World) -> None:
    for call in (w.rooms.get(LAB), w.rooms.change(LAB, {"floor": "1"}, ME), w.rooms.delete(LAB, ME)):
        with pytest.raises(NotFoundError) as error:
            await call
        assert error.value.code == "unknown_room"
