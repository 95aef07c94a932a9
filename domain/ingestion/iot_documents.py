"""The text of an IoT configuration: JSON, decoded with care."""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from domain.ingestion.iot_fields import pointer_to
from domain.shared.errors import InvalidError, Problem, TooLargeError

MAX_CHARACTERS: Final = 16 * 1024 * 1024
MAX_NESTING: Final = 32
_MOST_TOKENS: Final = 2_000_000
"""The place of a doubtful key or number is sought no further than this."""

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s"{}\[\]:,]+', re.DOTALL)
_ESCAPED_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_NOT_JSON: Final = "not_json"


class _DoubtfulError(ValueError):
    """A key that stands twice in one object, or a number that JSON does not have."""


class _FarAwayError(Exception):
    """What is sought is not near the beginning."""


def is_no_json(error: InvalidError) -> bool:
    """Return whether the text was not JSON at all, rather than JSON that says something wrong."""
    return [problem.code for problem in error.problems] == [_NOT_JSON]


def decode_document(text: str) -> object:
    """Return the decoded JSON.

    Raises:
        TooLargeError: it is longer than a configuration may be.
        InvalidError: ``invalid_configuration`` with one problem: ``not_json, duplicate_key, invalid_number,
            nested_too_deep`` or ``invalid_text``, which says the line where it can.

    """
    if len(text) > MAX_CHARACTERS:
        raise TooLargeError("too_large", f"an IoT configuration has {MAX_CHARACTERS:,} characters at most")
    try:
        document = json.loads(
            text,
            object_pairs_hook=_refuse_twice,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except json.JSONDecodeError as error:
        detail = f"line {error.lineno}, column {error.colno}: not JSON: {error.msg}"
        raise _invalid(_NOT_JSON, detail) from None
    except RecursionError:
        raise _nested_too_deep("") from None
    except ValueError:  # a doubtful one, or a number with thousands of digits
        raise _doubt(text) from None
    _refuse_unfit(document, texts=_ESCAPED_SURROGATE.search(text) is not None)
    return document


def sha256_of(document: object) -> str:
    """Return a checksum that is the same for documents that mean the same."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _invalid(code: str, detail: str, pointer: str = "") -> InvalidError:
    return InvalidError("invalid_configuration", detail, [Problem(pointer, code, detail)])


_SOMEWHERE: Final = _invalid(
    "invalid_document", "a key stands twice in one object, or a number is too large or none of JSON"
)


def _nested_too_deep(pointer: str) -> InvalidError:
    return _invalid("nested_too_deep", f"nested deeper than {MAX_NESTING} levels", pointer)


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise _DoubtfulError
    return values


def _refuse_constant(text: str) -> float:
    raise _DoubtfulError(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _DoubtfulError(text)
    return number


def _refuse_unfit(document: object, *, texts: bool) -> None:
    """Refuse what is nested without end, and halves of surrogate pairs, which no text can hold.

    It goes by iterators: what waits is as much as the document is deep, not as much as it is wide.
    """
    waiting = [_children(document)]
    path: list[str | int] = [""]
    while waiting:
        for key, value in waiting[-1]:
            path[-1] = key
            if texts and any(isinstance(one, str) and _SURROGATE.search(one) for one in (key, value)):
                pointer = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", _pointer(path))
                raise _invalid("invalid_text", "half of a surrogate pair is no character", pointer)
            if isinstance(value, (dict, list)):
                if len(waiting) >= MAX_NESTING:
                    raise _nested_too_deep(_pointer(path))
                waiting.append(_children(value))
                path.append("")
                break
        else:
            waiting.pop()
            path.pop()


def _children(value: object) -> Iterator[tuple[str | int, object]]:
    if isinstance(value, dict):
        return iter(value.items())
    return iter(enumerate(value)) if isinstance(value, list) else iter(())


def _pointer(path: Iterable[str | int]) -> str:
    pointer = ""
    for segment in path:
        pointer = pointer_to(pointer, segment)
    return pointer


def _doubt(text: str) -> InvalidError:
    try:
        return _Doubt(text).error()
    except _FarAwayError:
        return _SOMEWHERE
    except RecursionError:
        return _nested_too_deep("")


class _Doubt:
    """Finds, in a text that is JSON otherwise, the first doubtful place."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _TOKEN.finditer(text)
        self._left = _MOST_TOKENS

    def error(self) -> InvalidError:
        return self._value(self._take(), "") or _SOMEWHERE

    def _take(self) -> re.Match[str]:
        self._left -= 1
        if self._left < 0:
            raise _FarAwayError
        return next(self._tokens)

    def _value(self, token: re.Match[str], pointer: str) -> InvalidError | None:
        if token.group() == "{":
            return self._object(pointer)
        if token.group() == "[":
            return self._list(pointer)
        text = token.group()
        if text[0] != '"' and text not in {"true", "false", "null"} and not math.isfinite(float(text)):
            return self._fault(token, "invalid_number", f"{text[:40]} is no number of JSON", pointer)
        return None

    def _object(self, pointer: str) -> InvalidError | None:
        seen: set[str] = set()
        token = self._take()
        while token.group() != "}":
            if token.group() == ",":
                token = self._take()
            key: str = json.loads(token.group())
            place = pointer_to(pointer, key)
            if key in seen:
                return self._fault(
                    token, "duplicate_key", f"the key {key[:200]!r} stands twice in one object", place
                )
            seen.add(key)
            self._take()
            fault = self._value(self._take(), place)
            if fault is not None:
                return fault
            token = self._take()
        return None

    def _list(self, pointer: str) -> InvalidError | None:
        number = 0
        token = self._take()
        while token.group() != "]":
            if token.group() == ",":
                token = self._take()
            fault = self._value(token, f"{pointer}/{number}")
            if fault is not None:
                return fault
            number += 1
            token = self._take()
        return None

    def _fault(self, token: re.Match[str], code: str, detail: str, pointer: str) -> InvalidError:
        line = self._text.count("\n", 0, token.start()) + 1
        return _invalid(code, f"line {line}: {detail}", _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", pointer))
