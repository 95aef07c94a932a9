"""Servers that stall, flood or lie before a file is even asked for."""

import asyncio
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from domain.ingestion.errors import FileServerError
from domain.ingestion.file_ports import RemotePage
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
from tests.integration.ingestion.ftp.world import QUICK, file_server, files_of, pages_of

ONE_TRY = replace(QUICK, connect_tries=1)


def one_listing(*lines: str) -> Script:
    content = "".join(f"{line}\r\n" for line in lines).encode()
    return Script(data=lambda *_: sends(content))


async def fault_of(script: Script, spool: Path) -> str:
    async with scripted(script) as account, asyncio.timeout(5):
        with pytest.raises(FileServerError) as caught:
            async with file_server(account, spool, ONE_TRY).connect() as folder:
                await pages_of(folder)
    assert account.password not in str(caught.value)
    return caught.value.fault.code


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (Script(greeting=silence), "timeout"),
        (Script(greeting=trickles(b"2" * 1000, 0.05)), "timeout"),
        (Script(greeting=sends(b"", breaks_off=True)), "connection_lost"),
        (Script(greeting=sends(b"", then_silent=True)), "timeout"),
        (Script(greeting="421 too many"), "connection_lost"),
        (Script(greeting="SSH-2.0-OpenSSH"), "timeout"),
        (Script(greeting="999 what"), "protocol"),
        (Script(greeting=endless(b"x" * 65536)), "protocol"),
        (Script(greeting=endless(b"220-again\r\n" * 1000)), "protocol"),
        (Script(greeting=endless(b"120 wait\r\n" * 1000)), "timeout"),
        (Script(replies={"PASS": "530 s3cret is wrong"}), "login_refused"),
        (Script(replies={"PASS": "331 again"}), "timeout"),
        (Script(replies={"CWD": "550 no"}), "no_such_folder"),
        (Script(replies={"PWD": "257 somewhere"}), "protocol"),
        (Script(replies={"PWD": '257 "/a\x1b[2J"'}), "protocol"),
        (Script(replies={"EPSV": "229 ok (|||99999|)"}), "protocol"),
        (Script(replies={"EPSV": "229 ok (|||0|)"}), "protocol"),
        (Script(replies={"EPSV": "229 somewhere"}), "protocol"),
        (Script(replies={"EPSV": "500 no", "PASV": "227 ok (1,2)"}), "protocol"),
        (Script(replies={"EPSV": "229 ok (|||1|)"}), "connection_refused"),
        (Script(replies={"MLSD": silence}), "timeout"),
        (Script(replies={"MLSD": "550 no"}), "bad_listing"),
        (Script(replies={"MLSD": "450 not now"}), "protocol"),
        (Script(data=lambda *_: silence), "timeout"),
        (Script(data=lambda *_: sends(b"type=file;si", then_silent=True)), "timeout"),
        (Script(data=lambda *_: sends(b"type=file;si", breaks_off=True)), "connection_lost"),
        (Script(data=lambda *_: trickles(b"type=file;size=1; a.dat\r\n" * 100, 0.05)), "timeout"),
    ],
)
async def test_each_ends_in_time_with_its_code(tmp_path: Path, script: Script, code: str) -> None:
    assert await fault_of(script, tmp_path) == code


@pytest.mark.parametrize("block", [b"type=file;size=1; a.dat\r\n" * 1000, b"x" * 65536, b"\r\n" * 30000])
async def test_a_listing_without_end_is_cut_off_in_bounded_memory(tmp_path: Path, block: bytes) -> None:
    limits = replace(QUICK, largest_listing=20_000_000, listing=60.0)
    async with scripted(Script(data=lambda *_: endless(block))) as account:
        tracemalloc.start()
        try:
            with pytest.raises(FileServerError) as caught:
                async with file_server(account, tmp_path, limits).connect() as folder:
                    await pages_of(folder)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert caught.value.fault.code == "bad_listing"
    assert peak < 8_000_000


async def test_100_000_files_come_in_pages_in_bounded_memory(tmp_path: Path) -> None:
    lines = "".join(f"{facts(f'meter-{number:06}.dat', number)}\r\n" for number in range(100_000))

    def data(_: str, __: str, ___: int) -> Send:
        return sends(lines.encode())

    async with (
        scripted(Script(data=data)) as account,
        file_server(account, tmp_path, replace(QUICK, listing=60.0)).connect() as folder,
    ):
        pages = folder.pages()
        first: RemotePage = await anext(pages)
        assert len(first.files) == 1_000
        tracemalloc.start()
        try:
            total, last = len(first.files), first
            async for page in pages:
                assert len(page.files) <= 1_000
                assert not page.is_new_folder
                total, last = total + len(page.files), page
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert total == 100_000
    assert last.files[-1].path == "/meter-099999.dat"
    assert peak < 4_000_000


async def test_bad_names_and_lines_are_passed_over_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = one_listing(
        facts("good.dat", 1),
        facts("..", 0, "pdir"),
        facts(".", 0, "cdir"),
        facts("..", 0, "dir"),
        facts("../../etc/passwd.dat", 1),
        facts("/etc/shadow.dat", 1),
        facts("a\rDELE b.dat", 1),
        facts("nul\0.dat", 1),
        facts("bell\x07.dat", 1),
        facts("good.dat", 2),
        facts(f"{'x' * 2000}.dat", 1),
        facts("link.dat", 1, "OS.unix=slink:/etc/passwd"),
        f"type=file;size={'9' * 30}; huge.dat",
        "type=file;size=-1; negative.dat",
        "type=file; nosize.dat",
        "size=1;modify=20260301123015; notype.dat",
        "nonsense",
        "type=file;size=1; " + "y" * 100_000 + ".dat",
        facts("odd.dat", 3, stamp="20261399999999"),
        facts("notes.txt", 1),
        "",
    )
    async with scripted(script) as account, file_server(account, tmp_path).connect() as folder:
        found = await files_of(folder)
    assert {path: file.size for path, file in found.items()} == {"/good.dat": 1, "/odd.dat": 3}
    assert found["/odd.dat"].modified is None
    assert "15 entries" in caplog.text
    assert not [line for line in script.asked if "DELE" in line or ".." in line]


async def test_folders_in_folders_without_end_are_left(tmp_path: Path) -> None:
    deep = one_listing(facts("again", 0, "dir"))
    async with scripted(deep) as account, file_server(account, tmp_path).connect() as folder:
        assert len(await pages_of(folder)) == 33
    wide = one_listing(*(facts(f"f{number}", 0, "dir") for number in range(20)))
    limits = replace(QUICK, most_folders=100)
    async with scripted(wide) as account, file_server(account, tmp_path, limits).connect() as folder:
        with pytest.raises(FileServerError) as caught:
            await pages_of(folder)
    assert caught.value.fault.code == "bad_listing"
    assert wide.asked.count("MLSD") < 10


async def test_a_folder_under_two_names_is_visited_once(tmp_path: Path) -> None:
    same = one_listing(*(f"type=dir;unique=2ag5; {name}" for name in ("one", "two")))
    async with scripted(same) as account, file_server(account, tmp_path).connect() as folder:
        assert [page.folder for page in await pages_of(folder)] == ["/", "/one"]


async def test_data_connections_go_nowhere_else(tmp_path: Path) -> None:
    # PASV says 192.0.2.77, which nobody can reach: the listing is there all the same.
    script = one_listing(facts("a.dat", 1))
    script.replies["EPSV"] = "502 no"
    async with scripted(script) as account, file_server(account, tmp_path).connect() as folder:
        assert list(await files_of(folder)) == ["/a.dat"]
        await files_of(folder)
    assert script.asked.count("EPSV") == 1


async def test_a_connection_that_is_lost_between_folders_is_made_anew(tmp_path: Path) -> None:
    script = Script()
    broken = 0

    def data(_: str, __: str, ___: int) -> Send:
        nonlocal broken
        folder = [line for line in script.asked if line.startswith("CWD")][-1]
        if folder == "CWD /data/a" and broken < 2:
            broken += 1
            return sends(facts("half.dat", 1).encode(), breaks_off=True)
        if folder == "CWD /data/a":
            return sends(f"{facts('whole.dat', 1)}\r\n".encode())
        return sends(f"{facts('a', 0, 'dir')}\r\n".encode())

    script.data = data
    async with scripted(script) as account, file_server(account, tmp_path).connect() as folder:
        assert list(await files_of(folder)) == ["/a/whole.dat"]
    assert script.connections == 3


async def test_getting_in_is_tried_three_times(tmp_path: Path) -> None:
    script = Script(greeting="421 not now")
    async with scripted(script) as account:
        with pytest.raises(FileServerError):
            async with file_server(account, tmp_path).connect():
                pass
    assert script.connections == 3
    wrong = Script(replies={"PASS": "530 no"})
    async with scripted(wrong) as account:
        with pytest.raises(FileServerError):
            async with file_server(account, tmp_path).connect():
                pass
    assert wrong.connections == 1


async def test_a_folder_that_is_refused_does_not_hide_the_others(tmp_path: Path) -> None:
    script = one_listing(facts("closed", 0, "dir"), facts("a.dat", 1))
    script.replies["CWD /data/closed"] = "550 not for you"
    async with scripted(script) as account, file_server(account, tmp_path).connect() as folder:
        pages = await pages_of(folder)
    assert [(page.folder, len(page.files)) for page in pages] == [("/", 1), ("/closed", 0)]
    assert script.connections == 1
