"""Times, durations and zones as clients write and read them (api.md, ground rules).

Each type here can stand in msgspec structs and in handler signatures; `TYPE_DECODERS` and `TYPE_ENCODERS`
tell Litestar how. What is read is the plain type of the standard library (`datetime`, `timedelta`,
`ZoneInfo`), ready for use cases; what is written has to be made with ``of``. Faults are raised as
``ValueError("<code>: <what to do>")``, since msgspec adds the place to those.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from domain.shared.errors import InvalidError
from domain.shared.periods import Period, parse_period, period_of
from domain.shared.time import EPOCH

_TIME: Final = re.compile(
    r"(?P<local>\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,12})?)?)"
    r"(?P<offset>[Zz]|[-+ ]\d\d(?::?\d\d)?)?",
    re.ASCII,
)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?", re.ASCII)
_NOTHING: Final = re.compile(r"P(?=\d|T\d)(?:0+[YMWD])*(?:T(?:0+[HMS])+)?", re.ASCII)
_MILLISECONDS_FROM: Final = 1e11
_INVALID: Final = "invalid_timestamp: a time is written as RFC 3339 says, such as 2026-03-29T00:00:00+00:00"
_NAIVE: Final = "naive_timestamp: a time needs an offset, such as Z or +01:00"


def _from_number(number: float) -> datetime:
    try:
        if not math.isfinite(number):
            raise ValueError(_INVALID)
        if abs(number) >= _MILLISECONDS_FROM:
            return EPOCH + timedelta(milliseconds=number)
        return EPOCH + timedelta(seconds=number)
    except OverflowError as error:
        raise ValueError(_INVALID) from error


def _from_text(text: str) -> datetime:
    if _NUMBER.fullmatch(text):
        return _from_number(float(text) if "." in text else int(text))
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(_NAIVE if _DATE.fullmatch(text) else _INVALID)
    offset = match["offset"]
    if offset is None:
        raise ValueError(_NAIVE)
    # In a query string an unescaped + arrives as a space.
    offset = offset.upper().replace(" ", "+")
    try:
        return datetime.fromisoformat(match["local"].replace(",", ".").upper() + offset).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(_INVALID) from error


def parse_time(value: object) -> datetime:
    """Return the time that a client wrote, aware, in UTC.

    Takes RFC 3339 with an offset, and epoch seconds or (from 1e11 up) milliseconds as a number or its text.

    Raises:
        ValueError: ``naive_timestamp: ...`` or ``invalid_timestamp: ...``.

    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(_NAIVE)
        return value.astimezone(UTC)
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _from_number(value)
    raise ValueError(_INVALID)


class _ReadAsParent(type):
    """Lets msgspec take the parent's instances for such a type, so that ours reach no use case."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.__base__ or object)


class Instant(datetime, metaclass=_ReadAsParent):
    """A `datetime` that is read by the rules of the API (as aware UTC) and written with ``+00:00``."""

    @classmethod
    def of(cls, time: datetime) -> Self:
        """Return the same time, with the same offset, as one to be written."""
        return cls(
            time.year,
            time.month,
            time.day,
            time.hour,
            time.minute,
            time.second,
            time.microsecond,
            tzinfo=time.tzinfo,
            fold=time.fold,
        )


class Elapsed(timedelta, metaclass=_ReadAsParent):
    """A `timedelta` that is read and written as ISO 8601 (``PT15M``); ``P1D`` is 24 hours here."""

    @classmethod
    def of(cls, length: timedelta) -> Self:
        """Return the same length as one to be written."""
        return cls(days=length.days, seconds=length.seconds, microseconds=length.microseconds)


class Span(Elapsed):
    """As `Elapsed`, but it may be nothing: ``PT0S``."""


class CalendarPeriod:
    """A `Period` that is read and written as ISO 8601 (``P1D`` is a calendar day, ``P1M`` a month)."""

    __slots__ = ("period",)

    def __init__(self, period: Period) -> None:
        self.period = period

    def __str__(self) -> str:
        return str(self.period)


class Timezone(ZoneInfo, metaclass=_ReadAsParent):
    """A `ZoneInfo` that is read and written by its IANA name."""


def _period(value: object) -> Period:
    if not isinstance(value, str):
        raise ValueError("invalid_duration: a duration is a text as ISO 8601 writes it, such as PT15M")  # noqa: TRY004
    try:
        return parse_period(value)
    except InvalidError as error:
        raise ValueError(f"{error.code}: {error.detail}") from error


def _instant(_: type, value: object) -> datetime:
    return parse_time(value)


def _elapsed(_: type, value: object) -> timedelta:
    exact = _period(value).exact
    if exact is None:
        raise ValueError("invalid_duration: months and years differ in length, use days, hours or minutes")
    return exact


def _span(target: type, value: object) -> timedelta:
    if isinstance(value, str) and _NOTHING.fullmatch(value):
        return timedelta()
    return _elapsed(target, value)


def _calendar_period(_: type, value: object) -> CalendarPeriod:
    return CalendarPeriod(_period(value))


def _timezone(_: type, value: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(value))
    except (ValueError, KeyError, OSError) as error:
        raise ValueError("unknown_timezone: a zone is named as IANA does, such as Europe/Lisbon") from error


_DECODERS: Final[dict[type, Callable[[type, Any], Any]]] = {
    Instant: _instant,
    Elapsed: _elapsed,
    Span: _span,
    CalendarPeriod: _calendar_period,
    Timezone: _timezone,
}
TYPE_DECODERS: Final = [(lambda target, own=own: target is own, decode) for own, decode in _DECODERS.items()]
"""For ``Litestar(type_decoders=...)``."""

TYPE_ENCODERS: Final[Mapping[type, Callable[[Any], Any]]] = {
    Instant: lambda time: time.isoformat(),
    Elapsed: lambda length: str(period_of(length)),
    Span: lambda length: str(period_of(length)),
    CalendarPeriod: str,
    ZoneInfo: lambda zone: zone.key,
}
"""For ``Litestar(type_encoders=...)``."""


def decode_hook(target: type, value: Any) -> Any:  # noqa: ANN401 - msgspec's own signature
    """Decode the types of this file: the ``dec_hook`` of a msgspec decoder of one's own."""
    return _DECODERS[target](target, value)


def encode_hook(value: Any) -> Any:  # noqa: ANN401 - msgspec's own signature
    """Encode the types of this file: the ``enc_hook`` of a msgspec encoder of one's own."""
    return TYPE_ENCODERS[type(value)](value)
