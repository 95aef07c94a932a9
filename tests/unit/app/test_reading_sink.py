"""Ingestion's readings into the sensors module, over memory."""

import asyncio
import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.bridges import SensorsReadingSink
from domain.ingestion.model import (
    ChunkKey,
    DeviceId,
    ReadingBatch,
    SensorId,
    SensorRegistration,
    WriteOutcome,
)
from domain.sensors.model import SensorId as StoredSensorId
from domain.sensors.services.checking import Checking
from domain.sensors.services.previews import PreviewReadings
from domain.shared.events import SYSTEM
from domain.shared.quantities import Accumulation, Direction, Quantity
from tests.unit.sensors.samples import ME, NOW_US, SECOND_US, UNITS, World, definition, world

CHUNK = ChunkKey("ftp:/a.sgl_v2", "1")
Row = tuple[str, int, float]


def sink_of(w: World) -> SensorsReadingSink:
    previews = PreviewReadings(w.write, w.catalog, UNITS, w.clock)
    return SensorsReadingSink(w.sensors, w.write, previews, w.catalog)


def registration(sensor_id: str, unit: str = "kWh", max_value: float | None = None) -> SensorRegistration:
    return SensorRegistration(
        sensor_id=SensorId(sensor_id),
        name=sensor_id,
        quantity=Quantity.ENERGY,
        unit=unit,
        accumulation=Accumulation.DELTA,
        resolution=timedelta(minutes=15),
        device_id=DeviceId("meter"),
        max_value=max_value,
    )


def batch(rows: Sequence[Row], *registrations: SensorRegistration) -> ReadingBatch:
    named = {one.sensor_id for one in registrations}
    others = [registration(one) for one in dict.fromkeys(row[0] for row in rows) if one not in named]
    return ReadingBatch(
        registrations=[*registrations, *others],
        sensor_ids=[SensorId(row[0]) for row in rows],
        times_us=array("q", [NOW_US - row[1] * SECOND_US for row in rows]),
        values=array("d", [row[2] for row in rows]),
    )


async def values(w: World, sensor_id: str) -> list[float]:
    page = await w.read.page(StoredSensorId(sensor_id), start=None, end=None, after=None, limit=100)
    return [one.value for one in page.readings]


def counts(outcome: WriteOutcome) -> tuple[int, int, int, int]:
    return outcome.created, outcome.updated, outcome.unchanged, outcome.rejected


async def test_a_chunk_registers_its_sensors_and_is_stored_once() -> None:
    w = world()
    rows = [("a", 2, 1.0), ("b", 2, 2.0), ("a", 1, math.nan)]
    outcome = await sink_of(w).write_chunk(batch(rows), CHUNK)
    assert counts(outcome) == (2, 0, 0, 1)
    assert [(one.index, one.sensor_id, one.code) for one in outcome.refused] == [(2, "a", "not_a_number")]
    registered = (await w.sensors.get(StoredSensorId("b"))).sensor.definition
    assert (registered.quantity, registered.unit, registered.device_id) == (Quantity.ENERGY, "kWh", "meter")
    # Another process, which has not met these sensors, sends it again.
    assert await sink_of(world(w.uow)).write_chunk(batch(rows), CHUNK) == outcome
    assert counts(await sink_of(w).write_chunk(batch(rows), ChunkKey(CHUNK.source, "2"))) == (0, 0, 2, 1)


async def test_values_come_in_the_unit_of_their_registration() -> None:
    w = world()
    await w.sensors.create(definition("a", quantity=Quantity.ENERGY, unit="Wh"), ME)
    kwh, wh, mwh = registration("a"), registration("b", "Wh"), registration("b", "MWh")
    await sink_of(w).write_chunk(batch([("a", 1, 2.0), ("b", 1, 3.0)], kwh, wh), CHUNK)
    assert (await values(w, "a"), await values(w, "b")) == ([2.0], [0.003])
    await sink_of(w).write_chunk(batch([("b", 1, 5.0)], mwh), ChunkKey("ftp:/b.csv", "1"))
    assert await values(w, "b") == [5000.0]


@pytest.mark.parametrize(
    ("stated", "change"),
    [
        ("accumulation", {"accumulation": Accumulation.CUMULATIVE}),
        ("direction", {"direction": Direction.EXPORT}),
        ("resolution", {"resolution": timedelta(hours=1)}),
    ],
)
async def test_values_that_mean_something_else_are_refused(stated: str, change: dict[str, Any]) -> None:
    w = world()
    sink = sink_of(w)
    await sink.write_chunk(batch([("a", 3, 1.0)]), CHUNK)
    other = replace(registration("a"), **change)
    sent = batch([("a", 2, 1.0), ("b", 2, 1.0)], replace(other, stated=frozenset({stated})))
    foretold = await sink.preview(sent)
    outcome = await sink.write_chunk(sent, ChunkKey(CHUNK.source, "2"))
    assert counts(foretold) == counts(outcome) == (1, 0, 0, 1)
    assert [(one.sensor_id, one.code) for one in outcome.refused] == [("a", f"{stated}_mismatch")]
    assert list(foretold.refused) == list(outcome.refused)
    # What holds where nothing is said is no contradiction.
    unsaid = await sink.write_chunk(batch([("a", 2, 1.0)], other), ChunkKey(CHUNK.source, "3"))
    assert counts(unsaid) == (1, 0, 0, 0)


async def test_a_resolution_that_was_assumed_is_set_once_it_is_told() -> None:
    w = world()
    sink = sink_of(w)
    assumed = replace(registration("a"), resolution_is_assumed=True)
    hour = timedelta(hours=1)

    async def of_a() -> tuple[timedelta | None, Mapping[str, str]]:
        definition = (await w.sensors.get(StoredSensorId("a"))).sensor.definition
        return definition.resolution, definition.labels

    await sink.write_chunk(batch([("a", 9, 1.0)], assumed), CHUNK)
    await sink.write_chunk(batch([("a", 8, 1.0)], assumed), ChunkKey(CHUNK.source, "2"))
    assert await of_a() == (timedelta(minutes=15), {"resolution": "assumed"})
    told = replace(registration("a"), resolution=hour, stated=frozenset({"resolution"}))
    assert counts(await sink.preview(batch([("a", 7, 1.0)], told))) == (1, 0, 0, 0)
    assert (await of_a())[0] == timedelta(minutes=15)
    await sink.write_chunk(batch([("a", 7, 1.0)], told), ChunkKey(CHUNK.source, "3"))
    assert await of_a() == (hour, {})
    await sink.write_chunk(batch([("a", 6, 1.0)], assumed), ChunkKey(CHUNK.source, "4"))
    assert await of_a() == (hour, {})


async def test_units_of_whole_sensors_cost_no_look_at_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Checking) -> None:
        raise AssertionError

    w = world()
    await w.sensors.create(definition("a", quantity=Quantity.ENERGY, unit="Wh"), ME)
    monkeypatch.setattr(Checking, "_accepted_one_by_one", refuse)
    rows = [("a", 2, 1.0), ("b", 2, 1.0), ("a", 1, 1.0), ("b", 1, 1.0)]
    assert counts(await sink_of(w).write_chunk(batch(rows), CHUNK)) == (4, 0, 0, 0)
    assert counts(await sink_of(w).preview(batch([("a", 2, 1.0), ("c", 1, 1.0)]))) == (1, 0, 1, 0)


async def test_a_correction_by_people_is_not_undone_by_the_file_that_came_before_it() -> None:
    w = world()
    sink = sink_of(w)
    await sink.write_chunk(batch([("a", 1, 1.0)]), CHUNK)
    await sink.write_chunk(batch([("a", 1, 9.0)]), ChunkKey("upload:/corrected.csv", "1"))
    assert counts(await sink.write_chunk(batch([("a", 1, 1.0)]), ChunkKey(CHUNK.source, "2"))) == (0, 0, 1, 0)
    assert await values(w, "a") == [9.0]


async def test_what_cannot_be_registered_says_why_again_and_again() -> None:
    w = world()
    rows = [("a", 1, 1.0), ("no space", 1, 1.0), ("c", 1, 1.0)]
    sent = batch(rows, registration("a", "hours"))
    foretold = await sink_of(w).preview(sent)
    outcome = await sink_of(w).write_chunk(sent, CHUNK)
    assert counts(outcome) == (1, 0, 0, 2)
    assert [(one.index, one.code) for one in outcome.refused] == [(0, "unit_mismatch"), (1, "invalid_id")]
    assert "hours" in outcome.refused[0].detail
    assert foretold == outcome
    assert await sink_of(w).write_chunk(sent, CHUNK) == outcome


async def test_a_sensor_that_was_deleted_comes_back() -> None:
    w = world()
    sink = sink_of(w)
    await sink.write_chunk(batch([("a", 1, 1.0)]), CHUNK)
    await sink.write(batch([("a", 0, 1.0)]))
    await w.sensors.delete(StoredSensorId("a"), ME, purge=True)
    assert counts(await sink.write_chunk(batch([("a", 1, 1.0)]), ChunkKey(CHUNK.source, "2"))) == (1, 0, 0, 0)
    await w.sensors.delete(StoredSensorId("a"), ME, purge=True)
    assert counts(await sink.write(batch([("a", 0, 1.0)]))) == (1, 0, 0, 0)


async def test_a_preview_of_nothing_is_nothing() -> None:
    assert counts(await sink_of(world()).preview(batch([]))) == (0, 0, 0, 0)


_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["known", "watts", "new", "other", "bad id", "bad unit"]),
        st.one_of(st.integers(0, 3), st.sampled_from([-300, -301, NOW_US // SECOND_US + 1])),
        st.sampled_from([1.0, 2.0, 1e6, math.nan, math.inf, 1e101]),
    ),
    max_size=20,
)
_REGISTRATIONS = (
    registration("watts", "kWh"),
    registration("other", "Wh", max_value=1.5),
    registration("bad unit", "hours"),
)


@given(batches=st.lists(_ROWS, min_size=1, max_size=4))
@settings(deadline=None)
def test_a_preview_is_what_the_write_then_does(batches: list[list[Row]]) -> None:
    async def run() -> None:
        w = world()
        sink = sink_of(w)
        await w.sensors.create(definition("known", quantity=Quantity.ENERGY, unit="kWh", max_value=1.0), ME)
        await w.sensors.create(definition("watts", quantity=Quantity.ENERGY, unit="Wh"), SYSTEM)
        for number, rows in enumerate(batches):
            sent = batch(rows, *_REGISTRATIONS)
            before = len(w.database.events)
            foretold = await sink.preview(sent)
            assert len(w.database.events) == before
            # Of a source that is new, as a file is that was never read.
            outcome = await sink.write_chunk(sent, ChunkKey(f"ftp:/{number}", "1"))
            assert foretold == outcome
            assert sum(counts(outcome)) == len(rows)
            assert [one.index for one in outcome.refused] == sorted({one.index for one in outcome.refused})
            assert await sink.write_chunk(sent, ChunkKey(f"ftp:/{number}", "1")) == outcome

    asyncio.run(run())
