"""What meter files need of the outside."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from domain.ingestion import files
from domain.ingestion.files import (
    ChunkNote,
    CollectionName,
    FileId,
    FileOrigin,
    FileStatus,
    FoundFile,
    MeterFile,
    ParsedChunk,
    RejectedLine,
)
from domain.ingestion.model import Fault, WorkerId
from domain.ingestion.scans import Scan, ScanId, ScanStatus


class FileServer(Protocol):
    """The server whose folders are searched for meter files."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Its address for people, without a secret."""

    @abstractmethod
    def connect(self) -> AbstractAsyncContextManager["RemoteFolder"]:
        """Log in and go to the remote path; it may be connected anew inside the context.

        Raises:
            FileServerError: it cannot be reached, or does not let us in.

        """


class RemoteFolder(Protocol):
    """The remote path with all below it."""

    @abstractmethod
    def pages(self) -> AsyncIterator["RemotePage"]:
        """List it recursively, meter files only, never more than 1,000 files at once.

        Raises:
            FileServerError: the listing broke off, or cannot be read.

        """

    @abstractmethod
    async def look(self, path: str) -> FoundFile | None:
        """Return how a file is listed now; None where it is gone.

        Raises:
            FileServerError: the server does not answer.

        """

    @abstractmethod
    async def fetch(self, found: FoundFile, arrived: Callable[[int], None]) -> "LocalFile":
        """Bring a file here; a broken transfer resumes, or starts anew, with pauses between the tries.

        Args:
            found: the file as it was listed last.
            arrived: told how many bytes more are here, those of an earlier try too; a negative number where
                it had to begin anew.

        Raises:
            TransferError: this file cannot be brought here now, or is not what the listing says.
            FileServerError: the server is gone.

        """


@dataclass(frozen=True, slots=True)
class RemotePage:
    """Some files of one folder; ``is_new_folder`` with the first page of each, which may be empty."""

    folder: str
    files: Sequence[FoundFile]
    is_new_folder: bool


class LocalFile(Protocol):
    """A file on this machine's disk."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Its bytes."""

    @property
    @abstractmethod
    def sha256(self) -> str:
        """The hash of its content, in lower-case hex."""

    @abstractmethod
    def blocks(self) -> Iterator[bytes]:
        """Read it from its start in blocks of bounded size (blocks the thread).

        Raises:
            UnreadableFileError: ``unreadable``: it cannot be read any more.

        """

    @abstractmethod
    async def discard(self) -> None:
        """Remove it, if it is only a copy."""


class Spool(Protocol):
    """Keeps copies of files on this machine's disk while they are read."""

    @abstractmethod
    async def keep(self, blocks: AsyncIterator[bytes]) -> LocalFile:
        """Write the blocks to a file.

        Raises:
            UnavailableError: ``disk_full``.

        """


class MeterFileFormats(Protocol):
    """The formats of meter files that can be read."""

    @abstractmethod
    def reads(self, path: str) -> bool:
        """Return whether files of this name are meter files."""

    @abstractmethod
    def name_meter(self, path: str) -> str:
        """Return the meter by the file's name or folder, which holds where its lines name none."""

    @abstractmethod
    def chunks(self, facts: "FileFacts", blocks: Iterator[bytes]) -> Iterator[ParsedChunk]:
        """Parse a file, chunk by chunk, in bounded memory (blocks the thread).

        Chunks begin and end at the same places whenever the same content is parsed under the same facts.

        Raises:
            UnreadableFileError: it is no meter file; chunks before may have been good.

        """


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of a file beside its content; ``timezone`` is for times that name none."""

    path: str
    timezone: ZoneInfo


class FileStore(Protocol):
    """Keeps what is known of files, their rejected lines, and their collections."""

    @abstractmethod
    async def known(self, origin: FileOrigin, paths: Collection[str]) -> Mapping[str, MeterFile]:
        """Return the files of these paths that are known, by path."""

    @abstractmethod
    async def add(self, new: Sequence[MeterFile]) -> Sequence[CollectionName]:
        """Keep new files; return their collections that were not there before.

        Raises:
            ConflictError: ``file_exists``: another process added one of these paths; the transaction is lost.
            InvalidError: ``path_too_long``: one has more than `files.MAX_PATH_BYTES`.

        """

    @abstractmethod
    async def found_again(self, again: Mapping[FileId, FoundFile], *, changed: bool) -> None:
        """Note size and time as they are listed now; ``changed`` ones wait to be read as a new generation."""

    @abstractmethod
    async def get(self, file_id: FileId) -> MeterFile | None:
        """Return a file."""

    @abstractmethod
    async def list(
        self, status: FileStatus | None, collection: CollectionName | None, limit: int, offset: int
    ) -> tuple[Sequence[MeterFile], int]:
        """Return a page of files, the one that something happened to last first, and the number of all."""

    @abstractmethod
    async def waiting(
        self, origin: FileOrigin, limit: int, *, without_error: bool = False
    ) -> Sequence[MeterFile]:
        """Return files to be taken up: discovered, or left in the middle by one that died.

        With ``without_error`` only those that nothing has kept from being read yet.

        The one to which nothing has happened for the longest time comes first, so that one which fails again
        and again lets the others pass.
        """

    @abstractmethod
    async def waiting_bytes(self, origin: FileOrigin) -> int:
        """Return the size of all files that are to be taken up."""

    @abstractmethod
    async def claim(self, file_id: FileId, worker: WorkerId, term: timedelta) -> MeterFile | None:
        """Take a file up, which makes it ``processing``; None where it is not waiting any more."""

    @abstractmethod
    async def identify(self, file: MeterFile, sha256: str, size: int) -> MeterFile | None:
        """Note what a claimed file's content is, and return the file as it is then.

        Where it is not what was noted before in this generation, the file is read from its first chunk again
        as a new generation. None where the claim was lost.
        """

    @abstractmethod
    async def same_content(self, file: MeterFile, name_meter: str) -> FileId | None:
        """Return the first other file of its collection that was read and has its content and meters.

        Where the content does not name the meter, the other one must have ``name_meter`` too.
        """

    @abstractmethod
    async def note_chunk(self, file: MeterFile, note: ChunkNote, term: timedelta) -> bool:
        """Note that a claimed file's next chunk is stored; prolong the claim. False where it was lost.

        The same note sent again, since the answer to the first was lost, changes nothing and returns True.
        """

    @abstractmethod
    async def renew(self, file: MeterFile, term: timedelta) -> bool:
        """Prolong the claim of a file; False where it was lost."""

    @abstractmethod
    async def end(
        self,
        file: MeterFile,
        status: FileStatus,
        now: datetime,
        *,
        duplicate_of: FileId | None = None,
        error: Fault | None = None,
    ) -> MeterFile | None:
        """Give a claimed file its last status, or ``discovered`` to be tried again.

        Returns None where the claim was lost.
        """

    @abstractmethod
    async def read_again(self, file_id: FileId) -> MeterFile | None:
        """Let a file that is not being read wait to be read as a new generation; None where it is."""

    @abstractmethod
    async def rejects(self, file_id: FileId, limit: int, offset: int) -> tuple[Sequence[RejectedLine], int]:
        """Return a page of the rejected lines of a file's last generation, by line, and their number."""

    @abstractmethod
    async def last(self) -> MeterFile | None:
        """Return the file that was read to its end last."""

    @abstractmethod
    async def counts(self) -> Mapping[FileStatus, int]:
        """Return how many files have each status."""

    @abstractmethod
    async def totals(self) -> files.FileTotals:
        """Return how many files there are, and what they gave in all (their last generations)."""

    @abstractmethod
    async def collections(self, limit: int, offset: int) -> tuple[Sequence[files.Collection], int]:
        """Return a page of collections by name, and the number of all."""

    @abstractmethod
    async def collection(self, name: CollectionName) -> files.Collection | None:
        """Return a collection."""


class ContentStore(Protocol):
    """Keeps the content of uploaded files, so that they can be read again, by any process."""

    @abstractmethod
    async def add(self, file_id: FileId, part: int, content: bytes) -> None:
        """Keep a part of a known file, counted from 0, in place of what there was."""

    @abstractmethod
    async def remove(self, file_id: FileId) -> None:
        """Remove all parts."""

    @abstractmethod
    async def part(self, file_id: FileId, part: int) -> bytes | None:
        """Return a part; None after the last."""


class ScanStore(Protocol):
    """Keeps scans. At most one runs at a time; its owner's lease is by the database's clock."""

    @abstractmethod
    async def begin(self, scan: Scan) -> None:
        """Keep a new scan, which waits for a worker.

        Raises:
            ConflictError: ``scan_running``; the transaction is lost.

        """

    @abstractmethod
    async def take(self, worker: WorkerId, term: timedelta) -> Scan | None:
        """Take up the running scan that nobody works on (any more)."""

    @abstractmethod
    async def progress(self, scan: Scan, worker: WorkerId, term: timedelta) -> bool:
        """Note the scan as it is now, its end too; prolong the lease. False where the lease was lost."""

    @abstractmethod
    async def release(self, scan_id: ScanId, worker: WorkerId) -> None:
        """Let another worker go on with a scan that this one leaves."""

    @abstractmethod
    async def get(self, scan_id: ScanId) -> Scan | None:
        """Return a scan."""

    @abstractmethod
    async def list(self, limit: int, offset: int) -> tuple[Sequence[Scan], int]:
        """Return a page of scans, newest first, and the number of all."""

    @abstractmethod
    async def counts(self) -> Mapping[ScanStatus, int]:
        """Return how many of the scans that are kept have each status; each is named."""

    @abstractmethod
    async def running(self) -> Scan | None:
        """Return the scan that runs, or waits for a worker."""

    @abstractmethod
    async def since_last_start(self) -> timedelta | None:
        """Return how long ago, by the database's clock, the newest scan began; None before the first."""

    @abstractmethod
    async def purge(self, before: datetime) -> int:
        """Delete those that ended before the time, but the newest, and return their number."""
