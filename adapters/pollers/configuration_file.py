"""The IoT configuration as a file."""

import asyncio
from pathlib import Path
from typing import Final

from domain.ingestion.configuration_ports import FileMark, WatchedFile
from domain.ingestion.iot_documents import MAX_CHARACTERS
from domain.shared.errors import InvalidError, Problem

_MOST_BYTES: Final = MAX_CHARACTERS


class ConfigurationFile(WatchedFile):
    """A file on disk; replaced, linked elsewhere or written anew, it has another mark."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    @property
    def is_given(self) -> bool:
        return self._path is not None

    def mark(self) -> FileMark | None:
        if self._path is None:
            return None
        try:
            status = self._path.stat()
        except OSError:
            return None
        return FileMark((status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size))

    async def read(self) -> str:
        if self._path is None:
            raise ValueError("the settings name no file")
        return await asyncio.to_thread(_read, self._path)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _invalid(path, "file_unreadable", f"the file is larger than {_MOST_BYTES:,} bytes")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise _invalid(path, "file_missing", "there is no such file") from None
    except OSError as error:
        raise _invalid(path, "file_unreadable", f"the file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise _invalid(path, "not_json", f"byte {error.start} is not UTF-8") from None


def _invalid(path: Path, code: str, detail: str) -> InvalidError:
    return InvalidError("invalid_configuration", f"{path}: {detail}", [Problem("", code, detail)])
