import json
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ingestion.iot_documents import MAX_CHARACTERS, decode_document, is_no_json, sha256_of
from domain.shared.errors import InvalidError, TooLargeError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def fault(text: str) -> tuple[str, str, str]:
    with pytest.raises(InvalidError) as refused:
        decode_document(text)
    (problem,) = refused.value.problems
    problem.pointer.encode()
    assert is_no_json(refused.value) is (problem.code == "not_json")
    return problem.code, problem.pointer, problem.detail


@pytest.mark.parametrize(
    ("text", "code", "pointer", "told"),
    [
        ('{"a": [\n{"b": 1,\n "b": 2}]}', "duplicate_key", "/a/0/b", "line 3"),
        ('{"a": {}, "c": [],\n "x/y": {"k": "\\"b\\": 2", "k": 1}}', "duplicate_key", "/x~1y/k", "line 2"),
        ('[{"__proto__": 1, "__proto__": 2}]', "duplicate_key", "/0/__proto__", "line 1"),
        ('{"a": 1, "\\u0061": 2}', "duplicate_key", "/a", "line 1"),
        ('{"a":\n NaN}', "invalid_number", "/a", "line 2"),
        ("[1, -Infinity]", "invalid_number", "/1", "line 1"),
        ('{"a": 1e999}', "invalid_number", "/a", "1e999"),
        ('{"a": [0, ' + "1" * 5000 + "]}", "invalid_number", "/a/1", "line 1"),
        ('{"a": 1\n"b": 2}', "not_json", "", "line 2"),
        ("", "not_json", "", "line 1"),
        ("{} {}", "not_json", "", "line 1"),
        ("['a']", "not_json", "", "line 1"),
        ("[" * 100_000, "nested_too_deep", "", ""),
        ('{"a":' * 31 + "[[]]" + "}" * 31, "nested_too_deep", "/a" * 31 + "/0", "32"),
        ("[" * 900 + '{"b": 1, "b": 2}' + "]" * 900, "nested_too_deep", "", ""),
        ('{"a": ["x", "\\ud800"]}', "invalid_text", "/a/1", ""),
        ('{"a": {"\\uDFFFk": 1}}', "invalid_text", "/a/\ufffdk", ""),
        ('{"\\ud800": 1, "\\ud800": 2}', "duplicate_key", "/\ufffd", ""),
    ],
)
def test_doubtful_documents_are_refused_with_their_place(
    text: str, code: str, pointer: str, told: str
) -> None:
    found = fault(text)
    assert found[:2] == (code, pointer)
    assert told in found[2]


def test_what_is_fine_is_decoded() -> None:
    deep = "[" * 31 + "[]" + "]" * 31
    for text in (deep, '"\\ud83d\\ude00"', '{"__proto__": {"constructor": 1}}', "-0.0", " [1e-400] "):
        assert decode_document(text) == json.loads(text)


def test_what_is_too_long_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLargeError):
        decode_document(" " * (MAX_CHARACTERS + 1))


def test_the_place_of_a_fault_is_sought_in_bounded_memory_and_time() -> None:
    text = "[" + "1," * 3_000_000 + "NaN]"
    tracemalloc.start()
    began = time.process_time()
    assert fault(text)[:2] == ("invalid_document", "")
    assert time.process_time() - began < 30
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()


@given(JSON)
def test_a_checksum_is_of_what_is_meant(document: object) -> None:
    written = json.dumps(document, indent=2)
    assert sha256_of(decode_document(written)) == sha256_of(decode_document(json.dumps(document)))
    if isinstance(document, dict):
        turned = dict(reversed(document.items()))
        assert sha256_of(turned) == sha256_of(document)
    assert sha256_of([document]) != sha256_of(document)
