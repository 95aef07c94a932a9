"""The content of uploaded files in memory."""

from dataclasses import dataclass, field

from adapters.memory.database import MemorySession
from domain.ingestion.file_ports import ContentStore
from domain.ingestion.files import FileId


@dataclass(slots=True)
class ContentsState:
    """Parts by file and number."""

    parts: dict[tuple[FileId, int], bytes] = field(default_factory=dict)


class MemoryContentStore(ContentStore):
    """Parts in a dictionary."""

    def __init__(self, session: MemorySession) -> None:
        self._parts = session.state(ContentsState).parts

    async def add(self, file_id: FileId, part: int, content: bytes) -> None:
        self._parts[file_id, part] = bytes(content)

    async def remove(self, file_id: FileId) -> None:
        for key in [key for key in self._parts if key[0] == file_id]:
            del self._parts[key]

    async def part(self, file_id: FileId, part: int) -> bytes | None:
        return self._parts.get((file_id, part))
