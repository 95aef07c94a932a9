"""Readings and buckets as files, in chunks, for any number of readings in bounded memory."""

import asyncio
from array import array
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from domain.sensors.errors import unknown_sensor
from domain.sensors.model import ReadingColumns, Sensor, SensorId, SensorKey
from domain.sensors.ports import SensorFilter, SensorsTransaction, SensorsUnitOfWork, UnitCatalog
from domain.sensors.services.bucket_readings import BucketReadings
from domain.sensors.services.buckets import Aggregate
from domain.sensors.services.conversions import conversion_to
from domain.sensors.services.filling import Fill
from domain.sensors.table_ports import BucketRows, ReadingRows, TableFormat, TableFormats, TableWriter
from domain.shared.errors import ConflictError, InvalidError, NotFoundError
from domain.shared.periods import Period
from domain.shared.ports import Clock
from domain.shared.quantities import UnitConversion
from domain.shared.time import to_microseconds

PAGE: Final = 10_000
"""Readings in one transaction, and in memory at once."""

_LISTED: Final = 1000


@dataclass(frozen=True, slots=True)
class ExportSelection:
    """Which sensors: those of ``sensor_ids`` (all, where there are none) that pass the filter."""

    sensor_ids: Sequence[SensorId] = ()
    where: SensorFilter = field(default_factory=SensorFilter)


@dataclass(frozen=True, slots=True)
class ExportChunk:
    """Bytes to be written next, perhaps none; rows so far; the share of the work that is done, 0 to 1."""

    data: bytes
    rows: int
    done: float


@dataclass(frozen=True, slots=True)
class _Exported:
    sensor_id: SensorId
    key: SensorKey
    unit: str
    conversion: UnitConversion
    latest_us: int | None


@dataclass(frozen=True, slots=True)
class _Part:
    """Some rows of a file, and the share of the work that is done with them."""

    rows: ReadingRows
    done: float


class ExportReadings:
    """Writes raw readings, page by page, each page read in a transaction of its own.

    No connection is held between pages, however slowly they are taken. A file is no snapshot: what is written
    meanwhile is in it where its time still lies ahead. Each reading is in it once at most.
    """

    def __init__(
        self, uow: SensorsUnitOfWork, units: UnitCatalog, formats: TableFormats, clock: Clock
    ) -> None:
        self._uow = uow
        self._units = units
        self._formats = formats
        self._clock = clock

    async def open(
        self,
        selection: ExportSelection,
        form: TableFormat,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        unit: str | None = None,
    ) -> AsyncGenerator[ExportChunk, None]:
        """Return the file of all readings in ``[start, end)``, by sensor and time, with its first page read.

        Iterating raises ConflictError ``sensor_deleted`` where one of the sensors is deleted meanwhile, and
        UnavailableError where the database goes away: the file is not whole then.

        Raises:
            NotFoundError: ``unknown_sensor``, ``no_sensors``.
            InvalidError: ``end_before_start``, ``unit_mismatch``, ``parquet_unavailable``.

        """
        if start is not None and end is not None and end < start:
            raise InvalidError("end_before_start", "end lies before start")
        async with self._uow.begin() as tx:
            found = await selected(tx, selection, self._clock.now())
            latest = await tx.readings.latest([sensor.key for sensor in found])
        sensors = [
            _Exported(
                sensor.sensor_id,
                sensor.key,
                sensor.canonical_unit if unit is None else unit,
                conversion_to(self._units, unit, sensor),
                to_microseconds(latest[sensor.key].time) if sensor.key in latest else None,
            )
            for sensor in found
        ]
        units = sorted({sensor.unit for sensor in sensors})
        # Beside the event loop, since what writes Parquet is large to load.
        writer = await asyncio.to_thread(self._formats.readings, form, units)
        parts = self._parts(sensors, start, end)
        first = await anext(parts, None)
        return _written(writer, first, parts)

    async def _parts(
        self, sensors: Sequence[_Exported], start: datetime | None, end: datetime | None
    ) -> AsyncGenerator[_Part, None]:
        for number, sensor in enumerate(sensors):
            first_us: int | None = None
            after_us: int | None = None
            more = True
            while more:
                columns = await self._page(sensor, start, end, after_us)
                more = len(columns) == PAGE
                if not len(columns):
                    break
                after_us = columns.times_us[-1]
                first_us = columns.times_us[0] if first_us is None else first_us
                share = _share(first_us, after_us, end, sensor.latest_us) if more else 1.0
                rows = ReadingRows(sensor.sensor_id, sensor.unit, _converted(columns, sensor.conversion))
                yield _Part(rows, (number + share) / len(sensors))

    async def _page(
        self, sensor: _Exported, start: datetime | None, end: datetime | None, after_us: int | None
    ) -> ReadingColumns:
        async with self._uow.begin() as tx:
            columns = await tx.readings.column_page(sensor.key, start, end, after_us, PAGE)
            # Readings that end may have been deleted: then the file would look whole, and not be.
            if len(columns) < PAGE and not await tx.sensors.by_key([sensor.key]):
                raise ConflictError("sensor_deleted", f"sensor {sensor.sensor_id!r} was deleted meanwhile")
        return columns


async def _written(
    writer: TableWriter[ReadingRows], first: _Part | None, parts: AsyncGenerator[_Part, None]
) -> AsyncGenerator[ExportChunk, None]:
    written = 0
    async with aclosing(parts):
        part = first
        while part is not None:
            # A page takes some ms to write, in which the event loop has others to serve.
            data = await asyncio.to_thread(writer.add, part.rows)
            written += len(part.rows.columns)
            yield ExportChunk(data, written, part.done)
            part = await anext(parts, None)
    yield ExportChunk(await asyncio.to_thread(writer.end), written, 1.0)


class ExportBuckets:
    """Writes buckets, sensor by sensor: as many as one call may ask for are in memory at once."""

    def __init__(
        self, uow: SensorsUnitOfWork, buckets: BucketReadings, formats: TableFormats, clock: Clock
    ) -> None:
        self._uow = uow
        self._buckets = buckets
        self._formats = formats
        self._clock = clock

    async def open(
        self,
        selection: ExportSelection,
        form: TableFormat,
        *,
        start: datetime,
        end: datetime,
        resolution: Period,
        zone: ZoneInfo | None = None,
        unit: str | None = None,
        fill: Fill = Fill.NONE,
        aggregates: Sequence[Aggregate] = tuple(Aggregate),
    ) -> AsyncGenerator[ExportChunk, None]:
        """Return the file of the buckets, by sensor and time, with those of the first sensor computed.

        Raises:
            NotFoundError: ``unknown_sensor``, ``no_sensors``.
            InvalidError: as `BucketReadings.of`, and ``parquet_unavailable``.

        """
        async with self._uow.begin() as tx:
            found = await selected(tx, selection, self._clock.now())
        units = sorted({sensor.canonical_unit if unit is None else unit for sensor in found})
        writer = await asyncio.to_thread(self._formats.buckets, form, units, aggregates)

        async def parts() -> AsyncGenerator[BucketRows, None]:
            for sensor in found:
                series = await self._buckets.of(
                    sensor.sensor_id, start, end, resolution, zone=zone, unit=unit, fill=fill
                )
                yield BucketRows(sensor.sensor_id, series.unit, series.buckets)

        following = parts()
        return _tabulated(writer, await anext(following), following, len(found))


async def _tabulated(
    writer: TableWriter[BucketRows],
    first: BucketRows,
    following: AsyncGenerator[BucketRows, None],
    sensors: int,
) -> AsyncGenerator[ExportChunk, None]:
    written = 0
    async with aclosing(following):
        part: BucketRows | None = first
        number = 0
        while part is not None:
            number += 1
            data = await asyncio.to_thread(writer.add, part)
            written += len(part.buckets)
            yield ExportChunk(data, written, number / sensors)
            part = await anext(following, None)
    yield ExportChunk(await asyncio.to_thread(writer.end), written, 1.0)


async def selected(tx: SensorsTransaction, selection: ExportSelection, now: datetime) -> list[Sensor]:
    """Return the sensors, sorted by id.

    Raises:
        NotFoundError: ``unknown_sensor``, and ``no_sensors`` where none passes the filter.

    """
    listed: dict[SensorId, Sensor] = {}
    wanted = set(selection.sensor_ids)
    if wanted:
        listed |= await tx.sensors.find(wanted)
        for missing in sorted(wanted - listed.keys()):
            raise unknown_sensor(missing)
    if not wanted or selection.where != SensorFilter():
        passing: dict[SensorId, Sensor] = {}
        total = 1
        offset = 0
        while offset < total:
            states, total = await tx.sensors.list(selection.where, now=now, limit=_LISTED, offset=offset)
            passing |= {state.sensor.sensor_id: state.sensor for state in states}
            offset += _LISTED
        listed = {name: one for name, one in passing.items() if not wanted or name in wanted}
    if not listed:
        raise NotFoundError("no_sensors", "no sensor is what was asked for")
    return [listed[name] for name in sorted(listed)]


def _converted(columns: ReadingColumns, conversion: UnitConversion) -> ReadingColumns:
    if conversion.is_identity:
        return columns
    values = array("d", map(conversion.from_canonical, columns.values))
    return ReadingColumns(columns.times_us, values, columns.qualities)


def _share(first_us: int, reached_us: int, end: datetime | None, latest_us: int | None) -> float:
    """Return about how much of a sensor's readings is read."""
    last_us = reached_us if latest_us is None else latest_us
    if end is not None:
        last_us = min(last_us, to_microseconds(end))
    return 1.0 if last_us <= first_us else min(1.0, (reached_us - first_us) / (last_us - first_us))
