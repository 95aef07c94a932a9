"""What the calls of demand response share: words of the API, and the parts of which their bodies are made."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Final, Self

import msgspec

from adapters.http_api.tariffs import From, To
from adapters.web.times import Instant
from domain.demand_response.dr_events import Signal, SignalType
from domain.demand_response.model import DeviceId, LeftOut, RoomName, Targets, WeekWindow
from domain.shared.errors import InvalidError, Problem
from domain.shared.weeks import Weekday, parse_clock, written_clock

TAG: Final = ("Demand response",)
FIRST: Final = datetime(1971, 1, 1, tzinfo=UTC)
LAST: Final = datetime(9000, 1, 1, tzinfo=UTC)

Words = Annotated[str, msgspec.Meta(max_length=2000)]
Reason = Annotated[str | None, msgspec.Meta(description="Why, in words for people.")]
Kw = Annotated[float, msgspec.Meta(description="kW.", examples=[2.5])]


class WindowFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A time of the day in the site's zone, on the days on which it begins."""

    days: Annotated[list[Weekday], msgspec.Meta(examples=[["mon", "tue", "wed", "thu", "fri"]])]
    from_: From = msgspec.field(name="from")
    to: To


class TargetsFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which devices: of each kind that is given one has to hold, and all labels. Nothing given: all."""

    device_ids: Annotated[list[str] | None, msgspec.Meta(examples=[["heat-pump"]])] = None
    room_names: Annotated[list[str] | None, msgspec.Meta(examples=[["Lab 1"]])] = None
    labels: Annotated[dict[str, str] | None, msgspec.Meta(examples=[{"circuit": "hvac"}])] = None


class SignalFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is asked for, and how much.

    ``SIMPLE``: a level from 0 (nothing) to 3; ``LOAD_REDUCTION``: kW less; ``PRICE``: a price per energy, in
    the ``unit``; ``IMPORT_CAPACITY_LIMIT``: kW that the site may take from the grid at most.
    """

    type: SignalType
    value: Annotated[float, msgspec.Meta(examples=[3])]
    unit: Annotated[str | None, msgspec.Meta(examples=["kW", "EUR/kWh"])] = None


class LeftOutAnswer(msgspec.Struct, kw_only=True):
    """A device that is not asked or not told, and why: a stable code, and the reason for people."""

    device_id: str
    code: str
    reason: str

    @classmethod
    def of(cls, one: LeftOut) -> Self:
        """Tell a device that was left out."""
        return cls(device_id=one.device_id, code=one.code, reason=one.detail)


def instant(time: datetime | None) -> Instant | None:
    """Tell a time that may not be there."""
    return None if time is None else Instant.of(time)


def window_fields(windows: Sequence[WeekWindow] | None) -> list[WindowFields] | None:
    """Tell windows of the week; None: always."""
    if windows is None:
        return None
    return [
        WindowFields(
            days=[day for day in Weekday if day in window.days],
            from_=written_clock(window.since),
            to=written_clock(window.until),
        )
        for window in windows
    ]


def windows_of(given: Sequence[WindowFields] | None) -> tuple[WeekWindow, ...] | None:
    """Return the windows that a client wrote."""
    if given is None:
        return None
    return tuple(
        WeekWindow(frozenset(one.days), parse_clock(one.from_), parse_clock(one.to)) for one in given
    )


def target_fields(targets: Targets) -> TargetsFields:
    """Tell whom an event asks."""
    return TargetsFields(
        device_ids=None if targets.device_ids is None else list(targets.device_ids),
        room_names=None if targets.room_names is None else list(targets.room_names),
        labels=dict(targets.labels) or None,
    )


def targets_of(given: TargetsFields | None) -> Targets:
    """Return the targets that a client wrote."""
    if given is None:
        return Targets()
    return Targets(
        device_ids=None if given.device_ids is None else tuple(map(DeviceId, given.device_ids)),
        room_names=None if given.room_names is None else tuple(map(RoomName, given.room_names)),
        labels=tuple((given.labels or {}).items()),
    )


def signal_fields(signal: Signal) -> SignalFields:
    """Tell what is asked for."""
    return SignalFields(type=signal.type, value=signal.value, unit=signal.unit)


def signal_of(given: SignalFields) -> Signal:
    """Return the signal that a client wrote; without a unit, kW is what is meant where kW are asked for."""
    unit = "kW" if given.unit is None and given.type.in_kw else given.unit
    return Signal(given.type, given.value, unit)


def check_calendar(**times: datetime | None) -> None:
    """Refuse times that leave no room in the calendar for what comes before and after; names are pointers.

    Raises:
        InvalidError: ``out_of_calendar``.

    """
    problems = [
        Problem(f"/{name}", "out_of_calendar", f"from the year {FIRST.year} to {LAST.year}")
        for name, time in times.items()
        if time is not None and not FIRST <= time < LAST
    ]
    if problems:
        raise InvalidError("out_of_calendar", "a time is too far from now", problems)


@contextmanager
def in_query(places: Mapping[str, str]) -> Iterator[None]:
    """Say that faults lie in the query; ``places`` are pointers by the code of those without a place."""
    try:
        yield
    except InvalidError as error:
        found = error.problems or [Problem(places.get(error.code, ""), error.code, error.detail)]
        problems = [Problem(f"/query{one.pointer}", one.code, one.detail) for one in found]
        raise InvalidError(error.code, error.detail, problems) from error
