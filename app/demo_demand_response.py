"""What the demo has for demand response: devices that shed, a program, and an event that is over."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from typing import Final

from dishka import AsyncContainer

from adapters.simulator.local_days import ZONE, LocalCalendar
from adapters.simulator.server import SimulatedBuilding
from app.dr_bridges import FollowConfiguration
from domain.demand_response.auto_response import AutoResponse
from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.devices import DeviceTerms, ProfileOrigin
from domain.demand_response.dr_events import DrEventStatus, EventTerms, Signal, SignalType
from domain.demand_response.model import DeviceId, ProgramId, RoomName, SensorId, Targets, WeekWindow
from domain.demand_response.programs import EventRule, PayloadDescriptor, Program, ProgramTerms
from domain.demand_response.services.auto_response import AutoResponses
from domain.demand_response.services.devices import DrDevices
from domain.demand_response.services.dr_events import DrEvents
from domain.demand_response.services.event_rules import CreateEventsOfRules
from domain.demand_response.services.performance import MeasureEvents
from domain.demand_response.services.programs import Programs
from domain.demand_response.store_ports import EventFilter
from domain.shared.errors import ConflictError
from domain.shared.events import SYSTEM
from domain.shared.time import TimeRange
from domain.shared.weeks import Weekday

_METER: Final = SensorId("grid-meter.power")
_WORKDAYS: Final = frozenset({Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI})
_OFFICE_HOURS: Final = (WeekWindow(_WORKDAYS, 7 * 60, 20 * 60),)
_PAGE: Final = 100


def _profile(
    device: str,
    priority: int,
    *,
    ramp: float,
    least: float = 0.0,
    most: float | None = None,
    room: str | None = None,
    hours: tuple[WeekWindow, ...] | None = None,
    longest: timedelta | None = None,
) -> DeviceTerms:
    return DeviceTerms(
        device_id=DeviceId(device),
        power_sensor_id=SensorId(f"{device}.power"),
        site_meter_id=_METER,
        room_name=None if room is None else RoomName(room),
        labels={"site": "demo"},
        min_power_kw=least,
        max_reduction_kw=most,
        max_duration=longest,
        availability=hours,
        ramp_seconds=ramp,
        priority=priority,
    )


_TWO_HOURS: Final = timedelta(hours=2)
PROFILES: Final = (
    _profile("Ventilation", 0, ramp=15, least=0.3, room="Basement"),
    _profile("Cold-room", 1, ramp=10, least=0.2, longest=_TWO_HOURS),
    _profile("EV1", 2, ramp=5),
    _profile("AC1", 3, ramp=20, least=0.2, room="Office North", hours=_OFFICE_HOURS, longest=_TWO_HOURS),
    _profile("AC2", 4, ramp=20, least=0.2, room="Office South", hours=_OFFICE_HOURS, longest=_TWO_HOURS),
    _profile("AC3", 5, ramp=20, least=0.2, room="Meeting room", hours=_OFFICE_HOURS, longest=_TWO_HOURS),
    _profile("Water_heater", 6, ramp=2, room="Basement"),
    _profile("battery", 7, ramp=5, most=2.5, room="Basement"),
)
"""What each device can do; how it is told comes from the IoT configuration."""

MEASURED: Final = frozenset(str(one.power_sensor_id) for one in PROFILES)
"""The sensors by which events are measured."""

ANSWERED_BY_RULE: Final = tuple(DeviceId(one) for one in ("Ventilation", "Cold-room", "EV1", "AC1"))
_TARGETS: Final = Targets(device_ids=ANSWERED_BY_RULE)

_RECOVERY: Final = timedelta(minutes=30)
_PROGRAM: Final = ProgramTerms(
    program_name="Evening peak",
    description="On two evenings a week the building draws less while the neighbourhood draws most.",
    baseline_method=BaselineMethod.TEN_OF_TEN,
    payload_descriptors=(PayloadDescriptor(payload_type="LOAD_REDUCTION", units="kW"),),
    rule=EventRule(
        days=frozenset({Weekday.TUE, Weekday.THU}),
        at=18 * 60 + 30,
        duration=timedelta(minutes=30),
        signal=Signal(SignalType.LOAD_REDUCTION, 2.0, "kW"),
        targets=_TARGETS,
        ahead=timedelta(days=7),
        recovery_period=_RECOVERY,
        randomize_start=timedelta(minutes=2),
    ),
)
_PAST_HOUR: Final = 15
_PAST_DURATION: Final = timedelta(hours=1)
_PAST_SHARE: Final = 0.6
"""By which share of their load the devices of the event that is over drew less."""


def day_before(now: datetime) -> TimeRange:
    """Return an hour of the afternoon of the last working day before today."""
    calendar = LocalCalendar()
    today = now.astimezone(ZONE).date()
    days = (today - timedelta(days=number) for number in count(1))
    day = next(one for one in days if calendar.day(one).working)
    start = datetime(day.year, day.month, day.day, _PAST_HOUR, tzinfo=ZONE)
    return TimeRange(start, start + _PAST_DURATION)


def shed_before(building: SimulatedBuilding, now: datetime) -> None:
    """Let the devices have shed in the event that is over, before history is made of their loads."""
    past = day_before(now)
    for device in building.devices:
        if device.name.replace(" ", "_") in ANSWERED_BY_RULE:
            building.shed(device.name, past.start, past.end, _PAST_SHARE)


class DemoDemandResponse:
    """Sets demand response up; what is there, or was changed since by somebody, stays as it is."""

    def __init__(self, container: AsyncContainer, building: SimulatedBuilding) -> None:
        self._container = container
        self._building = building
        self._recorded = False

    async def begin(self) -> None:
        """Describe the devices, and set up the program with the events of its rule."""
        await self._describe_devices()
        programs: Programs = await self._container.get(Programs)
        with suppress(ConflictError):  # an earlier demo did
            await programs.create(_PROGRAM, SYSTEM)
            create: CreateEventsOfRules = await self._container.get(CreateEventsOfRules)
            await create()

    async def record_the_past(self) -> None:
        """Record the event that is over, and its report, once there is history to measure it by."""
        if self._recorded:
            return
        self._recorded = True
        past = self._building.first_shed()
        program = await self._program()
        if past is None or program is None:
            return
        events: DrEvents = await self._container.get(DrEvents)
        start, end = past
        where = EventFilter(
            program_id=program.program_id,
            since=start,
            until=end,
            statuses=frozenset({DrEventStatus.COMPLETED}),
        )
        recorded, _ = await events.list(where, _PAGE, 0)
        if not any(one.terms.start == start for one in recorded):
            recorded_now = await events.create(_past_terms(program.program_id, start, end), SYSTEM)
            measure: MeasureEvents = await self._container.get(MeasureEvents)
            await measure.report(recorded_now.event.event_id)

    async def _describe_devices(self) -> None:
        follow: FollowConfiguration = await self._container.get(FollowConfiguration)
        devices: DrDevices = await self._container.get(DrDevices)
        rules: AutoResponses = await self._container.get(AutoResponses)
        await follow.catch_up()
        for profile in PROFILES:
            known = await devices.get(profile.device_id)
            if known.origin is not ProfileOrigin.POLLER:
                continue
            await devices.put(profile, SYSTEM)
            if profile.device_id in ANSWERED_BY_RULE:
                rule = AutoResponse(device_id=profile.device_id, enabled=True, max_duration=_TWO_HOURS)
                await rules.put(rule, SYSTEM)

    async def _program(self) -> Program | None:
        async for program in self._programs():
            if program.terms.program_name == _PROGRAM.program_name:
                return program
        return None

    async def _programs(self) -> AsyncIterator[Program]:
        programs: Programs = await self._container.get(Programs)
        for offset in count(0, _PAGE):
            found, _ = await programs.list(_PAGE, offset)
            for one in found:
                yield one
            if len(found) < _PAGE:
                return


def _past_terms(program_id: ProgramId, start: datetime, end: datetime) -> EventTerms:
    return EventTerms(
        event_name="Afternoon of the day before",
        signal=Signal(SignalType.LOAD_REDUCTION, 4.0, "kW"),
        start=start,
        duration=end - start,
        program_id=program_id,
        recovery_period=_RECOVERY,
        targets=_TARGETS,
    )
