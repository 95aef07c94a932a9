"""What the ingestion module needs of the outside."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol

from domain.ingestion.configuration_ports import ConfigurationStore
from domain.ingestion.file_ports import ContentStore, FileStore, ScanStore
from domain.ingestion.iot_configuration import Device, IotConfiguration
from domain.ingestion.model import (
    ChunkKey,
    DeviceAnswer,
    DeviceId,
    DeviceState,
    FencedState,
    ReadingBatch,
    ShardLease,
    WorkerId,
    WriteOutcome,
)
from domain.ingestion.sources import PollTotals
from domain.shared.ports import EventSink
from domain.shared.quantities import Quantity


class DeviceReader(Protocol):
    """Asks devices."""

    @abstractmethod
    async def read(self, device: Device) -> DeviceAnswer:
        """Return the device's answer.

        Raises:
            DeviceReadError: it gave none that can be used.

        """


class ReadingSink(Protocol):
    """Takes readings to where they are stored."""

    @abstractmethod
    async def write(self, batch: ReadingBatch) -> WriteOutcome:
        """Store the readings, registering sensors that are seen for the first time.

        Raises:
            UnavailableError: not now; the same batch may be sent again.

        """

    @abstractmethod
    async def write_chunk(self, batch: ReadingBatch, chunk: ChunkKey) -> WriteOutcome:
        """Store the readings with a receipt, once: the same chunk sent again gets the first outcome.

        Its ``refused`` are all that were refused. Raises what `write` does.
        """

    @abstractmethod
    async def preview(self, batch: ReadingBatch) -> WriteOutcome:
        """Return what `write_chunk` would, and store and register nothing. Raises what `write` does."""


class IotConfigurationSource(Protocol):
    """Knows the IoT configuration that is in force."""

    @abstractmethod
    async def load(self) -> IotConfiguration:
        """Return the configuration.

        Raises:
            InvalidError: ``invalid_configuration``, with every fault.

        """


class UnitCatalog(Protocol):
    """Knows units."""

    @abstractmethod
    def fault(self, quantity: Quantity, unit: str) -> str | None:
        """Return why readings of the quantity cannot be in this unit, None where they can."""


class Jitter(Protocol):
    """The only source of randomness."""

    @abstractmethod
    def fraction(self) -> float:
        """Return a random number from 0 to 1, 1 left out."""


class DeviceStatusStore(Protocol):
    """Keeps how devices fare."""

    @abstractmethod
    async def get(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, DeviceState]:
        """Return the states that are kept of these devices."""

    @abstractmethod
    async def totals(self) -> PollTotals:
        """Return the sums over all devices of which a state is kept, configured or not."""

    @abstractmethod
    async def save(self, states: Sequence[FencedState]) -> Collection[DeviceId]:
        """Keep the states whose lease is still in force; return whose those are."""


class ShardLeases(Protocol):
    """Shares the shards out among the workers that are alive."""

    @abstractmethod
    async def hold(self, worker: WorkerId, term: timedelta) -> Sequence[ShardLease]:
        """Say that the worker lives; return the leases that it holds from now on for the ``term``.

        Its own leases are prolonged, what exceeds its fair share (all shards by the number of live workers,
        rounded up) is given up, and free or lapsed shards are taken up to that share.
        """

    @abstractmethod
    async def release(self, worker: WorkerId) -> None:
        """Give up all leases of the worker, which ends."""


class IngestionTransaction(Protocol):
    """What one transaction offers."""

    @property
    @abstractmethod
    def device_statuses(self) -> DeviceStatusStore: ...

    @property
    @abstractmethod
    def shard_leases(self) -> ShardLeases: ...

    @property
    @abstractmethod
    def configurations(self) -> ConfigurationStore: ...

    @property
    @abstractmethod
    def files(self) -> FileStore: ...

    @property
    @abstractmethod
    def contents(self) -> ContentStore: ...

    @property
    @abstractmethod
    def scans(self) -> ScanStore: ...

    @property
    @abstractmethod
    def events(self) -> EventSink: ...


class IngestionUnitOfWork(Protocol):
    """Opens transactions of this module."""

    @abstractmethod
    def begin(self) -> AbstractAsyncContextManager[IngestionTransaction]:
        """Open a transaction: a clean exit commits, an exception rolls back."""
