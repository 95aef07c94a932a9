"""The commands ``import`` and ``scan`` as people run them, on an embedded database."""

import asyncio
import os
import pty
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from app.container import make_container
from app.settings import Settings
from app.storage import prepared
from domain.ingestion.files import MeterFile
from domain.ingestion.services.files import ReadFiles
from tests.e2e.programs import PROGRAM, environment, run

DATA = ("--data-dir", "data")
HEADER = ["file", "status", "received", "created", "updated", "unchanged", "rejected"]
MANY = 400_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Settings]]:
    made = tmp_path_factory.mktemp("meter-files")
    with prepared(Settings(data_dir=made / "data")) as storage:
        yield made, storage.settings  # whose server the commands share, which starts none for each of them
    shutil.rmtree(made)


@pytest.fixture
def folder(data: tuple[Path, Settings]) -> Path:
    return data[0]


def written(path: Path, meter: str, lines: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([f"# meter: {meter}", "# unit: kWh", *lines]) + "\n")
    return path


def hours(count: int) -> list[str]:
    return [f"2026-01-{1 + hour // 24:02}T{hour % 24:02}:00:00+00:00;{hour}" for hour in range(count)]


def table(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    """Return the rows of what a command wrote, its header checked."""
    header, *rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert header == HEADER, done.stdout + done.stderr
    return rows


async def files(settings: Settings) -> dict[str, MeterFile]:
    container = make_container(settings)
    try:
        reading: ReadFiles = await container.get(ReadFiles)
        found, _ = await reading.list(None, None, 1000, 0)
        return {file.path: file for file in found}
    finally:
        await container.close()


async def begun(settings: Settings, path: str) -> None:
    """Wait until a file is read in part."""
    container = make_container(settings)
    try:
        reading: ReadFiles = await container.get(ReadFiles)
        async with asyncio.timeout(90):
            for _ in range(10_000):
                found, _ = await reading.list(None, None, 1000, 0)
                if any(file.path == path and file.chunks for file in found):
                    return
                await asyncio.sleep(0.01)
    finally:
        await container.close()


def test_files_are_read_and_the_table_says_what_came_of_them(folder: Path) -> None:
    whole = written(folder / "whole.sgl_v2", "W1", hours(48))
    partly = written(folder / "partly.sgl_v2", "W2", [*hours(10), "2026-02-01T00:00:00+00:00;x[bold]"])
    done = run("import", str(whole), str(partly), *DATA, folder=folder)
    assert table(done) == [
        ["whole.sgl_v2", "processed", "48", "48", "0", "0", "0"],
        ["partly.sgl_v2", "partial", "11", "10", "0", "0", "1"],
    ]
    assert done.returncode == 2
    assert "partly.sgl_v2:13: " in done.stderr
    assert "(not_a_number): 2026-02-01T00:00:00+00:00;x[bold]" in done.stderr
    alone = written(folder / "alone.sgl_v2", "W3", hours(5))
    done = run("import", "alone.sgl_v2", *DATA, folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    changed = written(alone, "W3", [*hours(4), "2026-01-01T04:00:00+00:00;99", *hours(7)[5:]])
    again = run("import", changed.name, *DATA, folder=folder)
    assert table(again) == [["alone.sgl_v2", "processed", "7", "2", "1", "4", "0"]]


def test_a_dry_run_writes_nothing(data: tuple[Path, Settings]) -> None:
    folder, settings = data
    path = written(folder / "dry.sgl_v2", "D1", [*hours(10), "never;1"])
    done = run("import", "--dry-run", str(path), *DATA, folder=folder)
    assert table(done) == [["dry.sgl_v2", "dry run", "11", "10", "0", "0", "1"]]
    assert done.returncode == 2
    assert "dry.sgl_v2:13: " in done.stderr
    assert "/dry.sgl_v2" not in asyncio.run(files(settings))


def test_a_collection_is_where_they_belong(data: tuple[Path, Settings]) -> None:
    folder, settings = data
    path = written(folder / "belongs.sgl_v2", "C1", hours(2))
    done = run("import", "--collection", "/campus/north", str(path), *DATA, folder=folder)
    assert done.returncode == 0, done.stderr
    file = asyncio.run(files(settings))["/campus/north/belongs.sgl_v2"]
    assert (file.collection, file.origin) == ("campus/north", "import")
    wrong = run("import", "--collection", "../..", str(path), *DATA, folder=folder)
    assert wrong.returncode == 1
    assert "Traceback" not in wrong.stderr


def test_what_cannot_be_read_at_all_is_exit_code_1(folder: Path) -> None:
    broken = folder / "broken.sgl_v2"
    broken.write_bytes(b"PK\x03\x04\x00\x01\x02\x00" * 1000)
    done = run("import", str(broken), *DATA, folder=folder)
    assert done.returncode == 1
    (row,) = table(done)
    assert row[:3] == ["broken.sgl_v2", "failed", "0"]
    assert "broken.sgl_v2: " in done.stderr
    good = written(folder / "good.sgl_v2", "G1", hours(2))
    assert run("import", str(broken), str(good), *DATA, folder=folder).returncode == 2
    assert run("import", "--dry-run", str(broken), *DATA, folder=folder).returncode == 1


def test_what_is_refused_as_a_whole_is_exit_code_1(folder: Path) -> None:
    written(folder / "future.sgl_v2", "F9", ["2999-01-01T00:00:00+00:00;1"])
    for options in (["--dry-run"], []):
        done = run("import", *options, "future.sgl_v2", *DATA, folder=folder)
        assert (done.returncode, table(done)) == (1, [["future.sgl_v2", "failed", "1", "0", "0", "0", "1"]])
        whole, line = done.stderr.splitlines()
        assert whole == "future.sgl_v2: everything in it was refused; its rejects say why (nothing_stored)"
        assert "(in_future)" in line


def test_before_anything_is_read_all_files_are_looked_at(data: tuple[Path, Settings]) -> None:
    folder, settings = data
    good = written(folder / "first.sgl_v2", "F1", hours(2))
    twin = written(folder / "other" / "first.sgl_v2", "F2", hours(2))
    (folder / "notes.txt").write_text("x")
    for name, said in (
        ("missing.sgl_v2", "No such file"),
        ("other", "is a folder"),
        ("notes.txt", "no meter file by its name"),
        (str(twin), "two files first.sgl_v2"),
    ):
        done = run("import", str(good), name, *DATA, folder=folder)
        assert done.returncode == 1
        assert done.stdout == ""
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert "/first.sgl_v2" not in asyncio.run(files(settings))


def test_what_was_interrupted_goes_on(data: tuple[Path, Settings]) -> None:
    folder, settings = data
    start = 1_700_000_000
    lines = (f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(start + n))};{n}" for n in range(MANY))
    written(folder / "many.csv", "M1", ["time;kWh", *lines])
    arguments = [*PROGRAM, "import", "many.csv", *DATA]
    with subprocess.Popen(  # noqa: S603 - ourselves
        arguments, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as first:
        asyncio.run(begun(settings, "/many.csv"))
        first.send_signal(signal.SIGINT)
        _, said = first.communicate(timeout=30)
    assert first.returncode == 130
    assert said.decode() == (
        "energy-dashboard: interrupted; what was read so far is stored: "
        "give the same files again to go on, nothing is stored twice\n"
    )
    left = asyncio.run(files(settings))["/many.csv"]
    assert 0 < left.receipt.created < MANY
    done = run("import", "many.csv", *DATA, folder=folder)
    assert table(done) == [["many.csv", "processed", str(MANY), str(MANY), "0", "0", "0"]]
    assert done.returncode == 0


def test_on_a_terminal_there_is_a_progress_bar(folder: Path) -> None:
    written(folder / "shown.sgl_v2", "S1", hours(24))
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            [*PROGRAM, "import", "shown.sgl_v2", *DATA],
            cwd=folder,
            env=environment(TERM="xterm", COLUMNS="120"),
            stdout=subprocess.PIPE,
            stderr=theirs,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=60,
        )
        shown = os.read(ours, 1 << 16).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 0
    assert "shown.sgl_v2" in shown
    assert "rows/s" in shown
    assert "rows/s" not in done.stdout.decode()


def test_a_scan_needs_a_server(folder: Path) -> None:
    done = run("scan", *DATA, folder=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "FTP_SA4CPS_HOST" in done.stderr
