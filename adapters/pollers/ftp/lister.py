"""Getting a listing from the server."""

import asyncio
from typing import Final

import aioftp

from adapters.pollers.ftp.account import FtpLimits
from adapters.pollers.ftp.connection import FtpConnection
from adapters.pollers.ftp.faults import knows_no_such_command, reply_code
from adapters.pollers.ftp.folder_listing import FolderListing
from domain.ingestion.errors import FileServerError

_BLOCK: Final = 1 << 16
_NO_SUCH_FILE: Final = frozenset({"450", "550"})


async def list_folder(
    listing: FolderListing, limits: FtpLimits, spelling: str, connection: FtpConnection
) -> None:
    """Fill the listing with a folder's, by MLSD where the server knows it.

    Raises:
        StatusCodeError: the server refuses it.
        FileServerError: ``bad_listing``, where it does not end; ``disk_full``.

    """
    # Not as an argument of the command: some servers take options and patterns there.
    async with asyncio.timeout(limits.reply):
        await connection.command(f"CWD {connection.root}{spelling or '/'}", "2xx")
    if connection.has_mlsd:
        try:
            return await _receive(listing, limits, "MLSD", connection)
        except aioftp.StatusCodeError as error:
            if not knows_no_such_command(error):
                raise
            connection.has_mlsd = False
    return await _receive(listing, limits, "LIST", connection)


async def list_file(
    listing: FolderListing, limits: FtpLimits, spelling: str, connection: FtpConnection
) -> None:
    """Fill the listing with the line of one file, if the server gives it for that."""
    try:
        await _receive(listing, limits, f"LIST {connection.root}{spelling}", connection)
    except aioftp.StatusCodeError as error:
        if reply_code(error) not in _NO_SUCH_FILE:
            raise
        listing.restart(is_mlsd=False)
        listing.ended()


async def _receive(
    listing: FolderListing, limits: FtpLimits, command: str, connection: FtpConnection
) -> None:
    listing.restart(is_mlsd=command == "MLSD")
    async with asyncio.timeout(limits.listing):
        incoming = await connection.transfer(command)
        try:
            while block := await incoming.read(_BLOCK):
                listing.take(block)
                _check(listing, limits)
        except BaseException:
            incoming.abort()
            raise
        await connection.ended(incoming)
    listing.ended()


def _check(listing: FolderListing, limits: FtpLimits) -> None:
    if listing.size > limits.largest_listing:
        raise FileServerError("bad_listing", "the listing of a folder does not end")
