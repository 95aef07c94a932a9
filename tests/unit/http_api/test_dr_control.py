"""Controls as they are shown and sent back: secrets stay, and go nowhere else."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from adapters.http_api.dr_control import (
    ControlFields,
    HttpControl,
    NoControl,
    control_fields,
    control_of,
)
from adapters.web.times import decode_hook, encode_hook
from domain.demand_response.devices import (
    Control,
    ControlAuth,
    ControlAuthType,
    ControlBody,
    ControlKind,
    ControlRequest,
)
from domain.shared.errors import Problem

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
REDUCE = ControlRequest(
    method="POST",
    url="http://10.0.0.7/limit",
    headers={"X-Api-Key": "s3cret", "Accept": "*/*"},
    body=ControlBody(JSON, '{"kw":"{reduction_kw}"}'),
    auth=ControlAuth(ControlAuthType.HEADER, "PUMP", "X-Token"),
    timeout=timedelta(seconds=2.5),
    verify_tls=False,
)
HTTP = Control(
    kind=ControlKind.HTTP, reduce=REDUCE, restore=ControlRequest(method="GET", url="http://10.0.0.7/")
)


def sent_back(control: Control | None) -> HttpControl | NoControl:
    """Return what a client gets, as it comes when the client sends it."""
    text = msgspec.json.encode(control_fields(control), enc_hook=encode_hook)
    found: HttpControl | NoControl = msgspec.json.decode(text, type=ControlFields, dec_hook=decode_hook)
    return found


def changed(given: HttpControl | NoControl, **fields: object) -> HttpControl:
    assert isinstance(given, HttpControl)
    return msgspec.structs.replace(given, reduce=msgspec.structs.replace(given.reduce, **fields))


def read(given: HttpControl | NoControl, before: Control | None) -> tuple[Control | None, list[Problem]]:
    problems: list[Problem] = []
    return control_of(given, before, problems), problems


@pytest.mark.parametrize(
    "control",
    [
        None,
        Control(),
        HTTP,
        replace(HTTP, reduce=replace(REDUCE, body=None, headers={"Content-Type": "text/plain"})),
        *[
            replace(HTTP, reduce=replace(REDUCE, body=ControlBody(content_type, text)))
            for content_type, text in (
                (JSON, "null"),
                (JSON, '"{target_kw}"'),
                (JSON, '{"kw":{target_kw}}'),
                (JSON, ""),
                (JSON, "[1e400]"),
                (JSON, "[NaN]"),
                (JSON, "9" * 5000),
                (JSON, "[" * 60_000),
                (JSON, "[" * 500 + "]" * 500),
                (JSON, "123456789012345678901234567890"),
                (TEXT, '{"kw":1}'),
                ("text/xml", "<kw>{target_kw}</kw>"),
            )
        ],
    ],
)
def test_what_is_sent_back_as_it_was_shown_changes_nothing(control: Control | None) -> None:
    assert read(sent_back(control), control) == (None, [])


def test_hidden_values_are_kept_beside_what_is_changed() -> None:
    given = changed(sent_back(HTTP), verify_tls=True, headers={"x-api-key": "***", "X-New": "1"})
    control, problems = read(given, HTTP)
    assert problems == []
    assert control == replace(
        HTTP,
        reduce=replace(REDUCE, verify_tls=True, headers={"x-api-key": "s3cret", "X-New": "1"}),
    )


@pytest.mark.parametrize(
    "url", ["https://10.0.0.7/limit", "http://10.0.0.7:81/limit", "http://10.0.0.8/limit", "http://[::1"]
)
def test_a_hidden_value_goes_to_no_other_server(url: str) -> None:
    _, problems = read(changed(sent_back(HTTP), url=url), HTTP)
    assert [(one.pointer, one.code) for one in problems] == [
        ("/control/reduce/headers/X-Api-Key", "hidden_value")
    ]


def test_a_body_keeps_the_type_that_its_header_names() -> None:
    for headers, body, kept in (
        (None, {"kw": 1}, ControlBody(JSON, '{"kw":1}')),
        (None, "kw=1", ControlBody(TEXT, "kw=1")),
        ({"content-type": "text/xml"}, "<kw/>", ControlBody("text/xml", "<kw/>")),
        ({"Content-Type": JSON}, '{"kw":{target_kw}}', ControlBody(JSON, '{"kw":{target_kw}}')),
    ):
        control, problems = read(changed(sent_back(HTTP), headers=headers, body=body), None)
        assert problems == []
        assert control is not None
        assert control.reduce is not None
        assert (control.reduce.body, dict(control.reduce.headers)) == (kept, {})


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"body": {"deep": [{"token": "abc"}]}}, "/body", "secret_shown"),
        ({"body": [{"name": "password", "value": "abc"}]}, "/body", "secret_shown"),
        ({"body": [{"token": "abc"}] * 2000}, "/body", "secret_shown"),
        ({"url": "http://10.0.0.7/?api_key=abc"}, "/url", "secret_shown"),
    ],
)
def test_what_everybody_may_read_holds_no_secret(fields: dict[str, Any], pointer: str, code: str) -> None:
    _, problems = read(changed(sent_back(HTTP), **fields), HTTP)
    assert (f"/control/reduce{pointer}", code) in [(one.pointer, one.code) for one in problems]
    assert not any("abc" in one.detail for one in problems)
