import time

import pytest
from websockets.exceptions import InvalidStatus

from adapters.websocket.limits import SocketLimits
from domain.operations.model import Topic
from domain.shared.events import SYSTEM
from tests.integration.websocket.world import World, serving


async def test_the_header_authenticates() -> None:
    world = World()
    async with serving(world) as server:
        _, key = await world.key()
        async with server.raw(additional_headers={"Authorization": f"Bearer {key}"}) as client:
            welcome = await client.next()
    assert welcome["type"] == "welcome"
    assert welcome["topics"] == [topic.value for topic in Topic]
    assert welcome["server_time"].endswith("+00:00")


async def test_the_first_message_authenticates() -> None:
    world = World()
    async with serving(world) as server:
        _, key = await world.key()
        async with server.raw() as client:
            await client.send({"type": "authenticate", "token": key})
            assert (await client.next())["type"] == "welcome"
            await client.send({"type": "authenticate", "token": key})
            assert (await client.next())["code"] == "already_authenticated"


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ('{"type":"authenticate","token":"wrong"}', "invalid_api_key"),
        ('{"type":"authenticate","token":""}', "missing_api_key"),
        ('{"type":"ping"}', "not_authenticated"),
        ('{"type":"subscribe","id":"a","topics":["energy_data"]}', "not_authenticated"),
        ("{", "malformed_json"),
        (b"\x00\xff", "binary_message"),
    ],
)
async def test_a_wrong_first_message_is_told_and_closed(first: str | bytes, code: str) -> None:
    async with serving(World()) as server, server.raw() as client:
        await client.connection.send(first)
        error = await client.next()
        assert (error["type"], error["code"]) == ("error", code)
        assert await client.closed() == 4401


@pytest.mark.parametrize("header", ["Bearer wrong", "Basic dTpw", "Bearer"])
async def test_a_wrong_header_is_told_and_closed(header: str) -> None:
    headers = {"Authorization": header}
    async with serving(World()) as server, server.raw(additional_headers=headers) as client:
        assert (await client.next())["type"] == "error"
        assert await client.closed() == 4401


async def test_silence_is_told_and_closed() -> None:
    async with serving(World(SocketLimits(authentication=0.2))) as server, server.raw() as client:
        assert (await client.next())["code"] == "authentication_timeout"
        assert await client.closed() == 4401


async def test_a_revoked_key_is_told_and_closed_within_a_second() -> None:
    world = World()
    async with serving(world) as server:
        kept, kept_secret = await world.key()
        revoked, secret = await world.key()
        async with (
            server.client(secret) as first,
            server.client(secret) as second,
            server.client(kept_secret) as other,
        ):
            await world.api_keys.revoke(revoked.key_id, actor=SYSTEM)
            begun = time.monotonic()
            for client in (first, second):
                assert (await client.next())["code"] == "key_revoked"
                assert await client.closed() == 4401
            assert time.monotonic() - begun < 1.0
            await other.send({"type": "ping"})
            assert (await other.next())["type"] == "pong"
    assert kept.key_id != revoked.key_id
    assert len(world.sockets) == 0


@pytest.mark.parametrize(
    ("origin", "taken"),
    [
        (None, True),
        ("same", True),
        ("https://allowed.test", True),
        ("https://evil.test", False),
        ("null", False),
    ],
)
async def test_only_pages_of_allowed_origins_may_connect(origin: str | None, taken: bool) -> None:
    async with serving(World(origins=["https://allowed.test"])) as server:
        if origin == "same":
            origin = server.url.replace("ws://", "http://")
        headers = {} if origin is None else {"Origin": origin}
        if taken:
            async with server.raw(additional_headers=headers) as client:
                await client.send({"type": "ping"})
                assert (await client.next())["code"] == "not_authenticated"
        else:
            with pytest.raises(InvalidStatus) as refused:
                async with server.raw(additional_headers=headers):
                    pass
            assert refused.value.response.status_code == 403
