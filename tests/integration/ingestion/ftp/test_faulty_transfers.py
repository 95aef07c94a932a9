"""Servers that break off, stall, trickle, or lie about a file."""

import asyncio
import hashlib
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.pollers.ftp.account import FtpLimits
from domain.ingestion.errors import FileServerError, TransferError
from domain.ingestion.files import FoundFile
from tests.integration.ingestion.ftp.scripted import (
    Script,
    Send,
    endless,
    facts,
    scripted,
    sends,
    silence,
    trickles,
)
from tests.integration.ingestion.ftp.world import QUICK, content_of, file_server, left_in

CONTENT = bytes(range(256)) * 4_000
SIZE = len(CONTENT)
FOUND = FoundFile("/a.dat", SIZE, datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC))
LISTED = {"/data/a.dat": facts("a.dat", SIZE)}


def breaks_off_after(most: int, *, offsets: list[int]) -> Script:
    def data(_: str, __: str, offset: int) -> Send:
        offsets.append(offset)
        rest = CONTENT[offset:]
        return sends(rest[:most], breaks_off=len(rest) > most)

    return Script(data=data, listed=LISTED)


async def fetched(script: Script, spool: Path, limits: FtpLimits = QUICK) -> bytes:
    async with scripted(script) as account, file_server(account, spool, limits).connect() as folder:
        arrived: list[int] = []
        local = await folder.fetch(FOUND, arrived.append)
        assert sum(arrived) == local.size
        content = await content_of(local)
        assert local.sha256 == hashlib.sha256(content).hexdigest()
        await local.discard()
    assert left_in(spool) == []
    return content


async def fault_of(script: Script, spool: Path, limits: FtpLimits = QUICK) -> str:
    async with (
        scripted(script) as account,
        asyncio.timeout(5),
        file_server(account, spool, limits).connect() as folder,
    ):
        with pytest.raises(TransferError) as caught:
            await folder.fetch(FOUND, lambda _: None)
    return caught.value.fault.code


async def test_a_transfer_that_breaks_off_goes_on_where_it_was(tmp_path: Path) -> None:
    offsets: list[int] = []
    assert await fetched(breaks_off_after(300_000, offsets=offsets), tmp_path) == CONTENT
    assert offsets == [0, 300_000, 600_000, 900_000]


async def test_after_five_breaks_the_rest_is_left_for_another_time(tmp_path: Path) -> None:
    offsets: list[int] = []
    script = breaks_off_after(150_000, offsets=offsets)
    async with scripted(script) as account:
        async with file_server(account, tmp_path).connect() as folder:
            with pytest.raises(TransferError) as caught:
                await folder.fetch(FOUND, lambda _: None)
        assert caught.value.fault.code == "connection_lost"
        assert len(offsets) == 5
        (left,) = left_in(tmp_path)
        assert left.stat().st_size == 750_000
        # Another process, later.
        async with file_server(account, tmp_path).connect() as folder:
            local = await folder.fetch(FOUND, lambda _: None)
            assert await content_of(local) == CONTENT
            await local.discard()
    assert offsets[5] == 750_000


async def test_a_changed_file_begins_anew_and_so_does_one_of_unknown_time(tmp_path: Path) -> None:
    offsets: list[int] = []
    script = breaks_off_after(150_000, offsets=offsets)
    async with scripted(script) as account:
        for found in (FOUND, replace(FOUND, size=SIZE - 1), replace(FOUND, modified=None)):
            async with file_server(account, tmp_path).connect() as folder:
                with pytest.raises(TransferError):
                    await folder.fetch(found, lambda _: None)
        async with file_server(account, tmp_path).connect() as folder:
            with pytest.raises(TransferError):
                await folder.fetch(replace(FOUND, modified=None), lambda _: None)
    assert [number for number, offset in enumerate(offsets) if not offset] == [0, 5, 10, 15]


async def test_a_server_without_rest_sends_the_whole_again(tmp_path: Path) -> None:
    offsets: list[int] = []
    tries = 0

    def data(_: str, __: str, offset: int) -> Send:
        nonlocal tries
        tries += 1
        offsets.append(offset)
        return sends(CONTENT[:500_000], breaks_off=True) if tries == 1 else sends(CONTENT)

    script = Script(data=data, listed=LISTED, replies={"REST": "502 no"})
    assert await fetched(script, tmp_path) == CONTENT
    assert offsets == [0, 0]


async def test_a_server_that_forgets_the_offset_is_found_out(tmp_path: Path) -> None:
    tries = 0

    def data(_: str, __: str, ___: int) -> Send:
        nonlocal tries
        tries += 1
        return sends(CONTENT[:500_000], breaks_off=True) if tries == 1 else sends(CONTENT)

    assert await fetched(Script(data=data, listed=LISTED), tmp_path) == CONTENT
    assert tries == 3


async def test_what_came_whole_before_the_last_word_is_not_sent_again(tmp_path: Path) -> None:
    offsets: list[int] = []

    def data(_: str, __: str, offset: int) -> Send:
        offsets.append(offset)
        return sends(CONTENT, breaks_off=True)

    assert await fetched(Script(data=data, listed=LISTED), tmp_path) == CONTENT
    assert offsets == [0]


@pytest.mark.parametrize(
    ("data", "code", "is_kept"),
    [
        (sends(CONTENT[:-1]), "wrong_size", False),
        (sends(b""), "wrong_size", False),
        (sends(CONTENT + b"!"), "wrong_size", False),
        (endless(CONTENT), "wrong_size", False),
        (silence, "timeout", True),
        (sends(CONTENT[:1000], then_silent=True), "timeout", True),
        (trickles(CONTENT, 0.01), "timeout", True),
    ],
)
async def test_each_lie_and_each_stall_ends_in_time_with_its_code(
    tmp_path: Path, data: Send, code: str, is_kept: bool
) -> None:
    limits = replace(QUICK, tries=2, transfer_grace=1.0, slowest=10_000_000.0)
    assert await fault_of(Script(data=lambda *_: data, listed=LISTED), tmp_path, limits) == code
    assert bool(left_in(tmp_path)) == is_kept


async def test_a_file_that_changes_meanwhile_is_changed_not_wrong(tmp_path: Path) -> None:
    for now, data in [
        (facts("a.dat", SIZE + 1), sends(CONTENT + b"!")),
        (facts("a.dat", SIZE - 1), sends(CONTENT[:-1])),
        (facts("a.dat", SIZE, stamp="20260301123016"), sends(CONTENT)),
    ]:
        script = Script(data=lambda *_, data=data: data, listed={"/data/a.dat": now})
        assert await fault_of(script, tmp_path) == "changed"
    assert await fault_of(Script(data=lambda *_: sends(CONTENT)), tmp_path) == "gone"
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("reply", "listed", "code"),
    [
        ("550 no such file", {}, "gone"),
        ("550 not for you", LISTED, "refused"),
        ("450 busy", LISTED, "refused"),
        ("425 no data", LISTED, "connection_lost"),
        (silence, LISTED, "timeout"),
    ],
)
async def test_refusals_have_their_codes(
    tmp_path: Path, reply: str | Send, listed: dict[str, str], code: str
) -> None:
    limits = replace(QUICK, tries=2, reply=0.3)
    assert await fault_of(Script(replies={"RETR": reply}, listed=listed), tmp_path, limits) == code


async def test_a_server_that_is_gone_is_no_matter_of_the_file(tmp_path: Path) -> None:
    script = Script(data=lambda *_: sends(CONTENT[:1000], breaks_off=True), listed=LISTED)
    async with scripted(script) as account, file_server(account, tmp_path).connect() as folder:
        script.greeting = "421 closing"
        with pytest.raises(FileServerError) as caught:
            await folder.fetch(FOUND, lambda _: None)
    assert caught.value.fault.code == "connection_lost"


async def test_two_at_once_do_not_spoil_each_others_file(tmp_path: Path) -> None:
    script = Script(data=lambda *_: sends(CONTENT), listed=LISTED)
    async with (
        scripted(script) as account,
        file_server(account, tmp_path).connect() as one,
        file_server(account, tmp_path).connect() as other,
    ):
        first = await one.fetch(FOUND, lambda _: None)
        second = await other.fetch(FOUND, lambda _: None)
        assert len(left_in(tmp_path)) == 2
        await first.discard()
        assert await content_of(second) == CONTENT
        await second.discard()
    assert left_in(tmp_path) == []


async def test_a_cancelled_transfer_leaves_what_is_right(tmp_path: Path) -> None:
    offsets: list[int] = []

    def data(_: str, __: str, offset: int) -> Send:
        offsets.append(offset)
        return sends(CONTENT[offset:])

    script = Script(data=data, listed=LISTED)
    async with scripted(script) as account:
        async with file_server(account, tmp_path).connect() as folder:

            def stop(_: int) -> None:
                fetching.cancel()

            fetching = asyncio.create_task(folder.fetch(FOUND, stop))
            with pytest.raises(asyncio.CancelledError):
                await fetching
        async with file_server(account, tmp_path).connect() as folder:
            local = await folder.fetch(FOUND, lambda _: None)
            assert await content_of(local) == CONTENT
            await local.discard()
    assert 0 < offsets[1] < SIZE


@contextmanager
def room_for(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_where_no_more_fits_on_the_disk_nothing_is_left(tmp_path: Path) -> None:
    script = Script(data=lambda *_: sends(CONTENT), listed=LISTED)
    with room_for(400_000):
        assert await fault_of(script, tmp_path) == "disk_full"
    assert left_in(tmp_path) == []
