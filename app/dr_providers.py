"""What is bound for demand response: one line a binding."""

from datetime import timedelta

from dishka import Provider, Scope, provide

from adapters.calendars.countries import country_of
from adapters.calendars.public_holidays import LibraryHolidayCalendar
from adapters.events.report_codec import JsonReportCodec
from adapters.pollers.device_control import GuardedUrlRules, HttpDeviceControl
from app.dr_bridges import (
    DrEventCounts,
    FollowConfiguration,
    PolledDeviceHealth,
    SensorsLoadHistory,
    SensorsRoomConditions,
)
from app.health import DemandResponseCheck
from app.settings import Settings
from domain.demand_response.model import SiteZone, WorkerId
from domain.demand_response.ports import (
    DeviceControl,
    DeviceHealth,
    HolidayCalendar,
    LoadHistory,
    ReportCodec,
    RoomConditions,
    UrlRules,
)
from domain.demand_response.services.auto_answers import AnswerInvitations
from domain.demand_response.services.auto_response import AutoResponses
from domain.demand_response.services.baselines import Baselines
from domain.demand_response.services.devices import DrDevices
from domain.demand_response.services.dispatch import DispatchEvents
from domain.demand_response.services.dr_events import DrEvents
from domain.demand_response.services.event_rules import CreateEventsOfRules
from domain.demand_response.services.flexibility import FlexibilityReports, TellFlexibility
from domain.demand_response.services.invitations import Invitations
from domain.demand_response.services.load_reduction import ReduceLoad
from domain.demand_response.services.loads import Loads as MeteredLoads
from domain.demand_response.services.moving import Moving
from domain.demand_response.services.performance import MeasureEvents
from domain.demand_response.services.polled_devices import FollowPolledDevices
from domain.demand_response.services.programs import Programs
from domain.demand_response.services.releasing import Releasing
from domain.demand_response.services.scheduler import Scheduler
from domain.demand_response.services.scheduler_loop import SchedulerLoop, SchedulerPace
from domain.demand_response.services.sending import SendCommands
from domain.demand_response.services.situations import Situations
from domain.demand_response.services.telling import Teller
from domain.demand_response.services.waking import Waking
from domain.ingestion.model import WorkerId as PollingWorkerId
from domain.sensors.services.loads import Loads


class DemandResponseProvider(Provider):
    """From an event to the measured kilowatt-hour."""

    scope = Scope.APP

    loads = provide(Loads)
    history = provide(SensorsLoadHistory, provides=LoadHistory)
    rooms = provide(SensorsRoomConditions, provides=RoomConditions)
    health = provide(PolledDeviceHealth, provides=DeviceHealth)
    control = provide(HttpDeviceControl, provides=DeviceControl)
    urls = provide(GuardedUrlRules, provides=UrlRules)
    codec = provide(JsonReportCodec, provides=ReportCodec)

    waking = provide(Waking)
    teller = provide(Teller)
    releasing = provide(Releasing)
    moving = provide(Moving)
    situations = provide(Situations)
    programs = provide(Programs)
    events = provide(DrEvents)
    invitations = provide(Invitations)
    devices = provide(DrDevices)
    auto_responses = provide(AutoResponses)
    flexibility = provide(FlexibilityReports)
    reduce_load = provide(ReduceLoad)
    metered_loads = provide(MeteredLoads)
    baselines = provide(Baselines)
    measure_events = provide(MeasureEvents)
    answer_invitations = provide(AnswerInvitations)
    tell_flexibility = provide(TellFlexibility)
    events_of_rules = provide(CreateEventsOfRules)
    dispatch = provide(DispatchEvents)
    send_commands = provide(SendCommands)
    scheduler = provide(Scheduler)
    scheduler_loop = provide(SchedulerLoop)
    polled_devices = provide(FollowPolledDevices)
    follow_configuration = provide(FollowConfiguration)
    event_counts = provide(DrEventCounts)
    check = provide(DemandResponseCheck)

    @provide
    def zone(self, settings: Settings) -> SiteZone:
        """Let the days of the site begin in the zone of the settings."""
        return SiteZone(settings.timezone)

    @provide
    def holidays(self, settings: Settings) -> HolidayCalendar:
        """Take the holidays of the country of the settings, else of the one that their zone lies in."""
        return LibraryHolidayCalendar(settings.holidays_country or country_of(settings.timezone.key))

    @provide
    def pace(self, settings: Settings) -> SchedulerPace:
        """Look at everything as often as the settings say; what is due is done when it is due."""
        return SchedulerPace(everything=timedelta(seconds=settings.event_scheduler_interval))

    @provide
    def worker(self, process: PollingWorkerId) -> WorkerId:
        """Hold the scheduler's lease in the name of this process."""
        return WorkerId(process)
