import asyncio

import pytest

from adapters.websocket.limits import SocketLimits
from domain.operations.model import Topic
from domain.sensors.model import RoomName
from domain.shared.quantities import Quantity
from tests.integration.websocket.world import World, serving


async def test_a_snapshot_and_then_each_batch_as_one_event() -> None:
    world = World()
    async with serving(world) as server:
        one = await world.sensor("one", room="Lab")
        two = await world.sensor("two")
        await world.write([(one, 1.0), (two, 2.0)])
        await world.published(Topic.ENERGY_DATA, 1)
        async with server.client() as client:
            subscribed = await client.subscribe("mine")
            assert (subscribed["type"], subscribed["id"], subscribed["seq"]) == ("subscribed", "mine", 1)
            assert [(item["sensor_id"], item["value"]) for item in subscribed["snapshot"]] == [
                ("one", 1.0),
                ("two", 2.0),
            ]
            await world.write([(one, 3.0), (two, 4.0)])
            event = await client.next()
    assert (event["type"], event["id"], event["topic"], event["seq"]) == ("event", "mine", "energy_data", 2)
    assert event["data"]["type"] == "readings"
    first, second = event["data"]["readings"]
    assert first["time"].endswith("+00:00")
    assert first == {
        "sensor_id": "one",
        "time": first["time"],
        "value": 3.0,
        "unit": "kW",
        "quality": "OK",
        "quantity": "power",
        "room_name": "Lab",
    }
    assert (second["sensor_id"], second["value"]) == ("two", 4.0)


@pytest.mark.parametrize(
    ("wanted", "values"),
    [
        ({}, [1.0, 2.0, 3.0]),
        ({"sensor_ids": ["a", "c"]}, [1.0, 3.0]),
        ({"room_names": ["Lab"]}, [1.0, 2.0]),
        ({"quantities": ["temperature"]}, [2.0]),
        ({"room_names": ["Lab"], "quantities": ["power"]}, [1.0]),
    ],
)
async def test_filters_hold_for_snapshot_and_events(wanted: dict[str, object], values: list[float]) -> None:
    world = World()
    async with serving(world) as server:
        sensors = [
            await world.sensor("a", room="Lab"),
            await world.sensor("b", Quantity.TEMPERATURE, "Lab"),
            await world.sensor("c"),
        ]
        await world.write(zip(sensors, (1.0, 2.0, 3.0), strict=True))
        await world.published(Topic.ENERGY_DATA, 1)
        async with server.client() as client:
            subscribed = await client.subscribe(**wanted)
            await world.write(zip(sensors, (1.0, 2.0, 3.0), strict=True))
            event = await client.next()
    assert [item["value"] for item in subscribed["snapshot"]] == values
    assert [item["value"] for item in event["data"]["readings"]] == values


async def test_a_batch_without_what_was_asked_for_is_no_event() -> None:
    world = World()
    async with serving(world) as server:
        wanted, other = await world.sensor("wanted"), await world.sensor("other")
        async with server.client() as client:
            await client.subscribe(sensor_ids=["wanted"])
            await world.write([(other, 1.0)])
            await world.write([(wanted, 2.0)])
            event = await client.next()
    assert event["seq"] == 2


async def test_two_subscriptions_of_a_socket_each_get_their_own() -> None:
    world = World()
    async with serving(world) as server:
        sensor = await world.sensor("a")
        async with server.client() as client:
            await client.subscribe(1)
            await client.subscribe(2, topics=["energy_data", "sensor_events"])
            await world.write([(sensor, 1.0)])
            events = [await client.next(), await client.next()]
    assert sorted(event["id"] for event in events) == [1, 2]


async def test_other_topics_tell_the_type_and_facts_and_nothing_internal() -> None:
    world = World()
    async with serving(world) as server, server.client() as client:
        subscribed = await client.subscribe("x", topics=["sensor_events"])
        assert (subscribed["seq"], subscribed["snapshot"]) == (0, [])
        await world.sensor("made", room="Lab")
        event = await client.next()
    assert event["topic"] == "sensor_events"
    assert event["data"] == {"type": "sensor_created", "sensor_id": "made"}


async def test_an_ended_subscription_gets_nothing_more() -> None:
    world = World()
    async with serving(world) as server:
        sensor = await world.sensor("a")
        async with server.client() as client:
            await client.subscribe("kept")
            await client.subscribe("ended")
            await client.send({"type": "unsubscribe", "id": "ended"})
            assert await client.next() == {"type": "unsubscribed", "id": "ended"}
            await world.write([(sensor, 1.0)])
            assert (await client.next())["id"] == "kept"
            await client.send({"type": "ping"})
            assert (await client.next())["type"] == "pong"
            assert (await client.subscribe("ended"))["type"] == "subscribed"


async def test_a_subscription_that_ends_before_it_began() -> None:
    async with serving(World()) as server, server.client() as client:
        for _ in range(20):
            await client.send({"type": "subscribe", "id": 1, "topics": ["energy_data"], "since": 0})
            await client.send({"type": "unsubscribe", "id": 1})
        for _ in range(20):
            assert (await client.next("unsubscribed"))["id"] == 1


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"topics": ["nonsense"]}, "unknown_topic"),
        ({"sensor_ids": ["nobody"]}, "unknown_sensor"),
        ({"sensor_ids": ["\x00"]}, "unknown_sensor"),
        ({"quantities": ["beauty"]}, "unknown_quantity"),
        ({"since": "yesterday"}, "invalid_timestamp"),
        ({"since": "2026-01-01T00:00:00"}, "naive_timestamp"),
        ({"since": {"dr_events": 1}}, "unknown_topic"),
        ({"topics": []}, "invalid_message"),
        ({"topics": "energy_data"}, "invalid_message"),
        ({"since": -1}, "invalid_message"),
        ({"since": True}, "invalid_message"),
        ({"sensors": ["a"]}, "invalid_message"),
    ],
)
async def test_a_wrong_subscription_is_an_error_with_its_id(wanted: dict[str, object], code: str) -> None:
    async with serving(World()) as server, server.client() as client:
        error = await client.subscribe("mine", **wanted)
        assert (error["type"], error["id"], error["code"]) == ("error", "mine", code)
        assert (await client.subscribe("mine"))["type"] == "subscribed"


async def test_ids_are_given_once_and_only_so_many() -> None:
    async with serving(World(SocketLimits(subscriptions=2))) as server, server.client() as client:
        await client.subscribe("a")
        assert (await client.subscribe("a"))["code"] == "subscription_exists"
        await client.subscribe("b")
        assert (await client.subscribe("c"))["code"] == "too_many_subscriptions"
        await client.send({"type": "unsubscribe", "id": "nobody"})
        assert (await client.next())["code"] == "unknown_subscription"


async def test_a_sensor_that_moves_is_filtered_by_where_it_is_now() -> None:
    world = World()
    async with serving(world) as server:
        sensor = await world.sensor("a", room="Lab")
        async with server.client() as client:
            await client.subscribe(room_names=["Lab"])
            await world.write([(sensor, 1.0)])
            assert (await client.next())["seq"] == 1
            async with world.sensors.begin() as tx:
                await tx.sensors.leave_room(RoomName("Lab"), world.clock.now())
            world.catalog.forget_all()
            moved = (await world.catalog.resolve(["a"]))["a"]
            await world.write([(moved, 2.0)])
            await world.published(Topic.ENERGY_DATA, 2)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await client.next()
