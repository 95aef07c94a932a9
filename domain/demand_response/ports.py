"""What demand response needs of the outside."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, timedelta
from typing import Protocol

from domain.demand_response.commands import ControlOrder, ControlReceipt
from domain.demand_response.conditions import Connection, MeterReading, RoomComfort
from domain.demand_response.load import LoadInterval
from domain.demand_response.model import DeviceId, RoomName, SensorId
from domain.demand_response.reports import EventReport
from domain.demand_response.store_ports import (
    AssignmentStore,
    AutoResponseStore,
    CommandStore,
    DeviceStore,
    EventStore,
    InvitationStore,
    ProgramStore,
    ReportStore,
    SchedulerLeases,
)
from domain.shared.ports import EventSink
from domain.shared.time import TimeRange


class LoadHistory(Protocol):
    """Knows what power sensors measured."""

    @abstractmethod
    async def known(self, sensor_ids: Collection[SensorId]) -> Collection[SensorId]:
        """Return those of the sensors that exist and measure power, or energy that power follows from."""

    @abstractmethod
    async def means(
        self, sensor_ids: Collection[SensorId], asked: TimeRange, resolution: timedelta
    ) -> Mapping[SensorId, Sequence[LoadInterval]]:
        """Return the mean power of each interval that begins in the range, counted from its start.

        Intervals follow each other by ``resolution`` of elapsed time, the last one whole. Sensors that do
        not exist are left out; an interval of which nothing is known may be.
        """

    @abstractmethod
    async def settled(self, asked: TimeRange) -> bool:
        """Whether all of the range is over for so long that data are no longer expected."""

    @abstractmethod
    async def newest(self, sensor_ids: Collection[SensorId]) -> Mapping[SensorId, MeterReading]:
        """Return the newest reading of each of the sensors that exists, BAD ones passed over."""


class RoomConditions(Protocol):
    """Knows how rooms are."""

    @abstractmethod
    async def comfort(self, room_names: Collection[RoomName]) -> Mapping[RoomName, RoomComfort]:
        """Return how comfortable the rooms are now; those of which nothing is known may be left out."""


class DeviceHealth(Protocol):
    """Knows which devices answer."""

    @abstractmethod
    async def connections(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, Connection]:
        """Return whether the devices answer; those that nobody polls are left out."""


class DeviceControl(Protocol):
    """Tells devices what to do."""

    @abstractmethod
    async def send(self, order: ControlOrder) -> ControlReceipt:
        """Send a command once, with its id as the ``Idempotency-Key``.

        Raises:
            DeviceControlError: the device did not take it, or it is not known whether it did.

        """


class UrlRules(Protocol):
    """Knows which URLs devices may be told things at."""

    @abstractmethod
    def fault(self, url: str) -> str | None:
        """Return why the URL is not allowed, as far as that can be told without asking for its address."""


class HolidayCalendar(Protocol):
    """Knows the public holidays of the site's country."""

    @abstractmethod
    def holidays(self, first: date, last: date) -> Mapping[date, str]:
        """Return the holidays from the first day to the last, both included, by name."""


class ReportCodec(Protocol):
    """Turns reports into what is stored, and back."""

    @abstractmethod
    def encode(self, report: EventReport) -> str:
        """Return the report as JSON."""

    @abstractmethod
    def decode(self, content: str) -> EventReport:
        """Return the report that was stored.

        Raises:
            ValueError: it is none that can be read.

        """


class DemandResponseTransaction(Protocol):
    """What one transaction offers."""

    @property
    @abstractmethod
    def programs(self) -> ProgramStore: ...

    @property
    @abstractmethod
    def dr_events(self) -> EventStore: ...

    @property
    @abstractmethod
    def invitations(self) -> InvitationStore: ...

    @property
    @abstractmethod
    def devices(self) -> DeviceStore: ...

    @property
    @abstractmethod
    def auto_responses(self) -> AutoResponseStore: ...

    @property
    @abstractmethod
    def assignments(self) -> AssignmentStore: ...

    @property
    @abstractmethod
    def commands(self) -> CommandStore: ...

    @property
    @abstractmethod
    def reports(self) -> ReportStore: ...

    @property
    @abstractmethod
    def scheduler_leases(self) -> SchedulerLeases: ...

    @property
    @abstractmethod
    def events(self) -> EventSink: ...


class DemandResponseUnitOfWork(Protocol):
    """Opens transactions of this module."""

    @abstractmethod
    def begin(self) -> AbstractAsyncContextManager[DemandResponseTransaction]:
        """Open a transaction: a clean exit commits, an exception rolls back."""
