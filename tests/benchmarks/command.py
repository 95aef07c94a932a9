"""All benchmarks, one after the other: what ``energy-dashboard bench`` runs."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.benchmarks import growth, memory, read, write
from tests.benchmarks.database import database_server
from tests.benchmarks.documents import Measured, by_name, write_docs, write_json
from tests.benchmarks.machine import describe, load
from tests.benchmarks.plotting import plot
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


FULL: Final = Size(
    requests=200,
    sensors=1000,
    minutes=1440,
    year=read.YEAR,
    times=20,
    steps=growth.STEPS,
    exported=5_000_000,
)
QUICK: Final = Size(
    requests=20, sensors=100, minutes=1440, year=43_200, times=5, steps=(50_000, 100_000), exported=100_000
)
TINY: Final = Size(
    requests=2, sensors=20, minutes=120, year=1440, times=2, steps=(2_000, 4_000), exported=2_000
)

Benchmark = Callable[[str, Size], Iterator[Section]]
BENCHMARKS: Final[dict[str, Benchmark]] = {
    "write": lambda url, size: write.sections(url, size.requests),
    "read": lambda url, size: read.measure(url, size.sensors, size.minutes, size.year, size.times),
    "growth": lambda url, size: growth.measure(url, size.sensors, size.steps),
    "memory": lambda url, size: memory.measure(url, size.sensors, size.exported),
}
"""By name, in the order in which they run."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe what the command takes."""
    parser.add_argument("--quick", action="store_true", help="little data: under a minute")
    parser.add_argument(
        "--only", nargs="+", choices=list(BENCHMARKS), default=list(BENCHMARKS), help="these (default: all)"
    )
    parser.add_argument(
        "--readings", type=int, metavar="N", help="let `growth` end at N (default 20,000,000)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to keep the results")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="where to draw them (needs matplotlib)")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="a Markdown file to write the tables into")


def run(database_url: str | None, given: argparse.Namespace) -> int:
    """Measure, show the tables, and keep them where that is asked for."""
    size = QUICK if given.quick else FULL
    steps = size.steps
    if given.readings is not None:
        steps = (*(step for step in growth.STEPS if step < given.readings), given.readings)
    console = Console()
    measured: list[Measured] = []
    with database_server(database_url) as url:
        for name in given.only:
            before, sections = load(), []
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
        plot(by_name(measured), given.plot)
    return 0
