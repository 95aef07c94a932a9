"""Every benchmark at a tiny size: that they run, not how fast anything is."""

from pathlib import Path

import pytest

from app import bench
from tests.benchmarks.command import BENCHMARKS, TINY
from tests.benchmarks.documents import (
    BEGIN,
    END,
    Measured,
    by_name,
    read_json,
    write_docs,
    write_json,
)
from tests.benchmarks.machine import describe, load
from tests.benchmarks.plotting import plot
from tests.benchmarks.results import on_terminal
from tests.e2e.programs import run


@pytest.mark.parametrize("name", BENCHMARKS)
def test_it_runs_and_its_results_can_be_kept(name: str, server_url: str, tmp_path: Path) -> None:
    sections = list(BENCHMARKS[name](server_url, TINY))
    assert sections
    for section in sections:
        assert section.rows
        assert all(len(row) == len(section.columns) for row in section.rows)
        assert on_terminal(section).row_count == len(section.rows)
    measured = [Measured(describe(server_url, load()), sections)]
    write_json(measured, tmp_path / "results.json")
    assert read_json(tmp_path / "results.json") == measured
    docs = tmp_path / "performance.md"
    docs.write_text(f"before\n{BEGIN}\nwhat was before\n{END}\nafter\n", encoding="utf-8")
    write_docs(measured, docs)
    text = docs.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "what was before" not in text
    assert all(section.title in text for section in sections)
    if name not in {"files", "memory", "polling"}:
        plot(by_name(measured), tmp_path / "plot.png")
        assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_names_them_all() -> None:
    assert tuple(BENCHMARKS) == bench.BENCHMARKS


def test_an_installation_without_the_sources_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "_ROOT", tmp_path)
    from app.cli import main  # noqa: PLC0415 - after the patch

    assert main(["bench", "--quick"]) == 1
    assert "part of the sources" in capsys.readouterr().err


def test_what_it_takes_is_explained(tmp_path: Path) -> None:
    told = run("bench", "--help", folder=tmp_path)
    assert told.returncode == 0
    assert "--quick" in told.stdout
