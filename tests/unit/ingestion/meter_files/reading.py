"""Reads texts as meter files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from adapters.pollers.meter_files.formats import SuffixedMeterFileFormats
from adapters.units.pint_catalog import PintUnitCatalog
from domain.ingestion.errors import UnreadableFileError
from domain.ingestion.file_ports import FileFacts
from domain.ingestion.files import ParsedChunk
from domain.ingestion.model import SensorRegistration
from domain.shared.time import from_microseconds

LISBON = ZoneInfo("Europe/Lisbon")
PATH = "/site/PT01_2024.sgl_v2"
FORMATS = SuffixedMeterFileFormats(PintUnitCatalog())


@dataclass(frozen=True)
class Read:
    """What came of a file."""

    chunks: list[ParsedChunk]
    error: tuple[str, str] | None

    @property
    def readings(self) -> list[tuple[str, datetime, float]]:
        return [
            (sensor_id, from_microseconds(time_us), value)
            for chunk in self.chunks
            for sensor_id, time_us, value in zip(
                chunk.batch.sensor_ids, chunk.batch.times_us, chunk.batch.values, strict=True
            )
        ]

    @property
    def times(self) -> list[str]:
        return [f"{time:%Y-%m-%dT%H:%M:%SZ}" for _, time, _ in self.readings]

    @property
    def values(self) -> list[float]:
        return [value for _, _, value in self.readings]

    @property
    def series(self) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        for sensor_id, _, value in self.readings:
            found.setdefault(sensor_id, []).append(value)
        return found

    @property
    def sensors(self) -> dict[str, SensorRegistration]:
        return {one.sensor_id: one for chunk in self.chunks for one in chunk.batch.registrations}

    @property
    def sensor(self) -> SensorRegistration:
        (found,) = self.sensors.values()
        return found

    @property
    def rejects(self) -> list[tuple[int, str]]:
        return [(one.line, one.code) for chunk in self.chunks for one in chunk.rejected]


def read_blocks(blocks: Iterator[bytes], path: str = PATH, zone: ZoneInfo = LISBON) -> Read:
    chunks: list[ParsedChunk] = []
    try:
        chunks.extend(FORMATS.chunks(FileFacts(path, zone), blocks))
    except UnreadableFileError as error:
        return Read(chunks, (error.fault.code, error.fault.detail))
    return Read(chunks, None)


def read(content: str | bytes | Iterable[str], path: str = PATH, zone: ZoneInfo = LISBON) -> Read:
    """Read a text, or lines."""
    if not isinstance(content, str | bytes):
        content = "\n".join(content)
    encoded = content.encode() if isinstance(content, str) else content
    return read_blocks(iter([encoded]), path, zone)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
