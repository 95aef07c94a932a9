"""Which formats of meter files there are."""

from collections.abc import Iterator, Sequence
from typing import Final

from adapters.pollers.meter_files.csv_columns import CsvColumns
from adapters.pollers.meter_files.file_format import MeterFileFormat
from adapters.pollers.meter_files.sensors import id_of, name_meter
from adapters.pollers.meter_files.sgl_v2 import SglV2
from domain.ingestion.errors import UnreadableFileError
from domain.ingestion.file_ports import FileFacts, MeterFileFormats
from domain.ingestion.files import ParsedChunk
from domain.ingestion.ports import UnitCatalog

FORMATS: Final[Sequence[MeterFileFormat]] = (
    SglV2(),
    CsvColumns(),
)


class SuffixedMeterFileFormats(MeterFileFormats):
    """Formats that are told apart by the end of a file's name."""

    def __init__(self, units: UnitCatalog, formats: Sequence[MeterFileFormat] = FORMATS) -> None:
        self._units = units
        self._formats = {suffix: one for one in formats for suffix in one.suffixes}

    def reads(self, path: str) -> bool:
        return self._format(path) is not None

    def name_meter(self, path: str) -> str:
        return id_of(name_meter(path, self._formats))

    def chunks(self, facts: FileFacts, blocks: Iterator[bytes]) -> Iterator[ParsedChunk]:
        found = self._format(facts.path)
        if found is None:
            known = ", ".join(self._formats)
            raise UnreadableFileError("unknown_format", f"the name of a meter file ends with one of {known}")
        return found.chunks(facts, name_meter(facts.path, self._formats), self._units, blocks)

    def _format(self, path: str) -> MeterFileFormat | None:
        name = path.rpartition("/")[2].lower()
        return next((one for suffix, one in self._formats.items() if name.endswith(suffix)), None)
