"""Scans that are asked for over the API: their progress, their end, and what makes them fail."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.pollers.ftp.account import Encryption
from tests.integration.ingestion.files.scripted_site import Listed, asked_for, listing
from tests.integration.ingestion.files.site import SCANS, Site, environment_of, site, until
from tests.integration.ingestion.ftp.scripted import sends
from tests.integration.ingestion.ftp.world import (
    PASSWORD,
    Authority,
    FolderServer,
    put,
    serving,
    trusting,
)
from tests.integration.websocket.world import Client

CONTENT = b"# unit: kWh\n# timezone: UTC\n2026-01-05 00:00;1,5\n2026-01-05 01:00;2,5\n"
AUTHORITY, STRANGER = Authority(), Authority()


async def events(client: Client, last: str) -> list[dict[str, Any]]:
    """Return the facts of all events up to the first of this type whose scan or status has ended."""
    seen: list[dict[str, Any]] = []
    while True:
        data = (await client.next("event"))["data"]
        seen.append(data)
        if data["type"] == last and data["status"] != "running":
            return seen


async def test_progress_is_seen_while_it_runs_and_its_end_is_told(tmp_path: Path, database_url: str) -> None:
    go_on = asyncio.Event()
    half = len(CONTENT) // 2

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(CONTENT[:half])
        await go_on.wait()
        await sends(CONTENT[half:])(writer)

    files = {"/a/ONE_1.sgl_v2": Listed(CONTENT), "/b/TWO_1.sgl_v2": Listed(CONTENT, send=send)}
    async with (
        listing(files) as (account, script),
        site(environment_of(account, database_url, tmp_path)) as here,
        here.socket("data_ingestion") as client,
    ):
        answer = await here.client.post("/api/v1/ingestion/ftp/scan")
        assert answer.status_code == 202
        scan_id = answer.json()["scan_id"]
        assert answer.headers["location"] == f"/api/v1{SCANS}/{scan_id}"
        assert (await here("POST", "/ingestion/ftp/scan", 409))["code"] == "scan_running"

        async def is_at_the_second() -> bool:
            scan = await here("GET", f"{SCANS}/{scan_id}")
            return bool(scan["current_file"] == "/b/TWO_1.sgl_v2")

        await until(is_at_the_second)
        running = await here("GET", f"{SCANS}/{scan_id}")
        assert (running["status"], running["ended"], running["trigger"]) == ("running", None, "request")
        assert (running["folders"], running["files_seen"], running["files_done"]) == (3, 2, 1)
        assert len(CONTENT) <= running["bytes_done"] < running["bytes_total"] == 2 * len(CONTENT)
        status = await here("GET", "/ingestion/status")
        assert (status["scan"]["scan_id"], status["scan"]["current_file"]) == (scan_id, "/b/TWO_1.sgl_v2")
        assert (await here.file("/b/TWO_1.sgl_v2"))["status"] == "processing"
        reprocess = f"/ingestion/files/{(await here.file('/b/TWO_1.sgl_v2'))['file_id']}/reprocess"
        assert (await here("POST", reprocess, 409))["code"] == "file_busy"

        go_on.set()
        ended = await here.scan(scan_id)
        assert (ended["status"], ended["error"], ended["current_file"]) == ("completed", None, None)
        assert (ended["files_done"], ended["bytes_done"]) == (2, 2 * len(CONTENT))
        assert asked_for(script) == list(files)

        seen = await events(client, "scan_progressed")
        kinds = [one["type"] for one in seen]
        assert kinds[0] == "scan_requested"
        assert {one["scan_id"] for one in seen if "scan_id" in one} == {scan_id}
        assert [one["collection"] for one in seen if one["type"] == "collection_found"] == ["a", "b"]
        read = {one["path"]: (one["status"], one["created"]) for one in seen if one["type"] == "file_ended"}
        assert read == dict.fromkeys(files, ("processed", 2))
        progress = [one for one in seen if one["type"] == "scan_progressed"]
        assert [one["status"] for one in progress[:-1]] == ["running"] * (len(progress) - 1)
        assert "/b/TWO_1.sgl_v2" in [one["current_file"] for one in progress]
        assert [one["bytes_done"] for one in progress] == sorted(one["bytes_done"] for one in progress)
        assert (progress[-1]["status"], progress[-1]["files_done"]) == ("completed", 2)
        assert (await here("GET", "/ingestion/status"))["scan"] is None
        metrics = await here("GET", "/ingestion/metrics")
        assert (metrics["ftp"]["completed"], metrics["files"]["created"]) == (1, 4)


async def test_a_server_that_is_away_fails_the_scan_and_that_is_told(
    tmp_path: Path, database_url: str
) -> None:
    (tmp_path / "site").mkdir()
    async with serving(FolderServer(tmp_path / "site")) as account:
        pass  # its port is free again
    async with (
        site(environment_of(account, database_url, tmp_path)) as here,
        here.socket("data_ingestion", "system_events") as client,
    ):
        name = f"ftp://127.0.0.1:{account.port}/"
        for status in ("degraded", None, "offline"):
            scan = await here.scan()
            assert (scan["status"], scan["error"]) == (
                "failed",
                {"code": "connection_refused", "detail": f"{name}: nobody listens there"},
            )
            if status is not None:
                told = await events(client, "ftp_status_changed")
                assert (told[-1]["status"], told[-1]["reason"]) == (status, "connection_refused")
                assert told[-2]["error"] == "connection_refused"
        (source,) = (await here("GET", "/ingestion/sources"))["items"]
        assert (source["status"], source["name"], source["last_error"]["code"]) == (
            "offline",
            name,
            "connection_refused",
        )
        back = FolderServer(tmp_path / "site")
        await back.start("127.0.0.1", account.port)
        try:
            assert (await here.scan())["status"] == "completed"
        finally:
            await back.close()
        told = await events(client, "ftp_status_changed")
        assert (told[-1]["previous"], told[-1]["status"], told[-1]["reason"]) == ("offline", "online", None)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"password": "wr0ng-s3cret"}, "login_refused"), ({"remote_path": "/not/there"}, "no_such_folder")],
)
async def test_what_keeps_us_out_is_told_without_the_password(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture, change: dict[str, str], code: str
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "site").mkdir()
    async with serving(FolderServer(tmp_path / "site")) as account:
        wrong = replace(account, **change)  # type: ignore[arg-type]  # texts, all of them
        async with (
            site(environment_of(wrong, database_url, tmp_path, DEBUG="true")) as here,
            here.socket("data_ingestion", "system_events") as client,
        ):
            scan = await here.scan()
            assert (scan["status"], scan["error"]["code"]) == ("failed", code)
            told = await events(client, "ftp_status_changed")
            answers = [await here("GET", path) for path in (SCANS, "/ingestion/sources", "/ingestion/status")]
            answers += [(await here.client.get(path)).text for path in ("/health", "/metrics")]
            answers.append(await here("GET", "/audit"))
    # The server of the test writes down what it was told; it is not part of the product.
    said = [record.getMessage() for record in caplog.records if not record.name.startswith("aioftp")]
    text = f"{scan} {told} {answers} {said}"
    assert wrong.password not in text
    assert PASSWORD not in text


@asynccontextmanager
async def encrypted(
    tmp_path: Path, database_url: str, encryption: Encryption, trusted: Authority
) -> AsyncIterator[tuple[Site, FolderServer]]:
    context = AUTHORITY.server_context("127.0.0.1")
    put(tmp_path, "site/a/ONE_1.sgl_v2", CONTENT)
    kinds = {"explicit": context} if encryption is Encryption.EXPLICIT else {"implicit": context}
    server = FolderServer(tmp_path / "site", **kinds)  # type: ignore[arg-type]  # not of the other options
    async with serving(server) as plain:
        account = trusting(plain, encryption, trusted.file(tmp_path))
        tls = {"FTP_SA4CPS_TLS": account.encryption.value, "FTP_SA4CPS_CA_FILE": str(account.ca_file)}
        async with site(environment_of(account, database_url, tmp_path, **tls)) as here:
            yield here, server


@pytest.mark.parametrize("encryption", [Encryption.EXPLICIT, Encryption.IMPLICIT])
async def test_files_come_over_ftps_by_the_settings(
    tmp_path: Path, database_url: str, encryption: Encryption
) -> None:
    async with encrypted(tmp_path, database_url, encryption, AUTHORITY) as (here, server):
        scan = await here.scan()
        assert (scan["status"], scan["error"], scan["files_done"]) == ("completed", None, 1)
        assert (await here.file("/a/ONE_1.sgl_v2"))["receipt"]["created"] == 2
        assert "PROT P" in server.asked
        (source,) = (await here("GET", "/ingestion/sources"))["items"]
        assert source["name"].startswith("ftps://127.0.0.1:")


@pytest.mark.parametrize("encryption", [Encryption.EXPLICIT, Encryption.IMPLICIT])
async def test_a_certificate_of_a_stranger_is_refused_before_anything_is_said(
    tmp_path: Path, database_url: str, encryption: Encryption
) -> None:
    async with encrypted(tmp_path, database_url, encryption, STRANGER) as (here, server):
        scan = await here.scan()
        assert (scan["status"], scan["error"]["code"]) == ("failed", "tls_failed")
        assert "not trusted" in scan["error"]["detail"]
        assert await here.files() == {}
        assert not [line for line in server.asked if line.startswith(("USER", "PASS"))]
