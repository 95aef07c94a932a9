import itertools
from collections.abc import Iterator

import pytest

from domain.ingestion.file_ports import FileFacts
from tests.unit.ingestion.meter_files.reading import FORMATS, LISBON, PATH, read, read_blocks


def rows(count: int, values: str = "1", first: int = 0) -> list[str]:
    return [
        f"2024-{1 + at // 86_400:02}-01 {at // 3600 % 24:02}:{at // 60 % 60:02}:{at % 60:02};{values}"
        for at in range(first, first + count)
    ]


def test_a_chunk_ends_after_10_000_readings() -> None:
    found = read("\n".join(rows(25_000)) + "\n")
    assert [len(chunk.batch) for chunk in found.chunks] == [10_000, 10_000, 5_000]
    assert [chunk.first_line for chunk in found.chunks] == [1, 10_001, 20_001]
    assert [chunk.end_offset for chunk in found.chunks] == [220_000, 440_000, 550_000]
    assert list(found.chunks[1].line_numbers) == list(range(10_001, 20_001))


def test_a_chunk_of_many_columns_has_no_more_readings() -> None:
    found = read(["# a comment", "t;a;b;c", *rows(5_000, "1;2;3")])
    assert [len(chunk.batch) for chunk in found.chunks] == [9_996, 3_332, 1_672] or [
        len(chunk.batch) for chunk in found.chunks
    ] == [9_996, 5_004]
    assert all(len(chunk.batch) <= 10_000 for chunk in found.chunks)
    assert sum(chunk.lines for chunk in found.chunks) == 5_002
    wide = read(rows(25, ";".join(["1"] * 999)))
    assert [len(chunk.batch) for chunk in wide.chunks] == [9_990, 9_990, 4_995]


def test_a_chunk_ends_after_a_mebibyte_of_text() -> None:
    lines = [f"{row}{' ' * 1_000}" for row in rows(3_000)]
    content = "\n".join(lines) + "\n"
    found = read(content)
    sizes = [
        chunk.end_offset - before
        for chunk, before in zip(
            found.chunks, [0, *(chunk.end_offset for chunk in found.chunks)], strict=False
        )
    ]
    assert len(sizes) == 3
    assert all(size <= 1_048_576 for size in sizes)
    assert sum(sizes) == len(content)
    assert {len(text) for chunk in found.chunks for text in chunk.texts} == {500}


def test_a_chunk_has_each_of_its_sensors_once() -> None:
    lines = [f"{row.split(';')[0]};{meter};1" for row in rows(6_000) for meter in ("AB" if row else "")]
    found = read(["t;meter;v", *lines, *(f"{row.split(';')[0]};C;1" for row in rows(6_000))])
    assert [sorted(one.sensor_id for one in chunk.batch.registrations) for chunk in found.chunks] == [
        ["A", "B"],
        ["A", "B", "C"],
    ]


def test_lines_before_the_data_belong_to_chunks_too() -> None:
    found = read([*["# so it is"] * 12_000, "t;a", *rows(2)])
    assert [(chunk.lines, len(chunk.batch)) for chunk in found.chunks] == [(10_000, 0), (2_003, 2)]
    assert [chunk.by_name for chunk in found.chunks] == [False, True]


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1_000, 1_048_576, 3_000_000])
def test_blocks_of_any_size_make_the_same_chunks(size: int) -> None:
    lines = ["\ufefft;cpe;ä", *[row.replace(";", ";A;") for row in rows(300)], "x" * 70_000, *rows(3), "é"]
    content = "\r\n".join(lines).encode() + "\né\n".encode("latin-1")
    whole = read(content)
    assert whole.rejects[0] == (302, "line_too_long")
    blocks = (content[at : at + size] for at in range(0, len(content), size))
    assert read_blocks(blocks) == whole


def test_chunks_come_as_the_file_is_read() -> None:
    asked = 0

    def blocks() -> Iterator[bytes]:
        nonlocal asked
        for at in itertools.count():
            asked += 1
            yield ("\n".join(rows(1_000, first=1_000 * at)) + "\n").encode()

    chunks = FORMATS.chunks(FileFacts(PATH, LISBON), blocks())
    for number in range(1, 4):
        assert len(next(chunks).batch) == 10_000
        assert asked < 10 * number + 15
