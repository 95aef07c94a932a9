"""Workers that are killed or stopped in the middle of a big file: nothing is lost, and nothing doubled."""

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.databases import MigratedDatabase
from tests.integration.ingestion.files.programs import Program, serving_program
from tests.integration.ingestion.files.scripted_site import Listed, asked_for, listing
from tests.integration.ingestion.files.site import Caller, Site, environment_of, site, until
from tests.integration.ingestion.files.stored import Stored
from tests.integration.ingestion.ftp.scripted import Script, sends
from tests.integration.ingestion.ftp.world import FolderServer, put, serving

PATH = "/campus/BIG_1.sgl_v2"
FIRST = datetime.now(UTC).replace(microsecond=0) - timedelta(days=5)
MANY = 120_000
"""Readings, which makes 12 chunks."""


def big_file(count: int = MANY) -> bytes:
    rows = (
        f"{(FIRST + timedelta(seconds=number)).isoformat()[:19]};{value_of(number)}"
        for number in range(count)
    )
    head = "# unit: Wh\n# resolution: PT1S\n# timezone: UTC\n"
    return (head + "\n".join(rows)).replace(".", ",").encode()


def value_of(number: int) -> float:
    return number % 9 + 0.5


async def all_is_there_once(here: Caller, stored: Stored, count: int = MANY) -> dict[str, Any]:
    """Look at readings, receipts and the file, and return it."""
    rows = await stored.rows(
        "SELECT count(*), count(DISTINCT time), min(time), max(time), round(sum(value)::numeric * 1000, 6)"
        " FROM sensors.readings"
    )
    expected = sum(value_of(number) for number in range(count))
    assert rows == [(count, count, FIRST, FIRST + timedelta(seconds=count - 1), expected)]
    assert await stored.revisions() == 0
    receipts = await stored.rows(
        "SELECT count(*), sum(received), sum(created), sum(unchanged) FROM sensors.write_receipts"
    )
    assert receipts == [(await stored.chunks_noted(), count, count, 0)]
    file = await here.file(PATH)
    assert (file["status"], file["error"], file["generation"]) == ("processed", None, 1)
    assert file["receipt"] == {
        "received": count,
        "created": count,
        "updated": 0,
        "unchanged": 0,
        "rejected": 0,
    }
    assert (file["bytes_read"], file["lines"]) == (file["size"], count + 3)
    collection = await here("GET", "/ingestion/collections/campus")
    assert (collection["files"], collection["readings"], collection["sensors"]) == (1, count, ["BIG"])
    return file


async def has_noted(stored: Stored, chunks: int) -> bool:
    return await stored.chunks_noted() >= chunks


async def test_another_process_goes_on_where_one_was_killed(
    tmp_path: Path, database_url: str, migrated: MigratedDatabase
) -> None:
    stored = Stored(migrated.owner_url)
    put(tmp_path / "site", PATH[1:], big_file())
    async with serving(FolderServer(tmp_path / "site")) as account:
        variables = [environment_of(account, database_url, tmp_path / name) for name in ("a", "b")]
        async with serving_program(variables[0]) as one, serving_program(variables[1]) as other:
            # Both are asked at once: there is one scan, and one of them does it.
            answers = await asyncio.gather(
                *(program.client.post("/api/v1/ingestion/ftp/scan") for program in (one, other))
            )
            assert sorted(answer.status_code for answer in answers) == [202, 409]
            (begun,) = [answer.json() for answer in answers if answer.status_code == 202]
            (refused,) = [answer.json() for answer in answers if answer.status_code == 409]
            assert refused["code"] == "scan_running"
            await until(lambda: has_noted(stored, 3))
            (victim,) = [program for program in (one, other) if program.is_reading]
            await victim.kill()
            noted = await stored.chunks_noted()
            assert 3 <= noted < 12, "it was killed too late to show anything"
            survivor = other if victim is one else one
            await asyncio.sleep(1.0)
            assert not survivor.is_reading, "it took over what may still be in work"
            await stored.let_leases_lapse()
            ended = await survivor.scan(begun["scan_id"])
            assert (ended["status"], ended["files_done"], ended["files_failed"]) == ("completed", 1, 0)
            await all_is_there_once(survivor, stored)
            assert (await survivor("GET", "/ingestion/ftp/scans"))["total"] == 1
            assert "Traceback" not in survivor.said


async def test_a_process_killed_between_storing_a_chunk_and_noting_it(
    tmp_path: Path, database_url: str, migrated: MigratedDatabase
) -> None:
    stored = Stored(migrated.owner_url)
    put(tmp_path / "site", PATH[1:], big_file())
    async with serving(FolderServer(tmp_path / "site")) as account:
        async with serving_program(environment_of(account, database_url, tmp_path / "a")) as victim:
            await victim.ask()
            await until(lambda: has_noted(stored, 2))
            async with stored.files_locked():
                noted = await stored.chunks_noted()
                # Its readings and their receipt are committed, and nobody can note that.
                await until(lambda: has_stored(stored, noted + 1))
                await victim.kill()
            assert await stored.chunks_stored() == noted + 1
            assert await stored.chunks_noted() == noted < 11
        async with site(environment_of(account, database_url, tmp_path / "b")) as heir:
            await stored.let_leases_lapse()
            await until(lambda: is_processed(heir))
            file = await all_is_there_once(heir, stored)
            assert (file["first_time"], file["last_time"]) == (
                FIRST.isoformat(),
                (FIRST + timedelta(seconds=MANY - 1)).isoformat(),
            )


async def has_stored(stored: Stored, chunks: int) -> bool:
    return await stored.chunks_stored() >= chunks


async def is_processed(here: Site) -> bool:
    file = (await here.files()).get(PATH)
    return file is not None and file["status"] == "processed"


async def test_a_process_that_was_stopped_loses_the_scan_and_does_no_harm_when_it_goes_on(
    tmp_path: Path, database_url: str, migrated: MigratedDatabase
) -> None:
    stored, content, go_on = Stored(migrated.owner_url), big_file(20_000), asyncio.Event()

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(content[:1000])
        await go_on.wait()
        await sends(content[1000:])(writer)

    async with (
        listing({PATH: Listed(content, send=send)}) as (account, script),
        serving_program(environment_of(account, database_url, tmp_path / "a")) as stopped,
    ):
        scan_id = await stopped.ask()
        # Its progress is noted every two seconds: it is stopped in between, and holds no lock.
        await until(lambda: is_at_the_file(stopped, scan_id))
        stopped.send(signal.SIGSTOP)
        async with site(environment_of(account, database_url, tmp_path / "b")) as heir:
            assert (await heir("POST", "/ingestion/ftp/scan", 409))["code"] == "scan_running"
            assert asked_for(script) == [PATH]
            await stored.let_leases_lapse()
            await until(lambda: is_asked_for(script, 2))
            stopped.send(signal.SIGCONT)
            await until(lambda: has_let_go(stopped))
            go_on.set()
            ended = await heir.scan(scan_id)
            assert (ended["status"], ended["files_done"], ended["files_failed"]) == ("completed", 1, 0)
            await all_is_there_once(heir, stored, 20_000)
            assert asked_for(script) == [PATH, PATH]
            assert "Traceback" not in stopped.said
            assert await stopped("GET", f"/ingestion/ftp/scans/{scan_id}") == ended


async def is_at_the_file(here: Caller, scan_id: str) -> bool:
    scan = await here("GET", f"/ingestion/ftp/scans/{scan_id}")
    return bool(scan["current_file"] == PATH)


async def has_let_go(program: Program) -> bool:
    return "goes on in another process" in program.said


async def is_asked_for(script: Script, times: int) -> bool:
    return len(asked_for(script)) >= times
