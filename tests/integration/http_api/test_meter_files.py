"""Uploads of meter files, and what can be asked of files and collections, over the real database."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID, uuid4

import pytest

from app.settings import Settings
from tests.integration.http_api.conftest import Caller, calling

FILES = "/ingestion/files"
COLLECTIONS = "/ingestion/collections"
SHA_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def meter_file(hours: Sequence[int], *, value: float = 1.25, meter: str | None = None) -> bytes:
    """Return an .sgl_v2 file with an hour's energy in each of these hours of a day in January, in UTC."""
    lines = ["# unit: kWh", "# resolution: PT1H", *([f"# meter: {meter}"] if meter else ())]
    lines += [f"2026-01-05T{hour:02}:00:00+00:00;{value + hour:.3f}".replace(".", ",") for hour in hours]
    return "\n".join(lines).encode()


def form(name: str, content: bytes) -> dict[str, tuple[str, bytes]]:
    return {"file": (name, content)}


async def values_of(call: Caller, sensor_id: str) -> list[float]:
    answer = await call("GET", f"/sensors/{sensor_id}/data")
    return [item["value"] for item in answer["items"]]


async def test_an_upload_is_read_and_told_with_its_receipt(call: Caller) -> None:
    content = meter_file(range(3)) + b"\n2026-01-05T03:00:00+00:00;broken\n"
    file = await call("POST", FILES, 201, files=form("PT01_2026.sgl_v2", content))
    assert (file["path"], file["collection"], file["origin"]) == ("/PT01_2026.sgl_v2", "/", "upload")
    assert (file["status"], file["size"], file["duplicate_of"], file["error"]) == (
        "partial",
        len(content),
        None,
        None,
    )
    assert file["receipt"] == {"received": 4, "created": 3, "updated": 0, "unchanged": 0, "rejected": 1}
    assert (file["first_time"], file["last_time"]) == (
        "2026-01-05T00:00:00+00:00",
        "2026-01-05T02:00:00+00:00",
    )
    assert len(file["sha256"]) == 64
    assert await values_of(call, "PT01") == [1.25, 2.25, 3.25]
    assert await call("GET", f"{FILES}/{file['file_id']}") == file
    rejects = await call("GET", f"{FILES}/{file['file_id']}/rejects")
    assert (rejects["total"], rejects["limit"], rejects["offset"]) == (1, 100, 0)
    (reject,) = rejects["items"]
    assert (reject["line"], reject["text"], reject["code"]) == (
        6,
        "2026-01-05T03:00:00+00:00;broken",
        "not_a_number",
    )


async def test_a_dry_run_says_what_would_become_of_it_and_stores_nothing(call: Caller) -> None:
    content = meter_file(range(5)) + b"\nyesterday;1\n"
    preview = await call("POST", f"{FILES}?dry_run=true", files=form("PT02_a.sgl_v2", content))
    assert preview["receipt"] == {"received": 6, "created": 5, "updated": 0, "unchanged": 0, "rejected": 1}
    assert (preview["meters"], preview["sensors"], preview["dry_run"]) == (["PT02"], ["PT02"], True)
    assert [(one["line"], one["code"]) for one in preview["errors"]] == [(8, "invalid_timestamp")]
    assert (preview["error"], preview["duplicate_of"], preview["path"]) == (None, None, "/PT02_a.sgl_v2")
    assert (await call("GET", FILES))["total"] == 0
    assert (await call("GET", COLLECTIONS))["total"] == 0
    await call("GET", "/sensors/PT02", 404)
    stored = await call("POST", FILES, 201, files=form("PT02_a.sgl_v2", content))
    assert stored["receipt"] == preview["receipt"]
    again = await call("POST", f"{FILES}?dry_run=true", files=form("PT02_a.sgl_v2", content))
    assert (again["receipt"]["created"], again["receipt"]["unchanged"]) == (0, 5)


async def test_a_parameter_that_is_unknown_is_refused_rather_than_the_file_stored(call: Caller) -> None:
    problem = await call(
        "POST", f"{FILES}?dryrun=true&dryrun=1&a/b", 422, files=form("PT02_a.sgl_v2", meter_file(range(5)))
    )
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [
        ("/query/dryrun", "unknown_parameter"),
        ("/query/a~1b", "unknown_parameter"),
    ]
    assert problem["errors"][0]["detail"] == "there is no such parameter here; known are collection, dry_run"
    assert (await call("GET", FILES))["total"] == 0


async def test_where_a_file_belongs_is_said_in_the_form_or_the_query(call: Caller) -> None:
    for number, options in enumerate(
        (
            {"params": {"collection": "/campus/north/"}},
            {"data": {"collection": "campus/north"}},
            {"params": {"collection": "elsewhere"}, "data": {"collection": "campus/north"}},
        )
    ):
        content = meter_file([number], meter="N1")
        file = await call("POST", FILES, 201, files=form(f"{number}.sgl_v2", content), **options)
        assert (file["collection"], file["path"]) == ("campus/north", f"/campus/north/{number}.sgl_v2")
    await call("POST", FILES, 201, files=form("PT03_x.csv", meter_file([7])), data={"collection": "/"})
    listed = await call("GET", COLLECTIONS)
    assert (listed["total"], [one["name"] for one in listed["items"]]) == (2, ["/", "campus/north"])
    north = listed["items"][1]
    assert north == {
        "name": "campus/north",
        "files": 3,
        "meters": ["N1"],
        "sensors": ["N1"],
        "readings": 3,
        "first_time": "2026-01-05T00:00:00+00:00",
        "last_time": "2026-01-05T02:00:00+00:00",
    }
    for written in ("campus/north", "campus%2Fnorth", "campus%2fnorth/"):
        assert await call("GET", f"{COLLECTIONS}/{written}") == north
    for written in ("%2F", "%2f", "/"):
        assert (await call("GET", f"{COLLECTIONS}/{written}"))["name"] == "/"
    assert (await call("GET", f"{COLLECTIONS}/"))["total"] == 2
    found = await call("GET", FILES, params={"collection": "campus/north", "status": "processed", "limit": 2})
    assert (found["total"], len(found["items"])) == (3, 2)
    assert (await call("GET", FILES, params={"collection": "/"}))["total"] == 1
    assert (await call("GET", FILES, params={"status": "failed"}))["total"] == 0


async def test_what_cannot_be_read_is_kept_as_failed(call: Caller) -> None:
    file = await call("POST", FILES, 201, files=form("a.sgl_v2", b"PK\x03\x04\x00\x00" * 100))
    assert file["status"] == "failed"
    assert file["error"]["code"]
    empty = await call("POST", FILES, 201, files=form("b.sgl_v2", b""))
    assert (empty["status"], empty["sha256"]) == ("failed", SHA_OF_NOTHING)
    assert (await call("GET", FILES, params={"status": "failed"}))["total"] == 2


async def test_the_same_content_under_another_name_is_a_duplicate(call: Caller) -> None:
    content = meter_file(range(4), meter="D1")
    first = await call("POST", FILES, 201, files=form("one.sgl_v2", content))
    second = await call("POST", FILES, 201, files=form("two.sgl_v2", content))
    assert (second["status"], second["duplicate_of"]) == ("duplicate", first["file_id"])
    preview = await call("POST", f"{FILES}?dry_run=true", files=form("three.sgl_v2", content))
    assert preview["duplicate_of"] == first["file_id"]


async def test_a_file_can_be_read_again(call: Caller) -> None:
    file = await call("POST", FILES, 201, files=form("PT04_a.sgl_v2", meter_file(range(4))))
    waiting = await call("POST", f"{FILES}/{file['file_id']}/reprocess", 202)
    assert (waiting["file_id"], waiting["status"]) == (file["file_id"], "discovered")
    assert waiting["generation"] == file["generation"] + 1


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("..", "invalid_file_name"),
        ("../../", "invalid_file_name"),
        ("\u200b", "invalid_file_name"),
        ("x" * 10_000 + ".csv", "invalid_file_name"),
        ("virus.exe", "unknown_format"),
        ("sgl_v2", "unknown_format"),
        ("a.csv.zip", "unknown_format"),
    ],
)
async def test_names_that_are_none_are_refused(call: Caller, name: str, code: str) -> None:
    problem = await call("POST", FILES, 422, files=form(name, meter_file([1])))
    assert (problem["code"], problem["errors"][0]["pointer"]) == (code, "/file")
    assert (await call("GET", FILES))["total"] == 0


async def test_a_name_leads_nowhere_else(call: Caller) -> None:
    content = meter_file([1])
    for number, name in enumerate(("../../etc/P{}_x.csv", "C:\\temp\\P{}_x.csv", "/P{}_x\x7f\x1b.csv")):
        file = await call("POST", FILES, 201, files=form(name.format(number), content))
        assert file["path"] == f"/P{number}_x.csv"


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"files": [("file", ("a.csv", b"1")), ("file", ("b.csv", b"1"))]}, 422, "too_many_files"),
        ({"files": {"other": ("a.csv", b"1")}}, 422, "unknown_field"),
        ({"files": {"collection": (None, "x")}}, 422, "required"),
        ({"files": {"file": (None, "text")}}, 422, "invalid_file_name"),
        ({"files": [("file", ("a.csv", b"1")), ("collection", (None, "x"))]}, 422, "invalid_order"),
        ({"files": form("a.csv", b"1"), "data": {"collection": "../x"}}, 422, "invalid_collection"),
        ({"files": form("a.csv", b"1"), "params": {"collection": "a//b"}}, 422, "invalid_collection"),
        ({"files": form("a.csv", b"1"), "data": {"collection": "x" * 100_000}}, 400, "malformed_form"),
        ({"files": form("a.csv", b"1"), "params": {"dry_run": "perhaps"}}, 422, "invalid_input"),
        ({"json": {"file": "a.csv"}}, 415, "unsupported_media_type"),
        ({"content": b"2026", "headers": {"Content-Type": "text/csv"}}, 415, "unsupported_media_type"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "malformed_form"),
        (
            {"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
            400,
            "malformed_form",
        ),
    ],
)
async def test_other_forms_are_refused_and_leave_nothing(
    call: Caller, options: dict[str, object], status: int, code: str
) -> None:
    problem = await call("POST", FILES, status, **options)
    assert problem["code"] == code
    assert (await call("GET", FILES))["total"] == 0


async def test_a_retry_with_a_boundary_of_its_own_is_the_same_request(call: Caller) -> None:
    headers = {"Idempotency-Key": "upload-1"}
    content = meter_file(range(24)) * 3000  # big enough to be kept on disk in between
    first, second = [
        await call.client.post(f"/api/v1{FILES}", headers=headers, files=form("PT05_a.sgl_v2", content))
        for _ in range(2)
    ]
    assert first.status_code == 201, first.text
    assert first.request.headers["content-type"] != second.request.headers["content-type"]
    assert first.json() == second.json()
    assert first.headers["location"] == f"/api/v1{FILES}/{first.json()['file_id']}"
    assert second.headers["idempotent-replay"] == "true"
    assert (await call("GET", FILES))["total"] == 1
    other = await call("POST", FILES, 422, headers=headers, files=form("PT05_b.sgl_v2", content))
    assert other["code"] == "idempotency_key_reused"
    broken = await call("POST", FILES, 415, headers={"Idempotency-Key": "upload-2"}, json={})
    assert broken["code"] == "unsupported_media_type"


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "large"}])
async def test_a_body_that_is_too_large_is_refused_as_it_arrives(
    database_url: str, key: dict[str, str]
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        while True:
            sent += 1 << 20
            yield b"2026-01-01T00:00:00Z;1\n" * ((1 << 20) // 23)

    headers = {"Content-Type": "multipart/form-data; boundary=b", **key}
    # More than other bodies may have: an upload is never held in memory.
    settings = Settings(database_url=database_url, body_limit=1 << 20, upload_limit=4 << 20)
    async with calling(settings) as call:
        problem = await call("POST", FILES, 413, headers=headers, content=endless())
        assert problem["code"] == "too_large"
        assert 4 <= sent >> 20 <= 6
        assert (await call("GET", FILES))["total"] == 0
        large = meter_file(range(24), meter="L1") + b"\n# filler" * 300_000
        file = await call("POST", FILES, 201, files=form("large.sgl_v2", large))
        assert file["receipt"]["created"] == 24
        await call("POST", "/data/readings", 413, content=b" " * (2 << 20))


async def test_who_may(call: Caller) -> None:
    looking, doing = [
        {"Authorization": f"Bearer {key['key']}"}
        for key in [
            await call("POST", "/api-keys", 201, json={"name": role, "role": role})
            for role in ("viewer", "operator")
        ]
    ]
    content = form("PT06_a.sgl_v2", meter_file([1]))
    await call("POST", FILES, 403, files=content, headers=looking)
    file = await call("POST", FILES, 201, files=content, headers=doing)
    await call("POST", f"{FILES}/{file['file_id']}/reprocess", 403, headers=looking)
    await call("POST", "/ingestion/ftp/scan", 403, headers=looking)
    for path in (FILES, f"{FILES}/{file['file_id']}", f"{FILES}/{file['file_id']}/rejects", COLLECTIONS):
        await call("GET", path, headers=looking)
    await call("GET", "/ingestion/ftp/scans", headers=looking)
    await call("GET", FILES, 401, headers={"Authorization": "Bearer wrong"})


async def test_what_is_not_there_is_a_404(call: Caller) -> None:
    nobody = uuid4()
    for method, path, code in (
        ("GET", f"{FILES}/{nobody}", "unknown_file"),
        ("GET", f"{FILES}/{nobody}/rejects", "unknown_file"),
        ("POST", f"{FILES}/{nobody}/reprocess", "unknown_file"),
        ("GET", f"{COLLECTIONS}/no/where", "unknown_collection"),
        ("GET", f"{COLLECTIONS}/%2F", "unknown_collection"),
        ("GET", f"/ingestion/ftp/scans/{nobody}", "unknown_scan"),
    ):
        assert (await call(method, path, 404))["code"] == code
    await call("GET", f"{FILES}/not-an-id", 404)


async def test_a_scan_needs_a_server(call: Caller) -> None:
    assert (await call("POST", "/ingestion/ftp/scan", 409))["code"] == "ftp_not_configured"
    assert (await call("GET", "/ingestion/ftp/scans"))["items"] == []


async def test_ids_are_uuids(call: Caller) -> None:
    file = await call("POST", FILES, 201, files=form("PT07_a.sgl_v2", meter_file([1])))
    assert str(UUID(file["file_id"])) == file["file_id"]
