from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import pytest

from adapters.pollers.local_file import blocks_of
from adapters.pollers.meter_files.formats import SuffixedMeterFileFormats
from adapters.simulator.local_days import ZONE
from adapters.simulator.meter_files import MeterFolder
from adapters.simulator.neighbours import neighbour_meters
from adapters.units.pint_catalog import PintUnitCatalog
from domain.ingestion.errors import UnreadableFileError
from domain.ingestion.file_ports import FileFacts
from domain.ingestion.files import ParsedChunk
from domain.ingestion.model import SensorId

NOON = datetime(2026, 11, 24, 12, 7, tzinfo=UTC)
METERS = neighbour_meters(2026)
FORMATS = SuffixedMeterFileFormats(PintUnitCatalog())
QUARTER = timedelta(minutes=15)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def times_of(folder: Path) -> dict[str, float]:
    return {str(path): path.stat().st_mtime for path in folder.rglob("*.sgl_v2")}


def parsed(folder: Path, name: str) -> Iterator[ParsedChunk]:
    return FORMATS.chunks(FileFacts(f"/{name}", ZONE), blocks_of(folder / name))


def rows(content: bytes) -> list[str]:
    return [line for line in content.decode().splitlines() if line[:1].isdigit()]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("meters")
    MeterFolder(folder, METERS).write(NOON, 28)
    return folder


def test_each_meter_has_a_file_for_each_day(written: Path) -> None:
    collections = Counter(name.rpartition("/")[0] for name in contents(written))
    assert set(collections) == {"school/main", "school/solar", "neighbours/library", "neighbours/pool"}
    assert collections["school/solar"] == collections["neighbours/pool"] == 29


def test_the_files_show_everything_that_can_become_of_a_file(written: Path) -> None:
    files = contents(written)
    doubles = [content for content, number in Counter(files.values()).items() if number > 1]
    assert doubles
    clean, spoiled, unreadable = 0, 0, []
    for name in files:
        try:
            chunks = list(parsed(written, name))
        except UnreadableFileError:
            unreadable.append(name)
            continue
        assert sum(len(chunk.batch.times_us) for chunk in chunks)
        if any(chunk.rejected for chunk in chunks):
            spoiled += 1
        else:
            clean += 1
    assert unreadable == ["neighbours/library/LIBRARY_logo.sgl_v2"]
    assert 2 <= spoiled <= 3
    assert clean > 100


def test_the_readings_are_what_the_meters_measured(written: Path) -> None:
    found: dict[SensorId, dict[int, float]] = {}
    for name in contents(written):
        if "20261123" in name:
            for chunk in parsed(written, name):
                batch = chunk.batch
                for sensor, time, value in zip(batch.sensor_ids, batch.times_us, batch.values, strict=True):
                    found.setdefault(sensor, {})[time] = value
    expected = {
        SensorId(sensor): one.measured
        for meter in METERS
        for sensor, one in zip(meter.sensor_ids(), meter.series, strict=True)
    }
    assert found.keys() == expected.keys()
    step = QUARTER // timedelta(microseconds=1)
    for sensor, values in found.items():
        assert len(values) == 96
        first, last = min(values), max(values) + step
        measured = expected[sensor].energy(last) - expected[sensor].energy(first)
        assert sum(values.values()) == pytest.approx(measured / 1000, abs=96 * 0.00005)


@pytest.mark.parametrize(
    ("after", "quarters"),
    [(datetime(2026, 3, 30, 9, tzinfo=UTC), 92), (datetime(2026, 10, 26, 9, tzinfo=UTC), 100)],
)
def test_days_of_clock_changes_have_their_quarters(tmp_path: Path, after: datetime, quarters: int) -> None:
    MeterFolder(tmp_path, METERS).write(after, 1)
    changed = after - timedelta(days=1)
    name = f"school/main/SCHOOL-MAIN_{changed:%Y%m%d}.sgl_v2"
    assert len(rows(contents(tmp_path)[name])) == quarters
    times = list(chain.from_iterable(chunk.batch.times_us for chunk in parsed(tmp_path, name)))
    assert len(set(times)) == quarters
    assert max(times) - min(times) == (quarters - 1) * (QUARTER // timedelta(microseconds=1))


def test_todays_files_grow_and_the_others_stay_as_they_are(tmp_path: Path) -> None:
    folder = MeterFolder(tmp_path, METERS)
    folder.write(NOON, 3)
    before, stamps = contents(tmp_path), times_of(tmp_path)
    folder.write(NOON + timedelta(minutes=7), 3)
    assert contents(tmp_path) == before
    folder.write(NOON + QUARTER, 3)
    after = contents(tmp_path)
    grown = {name for name in after if after[name] != before[name]}
    assert grown == {name for name in after if "20261124" in name}
    assert len(grown) == len(METERS)
    for name in grown:
        assert after[name].startswith(before[name])
        assert len(rows(after[name])) == len(rows(before[name])) + 1 == 49
    changed = {path for path, stamp in times_of(tmp_path).items() if stamp != stamps[path]}
    assert len(changed) == len(METERS)


def test_another_demo_in_the_same_folder_writes_nothing_anew(tmp_path: Path) -> None:
    MeterFolder(tmp_path, METERS).write(NOON, 2)
    before, stamps = contents(tmp_path), times_of(tmp_path)
    MeterFolder(tmp_path, neighbour_meters(2026)).write(NOON, 2)
    assert contents(tmp_path) == before
    assert times_of(tmp_path) == stamps


def test_the_first_minutes_of_a_day_have_no_file_yet(tmp_path: Path) -> None:
    MeterFolder(tmp_path, METERS).write(datetime(2026, 11, 24, 0, 14, tzinfo=UTC), 0)
    assert [path.name for path in tmp_path.rglob("*.sgl_v2")] == ["LIBRARY_logo.sgl_v2"]
