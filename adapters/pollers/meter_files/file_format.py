"""What a format of meter files has to offer."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Protocol

from domain.ingestion.file_ports import FileFacts
from domain.ingestion.files import ParsedChunk
from domain.ingestion.ports import UnitCatalog


class MeterFileFormat(Protocol):
    """One format; a new one is a file with a class of these methods, and its line in `formats.FORMATS`."""

    @property
    @abstractmethod
    def suffixes(self) -> Sequence[str]:
        """How names of such files end, in lower case."""

    @abstractmethod
    def chunks(
        self, facts: FileFacts, name_meter: str, units: UnitCatalog, blocks: Iterator[bytes]
    ) -> Iterator[ParsedChunk]:
        """Parse a file as `MeterFileFormats.chunks` says.

        ``name_meter`` is the meter of what does not say whose it is.
        """
