"""The remote path with all below it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from hashlib import blake2b
from typing import Final

import aioftp

from adapters.pollers.ftp.connection import FtpConnection
from adapters.pollers.ftp.download import Download
from adapters.pollers.ftp.faults import reply_code
from adapters.pollers.ftp.folder_listing import FolderListing, Page
from adapters.pollers.ftp.lister import list_file, list_folder
from adapters.pollers.ftp.listing import Entry, Kind, entry_of_facts
from adapters.pollers.ftp.session import FtpSession
from adapters.pollers.ftp.wire import spellings
from adapters.pollers.spool import SpoolFolder
from domain.ingestion.errors import FileServerError
from domain.ingestion.file_ports import LocalFile, MeterFileFormats, RemoteFolder, RemotePage
from domain.ingestion.files import FoundFile
from domain.shared.ports import Clock

_LOG: Final = logging.getLogger(__name__)
_NOT_THERE: Final = "550"
_PATTERN: Final = frozenset("*?[]{}\\~")


class AioftpRemoteFolder(RemoteFolder):
    """Lists and fetches by aioftp.

    Folders are visited once, also where the server shows that two names are the same; those deeper than the
    limits say are passed over. Links are not followed.
    """

    def __init__(
        self, session: FtpSession, spool: SpoolFolder, formats: MeterFileFormats, clock: Clock
    ) -> None:
        self._session = session
        self._limits = session.limits
        self._spool = spool
        self._formats = formats
        self._clock = clock

    async def pages(self) -> AsyncIterator[RemotePage]:
        waiting = [("", 0)]
        visited: set[bytes] = set()
        skipped = 0
        while waiting:
            path, depth = waiting.pop()
            below: list[tuple[str, int]] = []
            async for page, is_first in self._folder(path):
                skipped += page.skipped
                for folder, identity in page.folders:
                    key = _digest(identity or folder)
                    if depth >= self._limits.deepest_folder or key in visited:
                        skipped += 1
                        continue
                    visited.add(key)
                    below.append((folder, depth + 1))
                if is_first or page.files:
                    yield RemotePage(path or "/", page.files, is_first)
                if len(visited) > self._limits.most_folders:
                    raise self._unusable(f"there are more than {self._limits.most_folders:,} folders")
            waiting += reversed(below)
        if skipped:
            _LOG.warning(
                "%s: %d entries of listings were passed over, since they cannot be read or used",
                self._session.account.name,
                skipped,
            )

    async def look(self, path: str) -> FoundFile | None:
        for spelling in spellings(path):
            try:
                entry = await self._session.retried(partial(self._entry, path, spelling))
            except aioftp.StatusCodeError:
                continue
            if entry is not None:
                return FoundFile(path, entry.size, entry.modified) if entry.kind is Kind.FILE else None
        return None

    async def fetch(self, found: FoundFile, arrived: Callable[[int], None]) -> LocalFile:
        return await Download(self._session, self._spool, self.look, found, arrived).bring()

    async def _folder(self, path: str) -> AsyncIterator[tuple[Page, bool]]:
        listing = self._new_listing(path)
        try:
            await self._fill(listing, path)
            is_first = True
            while True:
                page = await asyncio.to_thread(listing.next_page)
                yield page, is_first
                if page.is_last:
                    return
                is_first = False
        finally:
            listing.close()

    async def _fill(self, listing: FolderListing, path: str) -> None:
        for spelling in spellings(path):
            try:
                await self._session.retried(partial(list_folder, listing, self._limits, spelling))
            except aioftp.StatusCodeError:
                continue
            return
        if not path:
            raise self._unusable("it refuses to list the remote path")
        _LOG.warning("%s: it refuses to list the folder %r", self._session.account.name, path)
        listing.restart(is_mlsd=True)

    async def _entry(self, path: str, spelling: str, connection: FtpConnection) -> Entry | None:
        name = path.rpartition("/")[2]
        if connection.has_mlsd:
            try:
                async with asyncio.timeout(self._limits.reply):
                    _, lines = await connection.command(f"MLST {connection.root}{spelling}", "250")
                return _of_mlst(lines, name)
            except aioftp.StatusCodeError as error:
                # A name that it lists but does not take is found in the listing only.
                if reply_code(error) == _NOT_THERE:
                    raise
        listing = self._new_listing("")
        try:
            # LIST tells other times than MLSD, by which the file was found.
            if not (connection.has_mlsd or _PATTERN & set(path)):
                await list_file(listing, self._limits, spelling, connection)
                entry = await asyncio.to_thread(listing.find, name)
                if entry is not None:
                    return entry
            await list_folder(listing, self._limits, spelling.rpartition("/")[0], connection)
            return await asyncio.to_thread(listing.find, name)
        finally:
            listing.close()

    def _new_listing(self, path: str) -> FolderListing:
        return FolderListing(path, self._formats.reads, self._clock.now(), self._limits.page)

    def _unusable(self, detail: str) -> FileServerError:
        return FileServerError("bad_listing", f"{self._session.account.name}: {detail}")


def _of_mlst(lines: Sequence[str], name: str) -> Entry | None:
    for line in lines:
        facts = line.strip().partition(" ")[0]
        if "=" in facts:
            return entry_of_facts(facts, name)
    raise ValueError("no facts")


def _digest(text: str) -> bytes:
    return blake2b(text.encode(errors="replace"), digest_size=16).digest()
