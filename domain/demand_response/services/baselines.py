"""Baselines of any window, and how far a method is off."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.demand_response.accuracy import Accuracy, ClockWindow, accuracy_of
from domain.demand_response.adjustments import AdjustmentKind
from domain.demand_response.baseline_methods import EARLIEST_DAYS_BACK, BaselineMethod
from domain.demand_response.baseline_results import Baseline, BaselineRequest
from domain.demand_response.baselines import baseline_of
from domain.demand_response.devices import Device
from domain.demand_response.errors import unknown_device
from domain.demand_response.load import fitting_resolution
from domain.demand_response.load_spans import baseline_spans
from domain.demand_response.model import NO_TIME, DeviceId, SensorId
from domain.demand_response.ports import DemandResponseTransaction, DemandResponseUnitOfWork
from domain.demand_response.services.event_checks import MOST_DURATION, refuse
from domain.demand_response.services.loads import Loads, took_part
from domain.shared.errors import ConflictError, Problem
from domain.shared.ports import Clock
from domain.shared.time import EPOCH, TimeRange
from domain.shared.weeks import MINUTES_A_DAY

_A_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_MOST_DAYS: Final = 366
_FINEST: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineQuery:
    """A window of a device, and how its baseline is to be worked out.

    Without a ``resolution`` it is measured in 15 minutes, or in what divides that and the window.
    """

    device_id: DeviceId
    start: datetime
    duration: timedelta
    method: BaselineMethod = BaselineMethod.TEN_OF_TEN
    adjustment: AdjustmentKind = AdjustmentKind.MULTIPLICATIVE
    resolution: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyQuery:
    """A method that is tried in a window of each local day from that of ``start`` to that before ``end``."""

    device_id: DeviceId
    start: datetime
    end: datetime
    window: ClockWindow
    method: BaselineMethod = BaselineMethod.TEN_OF_TEN
    adjustment: AdjustmentKind = AdjustmentKind.MULTIPLICATIVE


class Baselines:
    """Works out baselines from what was metered so far."""

    def __init__(self, uow: DemandResponseUnitOfWork, loads: Loads, clock: Clock) -> None:
        self._uow = uow
        self._loads = loads
        self._clock = clock

    async def of(self, query: BaselineQuery) -> Baseline:
        """Return the baseline of a window, past ones too; of one that is not over so far as it is known.

        Raises:
            InvalidError: each fault, by JSON pointer: the window is not whole minutes (``unaligned_window``),
                no time at all or longer than a day, or its resolution does not fit (``invalid_resolution``).
            NotFoundError: ``unknown_device``.
            ConflictError: ``no_power_sensor``: nothing measures the device.

        """
        resolution = fitting_resolution(query.duration) if query.resolution is None else query.resolution
        refuse(_window_problems(query, resolution), "there is no baseline of that")
        window = TimeRange(query.start, query.start + query.duration)
        local = self._loads.days(window)
        spans = baseline_spans(window, query.method, resolution, local)
        async with self._uow.begin() as tx:
            sensor = _sensor_of(await _device(tx, query.device_id))
            events = await took_part(tx, [query.device_id], window, self._clock.now())
        load = (await self._loads.of([sensor], spans, resolution))[sensor]
        request = BaselineRequest(window=window, method=query.method, adjustment=query.adjustment)
        return baseline_of(request, load, local, events.get(query.device_id, ()))

    async def accuracy(self, query: AccuracyQuery) -> Accuracy:
        """Return how far a method was off on days without an event.

        Raises:
            InvalidError: each fault, by JSON pointer.
            NotFoundError: ``unknown_device``.
            ConflictError: ``no_power_sensor``.

        """
        refuse(_accuracy_problems(query), "no method can be tried so")
        window = query.window
        resolution = fitting_resolution(window.from_minute * _A_MINUTE, window.to_minute * _A_MINUTE)
        asked = TimeRange(query.start, query.end)
        local = self._loads.days(asked)
        first, end = local.day_of(query.start), local.day_of(query.end)
        days = [first + number * _DAY for number in range(max((end - first).days, 1))]
        async with self._uow.begin() as tx:
            sensor = _sensor_of(await _device(tx, query.device_id))
            events = await took_part(tx, [query.device_id], asked, self._clock.now())
        whole = TimeRange(
            local.midnight(first - (EARLIEST_DAYS_BACK + 1) * _DAY), local.midnight(days[-1] + 2 * _DAY)
        )
        load = (await self._loads.of([sensor], [whole], resolution))[sensor]
        return accuracy_of(
            window,
            days,
            load,
            local,
            events.get(query.device_id, ()),
            query.method,
            query.adjustment,
        )


async def _device(tx: DemandResponseTransaction, device_id: DeviceId) -> Device:
    found = await tx.devices.find([device_id])
    if device_id not in found:
        raise unknown_device(device_id)
    return found[device_id]


def _sensor_of(device: Device) -> SensorId:
    sensor = device.terms.power_sensor_id
    if sensor is None:
        raise ConflictError("no_power_sensor", f"nothing measures the power of {device.device_id!r}")
    return sensor


def _window_problems(query: BaselineQuery, resolution: timedelta) -> list[Problem]:
    if query.start.tzinfo is None:
        return [Problem("/start", "naive_timestamp", "it needs an offset, such as Z or +01:00")]
    problems = []
    if (query.start - EPOCH) % _A_MINUTE:
        problems.append(Problem("/start", "unaligned_window", "it has to be a whole minute"))
    if query.duration <= NO_TIME:
        problems.append(Problem("/duration", "end_before_start", "it has to be longer than nothing"))
    elif query.duration > MOST_DURATION:
        problems.append(Problem("/duration", "window_too_long", "a baseline is that of a day at most"))
    elif query.duration % _A_MINUTE:
        problems.append(Problem("/duration", "unaligned_window", "it has to be whole minutes"))
    elif resolution < _FINEST or resolution % _A_MINUTE or _DAY % resolution:
        problems.append(
            Problem("/resolution", "invalid_resolution", "whole minutes that divide an hour or a day")
        )
    elif query.duration % resolution:
        problems.append(
            Problem("/resolution", "invalid_resolution", "the window has to be whole intervals of it")
        )
    return problems


def _accuracy_problems(query: AccuracyQuery) -> list[Problem]:
    for name, moment in (("start", query.start), ("end", query.end)):
        if moment.tzinfo is None:
            return [Problem(f"/{name}", "naive_timestamp", "it needs an offset, such as Z or +01:00")]
    problems = []
    if query.end <= query.start:
        problems.append(Problem("/end", "end_before_start", "end has to lie after start"))
    elif query.end - query.start > _MOST_DAYS * _DAY:
        problems.append(Problem("/end", "too_long", f"at most {_MOST_DAYS} days"))
    for name, minute, most in (
        ("from", query.window.from_minute, MINUTES_A_DAY - 1),
        ("to", query.window.to_minute, MINUTES_A_DAY),
    ):
        if not 0 <= minute <= most:
            problems.append(Problem(f"/window/{name}", "invalid_value", "a time of the day"))
    return problems
