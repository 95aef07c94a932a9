"""All benchmarks, one after the other: what ``energy-dashboard bench`` runs."""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from rich.console import Console

from tests.benchmarks import files, growth, memory, polling, read, write
from tests.benchmarks.database import database_server
from tests.benchmarks.documents import Measured, by_name, write_docs, write_json
from tests.benchmarks.machine import describe, load
from tests.benchmarks.plotting import PlotError, plot
from tests.benchmarks.results import Section, on_terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    requests: int
    sensors: int
    minutes: int
    year: int
    times: int
    steps: tuple[int, ...]
    exported: int
    lines: int
    devices: int
    polled_seconds: float


FULL: Final = Size(
    requests=100,
    sensors=1000,
    minutes=1440,
    year=read.YEAR,
    times=10,
    steps=growth.STEPS,
    exported=5_000_000,
    lines=1_000_000,
    devices=1000,
    polled_seconds=60.0,
)
QUICK: Final = Size(
    requests=20,
    sensors=100,
    minutes=1440,
    year=43_200,
    times=5,
    steps=(50_000, 100_000),
    exported=100_000,
    lines=100_000,
    devices=200,
    polled_seconds=20.0,
)
TINY: Final = Size(
    requests=2,
    sensors=20,
    minutes=120,
    year=1440,
    times=2,
    steps=(2_000, 4_000),
    exported=2_000,
    lines=2_000,
    devices=10,
    polled_seconds=3.0,
)

Benchmark = Callable[[str, Size], Iterator[Section]]
BENCHMARKS: Final[dict[str, Benchmark]] = {
    "write": lambda url, size: write.sections(url, size.requests),
    "read": lambda url, size: read.measure(url, size.sensors, size.minutes, size.year, size.times),
    "files": lambda url, size: files.measure(url, size.lines),
    "polling": lambda url, size: polling.measure(url, size.devices, size.polled_seconds),
    "growth": lambda url, size: growth.measure(url, size.sensors, size.steps),
    "memory": lambda url, size: memory.measure(url, size.sensors, size.exported),
}
"""By name, in the order in which they run."""


def run(database_url: str | None, given: argparse.Namespace) -> int:
    """Measure, show the tables, and keep them where that is asked for."""
    size = QUICK if given.quick else FULL
    steps = size.steps
    if given.readings is not None:
        steps = (*(step for step in growth.STEPS if step < given.readings), given.readings)
    # A file takes whole lines.
    console = Console(width=None if sys.stdout.isatty() else 240)
    measured: list[Measured] = []
    with database_server(database_url) as url:
        for name in given.only or BENCHMARKS:
            before = load()
            sections: list[Section] = []
            if name == "growth":
                found = growth.measure(url, size.sensors, steps)
            else:
                found = BENCHMARKS[name](url, size)
            for section in found:
                console.print(on_terminal(section))
                sections.append(section)
            measured.append(Measured(describe(url, before), sections))
            console.print(str(measured[-1].machine), highlight=False)
            if given.json is not None:
                write_json(measured, given.json)
    if given.docs is not None:
        write_docs(measured, given.docs)
    if given.plot is not None:
        try:
            plot(by_name(measured), given.plot)
        except PlotError as error:
            sys.stderr.write(f"energy-dashboard: {error}\n")
            return 1
    return 0
