"""``.sgl_v2``, also found as ``.slg_v2``: metadata, then lines of a time and its values."""

from collections.abc import Iterator

from adapters.pollers.meter_files.delimited import DelimitedFile
from adapters.pollers.meter_files.file_format import MeterFileFormat
from domain.ingestion.file_ports import FileFacts
from domain.ingestion.files import ParsedChunk
from domain.ingestion.ports import UnitCatalog


class SglV2(MeterFileFormat):
    """The files of the SA4CPS meters."""

    suffixes = (".sgl_v2", ".slg_v2")

    def chunks(
        self, facts: FileFacts, name_meter: str, units: UnitCatalog, blocks: Iterator[bytes]
    ) -> Iterator[ParsedChunk]:
        return DelimitedFile(facts, name_meter, units, blocks).chunks()
