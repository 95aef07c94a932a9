"""How ingestion fares, in the words of Prometheus."""

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from domain.ingestion.model import DeviceStatus
from domain.ingestion.services.sources import Sources
from domain.ingestion.sources import FtpServer, IngestionMetrics
from domain.sensors.services.alarms import Alarms
from domain.shared.errors import DomainError

_LOG: Final = logging.getLogger(__name__)
_AT_MOST_SECONDS: Final = 2.0
_FRESH_SECONDS: Final = 5.0


class IngestionFigures(Collector):
    """Figures of the whole product, the same from each process, since they stand in the database.

    They are looked up before an answer, and not while it is put together; at most every few seconds, however
    many ask, and for a short time only. While the database is away they are left out.
    """

    def __init__(self, registry: CollectorRegistry, sources: Sources, alarms: Alarms) -> None:
        self._sources = sources
        self._alarms = alarms
        self._families: list[Metric] = []
        self._refreshed: float | None = None
        self._one_at_a_time = asyncio.Lock()
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Return what was looked up last."""
        return self._families

    async def refresh(self) -> None:
        """Look the figures up, unless that was done a moment ago."""
        async with self._one_at_a_time:
            if self._refreshed is not None and time.monotonic() - self._refreshed < _FRESH_SECONDS:
                return
            try:
                async with asyncio.timeout(_AT_MOST_SECONDS):
                    self._families = _families(await self._sources.metrics(), await self._alarms.open())
            except (DomainError, TimeoutError) as error:
                _LOG.warning("no figures of ingestion for Prometheus: %s", error)
                self._families = []
            self._refreshed = time.monotonic()


def _families(metrics: IngestionMetrics, open_alarms: int) -> list[Metric]:
    polled, files = metrics.ever_polled, metrics.files
    return [
        _gauge("ingestion_devices", "Configured devices.", "status", metrics.devices.items()),
        _counter(
            "ingestion_polls",
            "Polls of all devices, those too that are not configured any more.",
            "outcome",
            [("success", polled.successes), ("failure", polled.failures)],
        ),
        CounterMetricFamily(
            "ingestion_polled_readings",
            "Readings of all devices that were stored, of those too that are not configured any more.",
            value=polled.readings_stored,
        ),
        _gauge("ingestion_files", "Meter files.", "status", files.files.items()),
        _gauge(
            "ingestion_file_values",
            "Values of the meter files, as each was read last.",
            "outcome",
            [
                ("created", files.receipt.created),
                ("updated", files.receipt.updated),
                ("unchanged", files.receipt.unchanged),
                ("rejected", files.receipt.rejected),
            ],
        ),
        *_ftp(metrics.ftp),
        GaugeMetricFamily("sensor_alarms_open", "Sensors that have fallen silent.", value=open_alarms),
    ]


def _ftp(server: FtpServer | None) -> list[Metric]:
    if server is None:
        return []
    is_one = [(status, float(status is server.state.status)) for status in DeviceStatus]
    families: list[Metric] = [_gauge("ingestion_ftp", "1 for the FTP server's status.", "status", is_one)]
    if server.state.last_seen is not None:
        families.append(
            GaugeMetricFamily(
                "ingestion_ftp_last_completed_scan_timestamp_seconds",
                "When the last scan of the FTP server was completed.",
                value=server.state.last_seen.timestamp(),
            )
        )
    return families


def _gauge(name: str, meaning: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for word, value in values:
        family.add_metric([word], value)
    return family


def _counter(name: str, meaning: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=[label])
    for word, value in values:
        family.add_metric([word], value)
    return family
