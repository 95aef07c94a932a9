"""Where demand response meets the other modules, over memory."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from dishka import AsyncContainer

from app.container import make_container
from app.dr_bridges import DrEventCounts, FollowConfiguration, terms_of
from app.settings import read_settings
from domain.demand_response.devices import ControlAuthType, ControlKind, Device, DeviceTerms, ProfileOrigin
from domain.demand_response.dr_events import EventTerms, Signal, SignalType
from domain.demand_response.model import DeviceId, RoomName, SensorId
from domain.demand_response.ports import DeviceHealth, LoadHistory, RoomConditions
from domain.demand_response.services.devices import DrDevices
from domain.demand_response.services.dr_events import DrEvents
from domain.ingestion.events import IotConfigurationChanged
from domain.ingestion.iot_parsing import parse_iot_configuration
from domain.ingestion.model import DeviceId as PolledDeviceId
from domain.ingestion.model import DeviceState, DeviceStatus, FencedState, WorkerId
from domain.ingestion.ports import IngestionUnitOfWork
from domain.operations.overview import EventNumbers, OverviewSource
from domain.sensors.model import Room, Source
from domain.sensors.model import RoomName as DescribedRoom
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.room_metrics import RoomMetrics
from domain.sensors.services.checking import Submission
from domain.sensors.services.readings import WriteReadings
from domain.sensors.services.rooms import Rooms
from domain.sensors.services.sensors import Sensors
from domain.shared.errors import NotFoundError
from domain.shared.events import SYSTEM, EventId
from domain.shared.quantities import Quality
from domain.shared.time import TimeRange, to_microseconds
from tests.memory_provider import MemoryProvider
from tests.unit.sensors.samples import definition

MINUTE = timedelta(minutes=1)
QUARTER = timedelta(minutes=15)
COMMAND = {
    "method": "POST",
    "url": "http://127.0.0.1/reduce",
    "timeout": 30,
    "body": {"kw": "{reduction_kw}"},
}
RESTORE = {"method": "GET", "url": "http://127.0.0.1/restore", "auth": {"type": "bearer", "env": "TOKEN"}}
AC1: dict[str, object] = {
    "name": "AC 1",
    "type": "hvac",
    "uri": "http://127.0.0.1/ac1",
    "room": "Office",
    "labels": {"floor": "1"},
    "values": [
        {"type": "temperature", "tag": "t"},
        {"type": "energy", "tag": "e", "accumulation": "cumulative"},
        {"type": "power", "tag": "p"},
    ],
    "control": {"demandresponse": True, "http": {"reduce": COMMAND, "restore": RESTORE}},
}
PLUG: dict[str, object] = {
    "name": "plug",
    "uri": "http://127.0.0.1/plug",
    "values": [{"type": "energy", "tag": "e", "accumulation": "cumulative"}],
    "control": {"demandresponse": True},
}
METER: dict[str, object] = {
    "name": "meter",
    "uri": "http://127.0.0.1/meter",
    "values": [{"type": "power", "tag": "p"}],
}


@pytest.fixture
def provider() -> MemoryProvider:
    return MemoryProvider()


@pytest.fixture
async def container(provider: MemoryProvider) -> AsyncIterator[AsyncContainer]:
    one = make_container(read_settings({}, None), provider)
    yield one
    await one.close()


def configure(provider: MemoryProvider, *devices: dict[str, object]) -> None:
    document = {"resources": {"monitoring_period": 1, "iots": list(devices)}}
    provider.configuration.configuration = parse_iot_configuration(document)


async def device(container: AsyncContainer, device_id: str) -> Device:
    devices: DrDevices = await container.get(DrDevices)
    return await devices.get(DeviceId(device_id))


async def test_what_a_configuration_says_of_a_device() -> None:
    provider = MemoryProvider()
    configure(provider, AC1, PLUG)
    polled = provider.configuration.configuration.devices
    ac1, plug = (terms_of(one) for one in polled.values())
    assert (ac1.device_id, ac1.power_sensor_id, ac1.room_name) == ("AC_1", "AC_1.power", "Office")
    assert dict(ac1.labels) == {"floor": "1"}
    assert ac1.control is not None
    assert ac1.control.kind is ControlKind.HTTP
    assert ac1.control.reduce is not None
    assert ac1.control.restore is not None
    assert ac1.control.reduce.timeout == timedelta(seconds=10)
    assert ac1.control.reduce.body is not None
    assert ac1.control.reduce.body.text == '{"kw":"{reduction_kw}"}'
    assert ac1.control.restore.auth is not None
    assert ac1.control.restore.auth.type is ControlAuthType.BEARER
    assert (plug.device_id, plug.power_sensor_id) == ("plug", "plug.energy")
    assert plug.control is not None
    assert plug.control.kind is ControlKind.NONE


async def test_polled_devices_take_part_by_themselves(
    container: AsyncContainer, provider: MemoryProvider
) -> None:
    follow: FollowConfiguration = await container.get(FollowConfiguration)
    configure(provider, AC1, METER)
    changed = IotConfigurationChanged(
        event_id=EventId(provider.ids.new()),
        occurred_at=provider.clock.now(),
        actor=SYSTEM,
        version=1,
        origin="file",
        added=(),
        changed=(),
        removed=(),
    )
    await follow(changed)
    assert (await device(container, "AC_1")).origin is ProfileOrigin.POLLER
    with pytest.raises(NotFoundError):
        await device(container, "meter")
    before = await device(container, "AC_1")
    provider.clock.advance(MINUTE)
    assert await follow.catch_up() == 0
    assert await device(container, "AC_1") == before


async def test_what_people_say_stays_and_the_control_follows_the_configuration(
    container: AsyncContainer, provider: MemoryProvider
) -> None:
    follow: FollowConfiguration = await container.get(FollowConfiguration)
    sensors: Sensors = await container.get(Sensors)
    devices: DrDevices = await container.get(DrDevices)
    configure(provider, AC1)
    await follow.catch_up()
    await sensors.create(definition("AC_1.power"), SYSTEM)
    said = DeviceTerms(device_id=DeviceId("AC_1"), power_sensor_id=SensorId("AC_1.power"), priority=3)
    await devices.put(said, SYSTEM)
    elsewhere = {"reduce": {**COMMAND, "url": "http://127.0.0.1:81/reduce"}, "restore": RESTORE}
    configure(provider, {**AC1, "control": {"demandresponse": True, "http": elsewhere}})
    assert await follow.catch_up() == 1
    now = await device(container, "AC_1")
    assert (now.terms.priority, now.origin) == (3, ProfileOrigin.API)
    assert now.terms.control is not None
    assert now.terms.control.reduce is not None
    assert now.terms.control.reduce.url == "http://127.0.0.1:81/reduce"
    configure(provider)
    assert await follow.catch_up() == 0
    assert (await device(container, "AC_1")).terms.controllable


async def test_whom_the_configuration_has_no_more_is_not_controlled_any_more(
    container: AsyncContainer, provider: MemoryProvider
) -> None:
    follow: FollowConfiguration = await container.get(FollowConfiguration)
    configure(provider, AC1)
    await follow.catch_up()
    configure(provider, METER)
    assert await follow.catch_up() == 1
    assert not (await device(container, "AC_1")).terms.controllable


async def test_the_load_of_sensors(container: AsyncContainer, provider: MemoryProvider) -> None:
    history: LoadHistory = await container.get(LoadHistory)
    sensors: Sensors = await container.get(Sensors)
    write: WriteReadings = await container.get(WriteReadings)
    await sensors.create(definition("p", unit="W", resolution=MINUTE), SYSTEM)
    await sensors.create(definition("idle"), SYSTEM)
    start = provider.clock.now() - timedelta(hours=1)
    times = [to_microseconds(start + number * MINUTE) for number in range(31)]
    await write.write(Submission(sensor_ids=["p"] * 31, times_us=times, values=[1500.0] * 31), Source("test"))
    p, idle, nobody = SensorId("p"), SensorId("idle"), SensorId("nobody")
    assert await history.known({p, idle, nobody}) == {p, idle}
    means = await history.means({p, idle, nobody}, TimeRange(start, start + timedelta(hours=1)), QUARTER)
    assert means.keys() == {p, idle}
    assert means[idle] == []
    assert [(one.start - start, one.mean_kw, one.quality) for one in means[p]] == [
        (timedelta(), 1.5, Quality.OK),
        (QUARTER, 1.5, Quality.OK),
    ]
    newest = await history.newest({p, idle, nobody})
    assert newest.keys() == {p, idle}
    assert (newest[p].time, newest[p].power_kw, newest[p].interval) == (start + 30 * MINUTE, 1.5, MINUTE)
    assert (newest[idle].time, newest[idle].quality) == (None, Quality.MISSING)
    now = provider.clock.now()
    assert not await history.settled(TimeRange(start, now))
    assert await history.settled(TimeRange(start, now - timedelta(hours=1)))


async def test_how_comfortable_rooms_are(container: AsyncContainer, provider: MemoryProvider) -> None:
    rooms: Rooms = await container.get(Rooms)
    conditions: RoomConditions = await container.get(RoomConditions)
    uow: SensorsUnitOfWork = await container.get(SensorsUnitOfWork)
    now = provider.clock.now()
    metrics = RoomMetrics(
        room_name=DescribedRoom("warm"),
        start=now - 5 * MINUTE,
        end=now,
        temperature=27.25,
        humidity=41.0,
        co2=800.0,
        comfort=False,
    )
    for name in ("warm", "old", "unknown"):
        await rooms.create(Room(room_name=DescribedRoom(name)), SYSTEM)
    async with uow.begin() as tx:
        old = replace(metrics, room_name=DescribedRoom("old"), start=now - 60 * MINUTE, end=now - 55 * MINUTE)
        await tx.room_metrics.put([metrics, old])
    found = await conditions.comfort({RoomName(one) for one in ("warm", "old", "unknown", "nowhere")})
    assert found.keys() == {"warm", "old"}
    assert found[RoomName("warm")].comfortable is False
    assert found[RoomName("warm")].detail == "27.2 °C, 41 % humidity, 800 ppm CO2"
    assert found[RoomName("old")].comfortable is None
    assert await conditions.comfort(set()) == {}


async def test_which_devices_answer(container: AsyncContainer, provider: MemoryProvider) -> None:
    health: DeviceHealth = await container.get(DeviceHealth)
    uow: IngestionUnitOfWork = await container.get(IngestionUnitOfWork)
    configure(provider, AC1, PLUG, METER)
    since = datetime(2026, 1, 1, tzinfo=UTC)
    async with uow.begin() as tx:
        leases = {one.shard: one for one in await tx.shard_leases.hold(WorkerId("w"), MINUTE)}
        states = [
            DeviceState(device_id=PolledDeviceId(name), status=status, status_since=since)
            for name, status in (("AC_1", DeviceStatus.OFFLINE), ("plug", DeviceStatus.DEGRADED))
        ]
        some = next(iter(leases.values()))
        await tx.device_statuses.save([FencedState(one, some) for one in states])
    ids = {DeviceId(one) for one in ("AC_1", "plug", "meter", "nobody")}
    found = await health.connections(ids)
    assert {name: one.online for name, one in found.items()} == {"AC_1": False, "plug": True}
    assert found[DeviceId("AC_1")].since == since


async def test_the_overview_counts_events(container: AsyncContainer, provider: MemoryProvider) -> None:
    counts: DrEventCounts = await container.get(DrEventCounts)
    events: DrEvents = await container.get(DrEvents)
    sensors: Sensors = await container.get(Sensors)
    devices: DrDevices = await container.get(DrDevices)
    await sensors.create(definition("p"), SYSTEM)
    await devices.put(DeviceTerms(device_id=DeviceId("d"), power_sensor_id=SensorId("p")), SYSTEM)
    now = provider.clock.now()
    for after in (-MINUTE, timedelta(hours=1), timedelta(hours=2), -timedelta(days=1)):
        terms = EventTerms(
            event_name="e",
            signal=Signal(SignalType.SIMPLE, 1.0),
            start=now + after,
            duration=timedelta(minutes=10),
        )
        await events.create(terms, SYSTEM)
    assert await counts.numbers() == EventNumbers(active=1, upcoming=2)
    overview: OverviewSource = await container.get(OverviewSource)
    assert (await overview.read()).events == EventNumbers(active=1, upcoming=2)
