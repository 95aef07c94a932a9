"""The fields of a line."""

import csv
import math
import re
from typing import Final

_SEPARATORS: Final = (";", "\t", ",")
_QUOTED: Final = re.compile(r'"[^"]*"')
_SHOWN: Final = 80


def separator_of(line: str) -> str | None:
    """Return what splits a line's fields; None where nothing does."""
    bare = _QUOTED.sub("", line)
    return next((separator for separator in _SEPARATORS if separator in bare), None)


def split_fields(line: str, separator: str) -> list[str]:
    """Return a line's fields without outer spaces and quotes."""
    if '"' in line:
        # A lone carriage return would end the line for the csv module.
        (fields,) = csv.reader([line.replace("\r", " ")], delimiter=separator, skipinitialspace=True)
    else:
        fields = line.split(separator)
    return [field.strip() for field in fields]


def number_of(text: str, *, decimal_comma: bool) -> float | None:
    """Return the finite number of a text without outer spaces; None where it is none."""
    # Python's float also takes 1_000 and the digits of other scripts.
    if "_" in text or not text.isascii():
        return None
    try:
        number = float(text.replace(",", ".") if decimal_comma else text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def is_silent(line: str, separator: str | None) -> bool:
    """Return whether a line says nothing: empty, a comment, or separators alone."""
    if line[:1].isdigit():
        return False
    bare = (line.replace(separator, " ") if separator else line).strip()
    return not bare or bare.startswith("#")


def shown(text: str) -> str:
    """Return a text of the file as a message shows it."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
