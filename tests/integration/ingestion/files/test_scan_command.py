"""`energy-dashboard scan` as people run it, against a real FTP server."""

import asyncio
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.databases import MigratedDatabase
from tests.integration.ingestion.files.programs import run_program, started
from tests.integration.ingestion.files.scripted_site import Listed, asked_for, listing
from tests.integration.ingestion.files.site import environment_of, until
from tests.integration.ingestion.files.stored import Stored
from tests.integration.ingestion.ftp.scripted import Script, sends
from tests.integration.ingestion.ftp.world import PASSWORD, FolderServer, put, serving

HEADER = ["file", "status", "received", "created", "updated", "unchanged", "rejected"]
INTERRUPTED = (
    b"energy-dashboard: interrupted; what was read so far is stored: "
    b"scan again to go on, nothing is stored twice\n"
)
GOOD = b"# timezone: UTC\n2026-01-05 00:00;1,5\n2026-01-05 01:00;2,5\n"


async def test_the_table_and_the_exit_codes(tmp_path: Path, database_url: str) -> None:
    folder = tmp_path / "site"
    put(folder, "a/ONE_1.sgl_v2", GOOD)
    put(folder, "b/TWO_1.slg_v2", GOOD)
    async with serving(FolderServer(folder)) as account:
        variables = environment_of(account, database_url, tmp_path)
        whole = await run_program("scan", variables=variables)
        *table, last = whole.out.splitlines()
        assert whole.code == 0, whole
        assert whole.err == ""
        header, *rows = [line.split("\t") for line in table]
        assert header == HEADER
        assert sorted(rows) == [
            ["/a/ONE_1.sgl_v2", "processed", "2", "2", "0", "0", "0"],
            ["/b/TWO_1.slg_v2", "processed", "2", "2", "0", "0", "0"],
        ]
        assert last == (
            f"scan completed: 3 folders, 2 files seen, 2 read, 0 skipped, 0 failed, {2 * len(GOOD)} bytes"
        )

        put(folder, "c/BAD_1.sgl_v2", GOOD + b"2026-01-05 02:00;x\n")
        put(folder, "c/ZIP_1.csv", b"PK\x03\x04\0\0")
        partly = await run_program("scan", variables=variables)
        assert partly.code == 2, partly
        assert sorted(line.split("\t") for line in partly.out.splitlines()[1:-1]) == [
            ["/c/BAD_1.sgl_v2", "partial", "3", "2", "0", "0", "1"],
            ["/c/ZIP_1.csv", "failed", "0", "0", "0", "0", "0"],
        ]
        assert "1 read, 2 skipped, 1 failed" in partly.out.splitlines()[-1]
        assert "/c/ZIP_1.csv: the file is no text" in partly.err

        wrong = replace(account, password="wr0ng-s3cret")
        refused = await run_program("scan", variables=environment_of(wrong, database_url, tmp_path))
        assert refused.code == 1, refused
        assert refused.out == "scan failed: 0 folders, 0 files seen, 0 read, 0 skipped, 0 failed, 0 bytes\n"
        assert refused.err == (
            f"energy-dashboard: {account.name}: it refuses user name and password (login_refused)\n"
        )
        assert wrong.password not in f"{refused}"
        assert PASSWORD not in f"{whole} {partly} {refused}"


async def test_what_was_interrupted_or_killed_goes_on_when_it_is_done_again(
    tmp_path: Path, database_url: str, migrated: MigratedDatabase
) -> None:
    stored, go_on = Stored(migrated.owner_url), asyncio.Event()

    async def send(writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        await sends(GOOD)(writer)

    async with listing({"/ONE_1.sgl_v2": Listed(GOOD, send=send)}) as (account, script):
        variables = environment_of(account, database_url, tmp_path)
        ways = ((signal.SIGINT, 130, INTERRUPTED), (signal.SIGKILL, -9, b""))
        for number, (how, code, said) in enumerate(ways, 1):
            process = await started("scan", variables=variables)
            await until(partial(is_asked_for, script, number))
            process.send_signal(how)
            _, err = await process.communicate()
            assert (process.returncode, err) == (code, said)
        await stored.let_leases_lapse()
        go_on.set()
        again = await run_program("scan", variables=variables)
        assert (again.code, again.err) == (0, "")
        assert again.out.splitlines()[1:] == [
            "/ONE_1.sgl_v2\tprocessed\t2\t2\t0\t0\t0",
            f"scan completed: 1 folders, 1 files seen, 1 read, 0 skipped, 0 failed, {len(GOOD)} bytes",
        ]
        assert await stored.one("SELECT count(*) FROM ingestion.scans") == 1


async def is_asked_for(script: Script, times: int) -> bool:
    return len(asked_for(script)) >= times
