"""What events brought: measured on request, and kept once no more data are expected."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from domain.demand_response.adjustments import AdjustmentKind
from domain.demand_response.assignments import Assignment
from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.baseline_results import BaselineRequest, MeasurementStatus
from domain.demand_response.baselines import baseline_of
from domain.demand_response.devices import Device
from domain.demand_response.dr_events import DrEvent
from domain.demand_response.errors import unknown_event, unknown_report
from domain.demand_response.events import PerformanceReported
from domain.demand_response.invitations import Invitation
from domain.demand_response.load import MeteredLoad, fitting_resolution
from domain.demand_response.load_spans import baseline_spans
from domain.demand_response.local_days import LocalDays
from domain.demand_response.model import DeviceId, DrEventId
from domain.demand_response.performance import DevicePerformance, EventPerformance, event_performance
from domain.demand_response.ports import (
    DemandResponseTransaction,
    DemandResponseUnitOfWork,
    LoadHistory,
    ReportCodec,
)
from domain.demand_response.rebounds import rebound_of
from domain.demand_response.reports import (
    EventReport,
    Overlap,
    StoredReport,
    Unmeasured,
    fingerprint,
    lasted,
    measured_window,
    overlaps_of,
    unmeasured,
)
from domain.demand_response.services.loads import Loads, took_part
from domain.shared.errors import ConflictError
from domain.shared.events import EventId
from domain.shared.ports import Clock, IdFactory
from domain.shared.time import TimeRange

CORRECTED_FOR: Final = timedelta(days=3)
"""So long after its end an event is looked at again by itself; when it is asked for, always."""

_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report; ``version`` is 0, and ``stored`` None, where it is not kept (yet)."""

    report: EventReport
    version: int
    stored: StoredReport | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    event: DrEvent
    method: BaselineMethod
    devices: Sequence[Device]
    committed: Mapping[DeviceId, float | None]
    invitations: Mapping[DeviceId, Invitation]
    took_part: Mapping[DeviceId, Sequence[TimeRange]]
    told: bool
    overlaps: tuple[Overlap, ...]


class MeasureEvents:
    """Measures events against the baselines of their devices."""

    def __init__(
        self,
        uow: DemandResponseUnitOfWork,
        loads: Loads,
        history: LoadHistory,
        codec: ReportCodec,
        clock: Clock,
        ids: IdFactory,
    ) -> None:
        self._uow = uow
        self._loads = loads
        self._history = history
        self._codec = codec
        self._clock = clock
        self._ids = ids

    async def report(self, event_id: DrEventId) -> ReportView:
        """Return what an event brought, by the data of now.

        Once they are settled it is kept; where they were corrected since, as the next version.

        Raises:
            NotFoundError: ``unknown_event``.

        """
        facts = await self._facts(event_id)
        report = await self._measured(facts)
        if not (report.settled and facts.event.status.is_over and report.performance.devices):
            return ReportView(report, 0, None)
        with suppress(ConflictError):  # another keeps the same version at this moment
            async with self._uow.begin() as tx:
                stored = await self._keep(tx, report)
            return ReportView(report, stored.version, stored)
        async with self._uow.begin() as tx:
            newest = await tx.reports.newest(event_id)
        return ReportView(report, 0 if newest is None else newest.version, newest)

    async def version(self, event_id: DrEventId, version: int) -> ReportView:
        """Return a version that is kept, as it was.

        Raises:
            NotFoundError: ``unknown_event``, ``unknown_report``.

        """
        async with self._uow.begin() as tx:
            if await tx.dr_events.get(event_id) is None:
                raise unknown_event(event_id)
            stored = await tx.reports.get(event_id, version)
        if stored is None:
            raise unknown_report(event_id, version)
        return ReportView(self._codec.decode(stored.content), version, stored)

    async def versions(self, event_id: DrEventId) -> Sequence[StoredReport]:
        """Return all versions that are kept, the first one first, or raise `NotFoundError`."""
        async with self._uow.begin() as tx:
            if await tx.dr_events.get(event_id) is None:
                raise unknown_event(event_id)
            return await tx.reports.versions(event_id)

    async def keep(self, *, again: bool = False) -> int:
        """Keep the reports of events that ended lately and are settled by now; return how many versions.

        With ``again`` also those that are kept already are compared with the data of now.
        """
        now = self._clock.now()
        async with self._uow.begin() as tx:
            ended = await tx.dr_events.ended(now - CORRECTED_FOR, now, _AT_ONCE)
        kept = 0
        for event in ended:
            if event.reported_version and not again:
                continue
            view = await self.report(event.event_id)
            kept += view.version > event.reported_version
        return kept

    async def _facts(self, event_id: DrEventId) -> _Facts:
        now = self._clock.now()
        async with self._uow.begin() as tx:
            event = await tx.dr_events.get(event_id)
            if event is None:
                raise unknown_event(event_id)
            program_id = event.terms.program_id
            program = None if program_id is None else await tx.programs.get(program_id)
            assigned = [one for one in await tx.assignments.of_event(event_id) if one.took_part]
            ids = {one.device_id for one in assigned}
            invitations = {one.device_id: one for one in await tx.invitations.of_event(event_id)}
            devices = await tx.devices.find(ids)
            times = lasted(event)
            window = TimeRange(times.start, times.end + event.terms.recovery_period)
            assigned_then = await tx.assignments.overlapping(ids, times.start, times.end)
            return _Facts(
                event=event,
                method=BaselineMethod.TEN_OF_TEN if program is None else program.terms.baseline_method,
                devices=[one for _, one in sorted(devices.items()) if one.terms.power_sensor_id],
                committed={one: _committed(one, assigned, invitations) for one in ids},
                invitations=invitations,
                took_part=await took_part(tx, ids, window, now),
                told=bool(assigned),
                overlaps=overlaps_of(event, assigned_then, now),
            )

    async def _measured(self, facts: _Facts) -> EventReport:
        event = facts.event
        window = measured_window(event)
        recovery = _whole_minutes(event.terms.recovery_period)
        why = unmeasured(event, took_part=facts.told)
        if window is None or why is not None:
            return self._unmeasured(facts, recovery, why)
        resolution = fitting_resolution(window.end - window.start, recovery)
        local = self._loads.days(window)
        spans = baseline_spans(window, facts.method, resolution, local, recovery)
        sensors = {one.terms.power_sensor_id for one in facts.devices} - {None}
        known = [one for one in sensors if one is not None]
        loads = await self._loads.of(known, spans, resolution) if known else {}
        devices = [
            _performance(facts, one, loads[one.terms.power_sensor_id], local, window, recovery)
            for one in facts.devices
            if one.terms.power_sensor_id is not None
        ]
        performance = event_performance(devices)
        if not devices and self._clock.now() < window.end:
            performance = replace(performance, status=MeasurementStatus.PENDING)
        settled = await self._history.settled(TimeRange(window.start, window.end + recovery))
        return _report(facts, window, recovery, performance, settled=settled)

    def _unmeasured(self, facts: _Facts, recovery: timedelta, why: Unmeasured | None) -> EventReport:
        window = lasted(facts.event)
        is_over = facts.event.status.is_over or self._clock.now() >= window.end
        status = MeasurementStatus.INSUFFICIENT_DATA if is_over else MeasurementStatus.PENDING
        performance = replace(event_performance(()), status=status)
        return replace(_report(facts, window, recovery, performance, settled=is_over), unmeasured=why)

    async def _keep(self, tx: DemandResponseTransaction, report: EventReport) -> StoredReport:
        event_id = report.event_id
        now = self._clock.now()
        mark = fingerprint(report)
        event = await tx.dr_events.hold(event_id)
        newest = await tx.reports.newest(event_id)
        if newest is not None and newest.fingerprint == mark:
            return newest
        total = report.performance.measured
        stored = StoredReport(
            event_id=event_id,
            version=1 if newest is None else newest.version + 1,
            made_at=now,
            fingerprint=mark,
            status=report.performance.status.value,
            reduction_kw=None if total is None else total.reduction_kw,
            energy_kwh=None if total is None else total.energy_kwh,
            content=self._codec.encode(report),
        )
        await tx.reports.add(stored)
        if event is not None:
            await tx.dr_events.replace(replace(event, reported_version=stored.version))
        await _note_delivered(tx, report)
        tx.events.add(
            PerformanceReported(
                event_id=EventId(self._ids.new()),
                occurred_at=now,
                dr_event_id=event_id,
                version=stored.version,
                status=stored.status,
                reduction_kw=stored.reduction_kw,
                energy_kwh=stored.energy_kwh,
            )
        )
        return stored


def _report(
    facts: _Facts, window: TimeRange, recovery: timedelta, performance: EventPerformance, *, settled: bool
) -> EventReport:
    return EventReport(
        event_id=facts.event.event_id,
        event_name=facts.event.terms.event_name,
        window=window,
        recovery_period=recovery,
        method=facts.method,
        adjustment=AdjustmentKind.MULTIPLICATIVE,
        settled=settled,
        performance=performance,
        overlaps=facts.overlaps,
    )


def _performance(
    facts: _Facts,
    device: Device,
    load: MeteredLoad,
    local: LocalDays,
    window: TimeRange,
    recovery: timedelta,
) -> DevicePerformance:
    device_id = device.device_id
    invitation = facts.invitations.get(device_id)
    events = facts.took_part.get(device_id, ())
    # Its own part in this event is what is measured, and no reason to leave the day itself out.
    notified = facts.event.published_at if invitation is None else invitation.invited_at
    request = BaselineRequest(window=window, method=facts.method, notified_at=notified)
    others = [one for one in events if not (one.start < window.end and one.end > window.start)]
    baseline = baseline_of(request, load, local, others)
    return DevicePerformance(
        device_id=device_id,
        committed_kw=facts.committed.get(device_id),
        baseline=baseline,
        rebound=rebound_of(baseline, recovery, load, local, others) if recovery else None,
    )


def _committed(
    device_id: DeviceId, assigned: Sequence[Assignment], invitations: Mapping[DeviceId, Invitation]
) -> float | None:
    """Return what the device was asked for, the most where it was more than once; else its own word."""
    asked = [one.asked_kw for one in assigned if one.device_id == device_id and one.asked_kw is not None]
    if asked:
        return max(asked)
    invitation = invitations.get(device_id)
    return None if invitation is None else invitation.committed_kw


async def _note_delivered(tx: DemandResponseTransaction, report: EventReport) -> None:
    """Keep with each device's part what it had committed and delivered, for its flexibility."""
    devices = {one.device_id: one for one in report.performance.devices}
    await tx.assignments.hold_serving(devices.keys())
    noted: dict[DeviceId, Assignment] = {}
    for one in await tx.assignments.of_event(report.event_id):
        found = devices.get(one.device_id)
        if found is not None and one.took_part and one.device_id not in noted:
            noted[one.device_id] = replace(
                one, committed_kw=found.committed_kw, delivered_kw=found.baseline.reduction_kw
            )
    await tx.assignments.replace(list(noted.values()))


def _whole_minutes(period: timedelta) -> timedelta:
    minute = timedelta(minutes=1)
    return period // minute * minute
