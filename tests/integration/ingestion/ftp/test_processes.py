"""Several processes over one spool, some of which die."""

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from adapters.pollers.ftp.account import FtpAccount
from domain.ingestion.files import FoundFile
from tests.integration.ingestion.ftp.scripted import Script, Send, facts, scripted, sends
from tests.integration.ingestion.ftp.world import QUICK, content_of, file_server, left_in

CONTENT = bytes(range(251)) * 4_000
SIZE = len(CONTENT)
FOUND = FoundFile("/a.dat", SIZE, datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC))
HERE = 600_000


def script(offsets: list[int]) -> Script:
    """Give one that stays silent in the first transfer's middle."""

    def data(_: str, __: str, offset: int) -> Send:
        offsets.append(offset)
        return sends(CONTENT[offset:HERE], then_silent=True) if len(offsets) == 1 else sends(CONTENT[offset:])

    return Script(data=data, listed={"/data/a.dat": facts("a.dat", SIZE)})


async def begun(account: FtpAccount, spool: Path) -> asyncio.subprocess.Process:
    """Start another process, and wait until it has some of the file."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.ingestion.ftp.victim",
        *map(str, (account.port, spool, SIZE)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert int(await process.stdout.readline()) > 0
    return process


async def test_after_kill_9_another_process_goes_on_where_the_file_ends(tmp_path: Path) -> None:
    offsets: list[int] = []
    async with scripted(script(offsets)) as account:
        process = await begun(account, tmp_path)
        process.kill()
        await process.wait()
        (left,) = left_in(tmp_path)
        there = left.stat().st_size
        assert 0 < there <= HERE
        async with file_server(account, tmp_path).connect() as folder:
            local = await folder.fetch(FOUND, lambda _: None)
            assert await content_of(local) == CONTENT
            await local.discard()
    assert offsets == [0, there]
    assert left_in(tmp_path) == []


async def test_a_file_that_another_process_is_fetching_is_left_to_it(tmp_path: Path) -> None:
    offsets: list[int] = []
    async with scripted(script(offsets)) as account:
        process = await begun(account, tmp_path)
        async with file_server(account, tmp_path, replace(QUICK, idle=5.0)).connect() as folder:
            local = await folder.fetch(FOUND, lambda _: None)
            assert await content_of(local) == CONTENT
            await local.discard()
        assert len(left_in(tmp_path)) == 1
        # The other one meets its idle time-out, goes on, and is well.
        assert await asyncio.wait_for(process.wait(), 10) == 0
    assert offsets[:2] == [0, 0]
