import asyncio
import json

import pytest

from adapters.websocket.limits import SocketLimits
from adapters.websocket.outgoing import Outgoing
from domain.operations.model import Topic

STREAM = ("s", Topic.ENERGY_DATA)


async def _all(outgoing: Outgoing) -> list[str]:
    frames = []
    try:
        while True:
            async with asyncio.timeout(0.02):
                frame = await outgoing.next()
            assert frame is not None
            frames.append(frame)
    except TimeoutError:
        return frames


async def test_what_is_queued_comes_in_order() -> None:
    outgoing = Outgoing(SocketLimits())
    outgoing.offer("1", STREAM, 1)
    await outgoing.put("a")
    outgoing.offer("2", STREAM, 2)
    assert await _all(outgoing) == ["1", "a", "2"]


async def test_the_oldest_events_give_way_and_that_is_told_first() -> None:
    outgoing = Outgoing(SocketLimits(queued_events=2))
    await outgoing.put("answer")
    for seq in range(1, 6):
        outgoing.offer(str(seq), STREAM, seq)
    lagged, *rest = await _all(outgoing)
    assert json.loads(lagged) == {
        "type": "lagged",
        "id": "s",
        "topic": "energy_data",
        "dropped": 3,
        "from_seq": 1,
        "to_seq": 3,
    }
    assert rest == ["answer", "4", "5"]


async def test_each_stream_is_told_of_its_own_losses() -> None:
    outgoing = Outgoing(SocketLimits(queued_events=1))
    outgoing.offer("1", STREAM, 1)
    outgoing.offer("7", ("t", Topic.DR_EVENTS), 7)
    outgoing.offer("2", STREAM, 2)
    frames = await _all(outgoing)
    assert [(json.loads(one)["id"], json.loads(one)["from_seq"]) for one in frames[:-1]] == [
        ("s", 1),
        ("t", 7),
    ]
    assert frames[-1] == "2"


async def test_large_events_are_bounded_by_their_size_but_one_always_fits() -> None:
    outgoing = Outgoing(SocketLimits(queued_bytes=10))
    outgoing.offer("x" * 100, STREAM, 1)
    outgoing.offer("y" * 100, STREAM, 2)
    frames = await _all(outgoing)
    assert json.loads(frames[0])["dropped"] == 1
    assert frames[1:] == ["y" * 100]


async def test_answers_wait_for_room_and_are_not_dropped() -> None:
    outgoing = Outgoing(SocketLimits(waiting_answers=2))

    async def put() -> None:
        for number in range(10):
            await outgoing.put(str(number))

    putting = asyncio.create_task(put())
    await asyncio.sleep(0)
    assert not putting.done()
    assert [await outgoing.next() for _ in range(10)] == [str(number) for number in range(10)]
    await putting


async def test_an_ended_subscription_takes_its_events_and_losses_along() -> None:
    outgoing = Outgoing(SocketLimits(queued_events=2))
    for seq in range(1, 4):
        outgoing.offer(str(seq), STREAM, seq)
    outgoing.offer("other", ("t", Topic.ENERGY_DATA), 1)
    outgoing.withdraw("s")
    assert await _all(outgoing) == ["other"]


@pytest.mark.parametrize("last", [None, "goodbye"])
async def test_the_end_drops_all_but_the_last_word(last: str | None) -> None:
    outgoing = Outgoing(SocketLimits(waiting_answers=1))
    await outgoing.put("a")
    waiting = asyncio.create_task(outgoing.put("b"))
    await asyncio.sleep(0)
    outgoing.end(last)
    await waiting
    outgoing.offer("c", STREAM, 1)
    outgoing.end("again")
    expected = [None] if last is None else [last, None]
    assert [await outgoing.next() for _ in expected] == expected
