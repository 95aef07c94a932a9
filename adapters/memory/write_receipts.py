"""Receipts of chunks in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from adapters.memory.database import MemorySession
from domain.sensors.errors import ChunkStoredError
from domain.sensors.model import Receipt, Source
from domain.sensors.receipt_ports import ChunkName, ChunkReceipt, WriteReceiptStore


@dataclass(slots=True)
class WriteReceiptsState:
    """What the store of receipts holds, and since when."""

    receipts: dict[tuple[Source, ChunkName], tuple[Receipt, datetime]] = field(default_factory=dict)


class MemoryWriteReceiptStore(WriteReceiptStore):
    """Receipts in a dict."""

    def __init__(self, session: MemorySession) -> None:
        self._state = session.state(WriteReceiptsState)

    async def get(self, source: Source, chunk: ChunkName) -> Receipt | None:
        found = self._state.receipts.get((source, chunk))
        return None if found is None else found[0]

    async def add(self, receipts: Sequence[ChunkReceipt], now: datetime) -> None:
        for one in receipts:
            key = one.source, one.chunk
            if key in self._state.receipts:
                raise ChunkStoredError
            self._state.receipts[key] = replace(one.receipt, errors=()), now

    async def purge(self, before: datetime) -> int:
        kept = {key: found for key, found in self._state.receipts.items() if found[1] >= before}
        purged = len(self._state.receipts) - len(kept)
        self._state.receipts = kept
        return purged
