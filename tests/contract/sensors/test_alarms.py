from datetime import datetime, timedelta

import pytest

from domain.sensors.alarms import Alarm, AlarmFilter, AlarmKind
from domain.sensors.model import DeviceId, QualityCode, RoomName, Sensor, SensorId
from domain.sensors.ports import SensorsUnitOfWork
from tests.contract.sensors.batches import NOON, add_sensor, batch, store

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
ALL = AlarmFilter()


async def raise_due(
    uow: SensorsUnitOfWork, now: datetime, heard_since: datetime = NOON
) -> list[tuple[int, datetime]]:
    """By default all were defined when they could be heard."""
    async with uow.begin() as tx:
        return [(one.key, one.last_time) for one in await tx.alarms.raise_due(now, heard_since)]


async def end_over(uow: SensorsUnitOfWork, now: datetime) -> list[tuple[int, datetime]]:
    async with uow.begin() as tx:
        return [(one.key, one.last_time) for one in await tx.alarms.end_over(now)]


async def alarms(uow: SensorsUnitOfWork, where: AlarmFilter = ALL) -> list[Alarm]:
    async with uow.begin() as tx:
        found, total = await tx.alarms.list(where, 100, 0)
    assert total == len(found)
    return [*found]


async def heard(uow: SensorsUnitOfWork, sensor: Sensor, time: datetime) -> None:
    await store(uow, batch(sensor, [1.0], start=time))


@pytest.mark.parametrize(
    ("fields", "silent_after"),
    [
        ({}, HOUR),
        ({"resolution": 10 * MINUTE}, 30 * MINUTE),
        ({"resolution": 10 * MINUTE, "max_gap": 5 * MINUTE}, 5 * MINUTE),
        ({"resolution": 10 * MINUTE, "max_gap": 5 * MINUTE, "no_data_after": 72 * HOUR}, 72 * HOUR),
    ],
)
async def test_silent_is_what_sent_nothing_for_longer_than_it_may(
    uow: SensorsUnitOfWork, fields: dict[str, object], silent_after: timedelta
) -> None:
    sensor = await add_sensor(uow, **fields)  # type: ignore[arg-type]  # fields by name
    assert sensor.effective_no_data_after == silent_after
    await heard(uow, sensor, NOON)
    assert await raise_due(uow, NOON + silent_after) == []
    late = NOON + silent_after + timedelta(microseconds=1)
    assert await raise_due(uow, late) == [(sensor.key, NOON)]
    assert await end_over(uow, late) == []
    assert await end_over(uow, NOON + silent_after) == [(sensor.key, NOON)]


@pytest.mark.parametrize(
    ("no_data_after", "excused_for"), [(10 * MINUTE, 10 * MINUTE), (HOUR, HOUR), (72 * HOUR, HOUR)]
)
async def test_after_the_service_was_down_sensors_have_time_to_be_heard_again(
    uow: SensorsUnitOfWork, no_data_after: timedelta, excused_for: timedelta
) -> None:
    sensor = await add_sensor(uow, no_data_after=no_data_after)
    await heard(uow, sensor, NOON)
    back = NOON + 100 * HOUR
    assert await raise_due(uow, back, back) == []
    assert await raise_due(uow, back + excused_for, back) == []
    late = back + excused_for + timedelta(microseconds=1)
    assert await raise_due(uow, late, back) == [(sensor.key, NOON)]


async def test_one_that_never_sent_raises_none(uow: SensorsUnitOfWork) -> None:
    await add_sensor(uow)
    assert await raise_due(uow, NOON + 1000 * HOUR) == []


async def test_an_alarm_says_whose_it_is_and_since_when(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow, room="Lab", name="Fridge", device_id=DeviceId("d1"))
    await heard(uow, sensor, NOON)
    await raise_due(uow, NOON + 2 * HOUR)
    (alarm,) = await alarms(uow)
    assert alarm == Alarm(
        alarm_id=alarm.alarm_id,
        kind=AlarmKind.NO_DATA,
        sensor_id=SensorId("s1"),
        sensor_name="Fridge",
        room_name=RoomName("Lab"),
        device_id=DeviceId("d1"),
        since=NOON,
        raised_at=NOON + 2 * HOUR,
        last_time=NOON,
        ended_at=None,
    )


async def test_a_sensor_has_one_open_alarm_and_a_new_one_after_that_ended(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await heard(uow, sensor, NOON)
    assert len(await raise_due(uow, NOON + 2 * HOUR)) == 1
    assert await raise_due(uow, NOON + 3 * HOUR) == []
    await heard(uow, sensor, NOON + 4 * HOUR)
    assert await end_over(uow, NOON + 5 * HOUR) == [(sensor.key, NOON + 4 * HOUR)]
    assert await end_over(uow, NOON + 5 * HOUR) == []
    assert await raise_due(uow, NOON + 6 * HOUR) == [(sensor.key, NOON + 4 * HOUR)]
    second, first = await alarms(uow)
    assert (first.since, first.last_time, first.ended_at) == (NOON, NOON + 4 * HOUR, NOON + 5 * HOUR)
    assert (second.since, second.raised_at, second.ended_at) == (NOON + 4 * HOUR, NOON + 6 * HOUR, None)


async def test_data_that_come_but_are_old_are_noted_and_end_nothing(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await heard(uow, sensor, NOON)
    await raise_due(uow, NOON + 9 * HOUR)
    await heard(uow, sensor, NOON + 5 * HOUR)
    assert await end_over(uow, NOON + 9 * HOUR) == []
    (alarm,) = await alarms(uow)
    assert (alarm.since, alarm.last_time, alarm.ended_at) == (NOON, NOON + 5 * HOUR, None)


async def test_bad_readings_are_data_too(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await heard(uow, sensor, NOON)
    await raise_due(uow, NOON + 2 * HOUR)
    await store(uow, batch(sensor, [1.0], start=NOON + 2 * HOUR, quality=QualityCode.BAD))
    assert len(await end_over(uow, NOON + 2 * HOUR)) == 1


async def test_alarms_go_with_their_sensor(uow: SensorsUnitOfWork) -> None:
    gone, stays = await add_sensor(uow, "gone"), await add_sensor(uow, "stays")
    for sensor in (gone, stays):
        await heard(uow, sensor, NOON)
    assert len(await raise_due(uow, NOON + 2 * HOUR)) == 2
    async with uow.begin() as tx:
        await tx.sensors.delete(gone.key)
        await tx.readings.delete(gone.key)
    assert [one.sensor_id for one in await alarms(uow)] == ["stays"]
    assert await end_over(uow, NOON) == [(stays.key, NOON)]


async def test_lists_are_filtered_and_paged_newest_first(uow: SensorsUnitOfWork) -> None:
    for number, room in enumerate([None, "Lab", "Lab", "Hall"]):
        sensor = await add_sensor(uow, f"s{number}", room=room)
        await heard(uow, sensor, NOON + number * HOUR)
        await raise_due(uow, NOON + number * HOUR + 2 * HOUR)
    # By now the last one alone is not silent.
    assert len(await end_over(uow, NOON + 4 * HOUR)) == 1

    async def ids(**where: object) -> list[str]:
        return [one.sensor_id for one in await alarms(uow, AlarmFilter(**where))]  # type: ignore[arg-type]  # by name

    assert await ids() == ["s3", "s2", "s1", "s0"]
    assert await ids(is_open=True) == ["s2", "s1", "s0"]
    assert await ids(is_open=False) == ["s3"]
    assert await ids(room_name=RoomName("Lab")) == ["s2", "s1"]
    assert await ids(room_name=RoomName("Lab"), sensor_id=SensorId("s1")) == ["s1"]
    assert await ids(room_name=RoomName("Hall"), is_open=True) == []
    async with uow.begin() as tx:
        page, total = await tx.alarms.list(ALL, 2, 1)
        assert ([one.sensor_id for one in page], total) == (["s2", "s1"], 4)
        assert await tx.alarms.open() == 3


async def test_purged_is_what_ended_long_ago(uow: SensorsUnitOfWork) -> None:
    for name in ("ended", "open"):
        await heard(uow, await add_sensor(uow, name), NOON)
    await raise_due(uow, NOON + 2 * HOUR)
    async with uow.begin() as tx:
        ended = (await tx.sensors.find([SensorId("ended")]))[SensorId("ended")]
    await heard(uow, ended, NOON + 2 * HOUR)
    await end_over(uow, NOON + 3 * HOUR)
    async with uow.begin() as tx:
        assert await tx.alarms.purge(NOON + 3 * HOUR) == 0
        assert await tx.alarms.purge(NOON + 4 * HOUR) == 1
    assert [one.sensor_id for one in await alarms(uow)] == ["open"]
