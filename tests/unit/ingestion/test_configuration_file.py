import json
import os
from pathlib import Path

import pytest

from adapters.pollers.configuration_file import ConfigurationFile, read_document
from adapters.pollers.device_json import decode
from domain.ingestion.errors import DeviceReadError
from domain.shared.errors import InvalidError
from tests.unit.ingestion.documents import device, document


def fault(path: Path) -> tuple[str, str, str]:
    with pytest.raises(InvalidError) as refused:
        read_document(path)
    (problem,) = refused.value.problems
    assert str(path) in refused.value.detail
    return problem.code, problem.pointer, problem.detail


@pytest.mark.parametrize(
    ("text", "code", "pointer", "told"),
    [
        ('{"a": [\n{"b": 1,\n "b": 2}]}', "duplicate_key", "/a/0/b", "line 3"),
        ('{"a": {}, "c": [],\n "x/y": {"k": "\\"b\\": 2", "k": 1}}', "duplicate_key", "/x~1y/k", "line 2"),
        ('{"a":\n NaN}', "invalid_number", "/a", "line 2"),
        ("[1, -Infinity]", "invalid_number", "/1", "line 1"),
        ('{"a": 1e999}', "invalid_number", "/a", "1e999"),
        ('{"a": 1\n"b": 2}', "not_json", "", "line 2"),
        ("", "not_json", "", "line 1"),
        ("[" * 100_000, "not_json", "", ""),
        ("1" * 5000, "not_json", "", ""),
    ],
)
def test_doubtful_files_are_refused_with_their_place(
    tmp_path: Path, text: str, code: str, pointer: str, told: str
) -> None:
    path = tmp_path / "iots.json"
    path.write_text(text)
    found = fault(path)
    assert found[:2] == (code, pointer)
    assert told in found[2]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert fault(tmp_path / "none.json")[0] == "file_missing"
    assert fault(tmp_path)[0] == "file_unreadable"
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xe9"}')
    assert fault(tmp_path / "latin.json")[0] == "not_json"


async def test_a_changed_file_is_read_anew_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "iots.json"
    source = ConfigurationFile(path)
    with pytest.raises(InvalidError):
        await source.load()
    path.write_text(json.dumps(document(device("A"))))
    first = await source.load()
    assert list(first.devices) == ["A"]
    assert await source.load() is first
    path.write_text(json.dumps(document(device("A"), device("A"))))
    assert await source.load() is first
    path.write_text("\ufeff" + json.dumps(document(device("A"), device("B"))))
    os.utime(path, ns=(1, 1))
    assert list((await source.load()).devices) == ["A", "B"]


async def test_no_file_means_no_devices() -> None:
    assert not (await ConfigurationFile(None).load()).devices


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"a": 1.5}', {"a": 1.5}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": "20 \xb0C"}', {"a": "20 \ufffdC"}),
        (b'{"a": Infinity}', {"a": float("inf")}),
        (b'{"a": ' + b"9" * 10_000 + b"}", {"a": float("inf")}),
        (b'{"a": "tab\there"}', {"a": "tab\there"}),
    ],
)
def test_what_devices_call_json_is_decoded(body: bytes, found: object) -> None:
    assert decode(body) == found


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"[" * 500_000, b'{"a": 1}{', b"\x00\x01"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(DeviceReadError) as refused:
        decode(body)
    assert refused.value.fault.code == "not_json"
