import asyncio
from datetime import timedelta

import pytest

from adapters.websocket.limits import SocketLimits
from domain.operations.model import FeedEntry, Resync, Topic
from tests.integration.websocket.world import Client, World, serving


def _nothing(message: tuple[FeedEntry, ...] | Resync) -> None:
    assert message


async def _seqs(client: Client, upto: int) -> list[int]:
    seqs: list[int] = []
    while not seqs or seqs[-1] < upto:
        seqs.append((await client.next("event"))["seq"])
    return seqs


async def test_snapshot_and_live_join_without_gap_or_double_while_much_is_written() -> None:
    world = World()
    async with serving(world) as server:
        sensor = await world.sensor("a")
        total = 120

        async def write() -> None:
            for number in range(total):
                await world.write([(sensor, float(number))])
                await asyncio.sleep(0.001)

        writing = asyncio.create_task(write())
        results = []
        async with server.client() as client:
            for subscription in range(5):
                await asyncio.sleep(0.02)
                await client.send({"type": "subscribe", "id": subscription, "topics": ["energy_data"]})
            begun: dict[int, int] = {}
            seen: dict[int, list[int]] = {number: [] for number in range(5)}
            while len(begun) < 5 or any([begun[one], *seqs][-1] < total for one, seqs in seen.items()):
                message = await client.next()
                if message["type"] == "subscribed":
                    begun[message["id"]] = message["seq"]
                    results.append(message)
                else:
                    seen[message["id"]].append(message["seq"])
        await writing
    for number, seqs in seen.items():
        assert seqs == list(range(begun[number] + 1, total + 1))
    for subscribed in results:
        value = subscribed["snapshot"][0]["value"] if subscribed["snapshot"] else -1
        assert value >= subscribed["seq"] - 1  # the snapshot holds what was published up to its seq


async def test_since_a_number_replays_and_goes_on_live() -> None:
    world = World(SocketLimits(replay_page=7))
    async with serving(world) as server:
        sensor = await world.sensor("a")
        for number in range(30):
            await world.write([(sensor, float(number))])
        await world.published(Topic.ENERGY_DATA, 30)

        async def write() -> None:
            for number in range(30):
                await world.write([(sensor, float(number))])

        async with server.client() as client:
            writing = asyncio.create_task(write())
            subscribed = await client.subscribe(since=10)
            assert (subscribed["type"], subscribed["seq"], subscribed["snapshot"]) == ("subscribed", 10, [])
            assert await _seqs(client, 60) == list(range(11, 61))
            await writing


async def test_since_a_time_begins_with_the_first_event_published_then() -> None:
    world = World()
    async with serving(world) as server:
        sensor = await world.sensor("a")
        await world.write([(sensor, 1.0)])
        await world.published(Topic.ENERGY_DATA, 1)
        await asyncio.sleep(0.02)
        time = world.clock.now()
        await asyncio.sleep(0.02)
        for number in (2.0, 3.0):
            await world.write([(sensor, number)])
        await world.published(Topic.ENERGY_DATA, 3)
        async with server.client() as client:
            subscribed = await client.subscribe(since=time.isoformat())
            assert subscribed["seq"] == 1
            assert await _seqs(client, 3) == [2, 3]


async def test_since_the_end_of_the_feed_begins_at_once() -> None:
    world = World()
    async with serving(world) as server:
        sensor = await world.sensor("a")
        await world.write([(sensor, 1.0)])
        await world.published(Topic.ENERGY_DATA, 1)
        async with server.client() as client:
            assert (await client.subscribe(since=1))["seq"] == 1
            await world.write([(sensor, 1.0)])
            assert await _seqs(client, 2) == [2]


@pytest.mark.parametrize("since", [1, "2020-01-01T00:00:00Z", 4711])
async def test_what_is_not_kept_any_more_is_a_resync_with_a_new_snapshot(since: int | str) -> None:
    world = World()
    async with serving(world) as server:
        sensor = await world.sensor("a")
        for number in range(3):
            await world.write([(sensor, float(number))])
        await world.published(Topic.ENERGY_DATA, 3)
        world.clock.shift = timedelta(hours=25)
        await world.write([(sensor, 3.0)])
        await world.published(Topic.ENERGY_DATA, 4)
        async with server.client() as client:
            resync = await client.subscribe(since=since)
            assert (resync["type"], resync["id"], resync["seq"]) == ("resync", "s", 4)
            assert [item["value"] for item in resync["snapshot"]] == [3.0]
            await world.write([(sensor, 4.0)])
            assert await _seqs(client, 5) == [5]


async def test_several_topics_have_a_seq_each_which_since_takes_back() -> None:
    world = World()
    async with serving(world) as server:
        sensor = await world.sensor("a")
        await world.write([(sensor, 1.0)])
        await world.published(Topic.ENERGY_DATA, 1)
        await world.published(Topic.SENSOR_EVENTS, 1)
        topics = ["energy_data", "sensor_events"]
        async with server.client() as client:
            subscribed = await client.subscribe(topics=topics)
            assert subscribed["seq"] == {"energy_data": 1, "sensor_events": 1}
            await world.sensor("b")
            event = await client.next("event")
            assert (event["topic"], event["seq"]) == ("sensor_events", 2)
            again = await client.subscribe("again", topics=topics, since=subscribed["seq"])
            assert again["seq"] == subscribed["seq"]
            assert (await client.next())["seq"] == 2


async def test_what_the_live_feed_missed_comes_from_the_stored_one() -> None:
    world = World()
    async with serving(world) as server:
        sensor = await world.sensor("a")
        async with server.client() as client:
            await client.subscribe()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(world.broadcaster, "publish", _nothing)
                for _ in range(3):
                    await world.write([(sensor, 1.0)])
                await world.published(Topic.ENERGY_DATA, 3)
                await asyncio.sleep(0.1)
            world.broadcaster.publish(Resync())
            assert await _seqs(client, 3) == [1, 2, 3]
            await world.write([(sensor, 1.0)])
            assert await _seqs(client, 4) == [4]


async def test_a_missed_time_that_is_not_kept_is_a_resync() -> None:
    world = World()
    async with serving(world) as server:
        sensor = await world.sensor("a")
        async with server.client() as client:
            await client.subscribe()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(world.broadcaster, "publish", _nothing)
                await world.write([(sensor, 1.0)])
                await world.published(Topic.ENERGY_DATA, 1)
                world.clock.shift = timedelta(hours=25)
                await world.write([(sensor, 2.0)])
                await world.published(Topic.ENERGY_DATA, 2)
            world.broadcaster.publish(Resync())
            resync = await client.next()
            assert (resync["type"], resync["seq"], resync["snapshot"][0]["value"]) == ("resync", 2, 2.0)
            await world.write([(sensor, 3.0)])
            assert (await client.next("event"))["seq"] == 3
