"""Many rows of data at once, as columns, where they are alike; what they come to is as if read one by one."""

import csv
import math
from array import array
from collections.abc import Collection, Sequence
from itertools import chain, repeat
from typing import Final, TypeVar

from adapters.pollers.meter_files.instants import Instants
from adapters.pollers.meter_files.layout import Layout
from adapters.pollers.meter_files.lines import MAX_LINE_BYTES, Piece
from adapters.pollers.meter_files.readings import GatheredReadings
from adapters.pollers.meter_files.rows import RowReader
from adapters.pollers.meter_files.sensors import FileSensors
from domain.ingestion.model import SensorId
from domain.shared.columns import Floats, Integers

# What is irregular costs a failed attempt at each size, and its neighbours of the last one.
_ROWS_AT_ONCE: Final = (1_024, 64)
_Column = TypeVar("_Column", Integers, Floats)


class IrregularError(ValueError):
    """The rows are not alike enough."""


class BulkReader:
    """Reads the lines of a piece, many at once where it can."""

    def __init__(self, layout: Layout, sensors: FileSensors, instants: Instants, meter: str | None) -> None:
        """Read lines of this layout; ``meter`` is whose they are where no column says so."""
        self._layout = layout
        self._sensors = sensors
        self._instants = instants
        self._meter = meter
        self._rows = RowReader(layout, sensors, instants, meter)

    def read(self, piece: Piece, start: int, into: GatheredReadings) -> None:
        """Read the lines of a piece from this place on."""
        self._read(piece, start, len(piece), into, _ROWS_AT_ONCE)

    def _read(
        self, piece: Piece, start: int, stop: int, into: GatheredReadings, sizes: tuple[int, ...]
    ) -> None:
        size, *smaller = sizes
        for first in range(start, stop, size):
            last = min(first + size, stop)
            try:
                self._read_alike(piece, first, last, into)
            except (ValueError, KeyError, csv.Error):
                if smaller:
                    self._read(piece, first, last, into, tuple(smaller))
                else:
                    self._read_each(piece, first, last, into)

    def _read_each(self, piece: Piece, start: int, stop: int, into: GatheredReadings) -> None:
        for at in range(start, stop):
            self._rows.read(piece.first_line + at, piece.lines[at], piece.sizes[at], into)

    def _read_alike(self, piece: Piece, start: int, stop: int, into: GatheredReadings) -> None:
        """Take rows that are alike; where they are not, take none and raise ValueError or KeyError."""
        layout, lines = self._layout, piece.lines[start:stop]
        if max(piece.sizes[start:stop]) > MAX_LINE_BYTES:
            raise IrregularError
        columns, is_plain = _columns(lines, layout.separator, layout.width)
        if any(any(columns[at]) for at in layout.empty_at):
            raise IrregularError
        values = [self._numbers(columns[at], is_plain=is_plain) for at in layout.values_at]
        present = [place for place, numbers in enumerate(values) if numbers is not None]
        sensor_ids, meters = self._sensors_of(columns, present, len(lines))
        texts = columns[layout.time_at]
        if layout.clock_at is not None:
            texts = [f"{day} {clock}" for day, clock in zip(texts, columns[layout.clock_at], strict=True)]
        # The last that can fail, since it takes note of what came before.
        times_us = self._instants.column(texts, meters)
        into.data_lines += len(lines)
        into.readable_lines += len(lines)
        if not present:
            return
        into.sensor_ids += sensor_ids
        numbers = range(piece.first_line + start, piece.first_line + stop)
        into.line_numbers += _side_by_side([array("q", numbers)] * len(present))
        into.times_us += _side_by_side([times_us] * len(present))
        into.values += _side_by_side([one for one in values if one is not None])

    def _numbers(self, texts: Sequence[str], *, is_plain: bool) -> Floats | None:
        """Return the numbers of a column; None where nothing stands in all of it."""
        if not any(texts):
            return None
        if not is_plain:
            column = "\n".join(texts)
            if "_" in column or not column.isascii():
                raise IrregularError
            if self._layout.decimal_comma:
                column = column.replace(",", ".")
            texts = column.split("\n")
        numbers = array("d", map(float, texts))
        # Also refuses what overflows only in sum, which is rare enough.
        if not math.isfinite(sum(numbers)):
            raise IrregularError
        return numbers

    def _sensors_of(
        self, columns: Sequence[Sequence[str]], present: Sequence[int], count: int
    ) -> tuple[list[SensorId], Collection[str]]:
        """Return the sensor of each number, row by row, and the meters that occur."""
        if self._meter or self._layout.meter_at is None:
            meter = self._sensors.meter(self._meter or "")
            if meter is None:
                raise IrregularError
            return [meter.sensor_ids[place] for place in present] * count, (meter.meter_id,)
        written = columns[self._layout.meter_at]
        meters = {one: self._sensors.by_spelling[one] for one in set(written)}
        ids = {one: [meter.sensor_ids[place] for place in present] for one, meter in meters.items()}
        return list(chain.from_iterable(map(ids.__getitem__, written))), {
            meter.meter_id for meter in meters.values()
        }


def _columns(lines: Sequence[str], separator: str, width: int) -> tuple[Sequence[Sequence[str]], bool]:
    """Return the columns, and whether none of them holds more than plain numbers can need."""
    joined = separator.join(lines)
    is_plain = joined.isascii() and "_" not in joined and (separator == "," or "," not in joined)
    if '"' in joined:
        rows = list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
        # A quote that is not closed runs on into the lines behind it.
        if len(rows) != len(lines) or set(map(len, rows)) != {width}:
            raise IrregularError
        return list(zip(*rows, strict=True)), is_plain
    if set(map(str.count, lines, repeat(separator))) != {width - 1}:
        raise IrregularError
    fields = joined.split(separator)
    return [fields[at::width] for at in range(width)], is_plain


def _side_by_side(columns: Sequence[_Column]) -> _Column:
    """Return the numbers of all columns row by row."""
    laid = columns[0] * len(columns)
    for at, column in enumerate(columns if len(columns) > 1 else ()):
        laid[at :: len(columns)] = column
    return laid
