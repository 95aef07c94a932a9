"""Turns a real meter's hours into `.sgl_v2` files, as three makes of data loggers write them."""

import gzip
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

_SOURCE: Final = Path(__file__).parents[3] / "data/meters/il-electricity-cdd-hdd-hourly.csv.gz"
CHICAGO: Final = ZoneInfo("America/Chicago")
METER: Final = "IL0001"
HOUR: Final = timedelta(hours=1)
SKIPPED_VALUE: Final = "99.5"
_PARTS: Final = (10, 20)
"""Files of a month end with these days, and with its last one."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file, the hours that are in it, and its lines that no reader can take, by number."""

    path: str
    hours: int
    impossible: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hour:
    """The energy from ``start`` (UTC) on; the value as the source writes it."""

    start: datetime
    value: str

    @property
    def local(self) -> datetime:
        return self.start.astimezone(CHICAGO)


def hours() -> list[Hour]:
    """Return the source's hours, in order."""
    with gzip.open(_SOURCE, "rt", encoding="utf-8") as file:
        rows = [line.strip().split(",") for line in file][1:]
    return [Hour(datetime.fromisoformat(start).astimezone(UTC), value) for start, value in rows]


def write(folder: Path, given: Sequence[Hour], modified: datetime) -> list[WrittenFile]:
    """Write three files a month; each stands in its year's folder, and begins at a local midnight."""
    parts: dict[tuple[int, int, int], list[Hour]] = defaultdict(list)
    for hour in given:
        day = hour.local.date()
        parts[day.year, day.month, sum(day.day > last for last in _PARTS)].append(hour)
    return [_write(folder, *key, part, modified) for key, part in parts.items()]


def _write(
    folder: Path, year: int, month: int, part: int, given: Sequence[Hour], modified: datetime
) -> WrittenFile:
    make = (_iso, _european, _ends)[(year + month + part) % 3]
    suffix = ("sgl_v2", "SGL_V2", "slg_v2")[month % 3]
    path = folder / str(year) / f"{METER}_{year}-{month:02}_{part + 1}.{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    impossible: dict[int, str] = {}
    content = make(given, impossible)
    path.write_bytes(content)
    os.utime(path, (modified.timestamp(), modified.timestamp()))
    return WrittenFile(f"/{path.relative_to(folder)}", len(given), impossible)


def _iso(given: Sequence[Hour], impossible: dict[int, str]) -> bytes:
    """One says everything in its metadata."""
    head = [
        f"# meter: {METER}",
        "# unit: kWh",
        f"# timezone: {CHICAGO.key}",
        "# resolution: PT1H",
        "# quantity: energy",
        "# accumulation: delta",
        "# direction: import",
        "# timestamps: start",
    ]
    rows = [(one.local, one.value) for one in given]
    lines = [f"{local:%Y-%m-%d %H:%M};{_comma(value)}" for local, value in _with_skipped(rows)]
    return _text(head, lines, impossible, "\n").encode()


def _european(given: Sequence[Hour], impossible: dict[int, str]) -> bytes:
    """One writes for spreadsheets: a byte order mark, a header, CRLF; the meter is in the file's name."""
    head = [f"# timezone = {CHICAGO.key};", "# Resolution: 1 h;", "Data;Consumo"]
    rows = [(one.local, one.value) for one in given]
    lines = [f"{local:%d/%m/%Y %H:%M:%S};{_comma(value)}" for local, value in _with_skipped(rows)]
    return b"\xef\xbb\xbf" + _text(head, lines, impossible, "\r\n").encode()


def _ends(given: Sequence[Hour], impossible: dict[int, str]) -> bytes:
    """One names hours by their ends, the last one of a day 24:00, in two columns; its text is Latin-1."""
    head = [
        "# Estação n.º 1",
        f"# meter: {METER}",
        f"# timezone: {CHICAGO.key}",
        "# resolution: 60 min",
        "# timestamps: end",
        "",
    ]
    rows = [((one.start + HOUR).astimezone(CHICAGO), one.value) for one in given]
    lines = [f"{_end(local)}\t{_comma(value)}" for local, value in _with_skipped(rows)]
    return _text(head, lines, impossible, "\n").encode("latin-1")


def _end(local: datetime) -> str:
    if local.time() == time(0):
        return f"{local - timedelta(days=1):%d/%m/%Y}\t24:00"
    return f"{local:%d/%m/%Y}\t{local:%H:%M}"


def _comma(value: str) -> str:
    return value.replace(".", ",")


def _with_skipped(rows: Sequence[tuple[datetime, str]]) -> Iterator[tuple[datetime, str]]:
    """Put in half past the hour that spring leaves out: a logger whose clock goes wrong writes that."""
    before: datetime | None = None
    for local, value in rows:
        shown = local.replace(tzinfo=None)
        if before is not None and shown - before > HOUR:
            yield before + timedelta(minutes=90), SKIPPED_VALUE
        yield shown, value
        before = shown


def _text(head: Sequence[str], lines: Sequence[str], impossible: dict[int, str], end: str) -> str:
    numbered = enumerate(lines, len(head) + 1)
    impossible |= {number: line for number, line in numbered if _comma(SKIPPED_VALUE) in line}
    return end.join([*head, *lines, ""])
