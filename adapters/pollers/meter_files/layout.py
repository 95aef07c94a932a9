"""Where in a line what stands, as the first lines of a file show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from adapters.pollers.meter_files.fields import (
    is_silent,
    number_of,
    separator_of,
    shown,
    split_fields,
)
from adapters.pollers.meter_files.lines import MAX_LINE_BYTES, TEXT_KEPT, Piece
from adapters.pollers.meter_files.metadata import Said, metadata_of
from adapters.pollers.meter_files.times import is_clock, is_date, is_time
from domain.ingestion.errors import UnreadableFileError
from domain.ingestion.files import RejectedLine

MAX_COLUMNS: Final = 1_000
_METER_NAMES: Final = frozenset({"meter", "cpe", "device_id"})
_ROWS_LOOKED_AT: Final = 100
_MORE_THAN_THE_TIME: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The columns of a file by their places in a line."""

    separator: str
    width: int
    """How many fields a line has that lacks none."""
    time_at: int
    clock_at: int | None
    """Where the time of the day has a column of its own."""
    meter_at: int | None
    values_at: Sequence[int]
    names: Sequence[str]
    """Of the value columns."""
    empty_at: Sequence[int]
    """Where separators stand at the end of each line, and nothing behind them."""

    @property
    def decimal_comma(self) -> bool:
        """Whether a comma stands before decimals."""
        return self.separator != ","

    def time_of(self, fields: Sequence[str]) -> str:
        """Return the time as one text."""
        day = fields[self.time_at]
        if self.clock_at is None:
            return day
        # Without its time of the day a date would be read as midnight.
        return f"{day} {fields[self.clock_at] or '?'}"


def rejected(line: int, text: str, code: str, detail: str) -> RejectedLine:
    """Return a rejected line with as much of its text as is kept."""
    return RejectedLine(line, text[:TEXT_KEPT], code, detail)


def too_long(line: int, text: str, size: int) -> RejectedLine:
    """Return a line that was not read to its end."""
    detail = f"the line has {size} bytes; at most {MAX_LINE_BYTES} are read"
    return rejected(line, text, "line_too_long", detail)


class Opening:
    """The lines up to the first row of data: metadata, comments, a header."""

    def __init__(self) -> None:
        self.metadata: dict[str, Said] = {}
        self._separator: str | None = None
        self._header: list[str] | None = None

    def read(self, piece: Piece) -> tuple[list[RejectedLine], Layout | None, int]:
        """Read on up to the first row of data.

        Returns:
            the lines that are none of these; the layout and the place of the first row, once there is one.

        Raises:
            UnreadableFileError: ``too_many_columns``.

        """
        rejects: list[RejectedLine] = []
        for at, (line, size) in enumerate(zip(piece.lines, piece.sizes, strict=True)):
            number = piece.first_line + at
            if size > MAX_LINE_BYTES:
                rejects.append(too_long(number, line, size))
                continue
            said = metadata_of(line)
            if said is not None:
                self.metadata[said[0]] = Said(number, said[1])
            if is_silent(line, self._separator or separator_of(line)):
                continue
            separator = self._separator or separator_of(line)
            if separator is None:
                detail = "nothing splits it into fields: ; tab or , is needed"
                rejects.append(rejected(number, line, "missing_column", detail))
                continue
            fields = split_fields(line, separator)
            if len(fields) > MAX_COLUMNS:
                raise UnreadableFileError(
                    "too_many_columns", f"line {number} has {len(fields)} columns; {MAX_COLUMNS} are the most"
                )
            layout = self._layout(fields, separator, piece.lines[at + 1 : at + 1 + _ROWS_LOOKED_AT])
            if layout is not None and layout.values_at:
                return rejects, layout, at
            if layout is not None:
                rejects.append(rejected(number, line, "missing_column", "there is no value behind the time"))
            elif self._header is None and _is_header(fields, separator):
                self._header, self._separator = fields, separator
            else:
                detail = f"{shown(fields[0])} is no time, and the line no header"
                rejects.append(rejected(number, line, "invalid_timestamp", detail))
        return rejects, None, len(piece)

    def _layout(self, fields: list[str], separator: str, following: Sequence[str]) -> Layout | None:
        """Return the layout where the fields are a row of data."""
        header = self._header or []
        meters = [at for at, name in enumerate(header) if name.lower() in _METER_NAMES]
        time_at = next(at for at in range(len(meters) + 1) if at not in meters)
        if time_at >= len(fields) or not is_time(fields[time_at]):
            return None
        behind = time_at + 1
        has_clock = is_date(fields[time_at]) and behind < len(fields) and is_clock(fields[behind])
        width = len(header) or len(fields)
        rows = (split_fields(line, separator) for line in following if not is_silent(line, separator))
        named = header or _filled([fields, *rows], width)
        last = max((at for at, name in enumerate(named) if name), default=0)
        taken = {*meters, time_at, *((behind,) if has_clock else ())}
        values_at = [at for at in range(last + 1) if at not in taken]
        return Layout(
            separator=separator,
            width=width,
            time_at=time_at,
            clock_at=behind if has_clock else None,
            meter_at=meters[0] if meters else None,
            values_at=values_at,
            names=[(header[at] if header else "") or str(place) for place, at in enumerate(values_at, 1)],
            empty_at=range(last + 1, width),
        )


def _is_header(fields: Sequence[str], separator: str) -> bool:
    numbers = any(number_of(field, decimal_comma=separator != ",") is not None for field in fields)
    return not numbers and sum(1 for field in fields if field) >= _MORE_THAN_THE_TIME


def _filled(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return of each place something that stands there in one of the rows of this width; "" where nothing."""
    whole = [row for row in rows if len(row) == width]
    return [next((row[at] for row in whole if row[at]), "") for at in range(width)]
