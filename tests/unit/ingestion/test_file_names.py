import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ingestion.file_names import MAX_COLLECTION, MAX_NAME, collection_name, file_name
from domain.shared.errors import InvalidError


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("meter_2026.sgl_v2", "meter_2026.sgl_v2"),
        ("../../etc/passwd.csv", "passwd.csv"),
        ("C:\\fakepath\\meter.csv", "meter.csv"),
        ("/a/b\\c/d.csv", "d.csv"),
        ("a\x00b\r\n\x1b[31m.csv", "ab[31m.csv"),
        ("\u202egpj.csv", "gpj.csv"),
        ("  contador é.csv ", "contador é.csv"),
        ("contador e\u0301.csv", "contador é.csv"),
        (".csv", ".csv"),
    ],
)
def test_a_name_is_its_last_part_without_what_is_no_letter(sent: str, kept: str) -> None:
    assert file_name(sent) == kept


@pytest.mark.parametrize(
    "sent",
    ["", "..", ".", "/", "a/", "\\", "\x00", " ", "../..", "x" * (MAX_NAME + 1), "x" * 10_000 + ".csv"],
)
def test_where_nothing_is_left_or_too_much_it_is_refused(sent: str) -> None:
    with pytest.raises(InvalidError) as refused:
        file_name(sent)
    assert [(one.pointer, one.code) for one in refused.value.problems] == [("/file", "invalid_file_name")]
    assert len(refused.value.detail) < 200


@given(st.text(max_size=250))
def test_no_name_leads_elsewhere(sent: str) -> None:
    try:
        name = file_name(sent)
    except InvalidError:
        return
    assert 0 < len(name) <= MAX_NAME
    assert not set("/\\") & set(name)
    assert name.strip(".")
    assert all(not unicodedata.category(one).startswith("C") for one in name)
    assert file_name(name) == name


@pytest.mark.parametrize(
    ("sent", "kept"), [("", "/"), ("/", "/"), ("site", "site"), ("/site/2026/", "site/2026"), ("a b", "a b")]
)
def test_a_collection_is_a_path_of_folders(sent: str, kept: str) -> None:
    assert collection_name(sent) == kept


@pytest.mark.parametrize(
    "sent", ["..", "a/../b", "a//b", "a/./b", "a\\b", "a\x00", " a", "a/ b", "x" * (MAX_COLLECTION + 1)]
)
def test_other_collections_are_refused(sent: str) -> None:
    with pytest.raises(InvalidError) as refused:
        collection_name(sent)
    assert refused.value.code == "invalid_collection"
