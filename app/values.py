"""How the text of an environment variable becomes a value; a ``ValueError`` says what is allowed instead."""

import re
from collections.abc import Callable
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from adapters.calendars.public_holidays import has_holidays
from adapters.pollers.host_guard import HostGuard
from adapters.web.limits import Rate

Word = TypeVar("Word", bound=StrEnum)

_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})
_DRIVERS: Final = frozenset({"postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg"})
_RATE: Final = re.compile(r"(?P<count>[1-9]\d{0,8})/(?P<per>second|minute|hour)", re.ASCII)
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600}
_COUNTRY: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_HOST_NAME: Final = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?", re.ASCII)
_LAST_PORT: Final = 65_535
_SHORTEST_INTERVAL: Final = 0.1
_LONGEST_INTERVAL: Final = 31_536_000.0


def boolean(text: str) -> bool:
    """Read true or false, yes or no, on or off, 1 or 0."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError("true or false")


def port(text: str) -> int:
    """Read a port."""
    return whole(0, _LAST_PORT)(text)


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return the reader of a whole number in these bounds."""

    def read(text: str) -> int:
        if not text.isdecimal() or not text.isascii() or not least <= int(text[:20]) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return read


def seconds(text: str) -> float:
    """Read a positive number of seconds."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ValueError("a number of seconds above 0, such as 60 or 0.5")
    return value


def word_of(kind: type[Word]) -> Callable[[str], Word]:
    """Return the reader of one of these words."""

    def read(text: str) -> Word:
        try:
            return kind(text.lower())
        except ValueError:
            raise ValueError(" or ".join(kind)) from None

    return read


def interval(text: str) -> float:
    """Read the seconds between two runs of a job."""
    expected = "a number of seconds from 0.1 to 31536000 (a year), such as 300 or 0.5"
    try:
        value = seconds(text)
    except ValueError:
        raise ValueError(expected) from None
    if not _SHORTEST_INTERVAL <= value <= _LONGEST_INTERVAL:
        raise ValueError(expected)
    return value


def text_of(value: str) -> str:
    """Read any text."""
    return value


def path(text: str) -> Path:
    """Read a path."""
    return Path(text).expanduser()


def existing_file(text: str) -> Path:
    """Read the path of a file that is there."""
    file = path(text)
    if not file.is_file():
        raise ValueError("the path of a file that exists")
    return file


def database_url(text: str) -> str:
    """Read the URL of a PostgreSQL database; the driver is ours to choose."""
    expected = "a URL such as postgresql://user:password@host:5432/database"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError(expected) from None
    if url.drivername not in _DRIVERS or not url.database:
        raise ValueError(expected)
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def redis_url(text: str) -> str:
    """Read the URL of a Redis server."""
    if urlsplit(text).scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("a URL such as redis://host:6379/0")
    return text


def zone(text: str) -> ZoneInfo:
    """Read a time zone."""
    try:
        return ZoneInfo(text)
    except (ValueError, KeyError, OSError):
        raise ValueError("the IANA name of a time zone, such as Europe/Lisbon") from None


def country(text: str) -> str:
    """Read a country whose holidays are known, maybe with a subdivision."""
    if not _COUNTRY.fullmatch(text.upper()) or not has_holidays(text.upper()):
        raise ValueError(
            "a country of ISO 3166 whose holidays are known, such as PT, or its subdivision, such as DE-BY"
        )
    return text.upper()


def rate(text: str) -> Rate:
    """Read so many calls in a time."""
    match = _RATE.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError("N/second, N/minute or N/hour, such as 100/second")
    return Rate(int(match["count"]), _SECONDS[match["per"]])


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def origins(text: str) -> tuple[str, ...]:
    """Read the origins of web pages."""
    for origin in _parts(text):
        try:
            parts = urlsplit(origin)
            well_formed = parts.scheme in {"http", "https"} and f"{parts.scheme}://{parts.netloc}" == origin
            well_formed = well_formed and bool(parts.hostname)
        except ValueError:
            well_formed = False
        if origin != "*" and not well_formed:
            raise ValueError("* or origins split by commas, such as https://app.example.com")
    return _parts(text)


def hosts(text: str) -> tuple[str, ...]:
    """Read hosts and networks."""
    try:
        HostGuard(_parts(text))
    except ValueError:
        raise ValueError(
            "hosts and networks split by commas, such as 10.0.0.0/8, meter.example.com"
        ) from None
    return _parts(text)


def host(text: str) -> str:
    """Read the name or address of one host, and nothing else of a URL."""
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        if not _HOST_NAME.fullmatch(text):
            raise ValueError("a host name or an address alone, such as ftp.example.com") from None
    return text.strip("[]")


def visible_ascii(text: str) -> str:
    """Read what an HTTP header can carry."""
    if not (len(text) <= 512 and all("!" <= character <= "~" for character in text)):  # noqa: PLR2004
        raise ValueError("up to 512 visible ASCII characters without spaces")
    return text
