"""The client against aioftp's own server, over real sockets."""

import hashlib
import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aioftp.common import Connection

from adapters.pollers.ftp.account import FtpAccount
from domain.ingestion.errors import FileServerError, TransferError
from domain.ingestion.files import FoundFile
from tests.integration.ingestion.ftp.world import (
    LONG_AGO,
    PASSWORD,
    QUICK,
    FolderServer,
    content_of,
    file_server,
    files_of,
    left_in,
    mode_of,
    pages_of,
    put,
    serving,
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.mark.parametrize("unknown", [(), ("mlsd", "mlst"), ("mlst",), ("epsv",)], ids=str)
async def test_all_folders_are_listed_and_their_files_fetched(
    site: Path, spool: Path, unknown: tuple[str, ...]
) -> None:
    contents = {
        "/main.dat": b"one",
        "/a/b c/ção 1.dat": b"two" * 100_000,
        "/a/empty.dat": b"",
        "/a/-l.dat": b"x",
    }
    for name, content in contents.items():
        put(site, name[1:], content)
    put(site, "a/notes.txt", b"no meter file")
    (site / "nothing").mkdir()
    server = FolderServer(site, unknown=unknown)
    async with serving(server) as account, file_server(account, spool).connect() as folder:
        pages = await pages_of(folder)
        assert sorted(page.folder for page in pages if page.is_new_folder) == [
            "/",
            "/a",
            "/a/b c",
            "/nothing",
        ]
        found = {file.path: file for page in pages for file in page.files}
        assert {path: file.size for path, file in found.items()} == {
            path: len(content) for path, content in contents.items()
        }
        for path, content in contents.items():
            assert await folder.look(path) == found[path]
            arrived: list[int] = []
            local = await folder.fetch(found[path], arrived.append)
            assert await content_of(local) == content
            assert local.size == len(content) == sum(arrived)
            assert local.sha256 == hashlib.sha256(content).hexdigest()
            await local.discard()
        assert await folder.look("/a/gone.dat") is None
        assert await folder.look("/a") is None
    assert left_in(spool) == []


async def test_times_are_utc_to_the_second_with_mlsd_and_to_what_is_shown_with_list(
    site: Path, spool: Path
) -> None:
    put(site, "a.dat", b"1", LONG_AGO)
    async with serving(FolderServer(site)) as account, file_server(account, spool).connect() as folder:
        assert (await files_of(folder))["/a.dat"].modified == LONG_AGO
    by_list = FolderServer(site, unknown=("mlsd", "mlst"))
    async with serving(by_list) as account, file_server(account, spool).connect() as folder:
        assert (await files_of(folder))["/a.dat"].modified == datetime(2026, 3, 1, tzinfo=UTC)
    assert by_list.asked.count("MLSD") == 1


async def test_the_remote_path_is_the_root_of_all_paths(site: Path, spool: Path) -> None:
    put(site, "meters/2026/a.dat", b"in")
    put(site, "other/b.dat", b"out")
    async with serving(FolderServer(site)) as account:
        inside = replace(account, remote_path="meters/")
        server = file_server(inside, spool)
        assert server.name == f"ftp://127.0.0.1:{account.port}/meters"
        async with server.connect() as folder:
            found = await files_of(folder)
            assert list(found) == ["/2026/a.dat"]
            assert await content_of(await folder.fetch(found["/2026/a.dat"], print)) == b"in"


async def test_names_that_are_not_utf_8_are_listed_and_fetched(site: Path, spool: Path) -> None:
    put(site, "Lição/açúcar.dat", b"sweet")
    async with (
        serving(FolderServer(site, encoding="latin-1", password="plain")) as account,
        file_server(account, spool).connect() as folder,
    ):
        found = await files_of(folder)
        assert list(found) == ["/Lição/açúcar.dat"]
        local = await folder.fetch(found["/Lição/açúcar.dat"], print)
        assert await content_of(local) == b"sweet"
        await local.discard()


async def test_a_server_may_list_names_that_it_does_not_take(site: Path, spool: Path) -> None:
    class Deaf(FolderServer):
        async def mlst(self, connection: Connection, rest: object) -> bool:
            del rest
            connection.response("501", "can't decode that")
            return True

    put(site, "a.dat", b"here", LONG_AGO.replace(microsecond=0, second=17))
    server = Deaf(site)
    server.commands_mapping["mlst"] = server.mlst
    async with serving(server) as account, file_server(account, spool).connect() as folder:
        (found,) = (await files_of(folder)).values()
        assert await content_of(await folder.fetch(found, print)) == b"here"
        assert await folder.look("/a.dat") == found


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "wrong"}, "login_refused"),
        ({"username": "nobody"}, "login_refused"),
        ({"password": "a\r\nDELE all"}, "protocol"),
        ({"remote_path": "/not/there"}, "no_such_folder"),
        ({"host": "no-such-host.invalid"}, "unknown_host"),
        ({"port": 1}, "connection_refused"),
    ],
)
async def test_what_keeps_us_out_is_told_without_the_password(
    site: Path, spool: Path, caplog: pytest.LogCaptureFixture, change: dict[str, object], code: str
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(FolderServer(site)) as account:
        wrong: FtpAccount = replace(account, **change)  # type: ignore[arg-type]  # fields by name
        with pytest.raises(FileServerError) as caught:
            async with file_server(wrong, spool).connect():
                pass
    assert caught.value.fault.code == code
    client = "".join(record.getMessage() for record in caplog.records if record.name != "aioftp.server")
    for secret in (PASSWORD, wrong.password):
        assert secret not in client + str(caught.value) + repr(wrong)
    assert not [record for record in caplog.records if record.name == "aioftp.client"]


async def test_a_file_that_is_gone_changed_or_too_large_is_not_brought(site: Path, spool: Path) -> None:
    put(site, "a.dat", b"12345")
    limits = replace(QUICK, largest_file=10)
    async with (
        serving(FolderServer(site)) as account,
        file_server(account, spool, limits).connect() as folder,
    ):
        for found, code in [
            (FoundFile("/gone.dat", 5, LONG_AGO), "gone"),
            (FoundFile("/a.dat", 4, LONG_AGO), "changed"),
            (FoundFile("/a.dat", 6, LONG_AGO), "changed"),
            (FoundFile("/a.dat", 5, LONG_AGO.replace(second=16)), "changed"),
            (FoundFile("/a.dat", 11, LONG_AGO), "too_large"),
        ]:
            with pytest.raises(TransferError) as caught:
                await folder.fetch(found, print)
            assert caught.value.fault.code == code
        assert left_in(spool) == []
        good = await folder.fetch(FoundFile("/a.dat", 5, LONG_AGO), print)
        assert await content_of(good) == b"12345"
        (kept,) = left_in(spool)
        assert mode_of(kept) == 0o600
        assert mode_of(spool) == 0o700
        await good.discard()


async def test_links_are_not_followed_and_those_that_loop_end(site: Path, spool: Path) -> None:
    put(site, "a/b/x.dat", b"1")
    (site / "a/b/again").symlink_to(site / "a")
    limits = replace(QUICK, deepest_folder=6)
    async with (
        serving(FolderServer(site)) as account,
        file_server(account, spool, limits).connect() as folder,
    ):
        # The server shows the link as a folder like any other.
        pages = await pages_of(folder)
        assert max(page.folder.count("/") for page in pages) == 6
    async with (
        serving(FolderServer(site, unknown=("mlsd",))) as account,
        file_server(account, spool, limits).connect() as folder,
    ):
        assert sorted({page.folder for page in await pages_of(folder)})[:3] == ["/", "/a", "/a/b"]


async def test_it_works_over_ipv6(site: Path, spool: Path) -> None:
    put(site, "a.dat", b"six")
    async with serving(FolderServer(site), "::1") as account:
        server = file_server(account, spool)
        assert server.name == f"ftp://[::1]:{account.port}/"
        async with server.connect() as folder:
            (found,) = (await files_of(folder)).values()
            local = await folder.fetch(found, print)
            assert await content_of(local) == b"six"
            await local.discard()
