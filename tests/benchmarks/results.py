"""What was measured, as tables: for a terminal, for documents and for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

from rich.table import Table

Cell = str | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; ``digits`` after the point for numbers, None for words."""

    title: str
    digits: int | None = 0


@dataclass(frozen=True, slots=True)
class Section:
    """One table: what it is called in files, its title, what has to be known to read it, and its rows."""

    name: str
    title: str
    note: str
    columns: tuple[Column, ...]
    rows: list[tuple[Cell, ...]]

    def values(self, title: str) -> list[Cell]:
        """Return the column of this title."""
        at = [column.title for column in self.columns].index(title)
        return [row[at] for row in self.rows]


def words(*titles: str) -> tuple[Column, ...]:
    """Return columns of words."""
    return tuple(Column(title, None) for title in titles)


def numbers(*titles: str, digits: int = 0) -> tuple[Column, ...]:
    """Return columns of numbers."""
    return tuple(Column(title, digits) for title in titles)


def percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    """Return p50 and p95 in ms."""
    if len(seconds) == 1:
        return seconds[0] * 1000, seconds[0] * 1000
    found = quantiles(seconds, n=100, method="inclusive")
    return found[49] * 1000, found[94] * 1000


def on_terminal(section: Section) -> Table:
    """Return the table for people at a terminal."""
    table = Table(title=section.title, caption=section.note, title_justify="left", caption_justify="left")
    for column in section.columns:
        table.add_column(column.title, justify="left" if column.digits is None else "right")
    for row in section.rows:
        table.add_row(*_written(section, row))
    return table


def as_markdown(section: Section) -> str:
    """Return the table for documents."""
    rows = [
        [column.title for column in section.columns],
        ["---" if column.digits is None else "---:" for column in section.columns],
        *(_written(section, row) for row in section.rows),
    ]
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"### {section.title}\n\n{section.note}\n\n{lines}\n"


def _written(section: Section, row: tuple[Cell, ...]) -> list[str]:
    return [
        "" if cell is None else cell if isinstance(cell, str) else f"{cell:,.{column.digits or 0}f}"
        for column, cell in zip(section.columns, row, strict=True)
    ]
