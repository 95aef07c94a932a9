"""``/ingestion/sources, status, metrics`` and what Prometheus and ``/health`` tell, over PostgreSQL."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.timescale.database import Database
from adapters.timescale.ingestion import TimescaleIngestionUnitOfWork
from app.asgi import create_app
from app.settings import Settings
from domain.ingestion.device_state import shard_of
from domain.ingestion.model import (
    DeviceError,
    DeviceId,
    DeviceState,
    DeviceStatus,
    Fault,
    FencedState,
    Latency,
    WorkerId,
)
from domain.ingestion.ports import IngestionUnitOfWork
from domain.ingestion.scans import Scan, ScanId, ScanStatus, ScanTrigger
from domain.operations.services.api_keys import ApiKeys

KEY = "an-admin-key-for-tests-0123456789"
ME, TERM = WorkerId("me"), timedelta(minutes=1)
NOW = datetime.now(UTC).replace(microsecond=0)
DOCUMENT = {
    "resources": {
        "monitoring_period": 5,
        "iots": [
            {"name": name, "uri": "http://127.0.0.1:9/", "values": [{"type": "power", "tag": "p"}]}
            for name in ("AC 1", "AC 2")
        ],
    }
}


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    file = tmp_path / "iots.json"
    file.write_text(json.dumps(DOCUMENT))
    return Settings(database_url=database_url, iots_config=file, ftp_sa4cps_host="ftp.example.org")


def age() -> float:
    """Return the seconds since `NOW`, and one."""
    return (datetime.now(UTC) - NOW).total_seconds() + 1


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The application without its background: nothing polls, nothing scans."""
    app = create_app(settings, background=())
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # Litestar's types are narrower
    headers = {"Authorization": f"Bearer {KEY}"}
    async with app.lifespan():
        api_keys: ApiKeys = await app.state.dishka_container.get(ApiKeys)
        await api_keys.bootstrap(KEY)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
            yield client


async def told(client: httpx.AsyncClient, path: str) -> Any:  # noqa: ANN401 - whatever JSON
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def uow(database: Database) -> IngestionUnitOfWork:
    return TimescaleIngestionUnitOfWork(database)


async def scan(uow: IngestionUnitOfWork, fault: Fault | None) -> None:
    begun = Scan(scan_id=ScanId(uuid4()), trigger=ScanTrigger.INTERVAL, started=NOW - timedelta(minutes=2))
    status = ScanStatus.COMPLETED if fault is None else ScanStatus.FAILED
    async with uow.begin() as tx:
        await tx.scans.begin(begun)
        await tx.scans.take(ME, TERM)
        ended = replace(begun, status=status, ended=NOW - timedelta(minutes=1), error=fault)
        assert await tx.scans.progress(ended, ME, TERM)


@pytest.fixture
async def history(uow: IngestionUnitOfWork) -> None:
    """One device that was polled, one completed scan, one that failed after it."""
    state = DeviceState(
        device_id=DeviceId("AC_1"),
        status=DeviceStatus.DEGRADED,
        status_since=NOW - timedelta(hours=1),
        last_seen=NOW - timedelta(seconds=30),
        last_error=DeviceError("missing", "p: the answer has no 'p'", NOW),
        next_poll=NOW + timedelta(seconds=5),
        polls=10,
        successes=8,
        failures=2,
        latency=Latency(1.5, 2.5, 3.5),
        readings_stored=40,
    )
    async with uow.begin() as tx:
        leases = {one.shard: one for one in await tx.shard_leases.hold(ME, TERM)}
        assert await tx.device_statuses.save([FencedState(state, leases[shard_of(state.device_id)])])
    await scan(uow, None)
    await scan(uow, Fault("timeout", "the server does not answer"))


@pytest.mark.usefixtures("history")
async def test_all_sources_with_their_state_and_lag(settings: Settings) -> None:
    async with served(settings) as client:
        listed = await told(client, "/api/v1/ingestion/sources")
        only = await told(client, "/api/v1/ingestion/sources?kind=http&status=unknown&limit=5")
        refused = await client.get("/api/v1/ingestion/sources?kind=smtp")
    assert (listed["total"], [one["source_id"] for one in listed["items"]]) == (3, ["ftp", "AC_1", "AC_2"])
    server, polled, never = listed["items"]
    seen = NOW - timedelta(minutes=1)
    assert 60 <= server.pop("lag_seconds") < 60 + age()
    assert server == {
        "source_id": "ftp",
        "kind": "ftp",
        "name": "ftp://ftp.example.org:21/",
        "status": "degraded",
        "status_since": seen.isoformat(),
        "last_seen": seen.isoformat(),
        "last_error": {
            "code": "timeout",
            "detail": "the server does not answer",
            "time": seen.isoformat(),
        },
        "next": (NOW - timedelta(minutes=1)).isoformat(),  # sooner, after a failure
    }
    assert 30 <= polled.pop("lag_seconds") < 30 + age()
    assert polled == {
        "source_id": "AC_1",
        "kind": "http",
        "name": "AC 1",
        "status": "degraded",
        "status_since": (NOW - timedelta(hours=1)).isoformat(),
        "last_seen": (NOW - timedelta(seconds=30)).isoformat(),
        "last_error": {"code": "missing", "detail": "p: the answer has no 'p'", "time": NOW.isoformat()},
        "next": (NOW + timedelta(seconds=5)).isoformat(),
    }
    assert (never["status"], never["lag_seconds"], never["last_seen"]) == ("unknown", None, None)
    assert [one["source_id"] for one in only["items"]] == ["AC_2"]
    assert refused.status_code == 422


@pytest.mark.usefixtures("history")
async def test_sums_are_kept_over_a_restart(settings: Settings) -> None:
    answers = []
    for _ in range(2):
        async with served(settings) as client:
            answers.append(await told(client, "/api/v1/ingestion/metrics"))
    assert answers[0] == answers[1]
    metrics = answers[0]
    assert metrics["polling"] == {
        "devices": {"unknown": 1, "online": 0, "degraded": 1, "offline": 0},
        "polls": 10,
        "successes": 8,
        "failures": 2,
        "success_rate": 0.8,
        "latency_ms": {"p50": 1.5, "p95": 2.5, "p99": 3.5},
        "readings_stored": 40,
    }
    assert metrics["ftp"] == {
        "configured": True,
        "server": "ftp://ftp.example.org:21/",
        "status": "degraded",
        "last_completed": (NOW - timedelta(minutes=1)).isoformat(),
        "scans": 2,
        "running": 0,
        "completed": 1,
        "failed": 1,
    }
    assert metrics["files"]["by_status"]["processed"] == 0
    assert metrics["files"]["bytes_read"] == metrics["files"]["created"] == 0


async def test_status_tells_the_faults_of_the_configuration_file(settings: Settings) -> None:
    assert settings.iots_config is not None
    async with served(settings) as client:
        sound = await told(client, "/api/v1/ingestion/status")
        settings.iots_config.write_text('{"resources": {"iots": [{"name": "AC 1"}], "monitoring_period": 5}}')
        faulty = await told(client, "/api/v1/ingestion/status")
        listed = await told(client, "/api/v1/ingestion/sources")
    assert sound["configuration_fault"] is None
    assert sound["sources"] == {
        "http": {"unknown": 2, "online": 0, "degraded": 0, "offline": 0},
        "ftp": {"unknown": 1, "online": 0, "degraded": 0, "offline": 0},
    }
    assert sound["scan"] is None
    assert "/resources/iots/0/uri" in [one["pointer"] for one in faulty["configuration_fault"]["errors"]]
    assert listed["total"] == 3  # what was in force stays so


@pytest.mark.usefixtures("history")
async def test_status_tells_the_running_scan(settings: Settings, uow: IngestionUnitOfWork) -> None:
    running = Scan(scan_id=ScanId(uuid4()), trigger=ScanTrigger.REQUEST, started=NOW)
    async with uow.begin() as tx:
        await tx.scans.begin(running)
        await tx.scans.take(ME, TERM)
        await tx.scans.progress(replace(running, files_seen=5, current_file="/a.csv"), ME, TERM)
    async with served(settings) as client:
        status = await told(client, "/api/v1/ingestion/status")
        (server,) = (await told(client, "/api/v1/ingestion/sources?kind=ftp"))["items"]
        health = (await told(client, "/health"))["checks"]["ftp"]
    assert status["scan"] == {
        "scan_id": str(running.scan_id),
        "started": NOW.isoformat(),
        "files_seen": 5,
        "files_done": 0,
        "bytes_done": 0,
        "bytes_total": 0,
        "current_file": "/a.csv",
    }
    assert (server["status"], server["next"]) == ("degraded", None)
    assert health == {
        "status": "degraded",
        "configured": True,
        "server": "ftp://ftp.example.org:21/",
        "state": "degraded",
        "last_scan": (NOW - timedelta(minutes=1)).isoformat(),
        "running": True,
    }


async def test_without_a_server_health_says_that_there_is_none(settings: Settings) -> None:
    async with served(replace(settings, ftp_sa4cps_host=None)) as client:
        assert (await told(client, "/health"))["checks"]["ftp"] == {"status": "ok", "configured": False}
        metrics = await told(client, "/api/v1/ingestion/metrics")
    assert (metrics["ftp"]["configured"], metrics["ftp"]["server"]) == (False, None)


async def scraped(settings: Settings) -> dict[tuple[str, ...], float]:
    """What Prometheus reads, by name and labels."""
    async with served(settings) as client:
        text = (await client.get("/metrics")).text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.usefixtures("history")
async def test_prometheus_reads_how_ingestion_fares(settings: Settings) -> None:
    values = await scraped(settings)
    assert values["ingestion_devices", "degraded"] == 1
    assert values["ingestion_polls_total", "success"] == 8
    assert values["ingestion_polls_total", "failure"] == 2
    assert values["ingestion_polled_readings_total",] == 40
    assert values["ingestion_files", "processed"] == 0
    assert values["ingestion_ftp", "degraded"] == 1
    assert values["ingestion_ftp", "online"] == 0
    last = (NOW - timedelta(minutes=1)).timestamp()
    assert values["ingestion_ftp_last_completed_scan_timestamp_seconds",] == last
    assert values["sensor_alarms_open",] == 0


@pytest.mark.usefixtures("history")
async def test_counters_do_not_fall_once_a_device_is_not_configured_any_more(settings: Settings) -> None:
    assert settings.iots_config is not None
    settings.iots_config.write_text(json.dumps(DOCUMENT).replace("AC 1", "AC 3"))
    values = await scraped(settings)
    assert (values["ingestion_devices", "degraded"], values["ingestion_devices", "unknown"]) == (0, 2)
    assert values["ingestion_polls_total", "success"] == 8
    assert values["ingestion_polls_total", "failure"] == 2
    assert values["ingestion_polled_readings_total",] == 40
