"""What an event brought: of each device, and of all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import fsum

from domain.demand_response.baseline_results import (
    Baseline,
    BaselineInterval,
    Insufficiency,
    MeasurementStatus,
)
from domain.demand_response.model import DeviceId
from domain.demand_response.rebounds import Rebound


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicePerformance:
    """What a device did: its baseline, what it had committed (kW; None: nothing) and its rebound.

    ``rebound`` is None where the event has no recovery period.
    """

    device_id: DeviceId
    committed_kw: float | None
    baseline: Baseline
    rebound: Rebound | None = None

    @property
    def status(self) -> MeasurementStatus:
        """Whether it is measured. The rebound has a status of its own, since it is over later."""
        return self.baseline.status

    @property
    def performance(self) -> float | None:
        """The mean reduction by the commitment: 1 is what was promised. None without either, or of 0 kW.

        The plain ratio of the means is a choice made here; each market has its own way to hold a reduction
        against what was offered.
        """
        return ratio(self.baseline.reduction_kw, self.committed_kw)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceSum:
    """The sums of the figures of these devices, each of which is measured.

    ``reduction_kw`` sums the devices' mean reductions. ``committed_kw``, and with it ``performance``, is None
    where one of them committed nothing: its reduction cannot be held against the others' promises.
    ``rebound_kwh`` is None where the rebound of one of them is not known.
    """

    device_ids: tuple[DeviceId, ...]
    committed_kw: float | None
    reduction_kw: float
    energy_kwh: float
    performance: float | None
    rebound_kwh: float | None


@dataclass(frozen=True, slots=True)
class MissingDevice:
    """A device that is in no sum, and why."""

    device_id: DeviceId
    status: MeasurementStatus
    insufficiency: Insufficiency | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SummedInterval:
    """The sums (kW) of an interval over the devices of `EventPerformance.summed`.

    A figure is None where one of them lacks it; ``missing`` names those that lack the baseline or the load.
    """

    start: datetime
    unadjusted_kw: float | None
    baseline_kw: float | None
    actual_kw: float | None
    reduction_kw: float | None
    missing: tuple[DeviceId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPerformance:
    """What the devices of an event did together, without a device that is not measured passing for 0.

    ``total`` sums all devices, and is None unless every one is measured. ``measured`` sums those that are,
    and is None where none is; beside it ``missing`` names the rest. ``status`` is ``PENDING`` while a device
    is, ``OK`` where all are, ``INSUFFICIENT_DATA`` else, also of no devices at all. ``intervals`` sum the
    devices named in ``summed``: those with a baseline, so that an event can be watched before it is over.
    """

    status: MeasurementStatus
    devices: tuple[DevicePerformance, ...]
    total: PerformanceSum | None
    measured: PerformanceSum | None
    missing: tuple[MissingDevice, ...]
    summed: tuple[DeviceId, ...]
    intervals: tuple[SummedInterval, ...]


def ratio(dividend: float | None, divisor: float | None) -> float | None:
    """Return the quotient; None where either is not known or the divisor is 0."""
    return dividend / divisor if dividend is not None and divisor else None


def event_performance(devices: Sequence[DevicePerformance]) -> EventPerformance:
    """Return what devices of one event did together.

    Raises:
        ValueError: their baselines are not of the same window and resolution.

    """
    if len({(one.baseline.window, one.baseline.resolution) for one in devices}) > 1:
        raise ValueError("devices of one event are measured in the same intervals")
    measured = [one for one in devices if one.status is MeasurementStatus.OK]
    summed = [one for one in devices if one.status is not MeasurementStatus.INSUFFICIENT_DATA]
    summed = [one for one in summed if one.baseline.intervals[0].unadjusted_kw is not None]
    together = _sum(measured)
    is_complete = len(measured) == len(devices)
    return EventPerformance(
        status=_status(devices),
        devices=tuple(devices),
        total=together if is_complete else None,
        measured=together,
        missing=tuple(
            MissingDevice(one.device_id, one.status, one.baseline.insufficiency)
            for one in devices
            if one.status is not MeasurementStatus.OK
        ),
        summed=tuple(one.device_id for one in summed),
        intervals=_intervals(summed),
    )


def _status(devices: Sequence[DevicePerformance]) -> MeasurementStatus:
    found = {one.status for one in devices}
    if MeasurementStatus.PENDING in found:
        return MeasurementStatus.PENDING
    is_ok = found == {MeasurementStatus.OK}
    return MeasurementStatus.OK if is_ok else MeasurementStatus.INSUFFICIENT_DATA


def _sum(devices: Sequence[DevicePerformance]) -> PerformanceSum | None:
    reduction = _total([one.baseline.reduction_kw for one in devices])
    energy = _total([one.baseline.energy_kwh for one in devices])
    if reduction is None or energy is None:
        return None
    committed = _total([one.committed_kw for one in devices])
    return PerformanceSum(
        device_ids=tuple(one.device_id for one in devices),
        committed_kw=committed,
        reduction_kw=reduction,
        energy_kwh=energy,
        performance=ratio(reduction, committed),
        rebound_kwh=_total([one.rebound.energy_kwh if one.rebound else None for one in devices]),
    )


def _intervals(devices: Sequence[DevicePerformance]) -> tuple[SummedInterval, ...]:
    ids = [one.device_id for one in devices]
    columns: zip[tuple[BaselineInterval, ...]] = zip(
        *(one.baseline.intervals for one in devices), strict=True
    )
    return tuple(
        SummedInterval(
            start=column[0].start,
            unadjusted_kw=_total([one.unadjusted_kw for one in column]),
            baseline_kw=_total([one.baseline_kw for one in column]),
            actual_kw=_total([one.actual_kw for one in column]),
            reduction_kw=_total([one.reduction_kw for one in column]),
            missing=tuple(name for name, one in zip(ids, column, strict=True) if one.reduction_kw is None),
        )
        for column in columns
    )


def _total(values: Sequence[float | None]) -> float | None:
    """Return the sum; None where one is not known, or there is none: neither is 0."""
    known = [one for one in values if one is not None]
    return fsum(known) if known and len(known) == len(values) else None
