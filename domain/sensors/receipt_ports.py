"""What the sensors module needs of the outside to store a chunk of readings once."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Protocol

from domain.sensors.model import Receipt, Source

ChunkName = NewType("ChunkName", str)
"""A part of what a source sends, by a name that no other part of it has."""


@dataclass(frozen=True, slots=True)
class ChunkReceipt:
    """The receipt of a source's chunk."""

    source: Source
    chunk: ChunkName
    receipt: Receipt


class WriteReceiptStore(Protocol):
    """Keeps receipts of chunks, for 30 days; what was refused of them is kept by `RejectionStore`."""

    @abstractmethod
    async def get(self, source: Source, chunk: ChunkName) -> Receipt | None:
        """Return the receipt of a chunk that is stored, without its errors."""

    @abstractmethod
    async def add(self, receipts: Sequence[ChunkReceipt], now: datetime) -> None:
        """Keep the receipts of chunks that this transaction stores.

        Raises:
            ChunkStoredError: one of the chunks is stored already (may come with the commit); the transaction
                is lost.

        """

    @abstractmethod
    async def purge(self, before: datetime) -> int:
        """Delete those stored before the time and return their number."""
