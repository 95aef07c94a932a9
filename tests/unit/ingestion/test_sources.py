from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from app.container import make_container
from app.health import FtpCheck
from app.settings import read_settings
from domain.ingestion.device_state import shard_of
from domain.ingestion.files import FileId, FileOrigin, FileStatus, MeterFile, collection_of
from domain.ingestion.model import DeviceId, DeviceState, DeviceStatus, Fault, FencedState, Latency, WorkerId
from domain.ingestion.ports import IngestionUnitOfWork
from domain.ingestion.scans import Scan, ScanId, ScanStatus, ScanTrigger
from domain.ingestion.services.sources import Sources
from domain.ingestion.sources import PollTotals, SourceKind
from domain.operations.overview import OverviewSource
from domain.shared.errors import InvalidError
from domain.shared.health import Health, HealthStatus
from tests.memory_provider import MemoryProvider
from tests.unit.ingestion.documents import device, parsed

ME = WorkerId("me")
TERM = timedelta(minutes=1)
SERVER = {"FTP_SA4CPS_HOST": "ftp.example.org", "FTP_CHECK_INTERVAL": "3600"}
NAMES = ("one", "two", "three")


@dataclass(frozen=True, slots=True)
class Site:
    provider: MemoryProvider
    sources: Sources
    uow: IngestionUnitOfWork
    check: FtpCheck
    overview: OverviewSource

    @property
    def now(self) -> datetime:
        return self.provider.clock.time

    async def scanned(self, fault: Fault | None = None, *, ends: bool = True) -> Scan:
        """A scan of a minute's length that has just ended, or is to go on."""
        started = self.now - timedelta(minutes=1)
        scan = Scan(scan_id=ScanId(uuid4()), trigger=ScanTrigger.REQUEST, started=started)
        async with self.uow.begin() as tx:
            await tx.scans.begin(scan)
            await tx.scans.take(ME, TERM)
            if ends:
                status = ScanStatus.COMPLETED if fault is None else ScanStatus.FAILED
                ended = replace(scan, status=status, ended=self.now, error=fault)
                assert await tx.scans.progress(ended, ME, TERM)
        return scan

    async def fare(self, *states: DeviceState) -> None:
        async with self.uow.begin() as tx:
            leases = {one.shard: one for one in await tx.shard_leases.hold(ME, TERM)}
            await tx.device_statuses.save(
                [FencedState(state, leases[shard_of(state.device_id)]) for state in states]
            )

    async def ids(self, limit: int = 10, offset: int = 0, **where: object) -> tuple[list[str], int]:
        found, total = await self.sources.page(limit, offset, **where)  # type: ignore[arg-type]  # by name
        return [one.source_id for one in found], total


async def site_of(environment: Mapping[str, str]) -> AsyncIterator[Site]:
    provider = MemoryProvider()
    provider.configuration.configuration = parsed(*(device(name=name) for name in NAMES))
    container = make_container(read_settings(environment, None), provider)
    yield Site(
        provider,
        await container.get(Sources),
        await container.get(IngestionUnitOfWork),
        await container.get(FtpCheck),
        await container.get(OverviewSource),
    )
    await container.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """Three devices and an FTP server."""
    async for one in site_of(SERVER):
        yield one


@pytest.fixture
async def bare() -> AsyncIterator[Site]:
    """Three devices, and no FTP server."""
    async for one in site_of({}):
        yield one


def state(name: str, status: DeviceStatus, **more: object) -> DeviceState:
    return DeviceState(device_id=DeviceId(name), status=status, **more)  # type: ignore[arg-type]  # by name


async def test_the_server_comes_first_and_pages_go_on_with_the_devices(site: Site) -> None:
    assert await site.ids() == (["ftp", "one", "two", "three"], 4)
    assert await site.ids(2) == (["ftp", "one"], 4)
    assert await site.ids(2, 2) == (["two", "three"], 4)
    assert await site.ids(1) == (["ftp"], 4)
    assert await site.ids(5, 4) == ([], 4)
    assert await site.ids(kind=SourceKind.FTP) == (["ftp"], 1)
    assert await site.ids(1, 1, kind=SourceKind.FTP) == ([], 1)
    assert await site.ids(1, 1, kind=SourceKind.HTTP) == (["two"], 3)


async def test_sources_can_be_chosen_by_status(site: Site) -> None:
    await site.fare(state("two", DeviceStatus.OFFLINE))
    await site.scanned()
    assert await site.ids(status=DeviceStatus.ONLINE) == (["ftp"], 1)
    assert await site.ids(status=DeviceStatus.UNKNOWN) == (["one", "three"], 2)
    assert await site.ids(status=DeviceStatus.OFFLINE) == (["two"], 1)
    assert await site.ids(1, 1, status=DeviceStatus.UNKNOWN) == (["three"], 2)


async def test_without_a_server_there_are_devices_only(bare: Site) -> None:
    assert await bare.ids() == (["one", "two", "three"], 3)
    assert await bare.ids(kind=SourceKind.FTP) == ([], 0)
    assert await bare.sources.ftp() is None
    assert await bare.check.check() == Health(HealthStatus.OK, {"configured": False})
    metrics = await bare.sources.metrics()
    assert metrics.ftp is None
    assert metrics.polling.success_rate is None
    assert metrics.latency is None


async def test_lag_is_the_time_since_something_came(site: Site) -> None:
    seen = site.now - timedelta(seconds=90)
    await site.fare(state("one", DeviceStatus.ONLINE, last_seen=seen, next_poll=site.now))
    await site.scanned()
    site.provider.clock.advance(timedelta(minutes=10))
    server, one, two, _ = (await site.sources.page(10, 0))[0]
    assert server.lag == timedelta(minutes=10)
    assert server.name == "ftp://ftp.example.org:21/"
    assert server.next == site.now - timedelta(minutes=11) + timedelta(hours=1)
    assert one.lag == timedelta(minutes=11, seconds=30)
    assert (one.last_seen, one.status) == (seen, DeviceStatus.ONLINE)
    assert (two.lag, two.status) == (None, DeviceStatus.UNKNOWN)


async def test_status_counts_sources_and_tells_of_the_running_scan(site: Site) -> None:
    await site.fare(state("one", DeviceStatus.ONLINE), state("two", DeviceStatus.DEGRADED))
    await site.scanned(Fault("timeout", "no answer"))
    running = await site.scanned(ends=False)
    status = await site.sources.status()
    assert {kind: {one: n for one, n in counts.items() if n} for kind, counts in status.sources.items()} == {
        SourceKind.HTTP: {DeviceStatus.ONLINE: 1, DeviceStatus.DEGRADED: 1, DeviceStatus.UNKNOWN: 1},
        SourceKind.FTP: {DeviceStatus.DEGRADED: 1},
    }
    assert status.scan is not None
    assert status.scan.scan_id == running.scan_id
    assert status.configuration_fault is None
    assert set(status.files) == set(FileStatus)
    assert not any(status.files.values())


async def test_sums_over_devices_and_scans(site: Site) -> None:
    await site.fare(
        state(
            "one", DeviceStatus.ONLINE, polls=10, successes=9, failures=1, readings_stored=7,
            latency=Latency(1.0, 2.0, 3.0),
        ),
        state(
            "two", DeviceStatus.ONLINE, polls=30, successes=11, failures=19, readings_stored=5,
            latency=Latency(5.0, 10.0, 20.0),
        ),
    )  # fmt: skip
    await site.scanned()
    await site.scanned(Fault("timeout", "no answer"))
    metrics = await site.sources.metrics()
    polling = metrics.polling
    assert (polling.polls, polling.successes, polling.failures, polling.readings_stored) == (40, 20, 20, 12)
    assert polling.success_rate == 0.5
    assert metrics.latency == Latency(1.0, 10.0, 20.0)
    assert metrics.scans == {ScanStatus.RUNNING: 0, ScanStatus.COMPLETED: 1, ScanStatus.FAILED: 1}
    assert metrics.devices[DeviceStatus.ONLINE] == 2


async def test_what_a_device_did_counts_though_it_is_not_configured_any_more(site: Site) -> None:
    did = {"polls": 10, "successes": 9, "failures": 1, "readings_stored": 7}
    await site.fare(state("one", DeviceStatus.ONLINE, **did), state("gone", DeviceStatus.ONLINE, **did))
    metrics = await site.sources.metrics()
    assert metrics.polling == PollTotals(**did)
    assert metrics.ever_polled == PollTotals(polls=20, successes=18, failures=2, readings_stored=14)


async def test_a_faulty_configuration_takes_the_devices_away_and_nothing_else(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def faulty() -> None:
        raise InvalidError("invalid_configuration", "it has faults")

    monkeypatch.setattr(site.provider.configuration, "load", faulty)
    assert await site.ids() == (["ftp"], 1)
    assert not any((await site.sources.status()).sources[SourceKind.HTTP].values())
    assert (await site.sources.metrics()).polling.polls == 0


@pytest.mark.parametrize(
    ("faults", "status", "word"),
    [
        ([], HealthStatus.OK, "unknown"),
        ([None], HealthStatus.OK, "online"),
        ([None, "timeout"], HealthStatus.DEGRADED, "degraded"),
        (["timeout"] * 3, HealthStatus.DEGRADED, "offline"),
        (["timeout"] * 3 + [None], HealthStatus.OK, "online"),
    ],
)
async def test_health_tells_how_the_scans_went(
    site: Site, faults: list[str | None], status: HealthStatus, word: str
) -> None:
    for code in faults:
        await site.scanned(None if code is None else Fault(code, "no answer"))
    assert await site.check.check() == Health(
        status,
        {
            "configured": True,
            "server": "ftp://ftp.example.org:21/",
            "state": word,
            "last_scan": site.now.isoformat() if faults else None,
            "running": False,
        },
    )


async def test_the_overview_tells_the_last_file(site: Site) -> None:
    assert (await site.overview.read()).last_file is None
    file = MeterFile(
        file_id=FileId(uuid4()),
        origin=FileOrigin.FTP,
        path="/site/a.csv",
        collection=collection_of("/site/a.csv"),
        status=FileStatus.DISCOVERED,
        size=100,
        modified=site.now,
        discovered_at=site.now,
    )
    async with site.uow.begin() as tx:
        await tx.files.add([file])
        claimed = await tx.files.claim(file.file_id, ME, TERM)
        assert claimed is not None
        await tx.files.end(claimed, FileStatus.PROCESSED, site.now + timedelta(seconds=3))
    last = (await site.overview.read()).last_file
    assert last is not None
    assert (last.file_id, last.path, last.status) == (str(file.file_id), "/site/a.csv", "processed")
    assert last.time == site.now + timedelta(seconds=3)
