from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from uuid import uuid4

import pytest

from domain.ingestion.errors import FileServerError
from domain.ingestion.events import ScanRequested
from domain.ingestion.scans import Scan, ScanId, ScanStatus, ScanTrigger
from domain.shared.errors import ConflictError, NotFoundError
from tests.unit.ingestion.files.world import ANNA, Process, World

INTERVAL = timedelta(hours=6)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


async def all_scans(process: Process) -> list[Scan]:
    """Oldest first."""
    return [*reversed((await process.scans.list(1_000, 0))[0])]


async def test_a_scan_that_is_asked_for_waits_for_a_worker(world: World, me: Process) -> None:
    asked = await me.scans.request(ANNA)
    assert (asked.trigger, asked.status, asked.started) == (
        ScanTrigger.REQUEST,
        ScanStatus.RUNNING,
        world.clock.now(),
    )
    assert await me.scans.get(asked.scan_id) == asked
    (event,) = world.database.audit
    assert isinstance(event, ScanRequested)
    assert (event.actor, event.scan_id, event.subject) == (ANNA, asked.scan_id, str(asked.scan_id))


async def test_while_one_runs_another_is_refused(world: World, me: Process) -> None:
    asked = await me.scans.request(ANNA)
    with pytest.raises(ConflictError) as refused:
        await Process(world, "other").scans.request(ANNA)
    assert refused.value.code == "scan_running"
    assert await all_scans(me) == [asked]
    assert len(world.database.audit) == 1
    assert await me.scanner.take()
    await me.scans.request(ANNA)


async def test_without_a_server_there_is_nothing_to_scan(world: World) -> None:
    alone = Process(world, "alone", has_server=False)
    with pytest.raises(ConflictError) as refused:
        await alone.scans.request(ANNA)
    assert refused.value.code == "ftp_not_configured"
    await alone.scans.begin_at_start()
    world.clock.advance(timedelta(days=30))
    await alone.scans.begin_if_due()
    assert await all_scans(alone) == []


async def test_the_service_begins_with_a_scan(me: Process) -> None:
    await me.scans.begin_at_start()
    assert [one.trigger for one in await all_scans(me)] == [ScanTrigger.START]


async def test_processes_that_start_together_begin_one_scan(world: World, me: Process) -> None:
    await me.scans.begin_at_start()
    await Process(world, "other").scans.begin_at_start()  # while it waits
    await me.scanner.take()
    world.clock.advance(29 * SECOND)
    await Process(world, "third").scans.begin_at_start()  # and soon after it
    assert len(await all_scans(me)) == 1
    world.clock.advance(SECOND)
    await Process(world, "later").scans.begin_at_start()
    assert len(await all_scans(me)) == 2


async def test_a_start_while_a_scan_runs_begins_none(world: World, me: Process) -> None:
    await me.scans.request(ANNA)
    world.pass_minutes()
    await me.scans.begin_at_start()
    assert len(await all_scans(me)) == 1


async def test_the_first_scan_is_due_an_interval_after_the_start(world: World, me: Process) -> None:
    """Where the one at the start is left out."""
    await me.scans.begin_if_due()
    world.clock.advance(INTERVAL - SECOND)
    await me.scans.begin_if_due()
    assert await all_scans(me) == []
    world.clock.advance(SECOND)
    await me.scans.begin_if_due()
    assert [one.trigger for one in await all_scans(me)] == [ScanTrigger.INTERVAL]


async def test_a_restart_does_not_put_off_the_next_scan(world: World, me: Process) -> None:
    await me.scan()
    world.clock.advance(INTERVAL - SECOND)
    other = Process(world, "other")
    await other.scans.begin_if_due()
    assert len(await all_scans(me)) == 1
    world.clock.advance(SECOND)
    await other.scans.begin_if_due()
    assert len(await all_scans(me)) == 2


async def test_a_scan_that_was_asked_for_puts_the_next_one_off(world: World, me: Process) -> None:
    await me.scan()
    world.clock.advance(INTERVAL / 2)
    await me.scan()
    world.clock.advance(INTERVAL - SECOND)
    await me.scans.begin_if_due()
    assert len(await all_scans(me)) == 2


async def test_nothing_is_due_while_a_scan_runs(world: World, me: Process) -> None:
    await me.scans.begin_at_start()
    world.clock.advance(10 * INTERVAL)
    await me.scans.begin_if_due()
    assert len(await all_scans(me)) == 1


async def test_without_an_interval_nothing_is_ever_due(world: World) -> None:
    on_request = Process(world, "on request", interval=None)
    world.clock.advance(timedelta(days=300))
    await on_request.scans.begin_if_due()
    assert await all_scans(on_request) == []


async def starts(world: World, is_away: Callable[[timedelta], bool], hours: int) -> list[float]:
    """Let a monitor's turns pass, half a minute each; return the minutes at which scans began."""
    begun = world.clock.now()
    for _ in range(hours * 120):
        world.server.away = (
            FileServerError("timeout", "no answer") if is_away(world.clock.now() - begun) else None
        )
        await world.me.scans.begin_if_due()
        await world.me.scanner.take()
        world.clock.advance(MINUTE / 2)
    return [(one.started - begun) / MINUTE for one in await all_scans(world.me)]


async def test_after_failures_it_is_tried_sooner_and_then_seldom(world: World, me: Process) -> None:
    await me.scans.begin_at_start()
    found = await starts(world, lambda _: True, hours=15)
    pauses = [later - earlier for earlier, later in pairwise(found)]
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360]


async def test_after_a_success_the_interval_counts_again(world: World, me: Process) -> None:
    await me.scans.begin_at_start()
    found = await starts(world, lambda passed: passed < 5 * MINUTE, hours=13)
    assert found == [0, 1, 3, 7, 367, 727]
    assert [one.status for one in await all_scans(me)] == [
        *[ScanStatus.FAILED] * 3,
        *[ScanStatus.COMPLETED] * 3,
    ]


async def test_scans_are_shown_newest_first(world: World, me: Process) -> None:
    done = []
    for _ in range(3):
        done.append(await me.scan())
        world.pass_minutes()
    assert await me.scans.list(2, 0) == ([done[2], done[1]], 3)
    assert await me.scans.list(2, 2) == ([done[0]], 3)
    assert await me.scans.get(done[1].scan_id) == done[1]


async def test_a_scan_that_is_not_there_is_not_known(me: Process) -> None:
    with pytest.raises(NotFoundError) as unknown:
        await me.scans.get(ScanId(uuid4()))
    assert unknown.value.code == "unknown_scan"


async def test_old_scans_are_forgotten_but_for_the_newest(world: World, me: Process) -> None:
    first = await me.scan()
    world.clock.advance(timedelta(days=89))
    second = await me.scan()
    assert await me.scans.purge() == 0
    world.clock.advance(timedelta(days=2))
    assert await me.scans.purge() == 1
    assert await all_scans(me) == [second]
    assert first != second
    world.clock.advance(timedelta(days=300))
    assert await me.scans.purge() == 0
    assert await all_scans(me) == [second]
