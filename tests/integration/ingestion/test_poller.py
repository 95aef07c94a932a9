import asyncio
import logging
import statistics
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from adapters.events.codec import JsonEventCodec
from adapters.pollers.places import PER_HOST
from adapters.timescale.database import Database
from adapters.timescale.ingestion import TimescaleIngestionUnitOfWork
from domain.ingestion.events import DeviceStatusChanged
from domain.ingestion.model import DeviceId, DeviceStatus
from domain.operations.model import Topic
from tests.integration.ingestion.processes import Process, entry, running, until
from tests.integration.ingestion.servers import DeviceServer, device_server, hang


@pytest.fixture
async def server() -> AsyncIterator[DeviceServer]:
    async with device_server() as one:
        one.answer("/good", {"power": 5})
        one.on("/hanging", hang)
        yield one


@pytest.fixture(scope="session")
def codec() -> JsonEventCodec:
    return JsonEventCodec([DeviceStatusChanged], {DeviceStatusChanged: Topic.SYSTEM_EVENTS})


async def test_devices_keep_their_rhythm_beside_dead_and_hanging_ones(server: DeviceServer) -> None:
    good = [entry(f"good-{number}", server.url("/good"), 0.5) for number in range(20)]
    hanging = [entry(f"hanging-{number}", server.url("/hanging")) for number in range(20)]
    dead = [entry(f"dead-{number}", "http://127.0.0.1:1/") for number in range(20)]
    async with running(Process(*dead, *hanging, *good)) as process:
        await asyncio.sleep(5)
        assert (await process.state("dead-1")).status is DeviceStatus.OFFLINE
        assert (await process.state("hanging-1")).last_error is not None
    gaps = []
    for number in range(20):
        times = process.times(f"good-{number}")
        assert len(times) >= 8
        gaps += [later - earlier for earlier, later in pairwise(times)]
    assert statistics.mean(gaps) < 0.6
    assert statistics.quantiles(gaps, n=100)[-1] < 1.0
    # Backing off: far fewer than the 25 polls of a healthy device with its period.
    assert (await process.state("dead-1")).polls <= 8


async def test_a_slow_device_skips_and_never_piles_up(server: DeviceServer) -> None:
    at_once = most = 0

    async def slow(writer: asyncio.StreamWriter, _: dict[str, str]) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.5)
        at_once -= 1
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"power":1}')

    server.on("/slow", slow)
    async with running(Process(entry("slow", server.url("/slow")))) as process:
        await until(lambda: len(process.values("slow")) >= 3)
    assert most == 1


async def test_it_is_said_where_devices_are_too_many(
    server: DeviceServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def slow(writer: asyncio.StreamWriter, _: dict[str, str]) -> None:
        await asyncio.sleep(0.3)
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"power":1}')

    server.on("/slow", slow)
    many = [entry(f"slow-{number}", server.url("/slow"), 0.5) for number in range(3 * PER_HOST)]
    async with running(Process(*many)) as process:
        await until(lambda: "polled too late" in caplog.text, 20)
        process.configure(*(entry(f"slow-{number}", server.url("/slow"), 5) for number in range(4)))
        process.poller.renew_soon()
        with caplog.at_level(logging.INFO, "adapters.pollers.schedule"):
            await until(lambda: "in time again" in caplog.text, 20)
    assert caplog.text.count("polled too late") == 1


async def test_a_device_comes_back(server: DeviceServer) -> None:
    server.answer("/flaky", "{}", "503 Busy")
    async with running(Process(entry("flaky", server.url("/flaky")))) as process:
        await until(lambda: server.asked["/flaky"] >= 3)
        await asyncio.sleep(0.3)
        state = await process.state("flaky")
        assert state.status is DeviceStatus.OFFLINE
        assert state.next_poll is not None
        server.answer("/flaky", {"power": 1})
        await until(lambda: bool(process.values("flaky")), 15)
        await asyncio.sleep(0.3)
        assert (await process.state("flaky")).status is DeviceStatus.ONLINE


async def test_a_clean_stop_saves_what_was_read_and_lets_others_go_on(server: DeviceServer) -> None:
    first = Process(entry("good", server.url("/good")))
    async with running(first):
        await until(lambda: server.asked["/good"] >= 3)
    assert len(first.values("good")) >= 2
    assert (await first.state("good")).polls >= 2
    asked = server.asked["/good"]
    async with running(Process(entry("good", server.url("/good")), uow=first.uow)) as second:
        await until(lambda: len(second.values("good")) > 0, 2)
    assert server.asked["/good"] > asked


async def test_the_configuration_changes_while_polling(server: DeviceServer) -> None:
    process = Process(entry("old", server.url("/good")))
    async with running(process):
        await until(lambda: bool(process.values("old")))
        process.configure(entry("new", server.url("/good")))
        await process.poller._renew()
        await until(lambda: bool(process.values("new")))
        count = len(process.values("old"))
        await asyncio.sleep(0.5)
        assert len(process.values("old")) <= count + 1


async def test_polling_goes_on_while_storage_is_away(server: DeviceServer) -> None:
    process = Process(entry("good", server.url("/good")))
    async with running(process):
        await until(lambda: bool(process.values("good")))
        process.sink.unavailable = True
        before = len(process.values("good"))
        await asyncio.sleep(1)
        assert len(process.values("good")) == before
        process.sink.unavailable = False
        await until(lambda: len(process.values("good")) >= before + 4, 1)


async def test_two_processes_share_the_devices_over_one_database(
    server: DeviceServer, database: Database
) -> None:
    uow = TimescaleIngestionUnitOfWork(database)
    devices = [entry(f"device-{number}", server.url("/good"), period=0.5) for number in range(40)]
    one, two = Process(*devices, uow=uow), Process(*devices, uow=uow)
    async with running(one):
        await until(lambda: len(one.fleet) == 40)
        async with running(two):
            await asyncio.sleep(0.3)
            await one.poller._renew()
            await two.poller._renew()
            held = [{held.device.device_id for held in process.fleet} for process in (one, two)]
            assert not held[0] & held[1]
            assert len(held[0] | held[1]) == 40
            assert min(map(len, held)) > 5
            await until(lambda: len({*one.sink.sensors, *two.sink.sensors}) == 40)
            assert {sensor.removesuffix(".power") for sensor in two.sink.sensors} == held[1]
    async with uow.begin() as tx:
        states = await tx.device_statuses.get([DeviceId(f"device-{number}") for number in range(40)])
    assert len(states) == 40
    assert {state.status for state in states.values()} == {DeviceStatus.ONLINE}
    assert all(state.last_values[0].value == 5.0 for state in states.values())
