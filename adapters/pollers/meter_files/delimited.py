"""Text in lines and columns, chunk by chunk: the grammar that ``.sgl_v2`` and CSV share."""

from collections.abc import Iterator
from typing import Final

from adapters.pollers.meter_files.instants import Instants
from adapters.pollers.meter_files.layout import Layout, Opening
from adapters.pollers.meter_files.lines import TEXT_KEPT, LineReader, Piece
from adapters.pollers.meter_files.metadata import Description, describe
from adapters.pollers.meter_files.readings import GatheredReadings
from adapters.pollers.meter_files.regular_rows import BulkReader
from adapters.pollers.meter_files.sensors import FileSensors
from adapters.pollers.meter_files.survey import Survey, survey
from domain.ingestion.errors import UnreadableFileError
from domain.ingestion.file_ports import FileFacts
from domain.ingestion.files import ParsedChunk
from domain.ingestion.model import ReadingBatch
from domain.ingestion.ports import UnitCatalog
from domain.shared.periods import Period

CHUNK_READINGS: Final = 10_000
_SURVEYED_LINES: Final = 1_000
_PATIENCE_LINES: Final = 10_000
"""A file of which so many lines came to nothing is not read on."""


def _shift(said: Description, seen: Survey) -> Period | None:
    """Return what leads from the times of rows to the starts of their intervals, None where they name these.

    Raises:
        UnreadableFileError: ``resolution_needed``; a guess could be another one once the file has grown, and
            all readings would be stored anew beside those of before.

    """
    if not said.times_name_ends:
        return None
    step = said.resolution or (seen.step if seen.is_sure else None)
    if step is None:
        raise UnreadableFileError(
            "resolution_needed",
            "its times are the ends of intervals, and its rows do not tell how long these are: "
            "say it, as in # resolution: PT15M",
        )
    return step


class DelimitedFile:
    """One reading of one file."""

    def __init__(
        self, facts: FileFacts, name_meter: str, units: UnitCatalog, blocks: Iterator[bytes]
    ) -> None:
        """Read the blocks; ``name_meter`` is the meter where the content does not name one."""
        self._facts = facts
        self._name_meter = name_meter
        self._units = units
        self._lines = LineReader(blocks)
        self._data_lines = 0
        self._readable_lines = 0

    def chunks(self) -> Iterator[ParsedChunk]:
        """Return the chunks, one after the other.

        Raises:
            UnreadableFileError: it is no meter file; chunks before may have been good.

        """
        opening = Opening()
        while piece := self._lines.peek(CHUNK_READINGS):
            rejects, layout, start = opening.read(piece)
            gathered = GatheredReadings(rejected=rejects, data_lines=len(rejects))
            if layout is not None:
                yield from self._data(opening, layout, start, gathered)
                break
            self._lines.take(len(piece))
            yield self._chunk(piece, gathered, None, by_name=False)
            if self._is_hopeless:
                break
        if not self._readable_lines:
            lines = self._data_lines
            detail = f"none of its first {lines:,} lines of data can be read" if lines else "it has no data"
            raise UnreadableFileError("no_readable_line", detail)

    def _data(
        self, opening: Opening, layout: Layout, start: int, gathered: GatheredReadings
    ) -> Iterator[ParsedChunk]:
        """Return the chunks from the one with the first row of data on."""
        said = describe(opening.metadata, self._facts.timezone, self._units)
        seen = survey(self._lines.peek(start + _SURVEYED_LINES).lines[start:], layout)
        meter = said.meter or (self._name_meter if layout.meter_at is None else None)
        sensors = FileSensors(said, seen, layout.names)
        instants = Instants(said.zone, descending=seen.descending, shift=_shift(said, seen))
        rows = BulkReader(layout, sensors, instants, meter)
        by_name = not said.meter and layout.meter_at is None
        # A row makes at most so many readings, so that a chunk never has more than it may.
        width = len(layout.values_at)
        lines = start + max(1, (CHUNK_READINGS - start) // width)
        while piece := self._lines.take(lines):
            rows.read(piece, start, gathered)
            yield self._chunk(piece, gathered, sensors, by_name=by_name)
            if self._is_hopeless:
                return
            start, lines, gathered = 0, CHUNK_READINGS // width, GatheredReadings()

    @property
    def _is_hopeless(self) -> bool:
        return self._data_lines >= _PATIENCE_LINES and not self._readable_lines

    def _chunk(
        self, piece: Piece, gathered: GatheredReadings, sensors: FileSensors | None, *, by_name: bool
    ) -> ParsedChunk:
        self._data_lines += gathered.data_lines
        self._readable_lines += gathered.readable_lines
        texts = piece.lines
        if max(map(len, texts)) > TEXT_KEPT:
            texts = [text[:TEXT_KEPT] for text in texts]
        return ParsedChunk(
            batch=ReadingBatch(
                registrations=sensors.registrations(gathered.sensor_ids) if sensors else (),
                sensor_ids=gathered.sensor_ids,
                times_us=gathered.times_us,
                values=gathered.values,
            ),
            line_numbers=gathered.line_numbers,
            first_line=piece.first_line,
            texts=texts,
            rejected=gathered.rejected,
            end_offset=self._lines.offset,
            lines=len(piece),
            by_name=by_name and bool(gathered.sensor_ids),
        )
