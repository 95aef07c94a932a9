"""Copies on a real disk."""

import asyncio
import hashlib
import os
import resource
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.pollers.local_file import ExistingFile
from adapters.pollers.spool import SpoolFolder
from domain.ingestion.file_ports import LocalFile
from domain.shared.errors import UnavailableError

DAY = 24 * 3600


async def pieces(*blocks: bytes) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


def left_in(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def aged(path: Path, days: float) -> None:
    path.write_bytes(b"old")
    then = time.time() - days * DAY
    os.utime(path, (then, then))


def content(local: LocalFile) -> bytes:
    return b"".join(local.blocks())


async def test_an_upload_is_kept_until_it_is_discarded(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "spool"
    kept = await SpoolFolder(folder).keep(pieces(b"first", b"", b"second" * 100_000))
    expected = b"first" + b"second" * 100_000
    assert content(kept) == content(kept) == expected
    assert kept.size == len(expected)
    assert kept.sha256 == hashlib.sha256(expected).hexdigest()
    assert max(map(len, kept.blocks())) <= 256 * 1024
    (path,) = left_in(folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    await kept.discard()
    await kept.discard()
    assert left_in(folder) == []


async def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"some"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await SpoolFolder(tmp_path).keep(broken())
    assert left_in(tmp_path) == []


async def test_a_cancelled_upload_leaves_nothing(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            begun.set()
            yield b"x" * 1_000_000

    keeping = asyncio.create_task(SpoolFolder(tmp_path).keep(endless()))
    await begun.wait()
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    assert left_in(tmp_path) == []


async def test_where_no_more_fits_nothing_is_left(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(UnavailableError) as caught:
            await SpoolFolder(tmp_path).keep(pieces(*[b"x" * 30_000] * 10))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.code == "disk_full"
    assert left_in(tmp_path) == []


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("in the way")
    with pytest.raises(UnavailableError):
        await SpoolFolder(tmp_path / "spool").keep(pieces(b"x"))


async def test_forgotten_files_go_after_a_week_unless_somebody_has_them(tmp_path: Path) -> None:
    aged(tmp_path / "forgotten.part", 8)
    aged(tmp_path / "recent.part", 6)
    aged(tmp_path / "used.part", 8)
    aged(tmp_path / "somebody-elses.txt", 800)
    user = SpoolFolder(tmp_path)
    user._is_ready = True
    used = user.open_part("used", resume=True)
    assert used.size == 3
    kept = await SpoolFolder(tmp_path).keep(pieces(b"new"))
    await kept.discard()
    names = {path.name for path in left_in(tmp_path)}
    assert names == {"recent.part", "used.part", "somebody-elses.txt"}
    used.close()


def test_a_partial_file_goes_on_unless_it_is_to_begin_anew(tmp_path: Path) -> None:
    folder = SpoolFolder(tmp_path)

    def opened(*, resume: bool) -> tuple[int, str]:
        part = folder.open_part("name", resume=resume)
        size = part.size
        asyncio.run(part.append(b"abc"))
        whole = part.finished()
        return size, whole.sha256

    assert opened(resume=True) == (0, hashlib.sha256(b"abc").hexdigest())
    assert opened(resume=True) == (3, hashlib.sha256(b"abcabc").hexdigest())
    assert opened(resume=False) == (0, hashlib.sha256(b"abc").hexdigest())


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_bytes(b"mine")
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "name.part").symlink_to(target)
    with pytest.raises(Exception, match="kept"):
        SpoolFolder(spool).open_part("name", resume=False)
    assert target.read_bytes() == b"mine"


async def test_a_file_of_somebodys_own_is_read_and_left(tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_bytes(b"mine" * 100_000)
    local = await ExistingFile.at(path)
    assert (local.size, local.sha256) == (400_000, hashlib.sha256(b"mine" * 100_000).hexdigest())
    assert content(local) == b"mine" * 100_000
    await local.discard()
    assert left_in(tmp_path) == [path]
    with pytest.raises(FileNotFoundError):
        await ExistingFile.at(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        await ExistingFile.at(tmp_path)
