from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ingestion.errors import ValueRefusedError
from domain.ingestion.tag_paths import TagPath

segments = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=6).map(tuple)


@pytest.mark.parametrize(
    ("tag", "document", "found"),
    [
        ("power", {"power": 1}, 1),
        ("emeters.1.power", {"emeters": [{"power": 1}, {"power": 2}]}, 2),
        ("switch:3.apower", {"switch:3": {"apower": 15.4}}, 15.4),
        ("Inverters.1.P", {"Inverters": {"1": {"P": 1111}}}, 1111),
        (r"a\.b.c", {"a.b": {"c": 3}}, 3),
        (r"a\\.b", {"a\\": {"b": 4}}, 4),
        (r"a\b", {"a\\b": 5}, 5),
        ("0.0", [[6]], 6),
        ("x", {"x": None}, None),
    ],
)
def test_a_path_leads_to_the_value(tag: str, document: object, found: object) -> None:
    assert TagPath.parse(tag).find(document) == found


@pytest.mark.parametrize(
    ("tag", "document"),
    [
        ("power", {}),
        ("a.b", {"a": 1}),
        ("a.5", {"a": [1]}),
        ("a.-1", {"a": [1]}),
        ("a.x", {"a": [1]}),
        ("a.²", {"a": [1, 2, 3]}),
        ("a.99999999999999999999", {"a": [1]}),
        ("a", None),
        ("a.b", {"a": None}),
    ],
)
def test_a_missing_place_is_told(tag: str, document: object) -> None:
    with pytest.raises(ValueRefusedError) as refused:
        TagPath.parse(tag).find(document)
    assert refused.value.fault.code == "missing"
    assert tag in refused.value.fault.detail


@pytest.mark.parametrize("tag", ["", ".", "a.", ".a", "a..b", "x" * 513])
def test_what_is_no_path_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="tag"):
        TagPath.parse(tag)


@given(segments)
def test_a_path_that_is_written_reads_back_the_same(path: tuple[str, ...]) -> None:
    written = TagPath.of(path)
    if len(written.text) <= 512:
        assert TagPath.parse(written.text).segments == path


@given(segments, st.integers())
def test_every_value_can_be_reached(path: tuple[str, ...], value: int) -> None:
    document: Any = value
    for segment in reversed(path):
        document = {segment: document}
    assert TagPath.of(path).find(document) == value
