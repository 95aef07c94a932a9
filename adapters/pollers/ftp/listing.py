"""Lines of listings: MLSD (RFC 3659), and what servers send as LIST, of Unix and of Windows.

Times of MLSD are UTC. Those of LIST have no zone, and no year in the last half year or no time of day
before: they are taken as UTC, and to be less than a day ahead.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Final

from adapters.pollers.ftp.wire import from_bytes

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LEAP_YEARS_APART: Final = 8
_CENTURY: Final = 2000
_TWO_DIGITS: Final = 100
_NOON: Final = 12

# Each repetition is bounded, so that no line can be made to take long.
_SIZE: Final = re.compile(r"\d{1,18}")
_MODIFIED: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,6})\d{0,12})?")
_UNIX: Final = re.compile(
    rb"(?P<kind>[-dlbcpsD])[-rwxsStTlL]{9}[.+@]? .{0,200}? (?P<size>\d{1,18}) {1,9}"
    rb"(?P<month>[A-Za-z]{3}) {1,9}(?P<day>\d{1,2}) {1,9}"
    rb"(?:(?P<hour>\d{1,2}):(?P<minute>\d\d)|(?P<year>\d{4})) (?P<name>.{1,2000})"
)
_WINDOWS: Final = re.compile(
    rb"(?P<month>\d\d)[-/](?P<day>\d\d)[-/](?P<year>\d{4}|\d\d) {1,9}"
    rb"(?P<hour>\d\d):(?P<minute>\d\d) {0,9}(?P<half>[AP]M)? {1,40}"
    rb"(?:(?P<folder><DIR>)|(?P<size>\d{1,18})) {1,40}(?P<name>.{1,2000})"
)


class Kind(Enum):
    """What a name stands for. Links are not followed: nothing says where they lead."""

    FILE = auto()
    FOLDER = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a listing; ``identity`` is the same for the same thing under any name, where known."""

    name: str
    kind: Kind
    size: int = 0
    modified: datetime | None = None
    identity: str | None = None


def is_safe(name: str) -> bool:
    """Return whether a name can be one of something in its folder, and be sent, stored and shown."""
    return (
        name not in {"", ".", ".."}
        and "/" not in name
        and not any(unicodedata.category(character) in {"Cc", "Cs"} for character in name)
    )


def mlsd_entry(line: bytes) -> Entry | None:
    """Return what a line of MLSD says, None for the folder itself and the one above.

    Raises:
        ValueError: it is none.

    """
    facts, space, name = line.partition(b" ")
    if not space:
        raise ValueError("no name")
    return entry_of_facts(facts.decode("latin-1"), from_bytes(name))


def entry_of_facts(text: str, name: str) -> Entry | None:
    """Return what the facts of MLSD or MLST say of a name, None for the folder itself and the one above.

    Raises:
        ValueError: they do not say what it is.

    """
    facts: dict[str, str] = {}
    for fact in text.split(";"):
        key, _, value = fact.partition("=")
        facts[key.strip().lower()] = value
    match facts.get("type", "").lower():
        case "cdir" | "pdir":
            return None
        case "dir":
            return Entry(name, Kind.FOLDER, identity=facts.get("unique") or None)
        case "file":
            if not _SIZE.fullmatch(facts.get("size", "")):
                raise ValueError("no size")
            return Entry(name, Kind.FILE, int(facts["size"]), _utc(facts.get("modify", "")))
        case "":
            raise ValueError("no type")
    return Entry(name, Kind.OTHER)


def list_entry(line: bytes, now: datetime) -> Entry | None:
    """Return what a line of LIST says, None for the folder itself, the one above, and the head.

    Raises:
        ValueError: it is in no known form.

    """
    if line.startswith(b"total ") and line[6:].strip().isdigit():
        return None
    found = _UNIX.fullmatch(line)
    if found is not None:
        entry = _unix(found, now)
    else:
        found = _WINDOWS.fullmatch(line)
        if found is None:
            raise ValueError("unknown form")
        entry = _windows(found)
    return None if entry.name in {".", ".."} else entry


def _unix(found: re.Match[bytes], now: datetime) -> Entry:
    name = from_bytes(found["name"])
    match found["kind"]:
        case b"-":
            return Entry(name, Kind.FILE, int(found["size"]), _unix_time(found, now))
        case b"d":
            return Entry(name, Kind.FOLDER)
    return Entry(name.partition(" -> ")[0], Kind.OTHER)


def _unix_time(found: re.Match[bytes], now: datetime) -> datetime:
    month = _MONTHS.index(found["month"].decode().lower()) + 1
    day = int(found["day"])
    if found["year"] is not None:
        return datetime(int(found["year"]), month, day, tzinfo=UTC)
    for year in range(now.year + 1, now.year - _LEAP_YEARS_APART, -1):
        try:
            time = datetime(year, month, day, int(found["hour"]), int(found["minute"]), tzinfo=UTC)
        except ValueError:
            continue  # a 29th of February
        if time <= now + timedelta(days=1):
            return time
    raise ValueError("no such day")


def _windows(found: re.Match[bytes]) -> Entry:
    name = from_bytes(found["name"])
    if found["folder"] is not None:
        return Entry(name, Kind.FOLDER)
    year, hour = int(found["year"]), int(found["hour"])
    if found["half"] is not None:
        hour = hour % _NOON + (_NOON if found["half"] == b"PM" else 0)
    time = datetime(
        year + _CENTURY if year < _TWO_DIGITS else year,
        int(found["month"]),
        int(found["day"]),
        hour,
        int(found["minute"]),
        tzinfo=UTC,
    )
    return Entry(name, Kind.FILE, int(found["size"]), time)


def _utc(text: str) -> datetime | None:
    found = _MODIFIED.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups()[:-1])
    part = int((found[7] or "0").ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, second, part, tzinfo=UTC)
    except ValueError:
        return None
