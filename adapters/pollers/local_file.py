"""Files on this machine."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from domain.ingestion.file_ports import LocalFile

BLOCK: Final = 1 << 17


class ExistingFile(LocalFile):
    """A file that is somebody's own; it is left as it is."""

    def __init__(self, path: Path, size: int, sha256: str) -> None:
        self._path = path
        self._size = size
        self._sha256 = sha256

    @classmethod
    async def at(cls, path: Path) -> Self:
        """Look at the file, and read it once for its hash.

        Raises:
            OSError: it is no file, or cannot be read.

        """
        return await asyncio.to_thread(cls._at, path)

    @classmethod
    def _at(cls, path: Path) -> Self:
        size, content = 0, hashlib.sha256()
        for block in blocks_of(path):
            size += len(block)
            content.update(block)
        return cls(path, size, content.hexdigest())

    @property
    def size(self) -> int:
        return self._size

    @property
    def sha256(self) -> str:
        return self._sha256

    def blocks(self) -> Iterator[bytes]:
        return blocks_of(self._path)

    async def discard(self) -> None:
        """Leave it where it is."""


def blocks_of(path: Path) -> Iterator[bytes]:
    """Read a file in blocks (blocks the thread)."""
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK):
            yield block
