"""CSV as spreadsheets and portals give it: a header, then lines of a time and its values."""

from collections.abc import Iterator

from adapters.pollers.meter_files.delimited import DelimitedFile
from adapters.pollers.meter_files.file_format import MeterFileFormat
from domain.ingestion.file_ports import FileFacts
from domain.ingestion.files import ParsedChunk
from domain.ingestion.ports import UnitCatalog


class CsvColumns(MeterFileFormat):
    """One grammar with ``.sgl_v2``, so that whoever renames a file reads the same."""

    suffixes = (".csv",)

    def chunks(
        self, facts: FileFacts, name_meter: str, units: UnitCatalog, blocks: Iterator[bytes]
    ) -> Iterator[ParsedChunk]:
        return DelimitedFile(facts, name_meter, units, blocks).chunks()
