"""What is wrong with what is asked for."""

import math
import re
from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Final

from domain.demand_response.devices import Device
from domain.demand_response.dr_events import EventTerms, Signal, SignalType
from domain.demand_response.model import MOST_LABELS, NO_TIME, Targets
from domain.demand_response.ports import DemandResponseTransaction
from domain.shared.errors import InvalidError, Problem

MOST_DURATION: Final = timedelta(days=1)
"""A baseline is that of a day at most."""

_MOST_NOTICE: Final = timedelta(days=366)
_MOST_TEXT: Final = 200
_MOST_TARGETS: Final = 10_000
_MOST_PRIORITY: Final = 1_000_000
_MOST_KW: Final = 1e9
_PRICE: Final = re.compile(r"(?:[A-Z]{3}|[$£¥€¢]|ct)/[kMG]?Wh")
_LEVELS: Final = frozenset({0.0, 1.0, 2.0, 3.0})


def refuse(problems: Collection[Problem], what: str) -> None:
    """Raise `InvalidError` with the problems, if there are any."""
    if problems:
        first = next(iter(problems))
        detail = what if len(problems) > 1 else f"{what}: {first.detail}"
        raise InvalidError(first.code, detail, tuple(problems))


def terms_problems(terms: EventTerms) -> Iterator[Problem]:
    """Yield each fault that can be seen without looking at anything else."""
    yield from name_problems("/event_name", terms.event_name)
    yield from signal_problems("/signal", terms.signal)
    if terms.start.tzinfo is None:
        yield Problem("/start", "naive_timestamp", "it needs an offset, such as Z or +01:00")
    yield from duration_problems("/duration", terms.duration)
    yield from period_problems("", terms)
    if terms.priority is not None and not 0 <= terms.priority <= _MOST_PRIORITY:
        yield Problem("/priority", "invalid_value", f"from 0, the highest, to {_MOST_PRIORITY}")
    yield from targets_problems("/targets", terms.targets)


def name_problems(place: str, name: str) -> Iterator[Problem]:
    """Yield what is wrong with a name for people."""
    if not name.strip():
        yield Problem(place, "required", "it needs a name")
    elif len(name) > _MOST_TEXT or not name.isprintable():
        yield Problem(place, "invalid_value", f"at most {_MOST_TEXT} printable characters")


def duration_problems(place: str, duration: timedelta) -> Iterator[Problem]:
    """Yield what is wrong with the duration of an event."""
    if duration <= NO_TIME:
        yield Problem(place, "end_before_start", "the event has to end after it starts")
    elif duration > MOST_DURATION:
        yield Problem(place, "too_long", "an event lasts a day at most")


def signal_problems(place: str, signal: Signal) -> Iterator[Problem]:
    """Yield what is wrong with a signal."""
    value = signal.value
    if not math.isfinite(value):
        yield Problem(f"{place}/value", "invalid_value", "it has to be a finite number")
    elif signal.type is SignalType.SIMPLE and value not in _LEVELS:
        yield Problem(f"{place}/value", "invalid_value", "a level is 0, 1, 2 or 3")
    elif signal.type is SignalType.LOAD_REDUCTION:
        yield from power_problems(f"{place}/value", value)
    elif signal.type is SignalType.IMPORT_CAPACITY_LIMIT and not 0 <= value <= _MOST_KW:
        yield Problem(f"{place}/value", "invalid_value", "a limit is not negative, in kW")
    yield from _unit_problems(f"{place}/unit", signal)


def _unit_problems(place: str, signal: Signal) -> Iterator[Problem]:
    unit = signal.unit
    if unit is None:
        return
    if signal.type is SignalType.PRICE:
        if not _PRICE.fullmatch(unit):
            yield Problem(place, "unit_mismatch", "a price is a currency per energy, such as EUR/kWh")
    elif signal.type is SignalType.SIMPLE:
        yield Problem(place, "unit_mismatch", "a level has no unit")
    elif unit != "kW":
        yield Problem(place, "unit_mismatch", "its unit is kW")


def power_problems(place: str, kw: float) -> Iterator[Problem]:
    """Yield what is wrong with the kW that are to be shed."""
    if not (math.isfinite(kw) and 0 < kw <= _MOST_KW):
        yield Problem(place, "invalid_value", f"it has to be above 0 and at most {_MOST_KW:,.0f}, in kW")


def period_problems(place: str, terms: EventTerms) -> Iterator[Problem]:
    """Yield what is wrong with the periods around an event."""
    for name, period, most in (
        ("notification_period", terms.notification_period, _MOST_NOTICE),
        ("ramp_up_period", terms.ramp_up_period, MOST_DURATION),
        ("recovery_period", terms.recovery_period, MOST_DURATION),
        ("randomize_start", terms.randomize_start, MOST_DURATION),
    ):
        if period is not None and not NO_TIME <= period <= most:
            yield Problem(f"{place}/{name}", "invalid_value", f"from nothing to {most.days} days")


def targets_problems(place: str, targets: Targets) -> Iterator[Problem]:
    """Yield what is wrong with targets as they are written."""
    for name, values in (("device_ids", targets.device_ids), ("room_names", targets.room_names)):
        if values is not None and not 0 < len(values) <= _MOST_TARGETS:
            yield Problem(f"{place}/{name}", "invalid_value", f"from 1 to {_MOST_TARGETS}, or leave it out")
    if len(targets.labels) > MOST_LABELS:
        yield Problem(f"{place}/labels", "too_long", f"at most {MOST_LABELS} labels")


async def matching_devices(
    tx: DemandResponseTransaction, targets: Targets, *, need_site_meter: bool = False
) -> list[Device]:
    """Return the devices that the targets name; there is at least one.

    Raises:
        InvalidError: ``unknown_device`` for each that does not exist, ``no_matching_devices``, or
            ``no_site_meter`` where one is needed and none of them has one.

    """
    asked = targets.device_ids or ()
    known = await tx.devices.find(asked)
    unknown = [
        Problem(f"/targets/device_ids/{number}", "unknown_device", f"there is no device {one!r}")
        for number, one in enumerate(asked)
        if one not in known
    ]
    refuse(unknown, "the targets name devices that there are not")
    found = list(await tx.devices.select(targets))
    if not found:
        problem = Problem("/targets", "no_matching_devices", "there is no device that matches all of them")
        refuse([problem], "nobody could be asked")
    if need_site_meter and all(one.terms.site_meter_id is None for one in found):
        problem = Problem("/targets", "no_site_meter", "none of the devices has a site_meter_id")
        refuse([problem], "the import cannot be measured")
    return found
