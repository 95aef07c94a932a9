"""The neighbours' meter files as the FTP monitor meets them."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aioftp
import pytest

from adapters.memory.surroundings import MemoryClock
from adapters.pollers.ftp.account import FtpAccount
from adapters.pollers.ftp.server import AioftpFileServer
from adapters.pollers.jitter import RandomJitter
from adapters.pollers.meter_files.formats import SuffixedMeterFileFormats
from adapters.pollers.spool import SpoolFolder
from adapters.simulator.ftp import SimulatedFtpServer
from adapters.units.pint_catalog import PintUnitCatalog
from domain.ingestion.errors import FileServerError
from domain.ingestion.file_ports import RemoteFolder
from domain.ingestion.files import FoundFile

NOON = datetime(2026, 11, 24, 12, 7, tzinfo=UTC)


def client_of(server: SimulatedFtpServer, spool: Path, password: str | None = None) -> AioftpFileServer:
    account = FtpAccount(
        host=server.host,
        port=server.port,
        username=server.username,
        password=server.password if password is None else password,
    )
    formats = SuffixedMeterFileFormats(PintUnitCatalog())
    return AioftpFileServer(account, SpoolFolder(spool), formats, MemoryClock(NOON), RandomJitter())


async def listed(folder: RemoteFolder) -> dict[str, FoundFile]:
    return {file.path: file async for page in folder.pages() for file in page.files}


async def test_the_files_are_listed_fetched_and_grow(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = MemoryClock(NOON)
    async with SimulatedFtpServer(tmp_path / "site", clock.now, days=2) as server:
        assert server.url == f"ftp://127.0.0.1:{server.port}/"
        async with client_of(server, tmp_path / "spool").connect() as folder:
            before = await listed(folder)
            assert len(before) >= 4 * 3 + 1
            today = before["/school/main/SCHOOL-MAIN_20261124.sgl_v2"]
            assert today.modified == datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
            for found in before.values():
                local = await folder.fetch(found, lambda _: None)
                assert local.size == found.size
                await local.discard()
            clock.advance(timedelta(minutes=15))
            await server.write_files()
            after = await listed(folder)
    grown = {path for path in after if after[path] != before.get(path)}
    assert grown == {path for path in after if "20261124" in path}
    assert server.password not in caplog.text
    assert not [record for record in caplog.records if record.name.startswith("aioftp")]


async def test_the_user_may_only_read(tmp_path: Path) -> None:
    async with SimulatedFtpServer(tmp_path / "site", lambda: NOON, days=1) as server:
        with pytest.raises(FileServerError) as caught:
            async with client_of(server, tmp_path / "spool", "guessed").connect():
                pass
        assert caught.value.fault.code == "login_refused"
        async with aioftp.Client.context(
            server.host, server.port, server.username, server.password
        ) as client:
            for attempt in (
                client.remove_file("school/main/SCHOOL-MAIN_20261124.sgl_v2"),
                client.make_directory("mine"),
                client.rename("school", "mine"),
            ):
                with pytest.raises(aioftp.StatusCodeError):
                    await attempt
    with pytest.raises(RuntimeError):
        _ = server.port


async def test_each_server_has_a_password_of_its_own(tmp_path: Path) -> None:
    servers = [SimulatedFtpServer(tmp_path, lambda: NOON) for _ in range(2)]
    assert servers[0].password != servers[1].password
