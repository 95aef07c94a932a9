import logging
from collections.abc import AsyncIterator, Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any

import httpx
import msgspec
import pytest
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, RequiredStart, Resolution, Start, Zone
from adapters.web.times import Instant
from app.settings import Settings, read_settings
from domain.shared import errors
from tests.integration.web.conftest import Served

LIMIT = 1024 * 1024

RAISED: dict[str, tuple[Callable[[], Exception], int, str]] = {
    "invalid": (lambda: errors.InvalidError("bad_thing", "no"), 422, "bad_thing"),
    "missing": (lambda: errors.NotFoundError("unknown_thing", "no"), 404, "unknown_thing"),
    "conflict": (lambda: errors.ConflictError("thing_exists", "no"), 409, "thing_exists"),
    "unauthenticated": (lambda: errors.UnauthenticatedError("who", "no"), 401, "who"),
    "forbidden": (lambda: errors.ForbiddenError("not_you", "no"), 403, "not_you"),
    "large": (lambda: errors.TooLargeError("too_many", "no"), 413, "too_many"),
    "often": (lambda: errors.TooManyRequestsError("slow_down", "no", 2.1), 429, "slow_down"),
    "away": (lambda: errors.UnavailableError("database_unavailable", "no"), 503, "database_unavailable"),
    "unforeseen": (lambda: errors.DomainError("inner", "inside"), 500, "internal_error"),
    "bug": (lambda: KeyError("inside"), 500, "internal_error"),
    "group": (lambda: ExceptionGroup("inside", [KeyError("inside")]), 500, "internal_error"),
}


class Thing(msgspec.Struct):
    name: str
    at: Instant | None = None
    number: float = 0
    whole: int = 0
    really: bool = False
    metadata: dict[str, Any] = {}


@get("/raise/{kind:str}")
async def raising(kind: FromPath[str]) -> None:
    error = RAISED[kind][0]()
    raise error


@post("/things")
async def taking(data: JSONBody[Thing]) -> Thing:
    return data


@post("/lists")
async def taking_lists(data: JSONBody[list[Thing]]) -> int:
    return len(data)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@get("/query/{number:int}")
async def asking(
    number: FromPath[int],
    start: RequiredStart,
    end: Start = None,
    limit: Limit = DEFAULT_LIMIT,
    offset: Offset = 0,
    resolution: Resolution = None,
    timezone: Zone = None,
    from_: Annotated[int | None, QueryParameter(name="from")] = None,
    colour: FromQuery[Colour | None] = None,
    colours: FromQuery[Sequence[Colour] | None] = None,
    q: FromQuery[str | None] = None,
) -> dict[str, Any]:
    return {
        "number": number,
        "start": Instant.of(start),
        "end": end and Instant.of(end),
        "limit": limit,
        "offset": offset,
        "resolution": resolution,
        "timezone": timezone,
        "q": q,
        "from": from_,
        "colours": [colour, *(colours or ())],
    }


@pytest.fixture(scope="module")
def routes() -> list[Any]:
    return [raising, taking, taking_lists, asking]


@pytest.fixture(scope="module")
def settings() -> Settings:
    return read_settings({"BODY_LIMIT": str(LIMIT)}, None)


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["type"] == f"/problems/{code}"
    assert body["title"]
    assert body["detail"]
    assert body["instance"].startswith("urn:uuid:")
    return body


@pytest.mark.parametrize("kind", RAISED)
async def test_every_kind_of_error_has_its_answer(
    served: Served, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    _, status, code = RAISED[kind]
    with caplog.at_level(logging.INFO):
        answer = await served.client.get(f"/raise/{kind}")
    body = problem(answer, status, code)
    assert "inside" not in answer.text
    if status >= 500:
        [record] = [record for record in caplog.records if body["instance"] in record.getMessage()]
        assert (record.exc_info is not None) == (status == 500)
    else:
        assert not [record for record in caplog.records if record.name != "httpx"]
    if kind == "invalid":
        assert body["errors"] == [{"pointer": "", "code": "bad_thing", "detail": "no"}]
    assert answer.headers.get("retry-after") == {"often": "3", "away": "5"}.get(kind)
    assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


@pytest.mark.parametrize(
    ("path", "faults"),
    [
        ("/query/1", [("/query/start", "required")]),
        ("/query/1?start=2026-01-01", [("/query/start", "naive_timestamp")]),
        ("/query/1?start=x", [("/query/start", "invalid_timestamp")]),
        ("/query/1?start=1e400", [("/query/start", "invalid_timestamp")]),
        ("/query/1?start=" + "9" * 4000, [("/query/start", "invalid_timestamp")]),
        ("/query/1?start=0&from=x", [("/query/from", "wrong_type")]),
        ("/query/1?start=0&limit=0", [("/query/limit", "out_of_range")]),
        ("/query/1?start=0&limit=1001", [("/query/limit", "out_of_range")]),
        ("/query/1?start=0&limit=1.5", [("/query/limit", "wrong_type")]),
        ("/query/1?start=0&limit=", [("/query/limit", "wrong_type")]),
        ("/query/1?start=0&limit=" + "9" * 4000, [("/query/limit", "out_of_range")]),
        ("/query/1?start=0&offset=-1", [("/query/offset", "out_of_range")]),
        ("/query/1?start=0&offset=9223372036854775808", [("/query/offset", "out_of_range")]),
        ("/query/1?start=0&resolution=1d", [("/query/resolution", "invalid_duration")]),
        ("/query/1?start=0&timezone=Mars/Olympus", [("/query/timezone", "unknown_timezone")]),
        ("/query/1?start=0&timezone=%00", [("/query/timezone", "unknown_timezone")]),
        (
            "/query/1?start=x&end=y&limit=z",
            [
                ("/query/start", "invalid_timestamp"),
                ("/query/end", "invalid_timestamp"),
                ("/query/limit", "wrong_type"),
            ],
        ),
    ],
)
async def test_faults_of_parameters_are_told_with_their_place(
    served: Served, path: str, faults: list[tuple[str, str]]
) -> None:
    body = problem(await served.client.get(path), 422, "invalid_input")
    assert [(fault["pointer"], fault["code"]) for fault in body["errors"]] == faults


@pytest.mark.parametrize(
    ("query", "place"), [("colour=green", "/query/colour"), ("colours=red&colours=green", "/query/colours")]
)
async def test_a_choice_of_words_is_told(served: Served, query: str, place: str) -> None:
    body = problem(await served.client.get(f"/query/1?start=0&{query}"), 422, "invalid_input")
    fault = {"pointer": place, "code": "not_allowed", "detail": "it has to be one of red, blue"}
    assert body["errors"] == [fault]


async def test_a_plus_that_nobody_escaped_is_understood(served: Served) -> None:
    answer = await served.client.get(
        "/query/1?start=2026-03-29T01:00:00+01:00&end=1774742400000&timezone=UTC"
    )
    assert answer.status_code == 200
    assert answer.json()["start"] == answer.json()["end"] == "2026-03-29T00:00:00+00:00"
    assert answer.json()["timezone"] == "UTC"


@pytest.mark.parametrize(
    "path", ["/nowhere", "/query/x?start=0", "/api/v1/nowhere", "/schema", "/schema/x", "/docs/x"]
)
async def test_what_is_not_there_is_a_404(served: Served, path: str) -> None:
    problem(await served.client.get(path), 404, "not_found")


async def test_a_wrong_method_is_a_405_that_says_which_are_right(served: Served) -> None:
    answer = await served.client.delete("/things")
    problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) == {"POST", "OPTIONS"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed_json"),
        (b'{"name": "a"', 400, "malformed_json"),
        (b'{"name": "\xff"}', 400, "malformed_json"),
        (b'{"name": "\\ud800"}', 400, "malformed_json"),
        (b"\x00\x01\x02", 400, "malformed_json"),
        (b"[" * 100_000, 400, "nested_too_deep"),
        (b"[" * 50_000 + b"]" * 50_000, 400, "nested_too_deep"),
        (b'{"name":"a","metadata":' * 40_000, 400, "nested_too_deep"),
        (b'{"name":"a","metadata":' + b'{"a":' * 40 + b"1" + b"}" * 41, 400, "nested_too_deep"),
        (b"", 422, "invalid_input"),
        (b"null", 422, "invalid_input"),
        (b"[]", 422, "invalid_input"),
        (b'"text"', 422, "invalid_input"),
        (b'{"name": 1}', 422, "invalid_input"),
        (b'{"name": "a", "at": 1e999}', 422, "invalid_input"),
        (b'{"name": "a", "at": ' + b"9" * 5000 + b"}", 422, "invalid_input"),
        (b'{"name": "a", "at": "2026-01-01"}', 422, "invalid_input"),
    ],
)
async def test_broken_bodies_are_no_fault_of_ours(
    served: Served, body: bytes, status: int, code: str
) -> None:
    answer = await served.client.post("/things", content=body)
    found = problem(answer, status, code)
    assert ("errors" in found) == (status == 422)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", "1"),
        ("number", True),
        ("whole", "1"),
        ("whole", 1.5),
        ("really", "false"),
        ("really", 1),
        ("really", "null"),
        ("name", 1),
    ],
)
async def test_a_text_is_no_number_in_a_body(served: Served, field: str, value: object) -> None:
    answer = await served.client.post("/things", json={"name": "a", field: value})
    [fault] = problem(answer, 422, "invalid_input")["errors"]
    assert (fault["pointer"], fault["code"]) == (f"/{field}", "wrong_type")


async def test_a_number_is_a_number_however_it_is_written(served: Served) -> None:
    sent = b'{"name":"a","at":1774742400000,"number":1,"whole":2.0,"really":true,"metadata":{"x":"1"}}'
    answer = await served.client.post("/things", content=sent)
    assert answer.status_code == 201, answer.text
    assert answer.json() == {
        "name": "a",
        "at": "2026-03-29T00:00:00Z",
        "number": 1.0,
        "whole": 2,
        "really": True,
        "metadata": {"x": "1"},
    }


async def test_faults_of_a_body_are_told_all_at_once(served: Served) -> None:
    body = problem(
        await served.client.post("/lists", json=[{"name": 1}, {"name": "a", "at": "x", "metadata": []}, {}]),
        422,
        "invalid_input",
    )
    assert [(fault["pointer"], fault["code"]) for fault in body["errors"]] == [
        ("/0/name", "wrong_type"),
        ("/1/at", "invalid_timestamp"),
        ("/1/metadata", "wrong_type"),
        ("/2/name", "required"),
    ]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "x",
        "/",
    ],
)
async def test_another_kind_of_body_is_a_415(served: Served, content_type: str) -> None:
    answer = await served.client.post(
        "/things", content=b'{"name":"a"}', headers={"Content-Type": content_type}
    )
    problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json", None],
)
async def test_json_is_taken_by_each_of_its_names(served: Served, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = await served.client.post("/things", content=b'{"name":"a"}', headers=headers)
    assert answer.status_code == 201


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, identity"])
async def test_compressed_bodies_are_refused(served: Served, encoding: str) -> None:
    answer = await served.client.post("/things", content=b"\x1f\x8b", headers={"Content-Encoding": encoding})
    problem(answer, 415, "compressed_body")


async def test_a_body_over_the_limit_is_a_413(served: Served) -> None:
    taken = await served.client.post("/things", json={"name": "a" * (LIMIT - 11)})
    assert taken.status_code == 201
    problem(await served.client.post("/things", json={"name": "a" * (LIMIT - 10)}), 413, "too_large")


@pytest.mark.parametrize("announced", [None, "10", "-1", "x", "1e9", "٣", "9" * 5000])
async def test_an_endless_body_is_not_read_to_its_end(served: Served, announced: str | None) -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 65536
            yield b"x" * 65536

    headers = {b"Content-Length": announced.encode()} if announced else {}
    answer = await served.client.post("/things", content=endless(), headers=headers)
    problem(answer, 413, "too_large")
    assert given <= LIMIT + 65536


@pytest.mark.parametrize(
    "path",
    [
        "/query/%00?start=0",
        "/query/1?start=0&q=%00",
        "/query/1?start=0&q=%ff%fe",
        "/query/1?start=0&q=%zz%",
        "/query/1?start=0&%00=%00&&&==",
        "/%ff%fe",
        "/..%2f..%2fetc/passwd",
        "/query/%F0%9F%92%A9",
        "/api/v1/api-keys/%00",
        "/query//////1////?start=0",
        "/query/1?" + "a=b&" * 10_000,
    ],
)
async def test_hostile_paths_and_queries_are_no_fault_of_ours(served: Served, path: str) -> None:
    answer = await served.client.get(path)
    assert answer.status_code < 500


async def test_hostile_headers_are_no_fault_of_ours(served: Served, admin: dict[str, str]) -> None:
    for headers in (
        {"Accept": "application/msgpack;q=x, ;;;, */"},
        {"Accept": "\xff\xfe"},
        {"Accept": "a" * 10_000},
        {"Host": "a b"},
        {"Origin": "null"},
        {"Content-Length": "x"},
        {"Cookie": "a=b; ;;=; \xff"},
    ):
        given = {name.encode(): value.encode("latin-1") for name, value in {**admin, **headers}.items()}
        answer = await served.client.get("/api/v1/api-keys", headers=given)
        assert answer.status_code < 500, headers
