"""A site in memory: devices whose meters show what they are told, and processes that look after them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from adapters.events.report_codec import JsonReportCodec
from adapters.memory.database import MemoryDatabase
from adapters.memory.demand_response import MemoryDemandResponseUnitOfWork
from adapters.memory.dr_surroundings import (
    MemoryDeviceControl,
    MemoryDeviceHealth,
    MemoryHolidayCalendar,
    MemoryLoadHistory,
    MemoryRoomConditions,
    MemoryUrlRules,
)
from adapters.memory.surroundings import MemoryClock, MemoryIdFactory
from domain.demand_response.commands import ControlOrder, ControlReceipt
from domain.demand_response.devices import Control, ControlBody, ControlKind, ControlRequest, DeviceTerms
from domain.demand_response.dr_events import EventTerms, Signal, SignalType
from domain.demand_response.invitations import Answer, Invitation
from domain.demand_response.model import DeviceId, DrEventId, SchedulerLease, SensorId, SiteZone, WorkerId
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.demand_response.services.auto_answers import AnswerInvitations
from domain.demand_response.services.auto_response import AutoResponses
from domain.demand_response.services.baselines import Baselines
from domain.demand_response.services.devices import DrDevices
from domain.demand_response.services.dispatch import DispatchEvents
from domain.demand_response.services.dr_events import DrEvents, EventView
from domain.demand_response.services.event_rules import CreateEventsOfRules
from domain.demand_response.services.flexibility import FlexibilityReports, TellFlexibility
from domain.demand_response.services.invitations import Invitations
from domain.demand_response.services.load_reduction import ReduceLoad
from domain.demand_response.services.loads import Loads
from domain.demand_response.services.moving import Moving
from domain.demand_response.services.performance import MeasureEvents
from domain.demand_response.services.polled_devices import FollowPolledDevices
from domain.demand_response.services.programs import Programs
from domain.demand_response.services.releasing import Releasing
from domain.demand_response.services.scheduler import Scheduler
from domain.demand_response.services.sending import SendCommands
from domain.demand_response.services.situations import Situations
from domain.demand_response.services.telling import Teller
from domain.demand_response.services.waking import Waking
from domain.shared.events import Actor
from domain.shared.time import TimeRange

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
A_MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
ME = Actor("key:1")
LISBON = SiteZone(ZoneInfo("Europe/Lisbon"))
SIMPLE = Signal(SignalType.SIMPLE, 1)


def reduction(kw: float) -> Signal:
    return Signal(SignalType.LOAD_REDUCTION, kw, "kW")


def control(device_id: str) -> Control:
    body = ControlBody("application/json", '{"kw":"{reduction_kw}","to":"{target_kw}","event":"{event_id}"}')
    return Control(
        kind=ControlKind.HTTP,
        reduce=ControlRequest(method="POST", url=f"http://127.0.0.1/{device_id}/reduce", body=body),
        restore=ControlRequest(method="POST", url=f"http://127.0.0.1/{device_id}/restore"),
    )


class ObedientControl(MemoryDeviceControl):
    """Devices that draw less from the minute on in which they are told, unless they are ``deaf``."""

    def __init__(self) -> None:
        super().__init__()
        self.reduced: dict[DeviceId, float] = {}
        self.deaf: set[str] = set()

    async def send(self, order: ControlOrder) -> ControlReceipt:
        receipt = await super().send(order)
        if order.device_id in self.deaf:
            return receipt
        if order.request.body is not None:
            kw = order.request.body.text.split(":")[1].split(",")[0]
            self.reduced[order.device_id] = 0.0 if kw == "null" else float(kw)
        else:
            self.reduced.pop(order.device_id, None)
        return receipt


class Process:
    """One process of the service over the site."""

    def __init__(self, site: "Site", name: str, uow: DemandResponseUnitOfWork | None = None) -> None:
        uow = uow or site.uow or MemoryDemandResponseUnitOfWork(site.database, site.clock)
        clock, ids, waking = site.clock, site.ids, Waking()
        self.uow, self.waking = uow, waking
        self.teller = Teller(clock, ids)
        releasing = Releasing(self.teller, ids)
        moving = Moving(releasing, self.teller, ids, LISBON)
        situations = Situations(uow, site.history, site.health, site.rooms, clock)
        self.flexibility = FlexibilityReports(uow, situations, site.history, clock, LISBON)
        self.tell_flexibility = TellFlexibility(uow, situations, clock, ids, LISBON)
        self.answers = AnswerInvitations(
            uow, self.flexibility, site.rooms, self.teller, waking, clock, LISBON
        )
        self.auto_responses = AutoResponses(uow, clock, ids)
        self.devices = DrDevices(uow, site.history, MemoryUrlRules(), clock, ids)
        self.programs = Programs(uow, clock, ids)
        self.events = DrEvents(uow, moving, waking, clock, ids)
        self.invitations = Invitations(uow, releasing, self.teller, waking, clock)
        self.reduce_load = ReduceLoad(
            uow, situations, self.flexibility, moving, self.teller, waking, clock, ids, LISBON
        )
        self.dispatch = DispatchEvents(
            uow, situations, site.history, releasing, self.teller, clock, ids, LISBON
        )
        self.rules = CreateEventsOfRules(uow, moving, clock, ids, LISBON)
        self.scheduler = Scheduler(
            uow, moving, self.answers, self.dispatch, self.rules, clock, WorkerId(name)
        )
        loads = Loads(site.history, site.calendar, clock, LISBON)
        self.baselines = Baselines(uow, loads, clock)
        self.measure = MeasureEvents(uow, loads, site.history, JsonReportCodec(), clock, ids)
        self.polled = FollowPolledDevices(uow, clock, ids)
        self.sending = SendCommands(uow, site.control, site.history, releasing, self.teller, clock, waking)

    async def lease(self) -> SchedulerLease:
        lease = await self.scheduler.take()
        assert lease is not None
        return lease

    async def step(self, *, everything: bool = False) -> None:
        """Do all that is due now, as the loop does."""
        await self.scheduler.run(await self.lease(), everything=everything)
        while await self.sending():
            await self.scheduler.run(await self.lease())


class Site:
    """Devices, their meters, and the processes that look after them; ``uow`` where not in its database."""

    def __init__(self, now: datetime = START, uow: DemandResponseUnitOfWork | None = None) -> None:
        self.uow = uow
        self.clock = MemoryClock(now)
        self.ids = MemoryIdFactory()
        self.database = MemoryDatabase()
        self.history = MemoryLoadHistory(self.clock)
        self.health = MemoryDeviceHealth()
        self.rooms = MemoryRoomConditions()
        self.calendar = MemoryHolidayCalendar()
        self.control = ObedientControl()
        self.loads: dict[DeviceId, float] = {}
        self.main = Process(self, "main")

    async def device(self, device_id: str, kw: float = 3.0, **terms: object) -> DeviceId:
        """Let there be a device that draws so much, and has done so for an hour."""
        known = DeviceId(device_id)
        sensor = self.history.sensor(f"{device_id}.power")
        self.loads[known] = kw
        now = self.clock.now()
        for minutes in range(1, 61):
            self.history.measured(sensor, now - minutes * A_MINUTE, kw)
        described = DeviceTerms(
            device_id=known, power_sensor_id=sensor, min_power_kw=0.5, control=control(device_id)
        )
        await self.main.devices.put(replace(described, **terms), ME)  # type: ignore[arg-type]  # by name
        return known

    async def devices(self, number: int, kw: float = 3.0) -> Sequence[DeviceId]:
        """Let there be devices d0, d1 ..., by priority."""
        return [await self.device(f"d{one}", kw, priority=one) for one in range(number)]

    def metered_before(self, device_id: str, days: int, kw: float) -> None:
        """Let the device have drawn so much on the days before."""
        now = self.clock.now()
        self.history.measured_each(f"{device_id}.power", TimeRange(now - timedelta(days=days), now), kw)

    def elapse(self, time: timedelta) -> None:
        """Let whole minutes pass, in which each device is metered."""
        for _ in range(time // A_MINUTE):
            for device_id, kw in self.loads.items():
                drawn = kw - self.control.reduced.get(device_id, 0.0)
                self.history.measured(f"{device_id}.power", self.clock.now(), drawn)
            self.clock.advance(A_MINUTE)

    async def run(self, time: timedelta, process: Process | None = None) -> None:
        """Let minutes pass, with the process looking after each."""
        for _ in range(time // A_MINUTE):
            self.elapse(A_MINUTE)
            await (process or self.main).step()

    async def event(
        self, signal: Signal = SIMPLE, after: timedelta = HOUR, duration: timedelta = HOUR, **terms: object
    ) -> DrEventId:
        """Create an event that starts after a while."""
        described = EventTerms(
            event_name="e", signal=signal, start=self.clock.now() + after, duration=duration
        )
        view = await self.main.events.create(replace(described, **terms), ME)  # type: ignore[arg-type]  # fields by name
        return view.event.event_id

    async def invitations(self, event_id: DrEventId) -> dict[str, Invitation]:
        view = await self.main.events.get(event_id)
        return {one.device_id: one for one in view.invitations}

    async def answer(
        self, event_id: DrEventId, device_id: str, *, opt_in: bool = True, kw: float | None = None
    ) -> Invitation:
        invitation = (await self.invitations(event_id))[device_id]
        answer = Answer(opt_in=opt_in, committed_kw=kw)
        return await self.main.invitations.answer(invitation.invitation_id, answer, ME)

    async def opt_in(self, event_id: DrEventId) -> None:
        """Let all that are invited take part."""
        for device_id in await self.invitations(event_id):
            await self.answer(event_id, device_id)

    async def view(self, event_id: DrEventId) -> EventView:
        return await self.main.events.get(event_id)

    async def told(self, event_id: DrEventId) -> list[tuple[str, str, str]]:
        """What devices were told: (device, kind, status), in order."""
        commands = (await self.view(event_id)).commands
        return [(one.device_id, one.kind.value, one.status.value) for one in commands]

    def meter(self, device_id: str) -> SensorId:
        return SensorId(f"{device_id}.power")
