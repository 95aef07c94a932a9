import asyncio

import pytest

from adapters.events.fan_out import Broadcaster
from domain.operations.model import FeedEntry, FeedMessage, Lagged, Lost, Resync, Topic
from tests.unit.events.samples import TIME, happened

ALL = frozenset(Topic)


def entry(seq: int, topic: Topic = Topic.SYSTEM_EVENTS) -> FeedEntry:
    return FeedEntry(topic=topic, seq=seq, time=TIME, event=happened(seq))


async def test_a_subscriber_gets_its_topics_in_order() -> None:
    broadcaster = Broadcaster()
    with broadcaster.subscribe({Topic.SYSTEM_EVENTS}) as subscription:
        broadcaster.publish((entry(1), entry(9, Topic.DR_EVENTS), entry(2)))
        broadcaster.publish((entry(3),))
        message = await subscription.next()
    assert isinstance(message, tuple)
    assert [one.seq for one in message] == [1, 2, 3]


async def test_a_slow_subscriber_loses_the_oldest_and_is_told() -> None:
    broadcaster = Broadcaster()
    with broadcaster.subscribe(ALL, capacity=3) as slow, broadcaster.subscribe(ALL, capacity=50) as quick:
        for seq in range(1, 11):
            broadcaster.publish((entry(seq), entry(seq, Topic.DR_EVENTS)))
        lagged = await slow.next()
        assert isinstance(lagged, Lagged)
        assert set(lagged.lost) == {Lost(Topic.SYSTEM_EVENTS, 9, 1), Lost(Topic.DR_EVENTS, 8, 1)}
        rest = await slow.next()
        assert isinstance(rest, tuple)
        assert [(one.topic, one.seq) for one in rest] == [
            (Topic.DR_EVENTS, 9),
            (Topic.SYSTEM_EVENTS, 10),
            (Topic.DR_EVENTS, 10),
        ]
        whole = await quick.next()
        assert isinstance(whole, tuple)
        assert len(whole) == 20
        broadcaster.publish((entry(11),))
        assert await slow.next() == await quick.next() != ()


async def test_next_waits_until_there_is_something() -> None:
    broadcaster = Broadcaster()
    with broadcaster.subscribe({Topic.SYSTEM_EVENTS}) as subscription:
        waiting = asyncio.create_task(subscription.next())
        await asyncio.sleep(0)
        broadcaster.publish((entry(1, Topic.DR_EVENTS),))
        await asyncio.sleep(0)
        assert not waiting.done()
        broadcaster.publish(Resync())
        assert await waiting == Resync()


async def test_an_ended_subscription_gets_nothing_more() -> None:
    broadcaster = Broadcaster()
    with broadcaster.subscribe(ALL) as subscription:
        pass
    broadcaster.publish((entry(1),))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(subscription.next(), 0.01)


async def test_a_failing_callback_does_not_hurt_the_others(caplog: pytest.LogCaptureFixture) -> None:
    broadcaster = Broadcaster()
    heard: list[FeedMessage] = []

    def broken(message: object) -> None:
        raise RuntimeError(str(message))

    with broadcaster.listen(broken), broadcaster.listen(heard.append):
        broadcaster.publish((entry(1),))
    assert len(heard) == 1
    assert "a subscriber of the live feed failed" in caplog.text
