"""What the sensors module needs of the outside."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.sensors.alarms import AlarmStore
from domain.sensors.inventory import InventoryStore
from domain.sensors.model import (
    DeviceId,
    KeptRejection,
    Reading,
    ReadingBatch,
    ReadingColumns,
    ReceiptId,
    Rejected,
    Revision,
    Room,
    RoomName,
    Sensor,
    SensorDefinition,
    SensorId,
    SensorKey,
    Source,
    Staleness,
)
from domain.sensors.receipt_ports import WriteReceiptStore
from domain.sensors.rollup_ports import RollupStore
from domain.sensors.room_metrics import RoomMetricsStore
from domain.sensors.tariffs import Tariff, TariffName
from domain.shared.ports import EventSink
from domain.shared.quantities import Quantity, UnitConversion


class UnitCatalog(Protocol):
    """Knows the units that people write."""

    @abstractmethod
    def conversion(self, unit: str, quantity: Quantity) -> UnitConversion:
        """Return the way from the unit to the canonical unit of the quantity.

        Raises:
            InvalidError: ``unit_mismatch``, for an unknown unit or one of another dimension.

        """


class SensorSort(StrEnum):
    """The orders of a list of sensors; a leading ``-`` turns one round."""

    SENSOR_ID = "sensor_id"
    NAME = "name"
    ROOM_NAME = "room_name"
    QUANTITY = "quantity"
    LATEST = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorFilter:
    """Which sensors; all that is given must hold. ``text`` is looked for in id and name, in any case."""

    room_name: RoomName | None = None
    quantity: Quantity | None = None
    device_id: DeviceId | None = None
    status: Staleness | None = None
    text: str | None = None
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSelection:
    """Which sensors; of each kind that is given one must hold, and all labels. Nothing given: all."""

    sensor_ids: tuple[SensorId, ...] | None = None
    room_names: tuple[RoomName, ...] | None = None
    quantities: tuple[Quantity, ...] | None = None
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SensorState:
    """A sensor and its newest reading."""

    sensor: Sensor
    latest: Reading | None


class SensorStore(Protocol):
    """Keeps the definitions of sensors."""

    @abstractmethod
    async def add(
        self, definition: SensorDefinition, conversion: UnitConversion, canonical_unit: str, now: datetime
    ) -> Sensor:
        """Store a new sensor under a new key.

        Raises:
            ConflictError: ``sensor_exists``.

        """

    @abstractmethod
    async def find(self, ids: Collection[SensorId]) -> Mapping[SensorId, Sensor]:
        """Return those of the sensors that exist."""

    @abstractmethod
    async def by_key(self, keys: Collection[SensorKey]) -> Mapping[SensorKey, Sensor]:
        """Return those of the sensors that exist."""

    @abstractmethod
    async def list(
        self,
        where: SensorFilter,
        *,
        now: datetime,
        limit: int,
        offset: int,
        sort: SensorSort = SensorSort.SENSOR_ID,
        descending: bool = False,
    ) -> tuple[Sequence[SensorState], int]:
        """Return a page of sensors with their newest readings, and the number of all that match."""

    @abstractmethod
    async def select(self, where: SensorSelection) -> Sequence[Sensor]:
        """Return all sensors that are selected, by id."""

    @abstractmethod
    async def replace(self, sensor: Sensor) -> None:
        """Store the sensor's new definition; its version must be one above the stored one.

        Raises:
            ConflictError: ``concurrent_change``.

        """

    @abstractmethod
    async def delete(self, key: SensorKey) -> None:
        """Delete the sensor; readings that are on their way to it are refused from here on."""

    @abstractmethod
    async def leave_room(self, room_name: RoomName, now: datetime) -> Sequence[SensorId]:
        """Take all sensors out of the room and return them."""


class RoomStore(Protocol):
    """Keeps rooms."""

    @abstractmethod
    async def add(self, room: Room) -> bool:
        """Store a new room, or the description of one that was only mentioned; False where it exists."""

    @abstractmethod
    async def mention(self, room_name: RoomName) -> bool:
        """Make the room exist, since a sensor names it; return whether it is new."""

    @abstractmethod
    async def get(self, room_name: RoomName) -> Room | None:
        """Return the room."""

    @abstractmethod
    async def list(self, limit: int, offset: int) -> tuple[Sequence[Room], int]:
        """Return a page of rooms by name, and the number of all."""

    @abstractmethod
    async def names(self) -> Sequence[RoomName]:
        """Return the names of all rooms, sorted."""

    @abstractmethod
    async def replace(self, room: Room) -> None:
        """Store the room's new description."""

    @abstractmethod
    async def delete(self, room_name: RoomName) -> None:
        """Delete the room."""


class TariffStore(Protocol):
    """Keeps tariffs."""

    @abstractmethod
    async def put(self, tariff: Tariff) -> bool:
        """Store the tariff, in place of one of its name; return whether there was none."""

    @abstractmethod
    async def get(self, name: TariffName) -> Tariff | None:
        """Return the tariff."""

    @abstractmethod
    async def list(self, limit: int, offset: int) -> tuple[Sequence[Tariff], int]:
        """Return a page of tariffs by name, and the number of all."""

    @abstractmethod
    async def delete(self, name: TariffName) -> bool:
        """Delete the tariff; return whether there was one."""


class ReadingStore(Protocol):
    """Keeps readings, the values they replaced, and the newest of each sensor."""

    @abstractmethod
    async def write(self, batch: ReadingBatch, *, overlapping: bool) -> bytes:
        """Store the batch; with the commit, update the newest values and mark what went stale.

        Returns one `Outcome` a row. A value that its source sent before for that sensor and time is
        ``UNCHANGED``, so that reading a file again undoes no correction.

        Args:
            batch: the checked readings.
            overlapping: whether some may be stored already. False is quicker where none is.

        Raises:
            OverlapError: ``overlapping`` was False, and some are stored; the transaction is lost.
            StaleSensorsError: a sensor was changed or deleted, or a quarter-hour sealed (may come with the
                commit).

        """

    @abstractmethod
    async def preview(self, batch: ReadingBatch) -> bytes:
        """Return what `write` would, and store nothing.

        Raises:
            StaleSensorsError: as `write` does.

        """

    @abstractmethod
    async def prepare(self, start: datetime, end: datetime) -> None:
        """Make room for the readings of ``[start, end]`` before they come."""

    @abstractmethod
    async def page(
        self, key: SensorKey, start: datetime | None, end: datetime | None, after: datetime | None, limit: int
    ) -> Sequence[Reading]:
        """Return up to ``limit`` readings in ``[start, end)`` and later than ``after``, oldest first."""

    @abstractmethod
    async def columns(
        self, key: SensorKey, start: datetime, end: datetime, *, neighbours: bool = False
    ) -> ReadingColumns:
        """Return all readings in ``[start, end)`` as columns.

        With ``neighbours`` also the last one before and the first one after that is not BAD.
        """

    @abstractmethod
    async def column_page(
        self,
        key: SensorKey,
        start: datetime | None,
        end: datetime | None,
        after_us: int | None,
        limit: int,
    ) -> ReadingColumns:
        """Return up to ``limit`` readings in ``[start, end)`` and later than ``after_us``, as columns."""

    @abstractmethod
    async def latest(self, keys: Collection[SensorKey] | None) -> Mapping[SensorKey, Reading]:
        """Return the newest reading of each of the sensors (None: of all) that has one."""

    @abstractmethod
    async def any(self, key: SensorKey) -> bool:
        """Return whether the sensor has readings."""

    @abstractmethod
    async def delete(self, key: SensorKey) -> None:
        """Delete all readings of the sensor, and the values they replaced."""

    @abstractmethod
    async def revisions(self, key: SensorKey, limit: int, offset: int) -> tuple[Sequence[Revision], int]:
        """Return a page of the values that were replaced, newest replacement first, and their number."""


class RejectionStore(Protocol):
    """Keeps readings that were refused, for 30 days."""

    @abstractmethod
    async def add(
        self, receipt_id: ReceiptId, source: Source, rejected: Sequence[Rejected], now: datetime
    ) -> None:
        """Keep what was refused."""

    @abstractmethod
    async def list(
        self, receipt_id: ReceiptId | None, limit: int, offset: int
    ) -> tuple[Sequence[KeptRejection], int]:
        """Return a page, newest first, and the number of all."""

    @abstractmethod
    async def purge(self, before: datetime) -> int:
        """Delete those received before the time and return their number."""


class SensorsTransaction(Protocol):
    """What one transaction of this module reaches."""

    @property
    @abstractmethod
    def sensors(self) -> SensorStore: ...

    @property
    @abstractmethod
    def rooms(self) -> RoomStore: ...

    @property
    @abstractmethod
    def tariffs(self) -> TariffStore: ...

    @property
    @abstractmethod
    def readings(self) -> ReadingStore: ...

    @property
    @abstractmethod
    def rollups(self) -> RollupStore: ...

    @property
    @abstractmethod
    def rejections(self) -> RejectionStore: ...

    @property
    @abstractmethod
    def write_receipts(self) -> WriteReceiptStore: ...

    @property
    @abstractmethod
    def inventory(self) -> InventoryStore: ...

    @property
    @abstractmethod
    def room_metrics(self) -> RoomMetricsStore: ...

    @property
    @abstractmethod
    def alarms(self) -> AlarmStore: ...

    @property
    @abstractmethod
    def events(self) -> EventSink: ...

    @abstractmethod
    def roll_back(self) -> None:
        """Undo everything when the transaction ends, without an error (for a dry run)."""


class SensorsUnitOfWork(Protocol):
    """Opens transactions of this module."""

    @abstractmethod
    def begin(self) -> AbstractAsyncContextManager[SensorsTransaction]:
        """Open a transaction: a clean exit commits, an exception rolls back."""

    @abstractmethod
    def snapshot(self) -> AbstractAsyncContextManager[SensorsTransaction]:
        """Open a transaction that only reads and sees one state of everything throughout."""
