import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Iterator

import pytest

from tests.unit.ingestion.meter_files.reading import read, read_blocks

ROW = "2024-01-01 00:00;1"
BLOCK = 65_536


def code_of(content: str | bytes) -> str | None:
    error = read(content).error
    return error and error[0]


def test_a_line_of_gigabytes_is_skipped_in_bounded_memory() -> None:
    def blocks() -> Iterator[bytes]:
        yield f"{ROW}\n2024-01-01 00:15;2".encode()
        for _ in range(1_000):
            yield b" " * BLOCK
        yield b"\n2024-01-01 00:30;3\n"

    tracemalloc.start()
    found = read_blocks(blocks())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found.values, found.rejects) == ([1, 3], [(2, "line_too_long")])
    (reject,) = [reject for chunk in found.chunks for reject in chunk.rejected]
    assert (len(reject.text), f"{1_000 * BLOCK + 19} bytes" in reject.detail) == (500, True)
    assert found.chunks[-1].end_offset == 1_000 * BLOCK + 57
    assert peak < 8_000_000


def test_a_file_that_is_one_line() -> None:
    found = read_blocks(iter([b"7;" * 32_768] * 100))
    assert (found.rejects, found.error and found.error[0]) == ([(1, "line_too_long")], "no_readable_line")


@pytest.mark.parametrize(("size", "codes"), [(65_536, []), (65_537, ["line_too_long"])])
def test_the_longest_line_that_is_read(size: int, codes: list[str]) -> None:
    line = f"{ROW}{' ' * (size - len(ROW) - 1)}\n"
    assert len(line) == size
    assert [code for _, code in read(f"{ROW}\n{line}").rejects] == codes


def test_a_long_line_is_a_reject_before_the_first_row_too() -> None:
    assert read(["# " + "x" * 70_000, "y" * 70_000, ROW]).rejects == [
        (1, "line_too_long"),
        (2, "line_too_long"),
    ]


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", ROW)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        zipped(),
        gzip.compress(ROW.encode(), mtime=0),
        b"%PDF-1.7\n" + ROW.encode(),
        ROW.encode("utf-16"),
        ROW.encode("utf-16-le"),
        f"{ROW}\n\0\n".encode(),
        f"{ROW}\n{'x' * 300_000}\0".encode(),
        bytes(range(256)) * 300,
    ],
)
def test_what_is_no_text(content: bytes) -> None:
    assert code_of(content) == "not_text"
    small = read_blocks(content[at : at + 3] for at in range(0, len(content), 3))
    assert small == read(content)


def test_too_many_columns() -> None:
    assert code_of(";".join(["t"] * 1_001)) == "too_many_columns"
    assert code_of(f"{ROW}{';1' * 999}") == "too_many_columns"
    assert len(read(f"{ROW}{';1' * 998}").values) == 999
    assert read([ROW, f"{ROW}{';1' * 20_000}"]).rejects == [(2, "too_many_fields")]


def test_too_many_sensors() -> None:
    lines = [f"2024-01-01 00:00;m{at};1;2" for at in range(600)]
    found = read(["t;meter;a;b", *lines, "2024-01-01 00:15;m0;3;4", "?;m999;5;6"])
    assert len(found.sensors) == 1_000
    assert [line for line, code in found.rejects if code == "too_many_sensors"] == list(range(502, 602))
    assert found.series["m0.a"] == [1, 3]
    assert found.rejects[-1] == (603, "invalid_timestamp")


@pytest.mark.parametrize(
    "content", ["", "\n\n", "\ufeff", "# unit: kWh\n", "t;a\n", "a;b\nc;d\n", "2024-01-01;00:00\n"]
)
def test_a_file_without_a_line_that_can_be_read(content: str) -> None:
    found = read(content)
    assert (found.error and found.error[0], found.readings) == ("no_readable_line", [])
    assert sum(chunk.lines for chunk in found.chunks) == len(content.splitlines())


def test_a_file_is_given_up_after_10_000_lines_in_vain() -> None:
    for opening in ([], ["t;a", "2024-01-01 00:00;x"]):
        found = read([*opening, *["1;2"] * 30_000, ROW])
        assert (found.error and found.error[0], len(found.chunks)) == (
            "no_readable_line",
            1 if not opening else 2,
        )
    # What holds no value can be read all the same.
    found = read(["t;a", *["2024-01-01 00:00;"] * 20_000, ROW])
    assert (found.error, found.values) == (None, [1])


def test_meters_under_endless_spellings_take_no_memory() -> None:
    # All of them come to one meter, so that none is over the limit of sensors.
    lines = [
        "t;meter;v",
        *(f"2024-01-01 00:00;{'é' if at % 2 else '?'}{chr(0x3400 + at)};1" for at in range(9_000)),
    ]
    assert list(read(lines).series) == ["__"]


@pytest.mark.parametrize(
    "line", ['2024-01-01 00:15;"2', '"2024-01-01 00:15;2', "2024-01-01 00:15;2\r3", '"a\rb";"2"']
)
def test_quotes_and_returns_that_lead_nowhere(line: str) -> None:
    found = read([ROW, line, "2024-01-01 00:30;3"])
    assert {1.0, 3.0} <= set(found.values)
    assert len(found.values) + len(found.rejects) == 3
