from datetime import timedelta

from adapters.memory.surroundings import MemoryIdFactory
from domain.sensors.alarms import AlarmFilter
from domain.sensors.events import NoDataAlarmsEnded, NoDataAlarmsRaised
from domain.sensors.model import SensorId, Source
from domain.sensors.services.alarms import Alarms
from domain.sensors.services.checking import Submission
from domain.shared.time import from_microseconds, to_microseconds
from tests.unit.sensors.samples import ME, NOW, World, definition, world

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def alarms_of(w: World) -> Alarms:
    return Alarms(w.uow, w.clock, MemoryIdFactory())


async def send(w: World, *sensor_ids: str, age: timedelta = timedelta(0)) -> None:
    count = len(sensor_ids)
    submission = Submission(
        sensor_ids=[SensorId(one) for one in sensor_ids],
        times_us=[to_microseconds(w.clock.time - age)] * count,
        values=[1.0] * count,
        units=None,
    )
    receipt = await w.write.write(submission, Source("test"))
    assert receipt.rejected == 0, receipt.errors


def told(w: World) -> list[tuple[str, int]]:
    """Return the events about alarms, each with the number of its sensors."""
    return [
        (type(event).__name__, len(event.sensor_keys))
        for event in w.database.events
        if isinstance(event, NoDataAlarmsRaised | NoDataAlarmsEnded)
    ]


async def test_silence_is_told_once_and_its_end_too() -> None:
    w = world()
    alarms = alarms_of(w)
    for name in ("a", "b", "never"):
        await w.sensors.create(definition(name), ME)
    await send(w, "a", "b")
    w.clock.time = NOW + HOUR
    await alarms.check()
    assert told(w) == []
    w.clock.time = NOW + 2 * HOUR
    await alarms.check()
    await alarms.check()
    assert told(w) == [("NoDataAlarmsRaised", 2)]
    (raised,) = [one for one in w.database.events if isinstance(one, NoDataAlarmsRaised)]
    sensors = await w.catalog.resolve(["a", "b"])
    assert list(raised.sensor_keys) == [sensors["a"].key, sensors["b"].key]
    assert [from_microseconds(time) for time in raised.last_times_us] == [NOW, NOW]
    assert await alarms.open() == 2
    await send(w, "b")
    await alarms.check()
    await alarms.check()
    assert told(w) == [("NoDataAlarmsRaised", 2), ("NoDataAlarmsEnded", 1)]
    found, total = await alarms.list(AlarmFilter(is_open=True), 10, 0)
    assert ([one.sensor_id for one in found], total) == (["a"], 1)


async def test_many_that_fall_silent_at_once_are_told_of_in_few_events() -> None:
    w = world()
    alarms = alarms_of(w)
    names = [f"s{n}" for n in range(1001)]
    for name in names:
        await w.sensors.create(definition(name), ME)
    await send(w, *names)
    w.clock.time = NOW + 2 * HOUR
    await alarms.check()
    assert told(w) == [("NoDataAlarmsRaised", 500), ("NoDataAlarmsRaised", 500), ("NoDataAlarmsRaised", 1)]


async def test_a_restart_after_a_while_raises_nothing_of_sensors_that_go_on() -> None:
    w = world()
    for name in ("goes on", "is gone"):
        await w.sensors.create(definition(name.replace(" ", "-"), resolution=timedelta(seconds=10)), ME)
    await send(w, "goes-on", "is-gone")
    w.clock.time = NOW + 5 * HOUR
    alarms = alarms_of(w)
    await alarms.check()
    w.clock.time += timedelta(seconds=20)
    await send(w, "goes-on")
    await alarms.check()
    assert told(w) == []
    w.clock.time += timedelta(seconds=11)
    await alarms.check()
    found, _ = await alarms.list(AlarmFilter(), 10, 0)
    assert [(one.sensor_id, one.since) for one in found] == [("is-gone", NOW)]


async def test_a_file_a_day_is_no_silence_where_that_is_said() -> None:
    w = world()
    alarms = alarms_of(w)
    quarter = timedelta(minutes=15)
    await w.sensors.create(definition("file", resolution=quarter, no_data_after=2 * DAY), ME)
    await w.sensors.create(definition("live", resolution=quarter), ME)
    for day in range(3):
        # Early each day comes all of the day before.
        w.clock.time = NOW + day * DAY
        await send(w, "file", "live", age=6 * HOUR)
        for hour in range(24):
            w.clock.time = NOW + day * DAY + hour * HOUR
            await alarms.check()
    assert told(w) == [("NoDataAlarmsRaised", 1)]  # "live" is stale all the time: one alarm, no flapping
    w.clock.time = NOW + 4 * DAY
    await alarms.check()
    assert told(w) == [("NoDataAlarmsRaised", 1)] * 2


async def test_a_changed_rule_counts_at_the_next_look() -> None:
    w = world()
    alarms = alarms_of(w)
    await w.sensors.create(definition("a"), ME)
    await send(w, "a")
    w.clock.time = NOW + 2 * HOUR
    await alarms.check()
    await w.sensors.change(SensorId("a"), {"no_data_after": 3 * HOUR}, ME)
    await alarms.check()
    assert told(w) == [("NoDataAlarmsRaised", 1), ("NoDataAlarmsEnded", 1)]


async def test_ended_alarms_go_after_ninety_days_and_open_ones_never() -> None:
    w = world()
    alarms = alarms_of(w)
    for name in ("ended", "open"):
        await w.sensors.create(definition(name), ME)
    await send(w, "ended", "open")
    w.clock.time = NOW + 2 * HOUR
    await alarms.check()
    await send(w, "ended")
    await alarms.check()
    w.clock.time += 90 * DAY
    assert await alarms.purge() == 0
    w.clock.time += timedelta(seconds=1)
    assert await alarms.purge() == 1
    found, _ = await alarms.list(AlarmFilter(), 10, 0)
    assert [one.sensor_id for one in found] == ["open"]
