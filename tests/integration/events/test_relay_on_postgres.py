import asyncio
import logging
import statistics
import sys
import time
from datetime import timedelta
from functools import partial
from uuid import uuid4

import psycopg
import pytest
from asyncpg import InsufficientPrivilegeError

from adapters.events.relay import RetryPolicy
from adapters.timescale.operations import TimescaleOperationsUnitOfWork
from adapters.timescale.signals import TimescaleLeadership, TimescaleSignals
from domain.operations.events import ApiKeyRevoked
from domain.operations.model import ApiKeyId, FeedEntry, Resync, Topic
from domain.shared.events import Actor, DomainEvent, EventId
from tests.integration.events.conftest import Site
from tests.unit.events.machinery import Handlers, Process, until
from tests.unit.events.samples import CODEC, TIME, happened, noted, warned


def _has_heard(process: Process, number: int) -> bool:
    return len(process.heard) == number


async def test_two_writers_at_once_two_processes_one_order(site: Site) -> None:
    first, second = await site.process(), await site.process()
    await until(lambda: first.relay.leader)
    assert not second.relay.leader

    async def write(process: Process, start: int) -> None:
        for number in range(start, start + 50):
            await process.commit(happened(number), warned(str(number)), noted("private"))

    await asyncio.gather(write(first, 0), write(second, 1000))
    for process in (first, second):
        await until(partial(_has_heard, process, 200))
        for topic in (Topic.SYSTEM_EVENTS, Topic.DR_EVENTS):
            assert process.seqs(topic) == list(range(1, 101))
        # Of one writer, what committed earlier comes earlier.
        assert [number for number in process.numbers() if number < 1000] == list(range(50))
        assert [number for number in process.numbers() if number >= 1000] == list(range(1000, 1050))
    assert first.numbers() == second.numbers()
    stored = site.as_owner(
        "SELECT topic, count(*), min(seq), max(seq), count(DISTINCT seq) FROM ops.outbox"
        " WHERE topic IS NOT NULL GROUP BY topic ORDER BY topic"
    )
    assert stored == [("dr_events", 100, 1, 100, 100), ("system_events", 100, 1, 100, 100)]


async def test_a_slow_transaction_gets_its_number_when_it_commits(site: Site) -> None:
    process = await site.process()
    with psycopg.connect(site.owner_url) as slow:
        event = CODEC.encode(happened(1))
        slow.execute(
            "INSERT INTO ops.outbox (event_id, type, topic, payload, occurred_at)"
            " VALUES (%s, %s, %s, %s, now())",
            (uuid4(), event.type, event.topic, event.payload),
        )
        await process.commit(happened(2))
        await until(lambda: process.numbers() == [2])
    await until(lambda: process.numbers() == [2, 1])
    assert process.seqs() == [1, 2]
    assert site.as_owner("SELECT id, seq FROM ops.outbox ORDER BY id") == [(1, 2), (2, 1)]


async def test_the_feed_is_a_few_milliseconds_behind_the_commit(site: Site) -> None:
    near, far = await site.process(poll_seconds=60), await site.process(poll_seconds=60)
    await until(lambda: near.relay.leader)
    delays: dict[str, list[float]] = {"same process": [], "other process": []}
    for writer, place in ((near, "same process"), (far, "other process")):
        for number in range(20):
            heard = asyncio.Event()

            def hear(_: tuple[FeedEntry, ...] | Resync, heard: asyncio.Event = heard) -> None:
                heard.set()

            with near.broadcaster.listen(hear):
                await writer.commit(happened(number))
                committed = time.perf_counter()
                await asyncio.wait_for(heard.wait(), 5)
                delays[place].append((time.perf_counter() - committed) * 1000)
    for place, milliseconds in delays.items():
        logging.getLogger(__name__).info("%s: %.2f ms", place, statistics.median(milliseconds))
        # A few on an idle machine; a poll instead of a wake would take a minute.
        assert statistics.median(milliseconds) < 100


async def test_another_takes_over_when_the_leaders_connection_is_killed(site: Site) -> None:
    first, second = await site.process(), await site.process()
    await until(lambda: first.relay.leader)
    holder = (
        "SELECT pg_terminate_backend(a.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
        " WHERE l.locktype = 'advisory' AND l.granted AND a.application_name = 'energy-dashboard relay'"
        " AND a.datname = current_database()"
    )
    assert site.as_owner(holder) == [(True,)]
    await first.commit(*(happened(number) for number in range(10)))
    await until(lambda: first.relay.leader or second.relay.leader)
    for number in range(10, 20):
        await (first if number % 2 else second).commit(happened(number))
    for process in (first, second):
        await until(partial(_has_heard, process, 20))
        assert process.seqs() == list(range(1, 21))
    assert first.relay.leader != second.relay.leader


async def test_two_relays_that_both_believe_to_lead_give_no_number_twice(site: Site) -> None:
    processes = [await site.process(candidate=False) for _ in range(2)]
    for process in processes:
        process.relay._leader = True
    await processes[0].commit(*(happened(number) for number in range(450)))

    async def publish(process: Process) -> None:
        while await process.relay._publish():
            pass

    await asyncio.gather(*(publish(process) for process in processes))
    assert site.as_owner("SELECT count(*), count(DISTINCT seq), max(seq) FROM ops.outbox") == [
        (450, 450, 450)
    ]


async def test_after_all_connections_broke_it_goes_on_and_says_resync(site: Site) -> None:
    handlers = Handlers()
    first, second = await site.process(handlers.note), await site.process(handlers.note)
    await until(lambda: first.relay.leader)
    await first.commit(happened(1), noted("before"))
    await until(lambda: first.numbers() == second.numbers() == [1] and site.waiting() == 0)
    assert site.terminate("energy-dashboard") >= 4
    await until(lambda: first.resyncs >= 1 and second.resyncs >= 1)
    await second.commit(happened(2), noted("after"))
    await until(lambda: first.numbers() == second.numbers() == [1, 2])
    await until(lambda: handlers.texts == ["before", "after"])
    assert first.relay.leader != second.relay.leader


async def test_what_was_delivered_is_not_lost_with_kill_9(site: Site) -> None:
    victim = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.events.victim",
        site.service_url,
        stdout=asyncio.subprocess.PIPE,
    )
    assert victim.stdout is not None
    try:
        assert await asyncio.wait_for(victim.stdout.readline(), 30) == b"committed\n"
    finally:
        victim.kill()
        await victim.wait()
    handlers = Handlers()
    process = await site.process(handlers.note)
    await until(lambda: "after" in handlers.texts)
    assert handlers.texts == ["unfinished", "after"]
    stored = site.as_owner("SELECT seq FROM ops.outbox WHERE topic = 'system_events' ORDER BY seq")
    assert stored == [(1,), (2,)]
    await until(lambda: site.waiting() == 0)
    health = await process.monitor.health()
    assert (health.pending, health.parked) == (0, 0)


async def test_an_event_that_committed_just_before_the_kill_is_published(site: Site) -> None:
    # Nothing relays here: this is how a process leaves the table that is killed right after its commit.
    writer = Process(*_storage(site))
    await writer.commit(happened(1), noted("orphan"))
    handlers = Handlers()
    process = await site.process(handlers.note)
    await until(lambda: handlers.texts == ["orphan"])
    stored = site.as_owner("SELECT seq FROM ops.outbox WHERE topic = 'system_events'")
    assert stored == [(1,)]
    async with process.uow.begin() as tx:
        assert len(await tx.feed.after(Topic.SYSTEM_EVENTS, 0, 10)) == 1


def _storage(site: Site) -> tuple[TimescaleOperationsUnitOfWork, TimescaleLeadership, TimescaleSignals]:
    database = site.database()
    return (
        TimescaleOperationsUnitOfWork(database, CODEC),
        TimescaleLeadership(database.url),
        TimescaleSignals(database.url),
    )


async def test_a_handler_that_fails_ten_times_is_parked_and_others_go_on(site: Site) -> None:
    handlers = Handlers()
    handlers.refuse = {"bad"}
    process = await site.process(handlers.note, poll_seconds=0.02)
    await process.commit(noted("bad"), noted("good"))
    await until(lambda: handlers.attempts == 10)
    await process.commit(warned("later"))
    await until(lambda: handlers.texts == ["good", "later"])
    await until(lambda: site.waiting() == 0)
    (row,) = site.as_owner("SELECT attempts, last_error FROM ops.outbox WHERE parked_at IS NOT NULL")
    assert row == (10, "RuntimeError: refused \\x00 bad")
    health = await process.monitor.health()
    assert (health.pending, health.parked) == (0, 1)


@pytest.mark.parametrize(
    ("kind", "topic", "payload"),
    [
        ("NeverHeardOf", None, "{}"),
        ("Happened", "system_events", "[]"),
        ("Happened", "system_events", '{"number": "x"}'),
        ("Happened", "system_events", "[" * 2000 + "]" * 2000),
        ("Happened", "no_such_topic", '{"number": 1}'),
        ("Measured", "energy_data", '{"times_us": "q:\\u0000"}'),
    ],
)
async def test_a_row_that_cannot_be_read_is_parked_and_stops_nothing(
    site: Site, kind: str, topic: str | None, payload: str
) -> None:
    site.as_owner(
        "INSERT INTO ops.outbox (event_id, type, topic, payload, occurred_at) VALUES (%s, %s, %s, %s, now())",
        uuid4(),
        kind,
        topic,
        payload,
    )
    wait = timedelta(milliseconds=1)
    process = await site.process(
        poll_seconds=0.02, retry=RetryPolicy(attempts=3, first_wait=wait, longest_wait=wait)
    )
    await process.commit(happened(1))
    await until(lambda: process.numbers() == [1])
    assert process.seqs() == [1]
    await until(lambda: site.waiting() == 0)
    (row,) = site.as_owner("SELECT attempts, seq FROM ops.outbox WHERE parked_at IS NOT NULL")
    assert row == (3, None)


@pytest.mark.parametrize("module", ["sensors", "ingestion", "demand_response"])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM ops.outbox",
        "UPDATE ops.outbox SET seq = 1",
        "DELETE FROM ops.outbox",
        "INSERT INTO ops.outbox (event_id, type, payload, occurred_at, seq) SELECT null, 'x', '{}', now(), 1",
        "SELECT * FROM ops.audit",
        "DELETE FROM ops.audit",
        "SELECT * FROM ops.api_keys",
        "SELECT * FROM ops.idempotency",
        "SELECT * FROM ops.topic_position",
        "TRUNCATE ops.outbox",
    ],
)
async def test_other_modules_may_only_add_events(site: Site, module: str, statement: str) -> None:
    async with site.database().transaction(module) as session:
        with pytest.raises(InsufficientPrivilegeError):
            await session.driver.execute(statement)
        session.roll_back()


@pytest.mark.parametrize("module", ["ops", "sensors", "ingestion", "demand_response"])
async def test_every_module_may_leave_events_and_their_audit(site: Site, module: str) -> None:
    event: DomainEvent = ApiKeyRevoked(
        event_id=EventId(uuid4()),
        occurred_at=TIME,
        actor=Actor("ada"),
        key_id=ApiKeyId(uuid4()),
        name="\u2028'; --",
    )
    async with site.database().transaction(module) as session:
        session.add(event)
    assert site.as_owner("SELECT actor, detail->>'name' FROM ops.audit") == [("ada", "\u2028'; --")]


@pytest.mark.parametrize("statement", ["UPDATE ops.audit SET actor = 'x'", "DELETE FROM ops.audit"])
async def test_the_audit_trail_cannot_be_rewritten_by_the_service(site: Site, statement: str) -> None:
    async with site.database().transaction("ops") as session:
        with pytest.raises(InsufficientPrivilegeError):
            await session.driver.execute(statement)
        session.roll_back()
