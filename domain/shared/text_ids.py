"""The client's own text ids."""

import re

from domain.shared.errors import InvalidError

_TEXT_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_RESERVED = frozenset({"get", "names"})
MAX_LENGTH = 128


def text_id(value: str, what: str) -> str:
    """Return the id where it is well formed.

    Raises:
        InvalidError: ``invalid_id``, naming what kind of id it was to be.

    """
    if not _TEXT_ID.fullmatch(value):
        raise InvalidError("invalid_id", f"{what} needs 1 to {MAX_LENGTH} characters of A-Z a-z 0-9 . _ : -")
    if value in _RESERVED:
        raise InvalidError("invalid_id", f"{what} may not be {value!r}: that word is a path of the API")
    return value


def text_name(value: str, what: str) -> str:
    """Return a name that people gave, such as a room's: printable, without a slash or outer spaces.

    Raises:
        InvalidError: ``invalid_id``.

    """
    well_formed = 1 <= len(value) <= MAX_LENGTH and value.isprintable() and value.strip() == value
    if not well_formed or "/" in value:
        raise InvalidError(
            "invalid_id", f"{what} needs 1 to {MAX_LENGTH} printable characters, no slash, no outer spaces"
        )
    if value in _RESERVED:
        raise InvalidError("invalid_id", f"{what} may not be {value!r}: that word is a path of the API")
    return value
