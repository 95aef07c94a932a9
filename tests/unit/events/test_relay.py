import asyncio
from datetime import timedelta

import pytest

from adapters.events import relay
from adapters.events.messages import published
from adapters.events.relay import RetryPolicy
from adapters.memory.database import MemoryDatabase
from adapters.memory.operations import MemoryOperationsUnitOfWork
from adapters.memory.outbox import MemoryLeadership, MemorySignals
from domain.operations.model import FeedEntry, Topic
from domain.shared.health import HealthStatus
from tests.unit.events.machinery import QUICK, Handlers, Process, until
from tests.unit.events.samples import CODEC, TIME, Noted, happened, noted, warned


class Site:
    """A database with the processes that stand on it."""

    def __init__(self) -> None:
        self.database = MemoryDatabase()
        self.uow = MemoryOperationsUnitOfWork(self.database, CODEC)
        self.leadership = MemoryLeadership()
        self.signals = MemorySignals()

    def process(self, *handlers: Handlers, poll_seconds: float = 0.05, candidate: bool = True) -> Process:
        process = Process(
            self.uow,
            self.leadership,
            self.signals,
            [one.note for one in handlers],
            poll_seconds=poll_seconds,
            candidate=candidate,
        )
        self.database.on_commit(process.relay.wake)
        return process


@pytest.fixture
def site() -> Site:
    return Site()


async def test_a_commit_wakes_the_relay(site: Site) -> None:
    handlers = Handlers()
    async with site.process(handlers, poll_seconds=60).running() as process:
        await process.commit(happened(1), noted("private"))
        await until(lambda: process.numbers() == [1] and handlers.texts == ["private"])
        assert [entry.seq for entry in process.heard] == [1]
        health = await process.monitor.health()
        assert (health.pending, health.parked, health.leader) == (0, 0, True)


async def test_what_committed_while_nothing_ran_is_delivered_at_the_start(site: Site) -> None:
    handlers = Handlers()
    process = site.process(handlers)
    await process.commit(noted("a"), noted("b"))
    async with process.running():
        await until(lambda: handlers.texts == ["a", "b"])


async def test_one_leads_and_the_others_hear_the_same(site: Site) -> None:
    first, second = site.process(poll_seconds=60), site.process(poll_seconds=60)
    async with first.running(), second.running():
        await until(lambda: first.relay.leader)
        assert not second.relay.leader
        for number in range(30):
            await second.commit(happened(number))
        await until(lambda: len(first.heard) == len(second.heard) == 30)
        assert first.seqs() == second.seqs() == list(range(1, 31))
        assert first.heard == second.heard


async def test_a_lost_seat_is_taken_by_another(site: Site) -> None:
    first, second = site.process(), site.process()
    async with first.running(), second.running():
        await until(lambda: first.relay.leader)
        assert site.leadership.seat is not None
        site.leadership.seat.take_away()
        await until(lambda: first.relay.leader != second.relay.leader)
        await first.commit(happened(1))
        await until(lambda: first.numbers() == second.numbers() == [1])


async def test_a_process_that_is_no_candidate_never_leads(site: Site) -> None:
    async with site.process(candidate=False).running() as process:
        await process.commit(happened(1))
        await asyncio.sleep(0.1)
        assert not process.relay.leader
        async with site.process(poll_seconds=0.05).running():
            await until(lambda: process.numbers() == [1])


async def test_a_handler_that_fails_ten_times_is_parked_and_others_go_on(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    handlers = Handlers()
    handlers.refuse = {"bad"}
    async with site.process(handlers, poll_seconds=0.01).running() as process:
        await process.commit(noted("bad"), noted("good"))
        await until(lambda: "is parked" in caplog.text)
        await process.commit(warned("later"))
        await until(lambda: handlers.texts == ["good", "later"])
        assert handlers.attempts == 10
        health = await process.monitor.check()
        assert health.status is HealthStatus.DEGRADED
        assert health.figures["parked"] == 1


async def test_a_handler_that_hangs_counts_as_failed(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    async def hang(event: Noted) -> None:
        await asyncio.sleep(0 if event.text == "good" else 3600)

    process = Process(
        site.uow,
        site.leadership,
        site.signals,
        [hang],
        retry=RetryPolicy(attempts=1, timeout=timedelta(milliseconds=20)),
    )
    await process.commit(noted("bad"), noted("good"))
    async with process.running():
        await until(lambda: "TimeoutError" in caplog.text)
        await asyncio.sleep(0.05)
        health = await process.monitor.health()
        assert (health.pending, health.parked) == (0, 1)


async def test_an_interruption_is_told_and_nothing_is_lost_or_doubled(site: Site) -> None:
    leader, other = site.process(), site.process()
    async with leader.running(), other.running():
        await until(lambda: leader.relay.leader)
        await leader.commit(happened(1))
        await until(lambda: other.numbers() == [1])
        site.signals.interrupt()
        await until(lambda: leader.resyncs == other.resyncs == 1)
        await leader.commit(happened(2))
        await until(lambda: leader.numbers() == other.numbers() == [1, 2])


async def test_a_lost_message_is_made_up_for(site: Site) -> None:
    leader = site.process()
    deaf = Process(site.uow, site.leadership, MemorySignals(), follower_poll_seconds=0.05, candidate=False)
    async with leader.running(), deaf.running():
        for number in range(250):
            await leader.commit(happened(number))
        await until(lambda: len(deaf.heard) == 250)
        assert deaf.seqs() == leader.seqs() == list(range(1, 251))


async def test_hostile_messages_change_nothing(site: Site) -> None:
    async with site.process().running() as process:
        far = FeedEntry(topic=Topic.SYSTEM_EVENTS, seq=10**15, time=TIME, event=happened(0))
        for text in (published("evil", [far]), "published evil x", "\x00", "woken", "woken evil"):
            await site.signals.send(text)
        await asyncio.sleep(0.02)
        await process.commit(happened(1))
        await until(lambda: process.numbers() == [1])
        assert process.resyncs == 0


def test_waits_double_up_to_the_longest_and_end() -> None:
    policy = RetryPolicy()
    waits = [policy.wait(failures) for failures in range(1, 11)]
    seconds = [wait.total_seconds() for wait in waits if wait is not None]
    assert seconds == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert RetryPolicy(attempts=10_000).wait(9_000) == timedelta(minutes=5)
    assert QUICK.attempts == 10


def test_what_a_failure_says_can_be_stored_whatever_is_in_it() -> None:
    failure = ExceptionGroup("two", [ValueError("a\x00b"), RuntimeError("\ud800" * 1000)])
    told = relay._told(failure)
    assert told.startswith("ValueError: a\\x00b; RuntimeError: \\ud800\\ud800")
    assert len(told) <= 500
    told.encode()
