import time

import pytest

from app.settings import VARIABLES
from domain.ingestion.iot_fields import MAX_FAULTS
from domain.shared.errors import InvalidError
from tests.unit.ingestion.documents import codes, device, document, one, parsed, problems

SECRET = "hunter2hunter2"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "query",
    [
        "?token=hunter2",
        "?apikey=hunter2",
        "?pw=hunter2",
        "?api_key=hunter2",
        "?ApiKey=hunter2",
        "?%74oken=hunter2",
        "?%2574oken=hunter2",
        "?a=1;token=hunter2",
        "?auth=hunter2",
        "?authKey=hunter2",
        "?userPass=hunter2",
        "?pass=hunter2",
        "?passcode=hunter2",
        "?appKey=hunter2",
        "?key=AbCd1234efgh",
        "?code=a1b2c3d4e5f6a7b8",
        "?signature=hunter2",
        "?jwt=hunter2",
        f"?x={JWT}",
        "?next=http%3A%2F%2Fme%3Ahunter2%40192.0.2.8%2F",
        "#access_token=hunter2",
        "/api;token=hunter2/state",
        "/token=hunter2",
        "?x=ghp_abcdefghij0123456789",
    ],
)
def test_urls_hold_no_secret(query: str) -> None:
    (problem,) = problems(document(device(uri=f"http://192.0.2.7{query}")))
    assert (problem.pointer, problem.code) == ("/resources/iots/0/uri", "secret_in_file")
    assert "hunter2" not in problem.detail.replace("HUNTER", "")


@pytest.mark.parametrize(
    "authority", ["me:hunter2@192.0.2.7", "me@192.0.2.7", ":@192.0.2.7", "192.0.2.7\\@x"]
)
def test_urls_hold_no_user(authority: str) -> None:
    assert codes(document(device(uri=f"http://{authority}/"))) <= {
        ("/resources/iots/0/uri", "secret_in_file"),
        ("/resources/iots/0/uri", "invalid_uri"),
    }
    assert problems(document(device(uri=f"http://{authority}/")))


@pytest.mark.parametrize(
    "query",
    [
        "?key=power",
        "?code=5",
        "?pin=4",
        "?sid=3",
        "?cmnd=Status%2010",
        "?author=me",
        "?id=0&turn=on",
        "?mode=pass-through",
    ],
)
def test_urls_that_only_sound_alike_are_fine(query: str) -> None:
    assert not problems(document(device(uri=f"http://192.0.2.7/cm{query}")))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Api-Key", "x"),
        ("X-Auth", "x"),
        ("Ocp-Apim-Subscription-Key", "x"),
        ("X-App-Key", "x"),
        ("X-Custom", "Bearer abc123"),
        ("X-Custom", "Basic bWU6aHVudGVyMg=="),
        ("X-Custom", JWT),
        ("X-Session-Id", "x"),
        ("Proxy-Authorization", "x"),
    ],
)
def test_headers_and_labels_hold_no_secret(name: str, value: str) -> None:
    for field in ("headers", "labels"):
        assert codes(document(device(**{field: {name: value}}))) == {
            (f"/resources/iots/0/{field}/{name}", "secret_in_file")
        }


def test_what_is_too_long_is_not_looked_through() -> None:
    found = codes(document(device(method="POST", body={"a": ["x" * 65_537]})))
    assert {code for _, code in found} == {"too_long"}
    assert not problems(document(device(method="POST", body={"a": ["x " * 30]})))


def test_harmless_headers_and_labels_are_fine() -> None:
    headers = {
        "Accept": "application/json",
        "X-Mode": "basic",
        "Idempotency-Key": "a",
        "X-Request": "Basic set",
    }
    assert not problems(document(device(headers=headers, labels={"keyboard": "1", "floor": "passage"})))


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"login": [{"password": "x"}]}, "/login/0/password"),
        ({"params": ["a", {"authKey": "x"}]}, "/params/1/authKey"),
        ({"params": [{"name": "password", "value": "x"}]}, "/params/0"),
        ({"inner": '{"token": "x"}'}, "/inner"),
        ({"note": f"Bearer {SECRET}"}, "/note"),
        ({"url": "http://me:hunter2@192.0.2.8/"}, "/url"),
        ("user=admin&password=hunter2", ""),
        ('{"password": "hunter2"}', ""),
        ("<login><Password>hunter2</Password></login>", ""),
        ("token: hunter2", ""),
        ("-----BEGIN PRIVATE KEY-----", ""),
    ],
)
def test_bodies_hold_no_secret(body: object, place: str) -> None:
    (problem,) = problems(document(device(body=body, method="POST")))
    assert (problem.pointer, problem.code) == (f"/resources/iots/0/body{place}", "secret_in_file")
    assert "hunter2" not in problem.detail


@pytest.mark.parametrize(
    "body",
    [
        {"id": 1, "method": "Switch.Set", "params": {"id": 0, "on": False}},
        {"key": "mode", "value": "eco"},
        {"name": "setpoint", "value": "21"},
        "power=0&mode=eco",
        "<set><Mode>basic heating</Mode></set>",
    ],
)
def test_harmless_bodies_are_fine(body: object) -> None:
    assert not problems(document(device(body=body, method="POST")))


def test_commands_hold_no_secret_either() -> None:
    reduce = {"url": "http://192.0.2.7/?token=x", "headers": {"X-Api-Key": "x"}, "body": {"password": "x"}}
    restore = {"uri": "http://me:x@192.0.2.7/", "auth": {"type": "bearer", "env": "A", "token": "x"}}
    control = {"http": {"reduce": reduce, "restore": restore}}
    place = "/resources/iots/0/control/http"
    assert codes(document(device(control=control))) == {
        (f"{place}/reduce/url", "secret_in_file"),
        (f"{place}/reduce/headers/X-Api-Key", "secret_in_file"),
        (f"{place}/reduce/body/password", "secret_in_file"),
        (f"{place}/restore/uri", "secret_in_file"),
        (f"{place}/restore/auth/token", "secret_in_file"),
    }


@pytest.mark.parametrize("env", ["s3cret/with=signs", "ghp_abcdefghij0123456789", "aB3dE6gH9jK2mN5pQ8"])
def test_a_secret_in_place_of_a_variable_is_refused_and_not_repeated(env: str) -> None:
    (problem,) = problems(document(device(auth={"type": "bearer", "env": env})))
    assert problem.code == "invalid_env"
    assert env not in problem.detail


def test_every_secret_of_the_settings_is_the_products_own() -> None:
    secret = [variable.name for variable in VARIABLES if variable.secret]
    assert len(secret) > 3
    for name in secret:
        assert codes(document(device(auth={"type": "bearer", "env": name}))) == {
            ("/resources/iots/0/auth/env", "reserved_env")
        }
    assert one(auth={"type": "bearer", "env": "METER_TOKEN"}).request.auth


def test_faults_without_end_are_cut_off_soon() -> None:
    wide = device(**{f"f{number}": 1 for number in range(200_000)})
    began = time.monotonic()
    with pytest.raises(InvalidError) as refused:
        parsed(wide)
    assert time.monotonic() - began < 10
    assert len(refused.value.problems) == MAX_FAULTS
    assert "more" in refused.value.detail


def test_a_body_that_is_wide_below_a_long_key_is_looked_through_in_time() -> None:
    body = {"k" * 30_000: {"inner": [0] * 15_000}}
    began = time.monotonic()
    assert not problems(document(device(body=body, method="POST")))
    assert time.monotonic() - began < 5
    assert codes(document(device(body="x" * 70_000))) == {("/resources/iots/0/body", "too_long")}


def test_long_names_cost_no_time() -> None:
    began = time.monotonic()
    (problem,) = problems(document(device(**{"n" * 5_000_000: 1})))
    assert time.monotonic() - began < 5
    assert problem.code == "unknown_field"
    assert len(problem.detail) < 5000


def test_more_devices_than_may_be_are_refused() -> None:
    devices = [device(f"D{number}") for number in range(10_001)]
    assert codes(document(*devices)) == {("/resources/iots", "too_many")}
    assert len(parsed(*devices[:-1]).devices) == 10_000
