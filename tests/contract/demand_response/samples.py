"""What the stores are filled with: the plainest of each, and the fullest."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from domain.demand_response.assignments import Assignment
from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.commands import Command, CommandKind, CommandReason
from domain.demand_response.devices import (
    Control,
    ControlAuth,
    ControlAuthType,
    ControlBody,
    ControlKind,
    ControlRequest,
    Device,
    DeviceTerms,
    ProfileOrigin,
)
from domain.demand_response.dr_events import (
    DrEvent,
    DrEventStatus,
    EventOrigin,
    EventTerms,
    Signal,
    SignalType,
    StatusChange,
)
from domain.demand_response.invitations import Invitation
from domain.demand_response.model import (
    AssignmentId,
    CommandId,
    DeviceId,
    DrEventId,
    Fault,
    InvitationId,
    LeftOut,
    ProgramId,
    RoomName,
    SensorId,
    Targets,
    WeekWindow,
    WorkerId,
)
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.demand_response.programs import EventRule, PayloadDescriptor, Program, ProgramTerms
from domain.shared.events import SYSTEM, Actor
from domain.shared.weeks import Weekday

NOW = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
TERM = timedelta(seconds=60)
LAPSED = timedelta(seconds=-1)
"""A claim for so long is over when it is made."""

ME, OTHER = WorkerId("me"), WorkerId("other")
NASTY = "é;'\"\\ {x} %s\n\u2028"
REDUCTION = Signal(SignalType.LOAD_REDUCTION, 5.5, "kW")
OFFICE = WeekWindow(frozenset({Weekday.MON, Weekday.FRI}), 8 * 60, 18 * 60)
NIGHT = WeekWindow(frozenset(Weekday), 22 * 60, 24 * 60)


def new_program(name: str, rule: EventRule | None = None) -> Program:
    return Program(
        program_id=ProgramId(uuid4()),
        terms=ProgramTerms(program_name=name, rule=rule),
        created_at=NOW,
        updated_at=NOW,
    )


def full_program(name: str = NASTY) -> Program:
    rule = EventRule(
        days=frozenset({Weekday.TUE, Weekday.SUN}),
        at=18 * 60 + 30,
        duration=timedelta(minutes=90),
        signal=Signal(SignalType.PRICE, -0.125, "EUR/kWh"),
        targets=full_targets(),
        ahead=timedelta(hours=36),
        notification_period=2 * HOUR,
        ramp_up_period=timedelta(seconds=90.5),
        recovery_period=HOUR,
        randomize_start=timedelta(minutes=5),
        priority=0,
    )
    terms = ProgramTerms(
        program_name=name,
        description=NASTY,
        baseline_method=BaselineMethod.HIGH_4_OF_5,
        payload_descriptors=(
            PayloadDescriptor(payload_type="PRICE", units="KWH", currency="EUR"),
            PayloadDescriptor(payload_type="SIMPLE"),
        ),
        rule=rule,
    )
    return Program(program_id=ProgramId(uuid4()), terms=terms, created_at=NOW, updated_at=NOW + HOUR)


def full_targets() -> Targets:
    return Targets(
        device_ids=(DeviceId("b"), DeviceId("a")),
        room_names=(RoomName(NASTY.strip()),),
        labels=(("floor", "1"), ("use", "hvac")),
    )


def new_event(start: datetime = NOW + HOUR, status: DrEventStatus = DrEventStatus.FAR) -> DrEvent:
    return DrEvent(
        event_id=DrEventId(uuid4()),
        terms=EventTerms(event_name="e", signal=REDUCTION, start=start, duration=HOUR),
        status=status,
        origin=EventOrigin.API,
        created_at=NOW,
        created_by=Actor("key:1"),
    )


def full_event() -> DrEvent:
    terms = EventTerms(
        event_name=NASTY,
        signal=Signal(SignalType.IMPORT_CAPACITY_LIMIT, 1e6, "kW"),
        start=NOW,
        duration=timedelta(microseconds=1),
        program_id=ProgramId(uuid4()),
        notification_period=timedelta(days=2, seconds=0.5),
        ramp_up_period=HOUR,
        recovery_period=2 * HOUR,
        randomize_start=timedelta(seconds=30),
        priority=7,
        targets=full_targets(),
        test_event=True,
    )
    return DrEvent(
        event_id=DrEventId(uuid4()),
        terms=terms,
        status=DrEventStatus.COMPLETED,
        origin=EventOrigin.RULE,
        created_at=NOW - HOUR,
        created_by=SYSTEM,
        published_at=NOW - HOUR,
        invited_at=NOW,
        dispatched=True,
        missed=Fault("too_late", NASTY),
        left_out=(LeftOut(DeviceId("a"), "rest", NASTY), LeftOut(DeviceId("b"), "comfort", "warm")),
        history=(
            StatusChange(DrEventStatus.FAR, NOW - HOUR, Actor("key:1"), NASTY),
            StatusChange(DrEventStatus.COMPLETED, NOW, SYSTEM),
        ),
        due_at=NOW + HOUR,
        reported_version=3,
    )


def new_invitation(event: DrEvent, device_id: str = "a") -> Invitation:
    return Invitation(
        invitation_id=InvitationId(uuid4()),
        event_id=event.event_id,
        device_id=DeviceId(device_id),
        invited_at=NOW,
        answer_until=NOW + HOUR,
    )


def new_device(device_id: str, room: str | None = None, **labels: str) -> Device:
    terms = DeviceTerms(
        device_id=DeviceId(device_id),
        power_sensor_id=SensorId(f"{device_id}.power"),
        room_name=None if room is None else RoomName(room),
        labels=labels,
        control=Control(),
    )
    return Device(
        terms=terms,
        origin=ProfileOrigin.API,
        control_origin=ProfileOrigin.API,
        created_at=NOW,
        updated_at=NOW,
    )


def full_device(device_id: str = "full") -> Device:
    reduce = ControlRequest(
        method="POST",
        url="http://192.0.2.7/set?a=b",
        headers={"X-One": NASTY.strip(), "Accept": "*/*"},
        body=ControlBody("application/json", '{"kw": "{reduction_kw}"}'),
        auth=ControlAuth(ControlAuthType.HEADER, "SECRET", "X-Key"),
        timeout=timedelta(seconds=2.5),
        verify_tls=False,
    )
    terms = DeviceTerms(
        device_id=DeviceId(device_id),
        power_sensor_id=None,
        site_meter_id=SensorId("site"),
        room_name=RoomName("r 1"),
        labels={"floor": "1", "use": NASTY},
        controllable=False,
        min_power_kw=0.1,
        max_reduction_kw=2.25,
        max_duration=HOUR,
        min_rest=timedelta(minutes=30.5),
        max_events_per_day=3,
        availability=(OFFICE, NIGHT),
        ramp_seconds=1.5,
        priority=0,
        control=Control(
            kind=ControlKind.HTTP, reduce=reduce, restore=replace(reduce, method="PUT", body=None, auth=None)
        ),
    )
    return Device(
        terms=terms,
        origin=ProfileOrigin.POLLER,
        control_origin=ProfileOrigin.POLLER,
        created_at=NOW,
        updated_at=NOW + HOUR,
    )


def new_assignment(event: DrEvent, device_id: str = "a", began_at: datetime = NOW) -> Assignment:
    return Assignment(
        assignment_id=AssignmentId(uuid4()),
        event_id=event.event_id,
        device_id=DeviceId(device_id),
        began_at=began_at,
    )


def new_command(assignment: Assignment, due_at: datetime = NOW, noted_at: datetime = NOW) -> Command:
    return Command(
        command_id=CommandId(uuid4()),
        assignment_id=assignment.assignment_id,
        event_id=assignment.event_id,
        device_id=assignment.device_id,
        kind=CommandKind.REDUCE,
        reason=CommandReason.DISPATCH,
        noted_at=noted_at,
        due_at=due_at,
    )


async def with_events(uow: DemandResponseUnitOfWork, *events: DrEvent) -> Sequence[DrEvent]:
    async with uow.begin() as tx:
        for event in events:
            await tx.dr_events.add(event)
    return events
