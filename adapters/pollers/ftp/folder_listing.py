"""A folder's listing as it came, kept out of memory, and read page by page."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import Final

from adapters.pollers.ftp.listing import Entry, Kind, is_safe, list_entry, mlsd_entry
from domain.ingestion.errors import FileServerError
from domain.ingestion.files import MAX_PATH_BYTES, FoundFile

_IN_MEMORY: Final = 1 << 20
_LONGEST_LINE: Final = 4096
_LINES_A_PAGE: Final = 5_000


@dataclass(slots=True)
class Page:
    """What some lines say; ``is_last`` once there are no more."""

    files: list[FoundFile] = field(default_factory=list)
    folders: list[tuple[str, str | None]] = field(default_factory=list)
    """Paths, each with the folder's identity where the server tells it."""
    skipped: int = 0
    is_last: bool = False


class FolderListing:
    """Takes a listing, then reads it; ``path`` is the folder's, ``""`` for the root.

    Names with control characters or slashes, and paths that are too long to be known, are passed over, and
    so are lines that cannot be read, and all that is neither file nor folder. Each is counted.
    """

    def __init__(self, path: str, reads: Callable[[str], bool], now: datetime, page: int) -> None:
        self._path = path
        self._reads = reads
        self._now = now
        self._most = page
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by close()
        self.size = 0
        self.is_mlsd = True

    def restart(self, *, is_mlsd: bool) -> None:
        """Forget what came."""
        self._file.seek(0)
        self._file.truncate()
        self.size = 0
        self.is_mlsd = is_mlsd

    def take(self, block: bytes) -> None:
        """Keep what came next.

        Raises:
            FileServerError: ``disk_full``.

        """
        try:
            self._file.write(block)
        except OSError as error:
            raise FileServerError("disk_full", f"a listing cannot be kept: {error.strerror}") from None
        self.size += len(block)

    def ended(self) -> None:
        """Go to the beginning, to be read."""
        self._file.seek(0)

    def next_page(self) -> Page:
        """Read on (blocks the thread)."""
        page = Page()
        names: set[str] = set()
        for _ in range(_LINES_A_PAGE):
            line = self._line()
            if line is None:
                page.is_last = True
                break
            if line:
                self._note(line, names, page)
            if len(page.files) >= self._most or len(page.folders) >= self._most:
                break
        return page

    def find(self, name: str) -> Entry | None:
        """Return the entry of a name (blocks the thread)."""
        while (line := self._line()) is not None:
            with suppress(ValueError):
                entry = self._entry(line)
                if entry is not None and entry.name.rpartition("/")[2] == name:
                    return entry
        return None

    def close(self) -> None:
        """Remove it."""
        self._file.close()

    def _line(self) -> bytes | None:
        """Return the next line, empty where it is too long, None after the last."""
        line = self._file.readline(_LONGEST_LINE)
        if not line:
            return None
        is_whole = line.endswith(b"\n") or len(line) < _LONGEST_LINE
        while not (line.endswith(b"\n") or len(line) < _LONGEST_LINE):
            line = self._file.readline(_LONGEST_LINE)
        return line.removesuffix(b"\n").removesuffix(b"\r") if is_whole else b"?"

    def _entry(self, line: bytes) -> Entry | None:
        return mlsd_entry(line) if self.is_mlsd else list_entry(line, self._now)

    def _note(self, line: bytes, names: set[str], page: Page) -> None:
        try:
            entry = self._entry(line)
        except ValueError:
            page.skipped += 1
            return
        if entry is None:
            return
        path = f"{self._path}/{entry.name}"
        is_usable = is_safe(entry.name) and len(path.encode()) <= MAX_PATH_BYTES
        if entry.kind is Kind.OTHER or entry.name in names or not is_usable:
            page.skipped += 1
        elif entry.kind is Kind.FOLDER:
            page.folders.append((path, entry.identity))
        elif self._reads(path):
            page.files.append(FoundFile(path, entry.size, entry.modified))
        names.add(entry.name)
