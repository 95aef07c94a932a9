"""Reading the fields of a decoded JSON object, gathering every fault with its JSON pointer."""

import difflib
import math
from collections.abc import ItemsView, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Final, TypeVar

from domain.shared.errors import InvalidError, Problem

Word = TypeVar("Word", bound=StrEnum)
SHORTEST_PERIOD: Final = 0.01
LONGEST_PERIOD: Final = 31 * 86400.0
LARGEST_NUMBER: Final = 1e100
MAX_TEXT: Final = 2048
MAX_FAULTS: Final = 1000
_GUESSED: Final = 64
"""What is longer is no slip of the pen, and costs time to compare."""


def pointer_to(pointer: str, segment: str | int) -> str:
    """Return the JSON pointer (RFC 6901) of a part of what ``pointer`` points to."""
    return f"{pointer}/{str(segment).replace('~', '~0').replace('/', '~1')}"


class TooManyFaultsError(Exception):
    """So many faults that nobody wants to see further ones."""


class Faults:
    """The faults found so far, in order."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, pointer: str, code: str, detail: str) -> None:
        """Note a fault.

        Raises:
            TooManyFaultsError: there are `MAX_FAULTS` already.

        """
        if len(self.problems) >= MAX_FAULTS:
            raise TooManyFaultsError
        self.problems.append(Problem(pointer, code, detail))

    def raise_if_any(self) -> None:
        """Raise `InvalidError` with all faults, if there are any."""
        if self.problems:
            raise faulty(self.problems)


def faulty(problems: Sequence[Problem]) -> InvalidError:
    """Return the error for a configuration with these faults."""
    count = len(problems)
    told = f"{count} {'fault' if count == 1 else 'faults'}"
    if count >= MAX_FAULTS:
        told = f"more faults than these {count}"
    return InvalidError("invalid_configuration", f"the IoT configuration has {told}", problems)


def kind_of(value: object) -> str:
    """Return what JSON calls the value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "an object"


class Fields:
    """The fields of one object. Each method returns None for an absent or faulty field.

    ``null`` counts as absent. `close` reports the fields that nobody asked for.
    """

    def __init__(self, values: Mapping[str, object], pointer: str, faults: Faults) -> None:
        self._values = values
        self._known: dict[str, None] = {}  # in order, each once: a field may be asked for again
        self.pointer = pointer
        self.faults = faults

    @classmethod
    def of(cls, value: object, pointer: str, faults: Faults) -> "Fields | None":
        """Return the fields of a value that has to be an object."""
        if isinstance(value, dict):
            return cls(value, pointer, faults)
        faults.add(pointer, "wrong_type", f"an object is needed here, not {kind_of(value)}")
        return None

    def __len__(self) -> int:
        """Return how many fields the object has."""
        return len(self._values)

    def entries(self) -> ItemsView[str, object]:
        """Return all fields as they are."""
        return self._values.items()

    def at(self, name: str) -> str:
        """Return the pointer of a field."""
        return pointer_to(self.pointer, name)

    def fault(self, name: str, code: str, detail: str) -> None:
        """Note a fault of a field."""
        self.faults.add(self.at(name), code, detail)

    def value(self, name: str, *, required: bool = False) -> object:
        """Return a field as it is."""
        self._known[name] = None
        found = self._values.get(name)
        if found is None and required:
            self.fault(name, "required", f"{name} is missing")
        return found

    def has(self, name: str) -> bool:
        """Return whether the field is there."""
        return self._values.get(name) is not None

    def text(self, name: str, *, required: bool = False, longest: int = MAX_TEXT) -> str | None:
        """Return printable text that is not empty."""
        found = self.value(name, required=required)
        if found is None:
            return None
        if not isinstance(found, str):
            self._wrong_type(name, "text", found)
            return None
        if not 1 <= len(found) <= longest or not found.isprintable() or not found.strip():
            self.fault(name, "invalid_text", f"{name} needs 1 to {longest} printable characters")
            return None
        return found

    def number(self, name: str, *, least: float | None = None) -> float | None:
        """Return a finite number, above ``least`` if that is given."""
        found = self.value(name)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            self._wrong_type(name, "a number", found)
            return None
        if not (math.isfinite(found) if isinstance(found, float) else True) or abs(found) > LARGEST_NUMBER:
            self.fault(name, "invalid_number", f"{name} has to be a finite number up to {LARGEST_NUMBER:g}")
            return None
        if least is not None and found <= least:
            self.fault(name, "invalid_number", f"{name} has to be above {least:g}, {found:g} is not")
            return None
        return float(found)

    def seconds(self, name: str, *, longest: float = LONGEST_PERIOD) -> timedelta | None:
        """Return a duration that is given in seconds."""
        found = self.value(name)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            self._wrong_type(name, "a number of seconds", found)
            return None
        if not SHORTEST_PERIOD <= found <= longest:
            self.fault(
                name,
                "invalid_period",
                f"{name} has to be {SHORTEST_PERIOD:g} to {longest:,.0f} seconds, not {found!s:.40}",
            )
            return None
        return timedelta(seconds=found)

    def flag(self, name: str) -> bool | None:
        """Return true or false."""
        found = self.value(name)
        if found is None or isinstance(found, bool):
            return found
        self._wrong_type(name, "true or false", found)
        return None

    def word(self, name: str, words: type[Word], *, required: bool = False) -> Word | None:
        """Return one of the words."""
        found = self.value(name, required=required)
        if found is None:
            return None
        if isinstance(found, str) and found in {word.value for word in words}:
            return words(found)
        allowed = ", ".join(word.value for word in words)
        self.fault(name, f"unknown_{name}", f"{name} is one of {allowed}{_meant(found, words)}")
        return None

    def nested(self, name: str, *, required: bool = False) -> "Fields | None":
        """Return the fields of an object in this one."""
        found = self.value(name, required=required)
        return None if found is None else Fields.of(found, self.at(name), self.faults)

    def items(self, name: str, *, required: bool = False) -> "list[tuple[str, object]] | None":
        """Return the elements of a list, each with its pointer."""
        found = self.value(name, required=required)
        if found is None:
            return None
        if not isinstance(found, list):
            self._wrong_type(name, "a list", found)
            return None
        return [(pointer_to(self.at(name), number), item) for number, item in enumerate(found)]

    def texts(self, name: str, *, most: int = 64) -> dict[str, str]:
        """Return an object whose values are all text."""
        fields = self.nested(name)
        if fields is None:
            return {}
        texts: dict[str, str] = {}
        if len(fields) > most:
            self.fault(name, "too_many", f"{name} may have {most} entries")
            return texts
        for key, value in fields.entries():
            if isinstance(value, str) and len(value) <= MAX_TEXT and f"{key}{value}".isprintable():
                texts[key] = value
            else:
                fields.fault(key, "invalid_text", f"{name} need printable text, up to {MAX_TEXT} characters")
        return texts

    def close(self) -> None:
        """Report every field that is none of those asked for."""
        for name in self._values:
            if name not in self._known:
                near = difflib.get_close_matches(name[:_GUESSED], self._known, n=1)
                hint = f": did you mean {near[0]!r}?" if near else f"; known are {', '.join(self._known)}"
                self.fault(name, "unknown_field", f"there is no field {name[:MAX_TEXT]!r} here{hint}")

    def _wrong_type(self, name: str, wanted: str, found: object) -> None:
        self.fault(name, "wrong_type", f"{name} has to be {wanted}, not {kind_of(found)}")


def _meant(found: object, words: type[Word]) -> str:
    if not isinstance(found, str):
        return f", not {kind_of(found)}"
    by_case = {word.value.casefold(): word.value for word in words}
    near = difflib.get_close_matches(found[:_GUESSED].casefold(), by_case, n=1)
    return f": did you mean {by_case[near[0]]!r}?" if near else f", not {found[:100]!r}"
