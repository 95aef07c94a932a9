"""All faults of an input at once, each with its place, where msgspec alone stops at the first."""

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec

from adapters.web.times import decode_hook
from domain.shared.errors import Problem

MAX_FAULTS: Final = 100
_MOST_EXACT: Final = 2.0**53
_OWN: Final = re.compile(r"(?P<code>[a-z][a-z0-9_]*): (?P<detail>.+)", re.DOTALL)
_AT: Final = re.compile(r" - at `(?P<path>[^`]*)`$")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_FIELD: Final = re.compile(r"Object (?P<fault>missing required|contains unknown) field `(?P<name>[^`]*)`")
_CODES: Final = (
    (re.compile(r"^Expected .* (of length|matching regex)"), "wrong_format"),
    (re.compile(r"^Expected .* ([<>]=? |that's a multiple)"), "out_of_range"),
    (re.compile(r"^Expected "), "wrong_type"),
    (re.compile(r"^(Integer|Number|Duration|Timestamp).*out of range"), "out_of_range"),
    (re.compile(r"^Invalid enum value"), "not_allowed"),
    (re.compile(r"^Invalid "), "wrong_format"),
)


def pointer_of(*steps: object) -> str:
    """Return the JSON pointer (RFC 6901) of these steps."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def described(message: str, pointer: str) -> Problem:
    """Return what a message of msgspec, or of a type of `adapters.web.times`, says of the value there."""
    at = _AT.search(message)
    if at:
        message = message[: at.start()]
        steps = _STEP.findall(at["path"].removeprefix("$"))
        pointer += pointer_of(*(name or number for name, number in steps))
    field = _FIELD.match(message)
    if field:
        if field["fault"] == "missing required":
            return Problem(pointer + pointer_of(field["name"]), "required", "this field is needed")
        return Problem(pointer + pointer_of(field["name"]), "unknown_field", "there is no such field here")
    own = _OWN.fullmatch(message)
    if own:
        return Problem(pointer, own["code"], own["detail"])
    code = next((code for pattern, code in _CODES if pattern.search(message)), "invalid")
    return Problem(pointer, code, message)


def _hook(target: type, value: Any) -> Any:  # noqa: ANN401 - msgspec's own signature
    return value if isinstance(value, target) else decode_hook(target, value)


def _plain(kind: Any) -> Any:  # noqa: ANN401 - any annotation
    """Return the one type inside Annotated and Optional, or the annotation itself."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif get_origin(kind) in {Union, types.UnionType}:
            inner = [one for one in get_args(kind) if one not in {type(None), msgspec.UnsetType}]
            if len(inner) != 1:
                return kind
            kind = inner[0]
        else:
            return kind


def choices(kind: Any) -> str | None:  # noqa: ANN401 - any annotation
    """Return in words what a value of this type may be, None where it is no choice of words."""
    plain = _plain(kind)
    if isinstance(plain, type) and issubclass(plain, StrEnum):
        return f"it has to be one of {', '.join(plain)}"
    return None


def item(kind: Any) -> Any:  # noqa: ANN401 - any annotation
    """Return the type of a sequence's items, of anything else the type itself."""
    plain = _plain(kind)
    origin = get_origin(plain)
    return get_args(plain)[0] if isinstance(origin, type) and issubclass(origin, Sequence) else plain


def faults(value: object, kind: Any, pointer: str = "") -> list[Problem]:  # noqa: ANN401 - any annotation
    """Return what keeps the decoded JSON from being of this type: up to 100 faults.

    A text is no number and no truth value here, whatever it says.
    """
    return list(islice(_faults(_whole(value), kind, pointer), MAX_FAULTS))


def _whole(value: object) -> object:
    """Return the value with 2.0 as 2, since JSON knows one kind of number."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _MOST_EXACT:
        return int(value)
    if isinstance(value, dict):
        return {name: _whole(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return value


def _faults(value: object, kind: Any, pointer: str) -> Iterator[Problem]:  # noqa: ANN401 - any annotation
    try:
        msgspec.convert(value, kind, dec_hook=_hook)
    except msgspec.ValidationError as error:
        plain = _plain(kind)
        words = choices(plain)
        if words is not None and isinstance(value, str):
            yield Problem(pointer, "not_allowed", words)
            return
        inner = list(islice(_inner_faults(value, plain, pointer), MAX_FAULTS))
        yield from inner or [described(str(error), pointer)]


def _inner_faults(value: object, kind: Any, pointer: str) -> Iterator[Problem]:  # noqa: ANN401 - any annotation
    origin = get_origin(kind) or kind
    if not isinstance(origin, type):
        return
    if issubclass(origin, msgspec.Struct) and isinstance(value, dict):
        yield from _struct_faults(value, kind, pointer)
    elif issubclass(origin, Mapping) and isinstance(value, dict) and len(get_args(kind)) == 2:  # noqa: PLR2004
        for key, item in value.items():
            yield from _faults(item, get_args(kind)[1], pointer + pointer_of(key))
    elif issubclass(origin, Sequence) and isinstance(value, list) and len(get_args(kind)) == 1:
        for index, item in enumerate(value):
            yield from _faults(item, get_args(kind)[0], pointer + pointer_of(index))


def _struct_faults(value: dict[str, object], kind: Any, pointer: str) -> Iterator[Problem]:  # noqa: ANN401
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, field in fields.items():
        if name in value:
            yield from _faults(value[name], field.type, pointer + pointer_of(name))
        elif field.required:
            yield described(f"Object missing required field `{name}`", pointer)
    if (get_origin(kind) or kind).__struct_config__.forbid_unknown_fields:
        for name in value.keys() - fields.keys():
            yield described(f"Object contains unknown field `{name}`", pointer)
