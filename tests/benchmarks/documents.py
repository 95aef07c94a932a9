"""Results kept: as JSON, and in ``docs/performance.md`` between two marks.

    python -m tests.benchmarks.documents results.json... [--docs docs/performance.md] [--plot FILE]

puts together what several runs gave.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from tests.benchmarks.machine import Machine
from tests.benchmarks.plotting import plot
from tests.benchmarks.results import Section, as_markdown

BEGIN: Final = "<!-- energy-dashboard bench: from here on written by the program -->"
END: Final = "<!-- energy-dashboard bench: until here -->"


@dataclass(frozen=True, slots=True)
class Measured:
    """The tables of one benchmark, and the machine as it was then."""

    machine: Machine
    sections: list[Section]


def write_json(measured: list[Measured], file: Path) -> None:
    """Keep the results for programs, and for `documents`."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(measured)) + b"\n")


def read_json(file: Path) -> list[Measured]:
    """Return what `write_json` kept."""
    return msgspec.json.decode(file.read_bytes(), type=list[Measured])


def write_docs(measured: list[Measured], file: Path) -> None:
    """Put the results between the marks of the file, in place of what stands there."""
    text = file.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    parts: list[str] = []
    for one in measured:
        parts += [as_markdown(section) for section in one.sections]
        parts.append(f"*{one.machine}*\n")
    file.write_text(f"{before}{BEGIN}\n\n" + "\n".join(parts) + f"\n{END}{after}", encoding="utf-8")


def by_name(measured: list[Measured]) -> dict[str, Section]:
    """Return the sections by name."""
    return {section.name: section for one in measured for section in one.sections}


def main() -> None:
    """Put results together."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    measured = [one for file in arguments.results for one in read_json(file)]
    if arguments.docs is not None:
        write_docs(measured, arguments.docs)
    if arguments.plot is not None:
        plot(by_name(measured), arguments.plot)


if __name__ == "__main__":
    main()
