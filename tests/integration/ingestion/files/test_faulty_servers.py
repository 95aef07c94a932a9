"""Servers with very many files, and with files that are not what they say: each is told with its own code."""

import asyncio
import gzip
import io
import time
import tracemalloc
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from dishka import AsyncContainer

from domain.ingestion.files import CollectionName, FileId, FileOrigin, FileStatus, MeterFile
from domain.ingestion.ports import IngestionUnitOfWork
from tests.integration.ingestion.files.quick import ImpatientClient
from tests.integration.ingestion.files.scripted_site import Listed, asked_for, listing
from tests.integration.ingestion.files.site import environment_of, site
from tests.integration.ingestion.ftp.scripted import STAMP, Send, sends, silence
from tests.integration.ingestion.ftp.world import left_in

HEAD = "# unit: kWh\n# timezone: UTC\n"
MANY = 20_000
MEBIBYTE = 1 << 20


def rows(count: int, first: int = 0) -> str:
    begin = datetime(2026, 1, 5, tzinfo=UTC)
    times = (begin + timedelta(minutes=15 * number) for number in range(first, first + count))
    return "".join(f"{time:%Y-%m-%d %H:%M};{number % 7},25\n" for number, time in enumerate(times, first))


GOOD = (HEAD + rows(4)).encode()


def outcome(file: dict[str, Any]) -> tuple[str, str | None, int, int]:
    """Return status, code, and how many readings were created and lines rejected."""
    return (
        file["status"],
        file["error"] and file["error"]["code"],
        file["receipt"]["created"],
        file["receipt"]["rejected"],
    )


async def know(container: AsyncContainer, names: Sequence[str]) -> None:
    """Note files as read, as scans before would have done."""
    modified = datetime.strptime(STAMP, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    uow: IngestionUnitOfWork = await container.get(IngestionUnitOfWork)
    files = [
        MeterFile(
            file_id=FileId(uuid4()),
            origin=FileOrigin.FTP,
            path=path,
            collection=CollectionName("many"),
            status=FileStatus.PROCESSED,
            size=len(GOOD),
            modified=modified,
            discovered_at=modified,
            sha256="ab" * 32,
            ended_at=modified,
        )
        for path in names
    ]
    async with uow.begin() as tx:
        await tx.files.add(files)


async def test_twenty_thousand_files_that_are_known_take_seconds(tmp_path: Path, database_url: str) -> None:
    known = [f"/many/M{number:05}_2026.sgl_v2" for number in range(MANY)]
    new = "/many/NEW_2026.sgl_v2"
    async with (
        listing({path: Listed(GOOD) for path in (*known, new)}) as (account, script),
        site(environment_of(account, database_url, tmp_path)) as here,
    ):
        await know(here.container, known)
        began = time.monotonic()
        scan = await here.scan()
        assert time.monotonic() - began < 20
        assert (scan["status"], scan["files_seen"], scan["files_skipped"], scan["files_done"]) == (
            "completed",
            MANY + 1,
            MANY,
            1,
        )
        assert asked_for(script) == [new]
        assert sum(line == "MLSD" for line in script.asked) == 2


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", rows(4))
    return buffer.getvalue()


async def test_each_file_has_its_own_fault_and_the_others_are_read(tmp_path: Path, database_url: str) -> None:
    big = (HEAD + rows(12_000)).encode()
    files = {
        "/a/ARCHIVE_1.sgl_v2": Listed(zipped()),
        "/a/BREAKS_1.sgl_v2": Listed(GOOD, send=sends(b"", breaks_off=True)),
        "/a/COLUMNS_1.csv": Listed(";".join(["t"] * 5000).encode()),
        "/a/EMPTY_1.sgl_v2": Listed(b""),
        "/a/GOOD_1.sgl_v2": Listed(GOOD),
        "/a/GZIP_1.csv": Listed(gzip.compress(GOOD)),
        "/a/HUGE_1.sgl_v2": Listed(size=3 << 30),
        "/a/LATE_1.sgl_v2": Listed(big + b"\0" * 1000),
        "/a/LESS_1.sgl_v2": Listed(GOOD, size=len(GOOD) + 100),
        "/a/LONG_1.sgl_v2": Listed(GOOD + b"x" * 100_000 + b"\n" + rows(2, 4).encode()),
        "/a/MORE_1.sgl_v2": Listed(GOOD, size=len(GOOD) - 10),
        "/a/NOISE_1.sgl_v2": Listed(bytes(range(256)) * 100),
        "/a/PROSE_1.sgl_v2": Listed(b"Lorem ipsum dolor sit amet\n" * 20_000),
        "/a/STALLS_1.sgl_v2": Listed(GOOD, send=silence),
        "/a/UNIT_1.sgl_v2": Listed(GOOD.replace(b"kWh", b"parsec")),
        "/z/LAST_1.sgl_v2": Listed(GOOD),
    }
    async with (
        listing(files) as (account, script),
        site(environment_of(account, database_url, tmp_path), ImpatientClient(account)) as here,
    ):
        scan = await here.scan()
        assert (scan["status"], scan["error"]) == ("completed", None)
        found = {path.rpartition("/")[2].partition("_")[0]: one for path, one in (await here.files()).items()}
        assert {name: outcome(file) for name, file in found.items()} == {
            "ARCHIVE": ("failed", "not_text", 0, 0),
            "BREAKS": ("discovered", "connection_lost", 0, 0),
            "COLUMNS": ("failed", "too_many_columns", 0, 0),
            "EMPTY": ("failed", "no_readable_line", 0, 0),
            "GOOD": ("processed", None, 4, 0),
            "GZIP": ("failed", "not_text", 0, 0),
            "HUGE": ("failed", "too_large", 0, 0),
            "LATE": ("partial", "not_text", 9_998, 0),
            "LESS": ("discovered", "wrong_size", 0, 0),
            "LONG": ("partial", None, 6, 1),
            "MORE": ("discovered", "wrong_size", 0, 0),
            "NOISE": ("failed", "not_text", 0, 0),
            "PROSE": ("failed", "no_readable_line", 0, 10_000),
            "STALLS": ("discovered", "timeout", 0, 0),
            "UNIT": ("failed", "invalid_metadata", 0, 0),
            "LAST": ("processed", None, 4, 0),
        }
        assert (scan["files_done"], scan["files_failed"]) == (16, 12)
        assert "/a/HUGE_1.sgl_v2" not in asked_for(script)
        ((line, code, text),) = await here.rejects(found["LONG"])
        assert (line, code, text) == (7, "line_too_long", "x" * 500)
        # What may be otherwise next time is tried again; what cannot is not, unless it changes.
        script.asked.clear()
        again = await here.scan()
        assert sorted(set(asked_for(script))) == [
            f"/a/{name}_1.sgl_v2" for name in ("BREAKS", "LESS", "MORE", "STALLS")
        ]
        assert (again["files_done"], again["files_failed"]) == (5, 5)


async def test_a_line_without_end_takes_no_memory_and_leaves_no_copy(
    tmp_path: Path, database_url: str
) -> None:
    size = 64 * MEBIBYTE

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD)
        for _ in range(size // MEBIBYTE):
            writer.write(b"7" * MEBIBYTE)
            await writer.drain()

    async with (
        listing({"/ENDLESS_1.sgl_v2": Listed(size=len(GOOD) + size, send=send)}) as (account, _),
        site(environment_of(account, database_url, tmp_path)) as here,
    ):
        tracemalloc.start()
        try:
            scan = await here.scan()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert scan["status"] == "completed"
        file = await here.file("/ENDLESS_1.sgl_v2")
        assert outcome(file) == ("partial", None, 4, 1)
        assert [(line, code) for line, code, _ in await here.rejects(file)] == [(7, "line_too_long")]
        assert peak < 24 * MEBIBYTE
        assert left_in(tmp_path / "spool") == []


async def test_a_transfer_that_breaks_off_goes_on_from_there(tmp_path: Path, database_url: str) -> None:
    content = (HEAD + rows(2_600)).encode()

    def sent(offset: int) -> Send:
        async def send(writer: asyncio.StreamWriter) -> None:
            await sends(content[offset : offset + 20_000])(writer)
            await asyncio.sleep(0.2)  # what was sent arrives
            if offset < 40_000:
                raise ConnectionAbortedError

        return send

    path = "/BROKEN_1.sgl_v2"
    async with listing({path: Listed(content)}) as (account, script):
        listed = script.data
        script.data = lambda command, rest, offset: (
            sent(offset) if command == "RETR" else listed(command, rest, offset)
        )
        async with site(environment_of(account, database_url, tmp_path), ImpatientClient(account)) as here:
            assert (await here.scan())["files_failed"] == 0
            assert outcome(await here.file(path)) == ("processed", None, 2_600, 0)
            assert [line for line in script.asked if line.startswith("REST")] == ["REST 20000", "REST 40000"]
