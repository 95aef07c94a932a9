"""The IoT configuration over HTTP, with a real database, real files, and a device that is really polled."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.operations.model import Role
from tests.integration.ingestion.applications import Application, application, write
from tests.integration.ingestion.processes import entry, until
from tests.integration.ingestion.servers import DeviceServer, device_server
from tests.unit.ingestion.documents import document


def local(name: str, **fields: object) -> dict[str, object]:
    return entry(name, "http://127.0.0.1:9/", **fields)  # type: ignore[arg-type]  # period stays as it is


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Application]:
    async with application(database_url) as one:
        yield one


@pytest.fixture
async def server() -> AsyncIterator[DeviceServer]:
    async with device_server() as one:
        one.answer("/old", {"power": 5})
        one.answer("/new", {"power": 7})
        yield one


async def test_a_running_poller_takes_another_configuration_at_once(
    database_url: str, server: DeviceServer
) -> None:
    async with application(database_url, polls=True) as api:
        await api.put(entry("Old", server.url("/old")))
        began = time.monotonic()
        await until(lambda: server.asked["/old"] >= 2)
        # Sooner than the renewal of leases, which comes every 5 seconds.
        assert time.monotonic() - began < 4
        change = await api.put(entry("New", server.url("/new")))
        assert (change["added"], change["removed"]) == (["New"], ["Old"])
        await until(lambda: server.asked["/new"] >= 2, 4)
        asked = server.asked["/old"]
        await until(lambda: server.asked["/new"] >= 7)
        assert server.asked["/old"] <= asked + 1
        device = (await api("GET", "/api/v1/ingestion/devices/New")).json()
        assert device["uri"] == server.url("/new")
        await api("GET", "/api/v1/ingestion/devices/Old", 404)
        for _ in range(100):
            if (await api("GET", "/api/v1/sensors/get", params={"quantity": "power"})).json()["items"]:
                break
            await asyncio.sleep(0.1)
        else:
            pytest.fail("no sensor came into being")


async def test_a_worker_that_only_polls_follows_what_another_process_took(
    database_url: str, server: DeviceServer
) -> None:
    async with application(database_url) as api, application(database_url, polls=True):
        await api.put(entry("New", server.url("/new")))
        await until(lambda: server.asked["/new"] >= 2)


async def test_the_document_comes_back_as_it_was_sent(api: Application) -> None:
    before = await api("GET")
    assert (before.json(), before.headers["etag"]) == ({"resources": {"iots": []}}, '"0"')
    text = json.dumps(document(local("A", scale=1)), indent=3).replace('"scale": 1', '"scale":\t1.50e0')
    headers = {"Content-Type": "application/json"}
    put = await api("PUT", content="\ufeff" + text, headers=headers)
    assert put.headers["etag"] == '"1"'
    body = put.json()
    assert (body["version"], body["origin"], body["devices"], body["added"]) == (1, "api", 1, ["A"])
    assert body["created_by"].startswith("the admin")
    found = await api("GET", role=Role.VIEWER)
    assert (found.text, found.headers["etag"]) == (text, '"1"')
    assert found.headers["content-type"] == "application/json"
    assert (await api("GET", "/versions/1", role=Role.VIEWER)).text == text
    packed = await api("GET", headers={"Accept": "application/msgpack"})
    assert packed.headers["content-type"] == "application/msgpack"
    assert b"iots" in packed.content


async def test_what_a_restart_a_changed_file_and_a_restore_do(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "iots.json"
    write(file, local("A"))
    async with application(database_url, file) as first:
        assert await first.devices() == ["A"]
        await first.put(local("B"))
        assert await first.devices() == ["B"]
    async with application(database_url, file) as api:
        assert await api.devices() == ["B"]
        write(file, local("A"), local("C"))
        assert await api.devices() == ["A", "C"]
        file.write_text('{"resources": {"iots": [{"name": "A"}]}}')
        assert await api.devices() == ["A", "C"]
        listed = (await api("GET", "/versions", role=Role.VIEWER)).json()
        assert [one["origin"] for one in listed["items"]] == ["file", "api", "file"]
        assert listed["total"] == 3
        assert {one["pointer"] for one in listed["file"]["errors"]} == {
            "/resources/iots/0/uri",
            "/resources/iots/0/values",
        }
        assert listed["file"]["since"]
        refused = (await api("POST", "/reload", 422)).json()
        assert {one["pointer"] for one in refused["errors"]} == {
            "/resources/iots/0/uri",
            "/resources/iots/0/values",
        }
        restored = (await api("POST", "/versions/2/restore")).json()
        assert (restored["version"], restored["origin"], restored["restored_from"]) == (4, "restore", 2)
        assert (restored["added"], restored["removed"]) == (["B"], ["A", "C"])
        assert await api.devices() == ["B"]
        write(file, local("A"), local("C"))
        reloaded = (await api("POST", "/reload")).json()
        assert (reloaded["version"], reloaded["origin"], reloaded["added"]) == (5, "file", ["A", "C"])
        listed = (await api("GET", "/versions", params={"limit": 2})).json()
        assert [one["version"] for one in listed["items"]] == [5, 4]
        assert listed["file"] == {"errors": [], "since": None}
        trail = (await api("GET", "/api/v1/audit")).json()["items"]
        changes = [one for one in trail if one["action"] == "IotConfigurationChanged"]
        assert [one["subject"] for one in changes] == ["5", "4", "3", "2", "1"]
        assert [one["actor"].split()[0] for one in changes] == ["the", "the", "system", "the", "system"]
    for missing in ("/versions/6", "/versions/0", "/versions/99999999999999999999"):
        async with application(database_url) as api:
            assert (await api("GET", missing, 404)).json()["code"] == "unknown_version"
            assert (await api("POST", f"{missing}/restore", 404)).json()["code"] == "unknown_version"


async def test_two_processes_see_a_changed_file_at_once(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "iots.json"
    write(file, local("A"))
    async with application(database_url, file) as one, application(database_url, file) as two:
        for names in (["A"], ["B"], ["C", "D"], ["A"]):
            write(file, *(local(name) for name in names))
            assert await asyncio.gather(*(each.devices() for each in (one, two) * 4)) == [names] * 8
        listed = (await one("GET", "/versions")).json()
        assert [item["origin"] for item in listed["items"]] == ["file"] * 4


async def test_calls_at_once_make_versions_one_after_the_other(database_url: str) -> None:
    async with application(database_url) as one, application(database_url) as two:
        changes = await asyncio.gather(
            *((one, two)[number % 2].put(local(f"D{number}")) for number in range(8))
        )
        assert sorted(change["version"] for change in changes) == list(range(1, 9))
        assert await one.devices() == await two.devices()


async def test_if_match_keeps_one_from_overwriting_another(api: Application) -> None:
    async def put(name: str, tag: str, status: int) -> str:
        answer = await api("PUT", "", status, json=document(local(name)), headers={"If-Match": tag})
        return str(answer.json().get("code", answer.json().get("version")))

    assert await put("A", '"0"', 200) == "1"
    assert await put("B", '"0"', 409) == "concurrent_change"
    assert await put("B", '"7", W/"1"', 200) == "2"
    assert await put("C", "*", 200) == "3"
    for strange in ("3", '""', '"x"', "", '"99999999999999999999"'):
        assert await put("D", strange, 409) == "concurrent_change"
    assert await api.devices() == ["C"]


async def test_a_check_changes_nothing(api: Application) -> None:
    await api.put(local("A"), local("B"))
    new = document(local("B", room="Lab"), local("C"))
    found = (await api("POST", "/validate", role=Role.OPERATOR, json=new)).json()
    assert found == {
        "valid": True,
        "errors": [],
        "devices": 2,
        "sensors": 2,
        "added": ["C"],
        "changed": ["B"],
        "removed": ["A"],
    }
    bad = document(local("A", perid=1), entry("B", "http://169.254.169.254/latest"), {"name": "C"})
    found = (await api("POST", "/validate", json=bad)).json()
    assert found["valid"] is False
    assert [(one["pointer"], one["code"]) for one in found["errors"]] == [
        ("/resources/iots/0/perid", "unknown_field"),
        ("/resources/iots/2/uri", "required"),
        ("/resources/iots/2/values", "required"),
        ("/resources/iots/1/uri", "host_not_allowed"),
    ]
    assert await api.devices() == ["A", "B"]


async def test_who_may(api: Application) -> None:
    for role in (Role.VIEWER, Role.OPERATOR):
        await api("PUT", "", 403, role, json=document())
        await api("POST", "/reload", 403, role)
        await api("POST", "/versions/1/restore", 403, role)
    await api("POST", "/validate", 403, Role.VIEWER, json=document())
    await api("GET", "/versions", 200, Role.VIEWER)
    assert (await api("POST", "/reload", 409)).json()["code"] == "no_file"


HOSTILE: list[tuple[str | bytes, int, str, str | None]] = [
    ("", 400, "malformed_json", None),
    ("{", 400, "malformed_json", None),
    (b"\xff\xfe", 400, "malformed_json", None),
    ('{"resources": {"iots": []}} x', 400, "malformed_json", None),
    ("[" * 100_000, 400, "nested_too_deep", None),
    ('{"a":' * 40 + "1" + "}" * 40, 400, "nested_too_deep", None),
    ('{"resources": {"iots": [], "iots": []}}', 422, "duplicate_key", "/resources/iots"),
    (
        '{"resources": {"iots": [], "monitoring_period": NaN}}',
        422,
        "invalid_number",
        "/resources/monitoring_period",
    ),
    ('{"resources": {"monitoring_period": 1e999}}', 422, "invalid_number", "/resources/monitoring_period"),
    (f'{{"resources": {{"iots": [{"9" * 9999}]}}}}', 422, "invalid_number", "/resources/iots/0"),
    (f'{{"resources": {{"iots": [], "monitoring_period": {"9" * 400}}}}}', 422, "invalid_period", None),
    ('{"resources": {"iots": [{"name": "\\ud800"}]}}', 422, "invalid_text", "/resources/iots/0/name"),
    ('{"\\udc00": 1}', 422, "invalid_text", "/\ufffd"),
    ('{"resources": {"iots": []}, "__proto__": {"x": 1}}', 422, "unknown_field", "/__proto__"),
    ('{"resources": {"iots": [null, 1, "x", []]}}', 422, "wrong_type", "/resources/iots/0"),
    ("null", 422, "wrong_type", ""),
    ("[]", 422, "wrong_type", ""),
    ('{"resources": {"iots": {"0": {}}}}', 422, "wrong_type", "/resources/iots"),
    (json.dumps(document(*(local(f"D{n}") for n in range(10_001)))), 422, "too_many", "/resources/iots"),
    (json.dumps(document(local("A", unit="kg"))), 422, "unit_mismatch", None),
    (json.dumps(document(local("A", **{f"f{n}": 0 for n in range(50_000)}))), 422, "unknown_field", None),
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
async def test_hostile_documents_are_refused(api: Application, number: int) -> None:
    body, status, code, pointer = HOSTILE[number]
    headers = {"Content-Type": "application/json"}
    answer = (await api("PUT", "", status, content=body, headers=headers)).json()
    errors = answer.get("errors", [])
    assert (code in {one["code"] for one in errors}) if status == 422 else (answer["code"] == code)
    if pointer is not None:
        assert pointer in {one["pointer"] for one in errors if one["code"] == code}
    checked = await api("POST", "/validate", 400 if status == 400 else 200, content=body, headers=headers)
    if status == 422:
        assert checked.json()["errors"] == errors
        assert checked.json()["valid"] is False
    assert (await api("GET", "/versions")).json()["total"] == 0


async def test_other_bodies_are_refused(database_url: str) -> None:
    async with application(database_url, body_limit=2000) as api:
        text = {"Content-Type": "text/csv"}
        assert (await api("PUT", "", 415, content="{}", headers=text)).json()[
            "code"
        ] == "unsupported_media_type"
        packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        await api("PUT", "", 415, content=b"{}", headers=packed)
        large = await api("PUT", "", 413, json=document(*(local(f"D{n}") for n in range(100))))
        assert large.json()["code"] == "too_large"


async def test_secrets_stay_where_they_are(
    api: Application, monkeypatch: pytest.MonkeyPatch, server: DeviceServer
) -> None:
    secret = "hunter2-hunter2"
    monkeypatch.setenv("METER_TOKEN", secret)
    await api.put(entry("A", server.url("/new"), auth={"type": "bearer", "env": "METER_TOKEN"}))
    polled = await api("POST", "/api/v1/ingestion/devices/A/poll")
    assert polled.json()["values"][0]["value"] == 7
    wrong = [
        entry("A", "http://me:hunter2-hunter2@127.0.0.1/"),
        entry("A", f"http://127.0.0.1/?token={secret}"),
        local("A", headers={"Authorization": f"Bearer {secret}"}),
        local("A", labels={"password": secret}),
        local("A", auth={"type": "bearer", "env": "A", "token": secret}),
        local("A", auth={"type": "bearer", "env": f"{secret}/="}),
        local("A", body={"password": secret}, method="POST"),
        local("A", password=secret),
    ]
    answers = [await api("PUT", "", 422, json=document(one)) for one in wrong]
    answers += [await api("POST", "/validate", json=document(one)) for one in wrong]
    for path in ("", "/versions", "/versions/1", "/api/v1/ingestion/devices/A", "/api/v1/audit"):
        answers.append(await api("GET", path))
    assert all(secret not in answer.text for answer in [polled, *answers])
