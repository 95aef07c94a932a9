"""The command ``export`` as people run it, on an embedded database."""

import asyncio
import csv
import io
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyarrow import parquet

from app.container import make_container
from app.settings import Settings
from app.storage import prepared
from domain.sensors.model import RoomName, SensorDefinition, SensorId, Source
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.services.checking import Submission
from domain.sensors.services.readings import WriteReadings
from domain.shared.quantities import Quantity, UnitConversion
from domain.shared.time import to_microseconds
from tests.e2e.programs import PROGRAM, environment, run

START = datetime(2026, 3, 1, tzinfo=UTC)
COUNT = 25_000
DATA = ("--data-dir", "data")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("export")
    with prepared(Settings(data_dir=made / "data")) as storage:
        asyncio.run(fill(storage.settings))
        yield made  # whose server the commands share, which starts none for each of them
    shutil.rmtree(made)


async def fill(settings: Settings) -> None:
    container = make_container(settings)
    uow = await container.get(SensorsUnitOfWork)
    async with uow.begin() as tx:
        for name, room, quantity, unit in (
            ("a", "North", Quantity.POWER, "kW"),
            ("b", "South", Quantity.POWER, "kW"),
            ("t", "North", Quantity.TEMPERATURE, "degC"),
        ):
            await tx.rooms.mention(RoomName(room))
            definition = SensorDefinition(
                sensor_id=SensorId(name), name=name, quantity=quantity, unit=unit, room_name=RoomName(room)
            )
            await tx.sensors.add(definition, UnitConversion(), unit, START)
    write: WriteReadings = await container.get(WriteReadings)
    for name, count in (("a", COUNT), ("b", 3), ("t", 3)):
        times = [to_microseconds(START + n * timedelta(seconds=30)) for n in range(count)]
        values = [n / 3 for n in range(count)]
        submission = Submission(sensor_ids=[name] * count, times_us=times, values=values)
        await write.write(submission, Source("test"))
    await container.close()


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_all_readings_go_to_the_standard_output_and_nothing_else(folder: Path) -> None:
    done = run("export", *DATA, folder=folder)
    assert done.returncode == 0, done.stderr
    found = rows(done.stdout)
    assert [row["sensor_id"] for row in found] == ["a"] * COUNT + ["b"] * 3 + ["t"] * 3
    assert [float(row["value"]) for row in found[:COUNT]] == [n / 3 for n in range(COUNT)]


def test_sensors_range_and_unit_are_chosen(folder: Path) -> None:
    chosen = ("--room", "North", "--quantity", "power", "--unit", "W")
    times = ("--start", "2026-03-01T01:00:30+01:00", "--end", "2026-03-01T00:01:30Z")
    done = run("export", *DATA, *chosen, *times, folder=folder)
    assert done.stdout.splitlines() == [
        "sensor_id,time,value,quality,unit",
        f"a,2026-03-01T00:00:30+00:00,{1 / 3 / 1e-3!r},OK,W",
        f"a,2026-03-01T00:01:00+00:00,{2 / 3 / 1e-3!r},OK,W",
    ]
    both = run("export", *DATA, "--sensor", "b", "t", "--output", "-", folder=folder)
    assert {row["sensor_id"] for row in rows(both.stdout)} == {"b", "t"}


def test_a_file_gets_its_name_when_it_is_whole_and_is_not_written_over(folder: Path) -> None:
    def files() -> list[str]:
        return sorted(path.name for path in folder.iterdir() if path.name != "data")

    done = run("export", *DATA, "--output", "all.parquet", folder=folder)
    assert done.returncode == 0, done.stderr
    assert f"{COUNT + 6:,} rows in all.parquet" in done.stderr
    table = parquet.read_table(folder / "all.parquet")
    assert table.num_rows == COUNT + 6
    assert set(table.column("unit").to_pylist()) == {"kW", "degC"}
    again = run("export", *DATA, "--output", "all.parquet", "--sensor", "b", folder=folder)
    assert again.returncode == 1
    assert "--force" in again.stderr
    forced = run("export", *DATA, "--output", "all.parquet", "--sensor", "b", "--force", folder=folder)
    assert forced.returncode == 0
    assert parquet.read_table(folder / "all.parquet").num_rows == 3
    failed = run("export", *DATA, "--output", "some.csv", "--sensor", "nobody", folder=folder)
    assert failed.returncode == 1
    assert "nobody" in failed.stderr
    nowhere = run("export", *DATA, "--output", "no/where.csv", folder=folder)
    assert (nowhere.returncode, "no/where.csv" in nowhere.stderr) == (1, True)
    assert files() == ["all.parquet"]


def test_buckets(folder: Path) -> None:
    day = ("--start", "2026-03-01T00:00:00Z", "--end", "2026-03-02T00:00:00Z")
    done = run(
        *("export", *DATA, "--sensor", "a", "b", "--resolution", "PT1H", *day),
        *("--timezone", "Asia/Kolkata", "--aggregate", "count", "energy"),
        folder=folder,
    )
    assert done.returncode == 0, done.stderr
    found = rows(done.stdout)
    assert [row["count"] for row in found if row["sensor_id"] == "a"] == ["60"] + ["120"] * 23 + ["60"]
    assert found[1]["start"] == "2026-03-01T06:00:00+05:30"
    assert list(found[0])[3:6] == ["count", "energy", "expected"]


def test_wrong_arguments_are_misuse(folder: Path) -> None:
    for arguments in (
        ("--start", "yesterday"),
        ("--resolution", "P1D"),
        ("--timezone", "Mars"),
    ):
        done = run("export", *DATA, *arguments, folder=folder)
        assert done.returncode == 2, arguments
        assert arguments[0] in done.stderr
        assert done.stdout == ""
    assert "Exit codes: 0" in run("export", "--help", folder=folder).stdout
    refused = run("export", *DATA, "--sensor", "a", "--unit", "degC", folder=folder)
    assert refused.returncode == 1
    assert "degC" in refused.stderr


def test_a_reader_that_goes_away_ends_it_quietly(folder: Path) -> None:
    program = subprocess.Popen(  # noqa: S603 - ourselves
        [*PROGRAM, "export", *DATA],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    assert program.stdout is not None
    assert program.stderr is not None
    assert program.stdout.readline() == b"sensor_id,time,value,quality,unit\r\n"
    program.stdout.close()
    told = program.stderr.read()
    program.stderr.close()
    assert program.wait(30) == 141
    assert told == b""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_stays_one(folder: Path) -> None:
    pipe = folder / "data" / "pipe"
    os.mkfifo(pipe)
    program = subprocess.Popen(  # noqa: S603 - ourselves
        [*PROGRAM, "export", *DATA, "--sensor", "b", "--output", str(pipe)],
        cwd=folder,
        env=environment(),
        stderr=subprocess.DEVNULL,
    )
    assert len(pipe.read_text().splitlines()) == 4
    assert program.wait(30) == 0
    assert pipe.is_fifo()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("output", ["-", "/dev/full"])
def test_a_full_disk_is_one_line(folder: Path, output: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(  # noqa: S603 - ourselves
            [*PROGRAM, "export", *DATA, "--output", output],
            cwd=folder,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "No space left" in done.stderr
