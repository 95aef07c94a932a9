from collections.abc import Iterator

from domain.ingestion.file_ports import FileFacts, MeterFileFormats
from domain.ingestion.files import ParsedChunk


class EveryDat(MeterFileFormats):
    """Takes files for meter files by their name alone; nobody reads them here."""

    def reads(self, path: str) -> bool:
        return path.endswith(".dat")

    def name_meter(self, path: str) -> str:
        return path

    def chunks(self, facts: FileFacts, blocks: Iterator[bytes]) -> Iterator[ParsedChunk]:
        raise NotImplementedError
