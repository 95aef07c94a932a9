"""What an event brought, as clients see it."""

from datetime import date
from typing import Self
from uuid import UUID

import msgspec

from adapters.http_api.dr_baseline_answers import (
    BaselineAnswer,
    BaselineIntervalAnswer,
    RangeAnswer,
    baseline_parts,
)
from adapters.web.times import Instant, Span
from domain.demand_response.adjustments import AdjustmentKind
from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.baseline_results import Insufficiency, MeasurementStatus
from domain.demand_response.performance import DevicePerformance, PerformanceSum
from domain.demand_response.rebounds import Rebound
from domain.demand_response.reports import StoredReport, Unmeasured
from domain.demand_response.services.performance import ReportView


class RecoveryDayAnswer(msgspec.Struct, kw_only=True):
    """One of the baseline's days: the mean kW of each interval of the recovery by its clock."""

    date: date
    recovery_kw: list[float]


class ReboundAnswer(msgspec.Struct, kw_only=True):
    """What was used on top of the baseline in the recovery period.

    ``energy_kwh`` sums what ``actual_kw`` exceeds ``baseline_kw`` by, times the hours of an interval; null
    but where the status is ``OK``. ``event_in_period``: the device took part in another event then, which is
    stated and changes nothing.
    """

    status: MeasurementStatus
    period: RangeAnswer
    energy_kwh: float | None
    coverage: float
    event_in_period: bool
    days: list[RecoveryDayAnswer]
    days_left_out: list[date]
    intervals: list[BaselineIntervalAnswer]

    @classmethod
    def of(cls, one: Rebound) -> Self:
        """Tell a rebound."""
        return cls(
            status=one.status,
            period=RangeAnswer.of(one.period),
            energy_kwh=one.energy_kwh,
            coverage=one.coverage,
            event_in_period=one.event_in_period,
            days=[
                RecoveryDayAnswer(date=day.day, recovery_kw=list(day.recovery_kw)) for day in one.days_used
            ],
            days_left_out=list(one.days_left_out),
            intervals=[BaselineIntervalAnswer.of(interval) for interval in one.intervals],
        )


class DevicePerformanceAnswer(BaselineAnswer, kw_only=True):
    """What a device did, against its baseline.

    ``performance`` is ``reduction_kw`` divided by ``committed_kw``. ``rebound`` is null where the event has
    no recovery period.
    """

    device_id: str
    committed_kw: float | None
    performance: float | None
    rebound: ReboundAnswer | None

    @classmethod
    def of(cls, one: DevicePerformance) -> Self:
        """Tell what a device did."""
        return cls(
            **baseline_parts(one.baseline),
            device_id=one.device_id,
            committed_kw=one.committed_kw,
            performance=one.performance,
            rebound=None if one.rebound is None else ReboundAnswer.of(one.rebound),
        )


class PerformanceSumAnswer(msgspec.Struct, kw_only=True):
    """Sums over these devices, each of which is measured.

    ``committed_kw``, and with it ``performance``, is null where one of them committed nothing;
    ``rebound_kwh`` where the rebound of one is not known.
    """

    device_ids: list[str]
    committed_kw: float | None
    reduction_kw: float
    energy_kwh: float
    performance: float | None
    rebound_kwh: float | None

    @classmethod
    def of(cls, one: PerformanceSum) -> Self:
        """Tell sums."""
        return cls(
            device_ids=list(one.device_ids),
            committed_kw=one.committed_kw,
            reduction_kw=one.reduction_kw,
            energy_kwh=one.energy_kwh,
            performance=one.performance,
            rebound_kwh=one.rebound_kwh,
        )


class MissingDeviceAnswer(msgspec.Struct, kw_only=True):
    """A device that is in no sum, and why."""

    device_id: str
    status: MeasurementStatus
    insufficiency: Insufficiency | None


class SummedIntervalAnswer(msgspec.Struct, kw_only=True):
    """Sums of an interval over the devices of ``summed``; ``missing`` are those that lack a figure."""

    start: Instant
    baseline_kw: float | None
    unadjusted_kw: float | None
    actual_kw: float | None
    reduction_kw: float | None
    missing: list[str]


class OverlapAnswer(msgspec.Struct, kw_only=True):
    """A time within the event in which the device served another one, ``event_id``."""

    device_id: str
    event_id: UUID
    start: Instant
    end: Instant


class PerformanceAnswer(msgspec.Struct, kw_only=True):
    """What the devices of an event did together, and each of them.

    ``committed_kw``, ``reduction_kw``, ``energy_kwh``, ``performance`` (the mean reduction by what was
    committed) and ``rebound_kwh`` are of all devices, and null unless every one is measured; ``measured`` has
    those of the devices that are, beside whom ``missing`` names the rest. ``status`` is ``PENDING`` while a
    device is; ``insufficiency`` tells why the event as a whole cannot be measured: it holds no whole
    minute (``too_short``), was ``cancelled`` before its start, or is over and no device was told
    (``not_dispatched``).
    ``overlaps`` are the times in which devices served other events, such as one that took them over: what
    was shed then is in the figures of both.
    ``window`` is what was measured, in whole minutes. A report is kept as ``version`` once it is
    ``settled``, and kept again where data were corrected; ``version`` 0 is not kept.
    """

    event_id: UUID
    event_name: str
    status: MeasurementStatus
    insufficiency: Unmeasured | None
    window: RangeAnswer
    recovery_period: Span
    method: BaselineMethod
    adjustment: AdjustmentKind
    settled: bool
    version: int
    made_at: Instant | None
    committed_kw: float | None
    reduction_kw: float | None
    energy_kwh: float | None
    performance: float | None
    rebound_kwh: float | None
    measured: PerformanceSumAnswer | None
    missing: list[MissingDeviceAnswer]
    summed: list[str]
    intervals: list[SummedIntervalAnswer]
    devices: list[DevicePerformanceAnswer]
    overlaps: list[OverlapAnswer]


class ReportVersionAnswer(msgspec.Struct, kw_only=True):
    """A version of a report; its figures are those of the devices that are measured."""

    version: int
    made_at: Instant
    status: MeasurementStatus
    reduction_kw: float | None
    energy_kwh: float | None

    @classmethod
    def of(cls, one: StoredReport) -> Self:
        """Tell a version."""
        return cls(
            version=one.version,
            made_at=Instant.of(one.made_at),
            status=MeasurementStatus(one.status),
            reduction_kw=one.reduction_kw,
            energy_kwh=one.energy_kwh,
        )


def performance_answer(view: ReportView) -> PerformanceAnswer:
    """Tell a report."""
    report, found = view.report, view.report.performance
    total = found.total
    return PerformanceAnswer(
        event_id=report.event_id,
        event_name=report.event_name,
        status=found.status,
        insufficiency=report.unmeasured,
        window=RangeAnswer.of(report.window),
        recovery_period=Span.of(report.recovery_period),
        method=report.method,
        adjustment=report.adjustment,
        settled=report.settled,
        version=view.version,
        made_at=None if view.stored is None else Instant.of(view.stored.made_at),
        committed_kw=None if total is None else total.committed_kw,
        reduction_kw=None if total is None else total.reduction_kw,
        energy_kwh=None if total is None else total.energy_kwh,
        performance=None if total is None else total.performance,
        rebound_kwh=None if total is None else total.rebound_kwh,
        measured=None if found.measured is None else PerformanceSumAnswer.of(found.measured),
        missing=[
            MissingDeviceAnswer(device_id=one.device_id, status=one.status, insufficiency=one.insufficiency)
            for one in found.missing
        ],
        summed=list(found.summed),
        intervals=[
            SummedIntervalAnswer(
                start=Instant.of(one.start),
                baseline_kw=one.baseline_kw,
                unadjusted_kw=one.unadjusted_kw,
                actual_kw=one.actual_kw,
                reduction_kw=one.reduction_kw,
                missing=list(one.missing),
            )
            for one in found.intervals
        ],
        devices=[DevicePerformanceAnswer.of(one) for one in found.devices],
        overlaps=[
            OverlapAnswer(
                device_id=one.device_id,
                event_id=one.event_id,
                start=Instant.of(one.start),
                end=Instant.of(one.end),
            )
            for one in report.overlaps
        ],
    )
