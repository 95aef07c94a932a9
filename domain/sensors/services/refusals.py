"""Refused readings as they are kept."""

from collections.abc import Iterable
from typing import Final

from domain.sensors.model import Rejected
from domain.shared.time import from_microseconds

_MAX_SHOWN: Final = 200
_MAX_DETAIL: Final = 500


def refused(
    index: int, sensor_id: str, code: str, detail: str, *, time: str, value: str, unit: str | None
) -> Rejected:
    """Return a refused reading, its texts as far as they can be kept and shown."""
    return Rejected(
        index=index,
        sensor_id=_kept(sensor_id),
        code=code,
        detail=_kept(detail, _MAX_DETAIL),
        time=_kept(time),
        value=_kept(value),
        unit=None if unit is None else _kept(unit),
    )


def in_order(rejected: Iterable[Rejected]) -> tuple[Rejected, ...]:
    """Return them as a receipt has them: by their place in the request."""
    return tuple(sorted(rejected, key=lambda one: one.index))


def _kept(text: str, limit: int = _MAX_SHOWN) -> str:
    """Return the text without the one character that no database keeps, and cut."""
    return text[:limit].replace("\0", "\N{REPLACEMENT CHARACTER}")


def written(time_us: int) -> str:
    """Return the time as text, whatever year it lies in."""
    try:
        return from_microseconds(time_us).isoformat()
    except OverflowError:  # an offset took it out of the years 1 to 9999
        return f"{time_us} µs"
