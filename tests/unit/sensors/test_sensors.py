from datetime import timedelta

import pytest

from domain.sensors.events import RoomCreated, SensorChanged, SensorCreated, SensorDeleted
from domain.sensors.model import RoomName, SensorId, Source, Staleness
from domain.sensors.ports import SensorFilter, SensorSort
from domain.sensors.services.checking import Submission
from domain.shared.errors import ConflictError, DomainError, InvalidError, NotFoundError
from domain.shared.quantities import Quantity, UnitConversion
from tests.unit.sensors.samples import ME, NOW, NOW_US, World, definition, world

A = SensorId("a")


@pytest.fixture
def w() -> World:
    return world()


async def write(w: World, sensor_id: str = "a", value: float = 1.0, ago: int = 0) -> None:
    times = [NOW_US - ago * 1_000_000]
    await w.write.write(Submission(sensor_ids=[sensor_id], times_us=times, values=[value]), Source("s"))


def code(error: pytest.ExceptionInfo[DomainError]) -> str:
    return error.value.code


async def test_a_sensor_comes_with_its_room_and_says_who_made_it(w: World) -> None:
    view = await w.sensors.create(definition("a", unit="W", room_name=RoomName("Lab")), ME)
    assert view.sensor.conversion == UnitConversion(0.001)
    assert (view.sensor.canonical_unit, view.staleness, view.latest) == ("kW", Staleness.NEVER, None)
    assert await w.rooms.names() == ["Lab"]
    assert [type(event) for event in w.database.events] == [RoomCreated, SensorCreated]
    assert [(event.actor, event.subject) for event in w.database.audit] == [(ME, "Lab"), (ME, "a")]
    await w.sensors.create(definition("b", room_name=RoomName("Lab")), ME)
    assert len(w.database.events) == 3  # the room is there


async def test_a_sensor_of_another_kind_keeps_its_unit(w: World) -> None:
    view = await w.sensors.create(definition("a", quantity=Quantity.OTHER, unit="widgets"), ME)
    assert (view.sensor.canonical_unit, view.sensor.conversion) == ("widgets", UnitConversion())


async def test_the_same_id_twice_is_a_conflict_and_leaves_nothing(w: World) -> None:
    await w.sensors.create(definition("a"), ME)
    with pytest.raises(ConflictError) as error:
        await w.sensors.create(definition("a", room_name=RoomName("New")), ME)
    assert code(error) == "sensor_exists"
    assert await w.rooms.names() == []


async def test_faults_of_unit_and_definition_are_told_together(w: World) -> None:
    with pytest.raises(InvalidError) as error:
        await w.sensors.create(definition("a b", unit="V"), ME)
    assert [(one.pointer, one.code) for one in error.value.problems] == [
        ("/sensor_id", "invalid_id"),
        ("/unit", "unit_mismatch"),
    ]


async def test_a_change_names_what_changed_and_keeps_the_rest(w: World) -> None:
    await w.sensors.create(definition("a", max_value=5.0), ME)
    view = await w.sensors.change(A, {"name": "Meter", "max_value": 5.0}, ME)
    assert (view.sensor.definition.name, view.sensor.definition.max_value) == ("Meter", 5.0)
    assert view.sensor.version == 2
    (event,) = [event for event in w.database.events if isinstance(event, SensorChanged)]
    assert event.changed == ("name",)
    same = await w.sensors.change(A, {"name": "Meter"}, ME)
    assert same.sensor.version == 2
    assert len(w.database.events) == 2


async def test_what_readings_mean_is_fixed_once_there_are_some(w: World) -> None:
    await w.sensors.create(definition("a"), ME)
    await w.sensors.change(A, {"unit": "W"}, ME)
    await write(w)
    for change in ({"unit": "kW"}, {"quantity": Quantity.ENERGY, "unit": "Wh"}):
        with pytest.raises(ConflictError) as error:
            await w.sensors.change(A, change, ME)
        assert code(error) == "sensor_has_readings"
    assert (await w.sensors.change(A, {"name": "n"}, ME)).sensor.definition.unit == "W"


async def test_a_change_is_seen_by_the_next_write(w: World) -> None:
    await w.sensors.create(definition("a"), ME)
    await write(w, value=1.0, ago=10)
    await w.sensors.change(A, {"max_value": 0.5}, ME)
    await write(w, value=1.0, ago=5)
    page = await w.read.page(A, start=None, end=None, after=None, limit=10)
    assert [one.quality for one in page.readings] == ["OK", "BAD"]


async def test_a_sensor_with_readings_is_deleted_only_with_them(w: World) -> None:
    await w.sensors.create(definition("a"), ME)
    await write(w)
    with pytest.raises(ConflictError) as error:
        await w.sensors.delete(A, ME, purge=False)
    assert code(error) == "sensor_has_readings"
    await w.sensors.delete(A, ME, purge=True)
    (event,) = [event for event in w.database.events if isinstance(event, SensorDeleted)]
    assert event.purged
    with pytest.raises(NotFoundError):
        await w.sensors.get(A)
    await w.sensors.create(definition("a"), ME)
    assert (await w.sensors.get(A)).latest is None


async def test_sensors_grow_stale(w: World) -> None:
    await w.sensors.create(definition("a", resolution=timedelta(minutes=5)), ME)
    await write(w)
    assert (await w.sensors.get(A)).staleness is Staleness.FRESH
    w.clock.advance(timedelta(minutes=15))
    assert (await w.sensors.get(A)).staleness is Staleness.FRESH
    w.clock.advance(timedelta(seconds=1))
    view = await w.sensors.get(A)
    assert (view.staleness, view.age) == (Staleness.STALE, timedelta(minutes=15, seconds=1))


async def test_lists_are_pages_of_what_matches(w: World) -> None:
    for name in ("c", "a", "b"):
        await w.sensors.create(definition(name, labels={"x": name}), ME)
    await write(w, "b")

    async def names(where: SensorFilter, **more: int) -> tuple[list[str], int]:
        page = {"limit": 10, "offset": 0, **more}
        found, total = await w.sensors.list(where, **page, sort=SensorSort.SENSOR_ID, descending=False)
        return [one.sensor.sensor_id for one in found], total

    assert await names(SensorFilter()) == (["a", "b", "c"], 3)
    assert await names(SensorFilter(), limit=1, offset=1) == (["b"], 3)
    assert await names(SensorFilter(status=Staleness.FRESH)) == (["b"], 1)
    assert await names(SensorFilter(labels=(("x", "c"),))) == (["c"], 1)


async def test_unknown_sensors_are_said_to_be_so(w: World) -> None:
    for call in (
        w.sensors.get(A),
        w.sensors.change(A, {"name": "n"}, ME),
        w.sensors.delete(A, ME, purge=True),
        w.sensors.revisions(A, 10, 0),
        w.read.page(A, start=None, end=None, after=None, limit=10),
    ):
        with pytest.raises(NotFoundError) as error:
            await call
        assert code(error) == "unknown_sensor"


async def test_pages_go_on_after_the_last_reading_and_convert_units(w: World) -> None:
    await w.sensors.create(definition("a", unit="W"), ME)
    for ago in range(5):
        await write(w, value=1000.0 * ago, ago=ago)
    page = await w.read.page(A, start=None, end=None, after=None, limit=2, unit="W")
    assert ([one.value for one in page.readings], page.unit) == ([4000.0, 3000.0], "W")
    page = await w.read.page(A, start=None, end=NOW, after=page.next_after, limit=2)
    assert [one.value for one in page.readings] == [2.0, 1.0]
    assert page.next_after is None
    with pytest.raises(InvalidError) as error:
        await w.read.page(A, start=NOW, end=NOW - timedelta(seconds=1), after=None, limit=2)
    assert code(error) == "end_before_start"
    with pytest.raises(InvalidError) as error:
        await w.read.page(A, start=None, end=None, after=None, limit=2, unit="V")
    assert code(error) == "unit_mismatch"
