import csv
import io
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.export.formats import FileFormats
from adapters.memory.database import MemoryDatabase
from adapters.memory.sensors_unit_of_work import MemorySensorsUnitOfWork
from adapters.memory.surroundings import MemoryClock
from adapters.units.pint_catalog import PintUnitCatalog
from domain.sensors.model import Sensor, SensorId
from domain.sensors.ports import SensorFilter, SensorsTransaction
from domain.sensors.services import export
from domain.sensors.services.bucket_readings import BucketReadings
from domain.sensors.services.buckets import Aggregate
from domain.sensors.services.export import ExportBuckets, ExportChunk, ExportReadings, ExportSelection
from domain.sensors.table_ports import TableFormat
from domain.shared.errors import ConflictError, DomainError, InvalidError, NotFoundError
from domain.shared.periods import parse_period
from tests.contract.sensors.batches import NOON, add_sensor, batch, store

CSV = TableFormat.CSV
ALL = ExportSelection()
MINUTE = timedelta(minutes=1)
UNITS = PintUnitCatalog()


class CountedUnitOfWork(MemorySensorsUnitOfWork):
    """Knows how many transactions are open, and were."""

    open = 0
    begun = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SensorsTransaction]:
        async with super().begin() as tx:
            self.open += 1
            self.begun += 1
            try:
                yield tx
            finally:
                self.open -= 1


@pytest.fixture
def uow(clock: MemoryClock) -> CountedUnitOfWork:
    return CountedUnitOfWork(MemoryDatabase(), clock)


@pytest.fixture
def files(uow: CountedUnitOfWork, clock: MemoryClock, monkeypatch: pytest.MonkeyPatch) -> ExportReadings:
    monkeypatch.setattr(export, "PAGE", 4)
    return ExportReadings(uow, UNITS, FileFormats(), clock)


async def minutes(uow: CountedUnitOfWork, name: str, count: int, **more: Any) -> Sensor:  # noqa: ANN401
    sensor = await add_sensor(uow, name, **more)
    if count:
        await store(uow, batch(sensor, range(count)))
    return sensor


async def chunks_of(
    files: ExportReadings,
    selection: ExportSelection = ALL,
    **more: Any,  # noqa: ANN401
) -> list[ExportChunk]:
    return [chunk async for chunk in await files.open(selection, CSV, **more)]


def lines(chunks: list[ExportChunk]) -> list[list[str]]:
    text = b"".join(chunk.data for chunk in chunks).decode()
    return list(csv.reader(io.StringIO(text, newline="")))[1:]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 8, 9])
async def test_every_reading_is_written_once_and_in_order(
    uow: CountedUnitOfWork, files: ExportReadings, count: int
) -> None:
    for name in ("b", "a"):
        await minutes(uow, name, count)
    found = await chunks_of(files)
    assert [(line[0], float(line[2])) for line in lines(found)] == [
        (name, n) for name in ("a", "b") for n in range(count)
    ]
    assert found[-1].rows == 2 * count
    done = [chunk.done for chunk in found]
    assert done == sorted(done)
    assert done[-1] == 1.0
    assert all(0 < one <= 1 for one in done)


async def test_nothing_is_open_while_a_chunk_is_on_its_way(
    uow: CountedUnitOfWork, files: ExportReadings
) -> None:
    await minutes(uow, "a", 10)
    before = uow.begun
    async for _ in await files.open(ALL, CSV):
        assert uow.open == 0
    assert uow.begun - before == 1 + 3


async def test_whoever_leaves_ends_the_reading(uow: CountedUnitOfWork, files: ExportReadings) -> None:
    await minutes(uow, "a", 40)
    before = uow.begun
    async with aclosing(await files.open(ALL, CSV)) as chunks:
        await anext(chunks)
    assert uow.begun - before == 2
    with pytest.raises(StopAsyncIteration):
        await anext(chunks)


async def test_the_range_is_half_open_and_values_are_in_the_unit_asked_for(
    uow: CountedUnitOfWork, files: ExportReadings
) -> None:
    await minutes(uow, "a", 10)
    found = await chunks_of(files, start=NOON + 2 * MINUTE, end=NOON + 8 * MINUTE, unit="W")
    assert [line[2:] for line in lines(found)] == [[f"{n}000.0", "OK", "W"] for n in range(2, 8)]


async def test_sensors_are_chosen_by_id_and_filter(uow: CountedUnitOfWork, files: ExportReadings) -> None:
    for name, room in (("a", "North"), ("b", "South"), ("c", "North")):
        await minutes(uow, name, 1, room=room)

    async def names(*ids: str, **where: Any) -> list[str]:  # noqa: ANN401
        selection = ExportSelection([SensorId(one) for one in ids], SensorFilter(**where))
        return [line[0] for line in lines(await chunks_of(files, selection))]

    assert await names() == ["a", "b", "c"]
    assert await names("c", "a", "c") == ["a", "c"]
    assert await names(room_name="North") == ["a", "c"]
    assert await names("b", "c", room_name="North") == ["c"]
    with pytest.raises(NotFoundError) as raised:
        await names("b", room_name="North")
    assert raised.value.code == "no_sensors"
    with pytest.raises(NotFoundError) as raised:
        await names("a", "nobody")
    assert raised.value.code == "unknown_sensor"


async def test_more_sensors_than_a_list_has_on_one_page(
    uow: CountedUnitOfWork, files: ExportReadings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_LISTED", 2)
    for name in "abcde":
        await minutes(uow, name, 1)
    assert [line[0] for line in lines(await chunks_of(files))] == list("abcde")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"start": NOON, "end": NOON - MINUTE}, "end_before_start"),
        ({"unit": "degC"}, "unit_mismatch"),
    ],
)
async def test_faults_are_told_before_the_first_byte(
    uow: CountedUnitOfWork, files: ExportReadings, more: dict[str, Any], code: str
) -> None:
    await minutes(uow, "a", 1)
    with pytest.raises(InvalidError) as raised:
        await files.open(ALL, CSV, **more)
    assert raised.value.code == code


async def test_a_sensor_that_is_deleted_meanwhile_is_no_end_of_a_file(
    uow: CountedUnitOfWork, files: ExportReadings
) -> None:
    sensor = await minutes(uow, "a", 10)
    chunks = await files.open(ALL, CSV)
    await anext(chunks)
    async with uow.begin() as tx:
        await tx.readings.delete(sensor.key)
        await tx.sensors.delete(sensor.key)
    with pytest.raises(ConflictError, match="deleted"):
        await anext(chunks)


async def test_buckets_of_several_sensors(uow: CountedUnitOfWork, clock: MemoryClock) -> None:
    buckets = BucketReadings(uow, UNITS, clock, ZoneInfo("Europe/Lisbon"))
    files = ExportBuckets(uow, buckets, FileFormats(), clock)
    for name in ("b", "a", "silent"):
        await minutes(uow, name, 0 if name == "silent" else 61)
    wanted = {"start": NOON, "end": NOON + 60 * MINUTE, "resolution": parse_period("PT30M")}
    found = [chunk async for chunk in await files.open(ALL, CSV, **wanted, aggregates=[Aggregate.COUNT])]  # type: ignore[arg-type]  # by name
    assert [line[:5] for line in lines(found)] == [
        [name, f"2026-03-01T12:{minute}+00:00", f"2026-03-01T{until}+00:00", "30", ""]
        for name in ("a", "b")
        for minute, until in (("00:00", "12:30:00"), ("30:00", "13:00:00"))
    ]
    assert [chunk.done for chunk in found] == [1 / 3, 2 / 3, 1.0, 1.0]
    assert found[-1].rows == 4
    with pytest.raises(DomainError) as raised:
        await files.open(ALL, CSV, **wanted, unit="degC")  # type: ignore[arg-type]  # by name
    assert raised.value.code == "unit_mismatch"
