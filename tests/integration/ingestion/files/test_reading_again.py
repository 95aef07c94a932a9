"""Files that somebody wants to be read again, by a worker that runs: of the server, and uploaded ones."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.databases import MigratedDatabase
from tests.integration.ingestion.files.site import FILES, Site, environment_of, site, until
from tests.integration.ingestion.files.stored import Stored
from tests.integration.ingestion.ftp.world import LONG_AGO, FolderServer, put, serving

HEAD = "# unit: kWh\n# timezone: UTC\n# resolution: PT1H\n"
REFUSED = 150
"""More than an answer names at once."""


def content() -> bytes:
    """Return three good lines, a bad one, and many that lie in the future."""
    ahead = datetime.now(UTC).replace(minute=0) + timedelta(days=2)
    future = "".join(f"{ahead + timedelta(hours=n):%Y-%m-%d %H:%M};9\n" for n in range(REFUSED))
    return (HEAD + "".join(f"2026-01-05 0{n}:00;{n},5\n" for n in range(3)) + "never;1\n" + future).encode()


async def read_again(here: Site, file: dict[str, Any]) -> dict[str, Any]:
    """Ask for it, and wait for a worker to do it."""
    waiting = await here("POST", f"{FILES}/{file['file_id']}/reprocess", 202)
    assert (waiting["status"], waiting["generation"]) == ("discovered", file["generation"] + 1)
    assert waiting["receipt"]["received"] == 0
    again: dict[str, Any] = {}

    async def is_read() -> bool:
        again.update(await here("GET", f"{FILES}/{file['file_id']}"))
        return again["status"] not in {"discovered", "processing"}

    await until(is_read)
    return again


async def looked_at(here: Site, file: dict[str, Any], created: int) -> None:
    assert (file["status"], file["error"]) == ("partial", None)
    assert file["receipt"] == {
        "received": 4 + REFUSED,
        "created": created,
        "updated": 0,
        "unchanged": 3 - created,
        "rejected": 1 + REFUSED,
    }
    rejects = await here.rejects(file)
    assert len(rejects) == 1 + REFUSED
    assert rejects[0] == (7, "invalid_timestamp", "never;1")
    assert [line for line, _, _ in rejects] == list(range(7, 8 + REFUSED))
    assert {code for _, code, _ in rejects[1:]} == {"in_future"}
    page = await here("GET", f"{FILES}/{file['file_id']}/rejects", params={"limit": 2, "offset": 149})
    assert [one["line"] for one in page["items"]] == [156, 157]


async def test_a_file_of_the_server(tmp_path: Path, database_url: str, migrated: MigratedDatabase) -> None:
    stored = Stored(migrated.owner_url)
    path = put(tmp_path / "site", "north/N1_1.sgl_v2", content())
    server = FolderServer(tmp_path / "site")
    async with (
        serving(server) as account,
        site(environment_of(account, database_url, tmp_path)) as here,
        here.socket("data_ingestion") as client,
    ):
        await here.scan()
        first = await here.file("/north/N1_1.sgl_v2")
        await looked_at(here, first, created=3)

        # What was corrected since stays corrected.
        fixed = {"sensor_id": "N1", "time": "2026-01-05T01:00:00Z", "value": 77}
        assert (await here("POST", "/data/readings", json={"readings": [fixed]}))["updated"] == 1
        server.asked.clear()
        again = await read_again(here, first)
        await looked_at(here, again, created=0)
        assert (again["file_id"], again["generation"]) == (first["file_id"], 2)
        asked = [line for line in server.asked if line.startswith(("RETR", "MLSD"))]
        assert asked == ["RETR /north/N1_1.sgl_v2"]
        assert sorted((await stored.values("N1")).values()) == [0.5, 2.5, 77.0]
        assert (await here("GET", "/ingestion/ftp/scans"))["total"] == 1
        while (event := await client.next("event"))["data"]["type"] != "file_read_again":
            continue
        assert event["data"]["file_id"] == first["file_id"]

        path.unlink()
        gone = await read_again(here, again)
        assert (gone["status"], gone["error"]["code"]) == ("failed", "gone")
        assert sorted((await stored.values("N1")).values()) == [0.5, 2.5, 77.0]
        put(tmp_path / "site", "north/N1_1.sgl_v2", content(), LONG_AGO)
        assert (await here.scan())["files_failed"] == 0
        await looked_at(here, await here.file("/north/N1_1.sgl_v2"), created=0)


async def test_an_uploaded_file(tmp_path: Path, database_url: str, migrated: MigratedDatabase) -> None:
    stored = Stored(migrated.owner_url)
    async with site(environment_of(None, database_url, tmp_path)) as here:
        form = {"file": ("U1_1.sgl_v2", content())}
        first = await here("POST", FILES, 201, files=form, params={"collection": "by/hand"})
        await looked_at(here, first, created=3)
        assert list((tmp_path / "spool").iterdir()) == []
        again = await read_again(here, first)
        await looked_at(here, again, created=0)
        assert (again["path"], again["sha256"]) == ("/by/hand/U1_1.sgl_v2", first["sha256"])
        assert await stored.revisions() == 0
        # Another process, which has no copy of it on its disk, reads it as well.
        async with site(environment_of(None, database_url, tmp_path / "other")) as other:
            await here.client.aclose()
            await looked_at(other, await read_again(other, again), created=0)
