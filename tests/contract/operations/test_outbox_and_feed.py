from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from adapters.memory.surroundings import MemoryClock
from domain.operations.model import FeedEntry, FeedStart, OutboxEntry, Topic
from domain.operations.ports import OperationsUnitOfWork
from domain.operations.services.feed import FeedReader
from domain.shared.events import DomainEvent
from tests.unit.events.samples import Noted, happened, noted, warned

SYSTEM = Topic.SYSTEM_EVENTS


async def commit(uow: OperationsUnitOfWork, *events: DomainEvent) -> None:
    async with uow.begin() as tx:
        for event in events:
            tx.events.add(event)


async def publish(uow: OperationsUnitOfWork, now: datetime, *, awaited: bool = False) -> Sequence[FeedEntry]:
    async with uow.begin() as tx:
        entries = await tx.outbox.unpublished(now, 1000)
        ids = {entry.outbox_id for entry in entries if awaited}
        return await tx.outbox.publish(entries, ids, now)


async def undispatched(uow: OperationsUnitOfWork, now: datetime) -> Sequence[OutboxEntry]:
    async with uow.begin() as tx:
        return await tx.outbox.undispatched(now, 100)


async def test_events_are_published_in_order_with_a_number_for_each_topic(
    uow: OperationsUnitOfWork, clock: MemoryClock
) -> None:
    events = [happened(1), warned("a"), noted("private"), happened(2), warned("b")]
    await commit(uow, *events[:3])
    await commit(uow, *events[3:])
    entries = await publish(uow, clock.now())
    assert [(entry.topic, entry.seq, entry.event) for entry in entries] == [
        (SYSTEM, 1, events[0]),
        (Topic.DR_EVENTS, 1, events[1]),
        (SYSTEM, 2, events[3]),
        (Topic.DR_EVENTS, 2, events[4]),
    ]
    assert await publish(uow, clock.now()) == []
    await commit(uow, happened(3))
    assert [entry.seq for entry in await publish(uow, clock.now())] == [3]
    async with uow.begin() as tx:
        assert await tx.feed.positions() == dict.fromkeys(Topic, 0) | {SYSTEM: 3, Topic.DR_EVENTS: 2}
        assert await tx.feed.position(SYSTEM) == 3
        assert await tx.feed.after(SYSTEM, 0, 1) == [entries[0]]
        assert [entry.seq for entry in await tx.feed.after(SYSTEM, 1, 10)] == [2, 3]
        assert await tx.feed.after(SYSTEM, 3, 10) == []
        assert await tx.feed.after(Topic.ENERGY_DATA, 0, 10) == []


async def test_what_did_not_commit_is_never_published(uow: OperationsUnitOfWork, clock: MemoryClock) -> None:
    async def add_and_fail() -> None:
        async with uow.begin() as tx:
            tx.events.add(happened(1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await add_and_fail()
    assert await publish(uow, clock.now()) == []


async def test_a_publication_that_fails_is_as_if_it_had_not_been(
    uow: OperationsUnitOfWork, clock: MemoryClock
) -> None:
    async def publish_and_fail() -> None:
        async with uow.begin() as tx:
            await tx.outbox.publish(await tx.outbox.unpublished(clock.now(), 9), [], clock.now())
            raise RuntimeError

    await commit(uow, happened(1))
    with pytest.raises(RuntimeError):
        await publish_and_fail()
    assert [entry.seq for entry in await publish(uow, clock.now())] == [1]


async def test_only_awaited_events_are_delivered_and_each_until_it_is_done(
    uow: OperationsUnitOfWork, clock: MemoryClock
) -> None:
    await commit(uow, noted("unheard"))
    await publish(uow, clock.now())
    assert await undispatched(uow, clock.now()) == []
    await commit(uow, noted("a"), noted("b"))
    await publish(uow, clock.now(), awaited=True)
    first, second = await undispatched(uow, clock.now())
    async with uow.begin() as tx:
        await tx.outbox.dispatched(first.outbox_id, clock.now())
    (left,) = await undispatched(uow, clock.now())
    assert left.outbox_id == second.outbox_id
    assert isinstance(left.event, Noted)
    assert left.event.text == "b"


async def test_a_failed_delivery_is_put_off_and_at_last_given_up(
    uow: OperationsUnitOfWork, clock: MemoryClock
) -> None:
    await commit(uow, noted("a"))
    await publish(uow, clock.now(), awaited=True)
    (entry,) = await undispatched(uow, clock.now())
    async with uow.begin() as tx:
        await tx.outbox.failed(entry.outbox_id, "no", clock.now() + timedelta(seconds=2))
    assert await undispatched(uow, clock.now()) == []
    clock.advance(timedelta(seconds=2))
    (again,) = await undispatched(uow, clock.now())
    assert again.attempts == 1
    async with uow.begin() as tx:
        backlog = await tx.outbox.backlog()
        assert (backlog.pending, backlog.parked, backlog.oldest) == (1, 0, None)
        await tx.outbox.park(entry.outbox_id, "no, never", clock.now())
    assert await undispatched(uow, clock.now() + timedelta(days=9)) == []
    async with uow.begin() as tx:
        backlog = await tx.outbox.backlog()
        assert (backlog.pending, backlog.parked) == (0, 1)
        assert await tx.outbox.purge(clock.now() + timedelta(days=9), 100) == 0


async def test_an_entry_that_cannot_be_published_does_not_stop_the_rest(
    uow: OperationsUnitOfWork, clock: MemoryClock
) -> None:
    await commit(uow, happened(1), happened(2))
    async with uow.begin() as tx:
        broken, good = await tx.outbox.unpublished(clock.now(), 9)
        await tx.outbox.publish([good], [], clock.now())
        await tx.outbox.failed(broken.outbox_id, "unreadable", clock.now() + timedelta(seconds=1))
    assert await publish(uow, clock.now()) == []
    async with uow.begin() as tx:
        assert (await tx.outbox.backlog()).pending == 1
    clock.advance(timedelta(seconds=1))
    (late,) = await publish(uow, clock.now())
    assert (late.seq, late.event) == (2, broken.event)


async def test_the_backlog_says_how_long_the_oldest_waits(
    uow: OperationsUnitOfWork, clock: MemoryClock
) -> None:
    async with uow.begin() as tx:
        backlog = await tx.outbox.backlog()
        assert (backlog.pending, backlog.parked, backlog.oldest) == (0, 0, None)
    await commit(uow, happened(1), noted("x"))
    async with uow.begin() as tx:
        backlog = await tx.outbox.backlog()
        assert (backlog.pending, backlog.parked) == (2, 0)
        assert backlog.oldest is not None
    await publish(uow, clock.now())
    async with uow.begin() as tx:
        assert (await tx.outbox.backlog()).pending == 0


async def _filled(uow: OperationsUnitOfWork, clock: MemoryClock) -> None:
    """Publish 1 to 3 now, and 4 to 5 an hour later."""
    await commit(uow, *(happened(number) for number in (1, 2, 3)))
    await publish(uow, clock.now())
    clock.advance(timedelta(hours=1))
    await commit(uow, *(happened(number) for number in (4, 5)))
    await publish(uow, clock.now())


async def test_where_a_reader_begins(uow: OperationsUnitOfWork, clock: MemoryClock) -> None:
    await _filled(uow, clock)
    reader = FeedReader(uow, clock)
    now = clock.now()
    assert await reader.start(SYSTEM) == FeedStart(5, complete=True)
    assert await reader.start(SYSTEM, 0) == FeedStart(0, complete=True)
    assert await reader.start(SYSTEM, 5) == FeedStart(5, complete=True)
    assert await reader.start(SYSTEM, 6) == FeedStart(5, complete=False)
    assert await reader.start(SYSTEM, -1) == FeedStart(5, complete=False)
    assert await reader.start(SYSTEM, now) == FeedStart(3, complete=True)
    assert await reader.start(SYSTEM, now - timedelta(hours=1)) == FeedStart(0, complete=True)
    assert await reader.start(SYSTEM, now + timedelta(seconds=1)) == FeedStart(5, complete=True)
    assert await reader.start(SYSTEM, now - timedelta(days=9)) == FeedStart(0, complete=True)
    assert await reader.start(Topic.ENERGY_DATA, 0) == FeedStart(0, complete=True)
    assert [entry.seq for entry in await reader.after(SYSTEM, 2)] == [3, 4, 5]
    assert (await reader.positions())[SYSTEM] == 5


@pytest.mark.parametrize("purged", [False, True])
async def test_what_is_older_than_a_day_has_gone(uow: OperationsUnitOfWork, *, purged: bool) -> None:
    # The database records rows by its own clock, which a test cannot move: this one goes ahead of it.
    clock = MemoryClock(datetime.now(UTC))
    await _filled(uow, clock)
    clock.advance(timedelta(hours=23, minutes=30))
    reader = FeedReader(uow, clock)
    if purged:
        async with uow.begin() as tx:
            assert await tx.outbox.purge(clock.now() - timedelta(hours=24), 100) == 3
    now = clock.now()
    assert await reader.start(SYSTEM, 2) == FeedStart(5, complete=False)
    assert await reader.start(SYSTEM, 3) == FeedStart(3, complete=True)
    assert await reader.start(SYSTEM, now - timedelta(hours=24, seconds=1)) == FeedStart(5, complete=False)
    assert await reader.start(SYSTEM, now - timedelta(hours=24)) == FeedStart(3, complete=True)
    clock.advance(timedelta(days=9))
    assert await reader.start(SYSTEM, 4) == FeedStart(5, complete=False)
    assert await reader.start(SYSTEM, 5) == FeedStart(5, complete=True)


async def test_purging_goes_page_by_page_and_keeps_what_is_young_or_waits(
    uow: OperationsUnitOfWork, clock: MemoryClock
) -> None:
    await commit(uow, noted("awaited"))
    await publish(uow, clock.now(), awaited=True)
    await commit(uow, *(happened(number) for number in range(5)))
    await publish(uow, clock.now())
    # By the clock of the database all rows are recorded before this.
    future = clock.now() + timedelta(days=36500)
    async with uow.begin() as tx:
        assert await tx.outbox.purge(future, 3) == 3
        assert await tx.outbox.purge(future, 3) == 2
        assert await tx.outbox.purge(future, 3) == 0
        assert len(await tx.outbox.undispatched(clock.now(), 9)) == 1
        assert await tx.feed.position(SYSTEM) == 5
        assert await tx.feed.before(SYSTEM, clock.now()) == 5
