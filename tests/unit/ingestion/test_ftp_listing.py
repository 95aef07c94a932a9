from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.pollers.ftp.listing import Entry, Kind, is_safe, list_entry, mlsd_entry
from adapters.pollers.ftp.wire import from_bytes, from_wire, spellings, to_wire

NOW = datetime(2026, 2, 10, 6, 0, tzinfo=UTC)


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"-rw-r--r--   1 meter  users      1234 Feb 09 17:05 a.csv", ("a.csv", 1234, at(2026, 2, 9, 17, 5))),
        (b"-rw-r--r-- 1 0 0 7 Feb 10 23:59 a b  c.csv", ("a b  c.csv", 7, at(2026, 2, 10, 23, 59))),
        (b"-rw-r--r-- 1 0 0 7 Dec 31 23:59 a.csv", ("a.csv", 7, at(2025, 12, 31, 23, 59))),
        (b"-rw-r--r-- 1 0 0 7 Feb 29 10:00 a.csv", ("a.csv", 7, at(2024, 2, 29, 10))),
        (b"-rw-r--r--    1 x y 7 Aug  3  2019 a.csv", ("a.csv", 7, at(2019, 8, 3))),
        (b"-rw-r--r--+ 1 DOM\\user Domain Users 7 Aug 3 2019 a.csv", ("a.csv", 7, at(2019, 8, 3))),
        (b"-rw-r--r-- 1 x 7 Aug  3  2019 a.csv", ("a.csv", 7, at(2019, 8, 3))),
        (b"-rw-r--r-- 1 x y 7 Aug  3  2019  leading.csv", (" leading.csv", 7, at(2019, 8, 3))),
        (b"-rw-r--r-- 1 x y 7 Aug  3  2019 of 5 Jan 10 10:00 x", ("of 5 Jan 10 10:00 x", 7, at(2019, 8, 3))),
        ("-rw-r--r-- 1 x y 7 Aug  3  2019 é".encode(), ("é", 7, at(2019, 8, 3))),
        ("-rw-r--r-- 1 x y 7 Aug  3  2019 é".encode("latin-1"), ("é", 7, at(2019, 8, 3))),
        (b"02-09-26  05:07PM                 1234 a.csv", ("a.csv", 1234, at(2026, 2, 9, 17, 7))),
        (b"02-09-2026  12:07AM       1234 a b.csv", ("a b.csv", 1234, at(2026, 2, 9, 0, 7))),
        (b"02-09-26  17:07       1234 a.csv", ("a.csv", 1234, at(2026, 2, 9, 17, 7))),
    ],
)
def test_files_of_list(line: bytes, expected: tuple[str, int, datetime]) -> None:
    name, size, modified = expected
    assert list_entry(line, NOW) == Entry(name, Kind.FILE, size, modified)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"drwxr-xr-x 2 x y 4096 Feb  9 17:05 sub folder", Kind.FOLDER),
        (b"02-09-26  05:07PM       <DIR>          sub folder", Kind.FOLDER),
        (b"lrwxrwxrwx 1 x y 9 Feb  9 17:05 sub folder -> /etc", Kind.OTHER),
        (b"prw-r--r-- 1 x y 0 Feb  9 17:05 sub folder", Kind.OTHER),
    ],
)
def test_what_is_no_file_in_list(line: bytes, kind: Kind) -> None:
    assert list_entry(line, NOW) == Entry("sub folder", kind)


@pytest.mark.parametrize("line", [b"total 12", b"drwxr-xr-x 2 x y 4096 Feb  9 17:05 ."])
def test_what_is_no_entry_of_list(line: bytes) -> None:
    assert list_entry(line, NOW) is None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense",
        b"-rw-r--r-- 1 x y 7 Xyz  3  2019 a.csv",
        b"-rw-r--r-- 1 x y 7 Feb 31 10:00 a.csv",
        b"-rw-r--r-- 1 x y 9999999999999999999 Feb 01 10:00 a.csv",
        b"13-40-26  05:07PM 1234 a.csv",
        b"type=file;size=1; a.csv",
    ],
)
def test_lines_of_list_that_say_nothing(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        list_entry(line, NOW)


def test_lines_of_mlsd() -> None:
    assert mlsd_entry(b"Type=file;Size=12;Modify=20260209170501.25; a; b.csv") == Entry(
        "a; b.csv", Kind.FILE, 12, datetime(2026, 2, 9, 17, 5, 1, 250_000, tzinfo=UTC)
    )
    assert mlsd_entry(b"type=dir;unique=1g2;perm=el; sub") == Entry("sub", Kind.FOLDER, identity="1g2")
    assert mlsd_entry(b"size=1;type=file; a.csv") == Entry("a.csv", Kind.FILE, 1)
    assert mlsd_entry(b"type=OS.unix=slink:/etc; a.csv") == Entry("a.csv", Kind.OTHER)
    assert mlsd_entry(b"type=cdir; .") is None


@given(st.binary(max_size=400))
def test_no_line_does_harm(line: bytes) -> None:
    for read in (mlsd_entry, lambda raw: list_entry(raw, NOW)):
        try:
            entry = read(line)
        except ValueError:
            continue
        assert entry is None or isinstance(entry.name, str)


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=60))
@example("\xc2\x80/\x80")
def test_a_path_is_sent_as_it_was_read_whatever_its_encoding(path: str) -> None:
    ways = list(spellings(path))
    assert ways[0] == to_wire(path)
    assert len(ways) == len(set(ways)) <= 8
    assert from_wire(ways[0]) == path
    raw = path.encode("latin-1", "ignore")
    read = "/".join(map(from_bytes, raw.split(b"/")))  # a listing names one folder after the other
    if read.count("/") < 3:
        assert raw.decode("latin-1") in list(spellings(read))


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/", "a\nb", "a\rb", "a\0b", "\x1b[2J", "\x85", "\x7f"]
)
def test_names_that_are_not_to_be_used(name: str) -> None:
    assert not is_safe(name)


@pytest.mark.parametrize("name", ["a.csv", "...", "-rf", "a b", "é", "a\\b", "*", "..a"])
def test_names_that_are_only_odd(name: str) -> None:
    assert is_safe(name)
