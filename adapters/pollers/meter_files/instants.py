"""From the times of a file to instants: offsets, clock changes, intervals that are named by their end."""

from array import array
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from adapters.pollers.meter_files.times import (
    DAY_US,
    InvalidTimeError,
    LocalMicroseconds,
    clock_of,
    day_of,
    parse_time,
)
from domain.shared.columns import Integers
from domain.shared.periods import Period
from domain.shared.time import MICROSECOND, from_microseconds, to_microseconds

_MOST_KEPT: Final = 32_768
_DATE_LENGTH: Final = 10
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - local times are counted without a zone


class SkippedTimeError(ValueError):
    """The clock never showed this local time; its message says why."""


class Instants:
    """Turns times into µs since the epoch, in the order of the file.

    Local times in the hour that the clock goes through twice are told apart by what came before of the same
    meter: where the file ascends, a time that does not come after the one before it begins the second pass.
    """

    def __init__(self, zone: ZoneInfo, *, descending: bool = False, shift: Period | None = None) -> None:
        """Read times of this zone; ``shift`` leads from an interval's end to its start."""
        self._zone = zone
        self._descending = descending
        self._shift_days = shift.days if shift else 0
        self._shift_us = shift.elapsed // MICROSECOND if shift else 0
        self._repeated: dict[str, tuple[LocalMicroseconds, bool]] = {}
        self._local_days, self._local_clocks = _Days(zone), _Clocks(self._shift_us, with_offset=False)
        self._days, self._clocks = _Days(None), _Clocks(self._shift_us, with_offset=True)

    def column(self, texts: Sequence[str], meters: Collection[str]) -> Integers:
        """Return the instants of rows, all in one notation, far from any clock change.

        Raises:
            ValueError: they are not that plain; nothing has changed, and `instant` can say more of each.

        """
        if self._shift_days:
            raise InvalidTimeError("days have to be counted by the calendar")
        if clock_of(texts[0][_DATE_LENGTH:])[1] is None:
            days, clocks = self._local_days, self._local_clocks
        else:
            days, clocks = self._days, self._clocks
        instants = array("q", [days[text[:_DATE_LENGTH]] + clocks[text[_DATE_LENGTH:]] for text in texts])
        if self._repeated and days is self._local_days:
            for meter in meters:
                self._repeated.pop(meter, None)
        return instants

    def instant(self, text: str, meter: str, step: timedelta | None = None) -> int:
        """Return the instant of the next time of a meter, whose times usually are a ``step`` apart.

        Raises:
            InvalidTimeError: it is no time.
            SkippedTimeError: the clock never showed it.

        """
        plain = self._plain(text)
        if plain is not None:
            self._repeated.pop(meter, None)
            return plain
        local, offset = parse_time(text)
        if offset is None:
            offset = self._offset(local, meter, step)
        instant = local - offset - self._shift_us
        return self._days_before(instant) if self._shift_days else instant

    def _plain(self, text: str) -> int | None:
        """Return the instant of a local time in the usual notation, far from any clock change."""
        if self._shift_days:
            return None
        day, behind = text[:_DATE_LENGTH], text[_DATE_LENGTH:]
        try:
            return self._local_days[day] + self._local_clocks[behind]
        except InvalidTimeError:
            return None

    def _offset(self, local: LocalMicroseconds, meter: str, step: timedelta | None) -> int:
        first, second = _offsets(self._zone, local)
        if first == second:
            self._repeated.pop(meter, None)
            return first
        if first < second:
            raise SkippedTimeError(f"the clock never showed this time in {self._zone.key}: it went forward")
        before, was_second = self._repeated.get(meter, (None, False))
        if before is None or abs(local - before) >= DAY_US:
            is_second = self._descending
        elif local == before and step is not None and step // MICROSECOND < first - second:
            # With a step that fits into the hour, no time is that of the row before: that row is there twice.
            is_second = was_second
        elif self._descending:
            is_second = was_second and local < before
        else:
            is_second = was_second or local <= before
        self._repeated[meter] = local, is_second
        return second if is_second else first

    def _days_before(self, instant: int) -> int:
        end = from_microseconds(instant).astimezone(self._zone).replace(tzinfo=None)
        start = (end - timedelta(days=self._shift_days)).replace(tzinfo=self._zone)
        return to_microseconds(start.astimezone(UTC))


def _offsets(zone: ZoneInfo, local: LocalMicroseconds) -> tuple[int, int]:
    """Return the offsets with which the clock can have shown a time, the earlier instant's first.

    The first is the smaller one where the clock jumped over that time.
    """
    shown = (_EPOCH + timedelta(microseconds=local)).replace(tzinfo=zone)
    first, second = shown.utcoffset(), shown.replace(fold=1).utcoffset()
    if first is None or second is None:  # pragma: no cover - only for tzinfo that knows no offset
        raise InvalidTimeError("the zone has no offset")
    return first // MICROSECOND, second // MICROSECOND


class _Days(dict[str, int]):
    """Midnights as instants by their dates: of days without a clock change, or in UTC where no zone is given.

    A missing one is computed; ValueError where the day is not that plain.
    """

    def __init__(self, zone: ZoneInfo | None) -> None:
        super().__init__()
        self._zone = zone

    def __missing__(self, text: str) -> int:
        if len(text) != _DATE_LENGTH:
            raise InvalidTimeError("not in the notation that is read fast")
        midnight = day_of(text)
        offset = 0
        if self._zone is not None:
            offset = _offset_of_day(self._zone, midnight)
        if len(self) >= _MOST_KEPT:
            self.clear()
        self[text] = midnight - offset
        return midnight - offset


def _offset_of_day(zone: ZoneInfo, midnight: LocalMicroseconds) -> int:
    """Return the one offset of a local day, its end included.

    Raises:
        InvalidTimeError: it has more than one.

    """
    first, second = _offsets(zone, midnight)
    # No zone changes its clock twice in a day.
    if first == second and _offsets(zone, LocalMicroseconds(midnight + DAY_US)) == (first, second):
        return first
    raise InvalidTimeError("the clock changes on this day")


class _Clocks(dict[str, int]):
    """What stands behind a date as µs from its midnight; ValueError where it is not of this kind."""

    def __init__(self, shift_us: int, *, with_offset: bool) -> None:
        super().__init__()
        self._shift_us = shift_us
        self._with_offset = with_offset

    def __missing__(self, text: str) -> int:
        clock, offset = clock_of(text)
        if (offset is not None) is not self._with_offset:
            raise InvalidTimeError("an offset here, and none there")
        if len(self) >= _MOST_KEPT:
            self.clear()
        self[text] = clock - (offset or 0) - self._shift_us
        return self[text]
