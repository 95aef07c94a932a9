import asyncio
import json
import socket as sockets_of_the_system
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from unittest.mock import patch

import pytest

from adapters.websocket import readings
from adapters.websocket.limits import SocketLimits
from domain.operations.model import Topic
from domain.sensors.model import Sensor
from tests.integration.websocket.world import Client, Server, World, serving


def _stop_reading(client: Client) -> None:
    client.connection.transport.pause_reading()


async def _wide(world: World, count: int) -> list[Sensor]:
    return [await world.sensor(f"sensor-{number:04}") for number in range(count)]


async def test_a_slow_client_loses_the_oldest_and_is_told_while_others_get_all() -> None:
    world = World(SocketLimits(queued_events=10))
    async with serving(world) as server:
        sensor = await world.sensor("a")
        async with _slow_client(server) as slow, server.client() as quick:
            await slow.subscribe("slow")
            await quick.subscribe("quick")
            _stop_reading(slow)
            total = 60
            arrived = []
            for _ in range(total):
                await world.announce(sensor, 2000)
                arrived.append((await quick.next())["seq"])
            assert arrived == list(range(1, total + 1))
            slow.connection.transport.resume_reading()
            seen: list[int] = []
            lagged: list[dict[str, object]] = []
            while not seen or seen[-1] < total:
                message = await slow.next()
                if message["type"] == "lagged":
                    lagged.append(message)
                else:
                    seen.append(message["seq"])
    assert lagged
    missing = sorted(set(range(1, total + 1)) - set(seen))
    assert seen == sorted(set(seen))
    told = [
        number
        for message in lagged
        for number in range(message["from_seq"], message["to_seq"] + 1)  # type: ignore[operator,call-overload]
    ]
    assert told == missing
    assert sum(message["dropped"] for message in lagged) == len(missing)  # type: ignore[misc]  # numbers, in JSON
    assert seen[-10:] == list(range(total - 9, total + 1))


def _slow_client(server: Server) -> AbstractAsyncContextManager[Client]:
    # A small receive buffer, so that little is enough to fill what lies between.
    endpoint = sockets_of_the_system.socket()
    endpoint.setsockopt(sockets_of_the_system.SOL_SOCKET, sockets_of_the_system.SO_RCVBUF, 4096)
    host, port = server.url.removeprefix("ws://").split(":")
    endpoint.connect((host, int(port)))
    endpoint.setblocking(False)  # noqa: FBT003
    return server.client(sock=endpoint, max_queue=1)


async def test_a_client_that_reads_nothing_holds_up_neither_the_relay_nor_its_own_end() -> None:
    world = World(SocketLimits(queued_events=10, farewell=0.2))
    async with serving(world) as server:
        sensor = await world.sensor("a")
        async with AsyncExitStack() as stack:
            stuck = await stack.enter_async_context(_slow_client(server))
            await stuck.subscribe()
            _stop_reading(stuck)
            for _ in range(30):
                await world.announce(sensor, 2000)
            await asyncio.wait_for(world.published(Topic.ENERGY_DATA, 30), 2)
            for _ in range(200):  # asks, and does not take the answers
                await stuck.send({"type": "ping"})
            await asyncio.sleep(0.1)
            stuck.connection.transport.abort()
            async with asyncio.timeout(3):
                while len(world.sockets):  # noqa: ASYNC110 - nobody is told
                    await asyncio.sleep(0.02)


async def test_two_hundred_clients_get_each_event_soon_and_it_is_encoded_once() -> None:
    world = World()
    async with serving(world) as server, AsyncExitStack() as stack:
        sensors = await _wide(world, 20)
        _, key = await world.key()
        clients = [await stack.enter_async_context(server.client(key)) for _ in range(200)]
        for number, client in enumerate(clients):
            await client.subscribe(number)
        with patch.object(readings.StoredReadings, "data", autospec=True, side_effect=_counted) as encoded:
            for round_number in range(5):
                begun = time.monotonic()
                await world.write([(sensor, float(round_number)) for sensor in sensors])
                events = await asyncio.gather(*(client.next() for client in clients))
                assert {event["seq"] for event in events} == {round_number + 1}
                assert time.monotonic() - begun < 3  # a loaded machine; the benchmarks measure it
        assert encoded.call_count == 5
        assert sorted(event["id"] for event in events) == list(range(200))


_data = readings.StoredReadings.data


def _counted(*arguments: object) -> str | None:
    return _data(*arguments)  # type: ignore[arg-type]  # in their order


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", "malformed_json"),
        ("", "malformed_json"),
        ("null", "invalid_message"),
        ("[]", "invalid_message"),
        ("[" * 100_000, "invalid_message"),
        ('{"type":"subscribe","id":"a","topics":' + "[" * 50_000, "invalid_message"),
        ('{"type":"ping","x":' + "[" * 100_000, "malformed_json"),
        ('{"type":"unsubscribe","id":"\\ud800"}', "malformed_json"),
        ('{"type":"nonsense"}', "invalid_message"),
        ('{"id":"a"}', "invalid_message"),
        ('{"type":"subscribe","id":[],"topics":["energy_data"]}', "invalid_message"),
        ('{"type":"subscribe","id":"' + "x" * 200 + '","topics":["energy_data"]}', "invalid_message"),
        (b"\x00\x01\xff", "binary_message"),
        ("x" * 300_000, "message_too_large"),
    ],
)
async def test_a_faulty_frame_is_told_and_the_socket_goes_on(frame: str | bytes, code: str) -> None:
    async with serving(World()) as server, server.client() as client:
        await client.connection.send(frame)
        error = await client.next()
        assert (error["type"], error["code"]) == ("error", code)
        await client.send({"type": "ping"})
        assert (await client.next())["type"] == "pong"


async def test_too_many_faulty_frames_close_the_socket() -> None:
    async with serving(World(SocketLimits(faults_a_minute=5))) as server, server.client() as client:
        for _ in range(5):
            await client.connection.send("{")
            assert (await client.next())["code"] == "malformed_json"
        await client.connection.send("{")
        assert (await client.next())["code"] == "too_many_faults"
        assert await client.closed() == 1008


async def test_the_protocols_own_pings_are_answered() -> None:
    async with serving(World()) as server, server.client() as client:
        async with asyncio.timeout(2):
            await (await client.connection.ping())


async def test_a_client_that_vanishes_leaves_nothing_behind() -> None:
    world = World()
    async with serving(world) as server:
        sensor = await world.sensor("a")
        async with server.client() as client:
            await client.subscribe()
            client.connection.transport.abort()
            await world.write([(sensor, 1.0)])
            async with asyncio.timeout(2):
                while len(world.sockets):  # noqa: ASYNC110 - nobody is told
                    await asyncio.sleep(0.01)
    assert not any(world.sockets._audience._listeners.values())


async def test_a_shutdown_says_going_away_at_once() -> None:
    world = World()
    async with serving(world) as server, server.client() as client, server.raw() as silent:
        await client.subscribe()
        begun = time.monotonic()
        server.uvicorn.should_exit = True
        assert await client.closed() == 1001
        assert await silent.closed() == 1001
        assert time.monotonic() - begun < 1.5


async def test_closing_the_sockets_tells_why() -> None:
    world = World()
    async with serving(world) as server, server.client() as client:
        world.sockets.close()
        assert (await client.next())["code"] == "going_away"
        assert await client.closed() == 1001


async def test_json_is_what_is_sent() -> None:
    async with serving(World()) as server, server.client() as client:
        await client.send({"type": "ping"})
        frame = await client.connection.recv()
    assert isinstance(frame, str)
    assert set(json.loads(frame)) == {"type", "server_time"}
