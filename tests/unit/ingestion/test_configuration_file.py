import os
from pathlib import Path

import pytest

from adapters.pollers.configuration_file import ConfigurationFile
from adapters.pollers.device_json import decode
from domain.ingestion.errors import DeviceReadError
from domain.shared.errors import InvalidError


async def fault(path: Path) -> str:
    with pytest.raises(InvalidError) as refused:
        await ConfigurationFile(path).read()
    (problem,) = refused.value.problems
    assert str(path) in refused.value.detail
    return problem.code


async def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert await fault(tmp_path / "none.json") == "file_missing"
    assert await fault(tmp_path) == "file_unreadable"
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xe9"}')
    assert await fault(tmp_path / "latin.json") == "not_json"
    with (tmp_path / "large.json").open("wb") as large:
        large.truncate(1 << 30)
    assert await fault(tmp_path / "large.json") == "file_unreadable"


async def test_the_text_comes_without_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "iots.json").write_text("\ufeff{}")
    assert await ConfigurationFile(tmp_path / "iots.json").read() == "{}"


def test_every_change_changes_the_mark(tmp_path: Path) -> None:
    path = tmp_path / "iots.json"
    file = ConfigurationFile(path)
    marks = [file.mark()]
    path.write_text("A")
    marks.append(file.mark())
    assert file.mark() == marks[-1]
    path.write_text("AB")
    marks.append(file.mark())
    os.utime(path, ns=(1, 1))
    marks.append(file.mark())
    # As a mounted ConfigMap does it: a link that leads elsewhere, to what is as old and as long.
    (tmp_path / "other.json").write_text("CD")
    os.utime(tmp_path / "other.json", ns=(1, 1))
    path.unlink()
    path.symlink_to("other.json")
    marks.append(file.mark())
    assert len(set(marks)) == len(marks)


def test_no_file() -> None:
    assert not ConfigurationFile(None).is_given
    assert ConfigurationFile(None).mark() is None


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
