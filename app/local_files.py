"""Files of this machine that somebody names on the command line."""

from collections.abc import Iterator
from pathlib import Path

from adapters.pollers.local_file import ExistingFile
from domain.ingestion.errors import UnreadableFileError
from domain.ingestion.file_names import file_name
from domain.ingestion.file_ports import LocalFile
from domain.shared.errors import InvalidError


class LocalFileError(Exception):
    """A file cannot be read; the text says why."""


class NamedFile(LocalFile):
    """A file that stays where it is; ``lines`` counts those that were read of it so far."""

    def __init__(self, path: Path) -> None:
        """Look whether it can be read.

        Raises:
            LocalFileError: it is not there, is no file, or may not be read.

        """
        self._path = path
        self._file: ExistingFile | None = None
        self.lines = 0
        try:
            if path.is_dir():
                raise LocalFileError(f"{path} is a folder: name the files in it, such as {path / '*.sgl_v2'}")
            if path.exists() and not path.is_file():
                raise LocalFileError(f"{path} is no file")
            with path.open("rb"):
                self._size = path.stat().st_size
            self.name = file_name(path.name)
        except OSError as error:
            raise self._unreadable(error) from error
        except (InvalidError, ValueError) as error:
            raise LocalFileError(f"{path} cannot be read: {error}") from error

    async def look(self) -> None:
        """Read it once, for its hash.

        Raises:
            LocalFileError: it cannot be read.

        """
        try:
            self._file = await ExistingFile.at(self._path)
        except OSError as error:
            raise self._unreadable(error) from error

    @property
    def size(self) -> int:
        return self._size if self._file is None else self._file.size

    @property
    def sha256(self) -> str:
        return self._looked_at.sha256

    def blocks(self) -> Iterator[bytes]:
        self.lines = 0
        try:
            for block in self._looked_at.blocks():
                self.lines += block.count(b"\n")
                yield block
        except OSError as error:
            raise UnreadableFileError("unreadable", str(self._unreadable(error))) from error

    async def discard(self) -> None:
        """Leave it where it is: it is no copy."""

    @property
    def _looked_at(self) -> ExistingFile:
        if self._file is None:
            raise LocalFileError(f"{self._path} was not looked at")
        return self._file

    def _unreadable(self, error: OSError) -> LocalFileError:
        return LocalFileError(f"{self._path} cannot be read: {error.strerror or error}")
