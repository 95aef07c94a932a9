"""In-memory adapters of every port of the ingestion module, for tests and for trying things out.

Device states and leases live in a `MemoryDatabase`, whose transactions roll back like real ones. Devices
are played by `MemoryDeviceReader`, which gives the answers that a test lays out; readings end up in
`MemoryReadingSink`, where a test looks at them.
"""

from collections import deque
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapters.memory.configurations import MemoryConfigurationStore
from adapters.memory.contents import MemoryContentStore
from adapters.memory.database import MemoryDatabase, MemorySession
from adapters.memory.files import MemoryFileStore
from adapters.memory.scans import MemoryScanStore
from domain.ingestion.configuration_ports import ConfigurationStore
from domain.ingestion.errors import DeviceReadError
from domain.ingestion.file_ports import ContentStore, FileStore, ScanStore
from domain.ingestion.iot_configuration import Device, IotConfiguration
from domain.ingestion.model import (
    SHARDS,
    ChunkKey,
    DeviceAnswer,
    DeviceId,
    DeviceState,
    FencedState,
    ReadingBatch,
    RefusedReading,
    SensorId,
    SensorRegistration,
    ShardLease,
    WorkerId,
    WriteOutcome,
)
from domain.ingestion.ports import (
    DeviceReader,
    DeviceStatusStore,
    IngestionTransaction,
    IngestionUnitOfWork,
    IotConfigurationSource,
    Jitter,
    ReadingSink,
    ShardLeases,
    UnitCatalog,
)
from domain.ingestion.shard_shares import share_out
from domain.ingestion.sources import PollTotals
from domain.shared.errors import UnavailableError
from domain.shared.ports import Clock, EventSink
from domain.shared.quantities import CANONICAL_UNITS, Quantity


@dataclass
class _Shard:
    worker: WorkerId | None = None
    until: datetime | None = None
    fence: int = 0


@dataclass
class IngestionState:
    """What this module keeps in a `MemoryDatabase`."""

    devices: dict[DeviceId, DeviceState] = field(default_factory=dict)
    shards: dict[int, _Shard] = field(default_factory=lambda: {number: _Shard() for number in range(SHARDS)})
    workers: dict[WorkerId, datetime] = field(default_factory=dict)


class MemoryDeviceStatusStore(DeviceStatusStore):
    """Keeps device states in a dictionary."""

    def __init__(self, state: IngestionState) -> None:
        self._state = state

    async def get(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, DeviceState]:
        kept = self._state.devices
        return {device_id: kept[device_id] for device_id in device_ids if device_id in kept}

    async def totals(self) -> PollTotals:
        return PollTotals.of(self._state.devices.values())

    async def save(self, states: Sequence[FencedState]) -> Collection[DeviceId]:
        saved = [one.state for one in states if self._in_force(one.lease)]
        self._state.devices.update({state.device_id: state for state in saved})
        return [state.device_id for state in saved]

    def _in_force(self, lease: ShardLease) -> bool:
        shard = self._state.shards.get(lease.shard)
        return shard is not None and shard.fence == lease.fence


class MemoryShardLeases(ShardLeases):
    """Leases by the given clock."""

    def __init__(self, state: IngestionState, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    async def hold(self, worker: WorkerId, term: timedelta) -> Sequence[ShardLease]:
        now = self._clock.now()
        self._state.workers[worker] = now + term
        for gone in [one for one, until in self._state.workers.items() if until <= now]:
            del self._state.workers[gone]
        shards = self._state.shards
        holders = [
            (number, shard.worker if shard.until is not None and shard.until > now else None)
            for number, shard in shards.items()
        ]
        decision = share_out(worker, len(self._state.workers), holders)
        for number in decision.given_up:
            shards[number].worker = shards[number].until = None
        for number in decision.taken:
            shards[number].worker = worker
            shards[number].fence += 1
        held = sorted([*decision.kept, *decision.taken])
        for number in held:
            shards[number].until = now + term
        return [ShardLease(number, shards[number].fence) for number in held]

    async def release(self, worker: WorkerId) -> None:
        self._state.workers.pop(worker, None)
        for shard in self._state.shards.values():
            if shard.worker == worker:
                shard.worker = shard.until = None


@dataclass(frozen=True, slots=True)
class MemoryIngestionTransaction(IngestionTransaction):
    """What one transaction offers."""

    device_statuses: DeviceStatusStore
    shard_leases: ShardLeases
    configurations: ConfigurationStore
    files: FileStore
    contents: ContentStore
    scans: ScanStore
    events: EventSink


class MemoryIngestionUnitOfWork(IngestionUnitOfWork):
    """Opens transactions over a `MemoryDatabase`; ``unavailable`` makes it play a database that is away."""

    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.unavailable = False

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[IngestionTransaction]:
        if self.unavailable:
            raise UnavailableError("database_unavailable", "the database cannot be reached")
        async with self._database.transaction() as session:
            yield self._transaction(session)

    def _transaction(self, session: MemorySession) -> IngestionTransaction:
        state = session.state(IngestionState)
        return MemoryIngestionTransaction(
            device_statuses=MemoryDeviceStatusStore(state),
            shard_leases=MemoryShardLeases(state, self._clock),
            configurations=MemoryConfigurationStore(session),
            files=MemoryFileStore(session, self._clock),
            contents=MemoryContentStore(session),
            scans=MemoryScanStore(session, self._clock),
            events=session,
        )


@dataclass(frozen=True, slots=True)
class SunkReading:
    """A reading as the sink got it."""

    sensor_id: SensorId
    time_us: int
    value: float


class MemoryReadingSink(ReadingSink):
    """Keeps readings by sensor and time, like the real store; a later value for the same time replaces.

    ``unavailable`` makes it play a store that is away, ``refuse`` names sensors whose readings it refuses.
    ``chunks`` are those that it has stored, with their outcomes.
    """

    def __init__(self) -> None:
        self.sensors: dict[SensorId, SensorRegistration] = {}
        self.values: dict[tuple[SensorId, int], float] = {}
        self.batches: list[ReadingBatch] = []
        self.chunks: dict[ChunkKey, WriteOutcome] = {}
        self.unavailable = False
        self.refuse: set[SensorId] = set()

    @property
    def readings(self) -> Sequence[SunkReading]:
        """All readings, by sensor and time."""
        return [SunkReading(*key, value) for key, value in sorted(self.values.items())]

    async def write(self, batch: ReadingBatch) -> WriteOutcome:
        self._check_available()
        outcome, sunk = self._judged(batch)
        self.batches.append(batch)
        self.sensors.update({sensor.sensor_id: sensor for sensor in batch.registrations})
        self.values.update(sunk)
        return outcome

    async def write_chunk(self, batch: ReadingBatch, chunk: ChunkKey) -> WriteOutcome:
        self._check_available()
        if chunk not in self.chunks:
            self.chunks[chunk] = await self.write(batch)
        return self.chunks[chunk]

    async def preview(self, batch: ReadingBatch) -> WriteOutcome:
        self._check_available()
        outcome, _ = self._judged(batch)
        return outcome

    def _check_available(self) -> None:
        if self.unavailable:
            raise UnavailableError("database_unavailable", "the store cannot be reached")

    def _judged(self, batch: ReadingBatch) -> tuple[WriteOutcome, dict[tuple[SensorId, int], float]]:
        """Return what becomes of the batch, and the values that it leaves behind."""
        sunk: dict[tuple[SensorId, int], float] = {}
        created = updated = unchanged = 0
        refused = []
        for index, key in enumerate(zip(batch.sensor_ids, batch.times_us, strict=True)):
            value = batch.values[index]
            if key[0] in self.refuse:
                refused.append(RefusedReading(index, key[0], "refused", "this sensor takes nothing"))
                continue
            earlier = sunk.get(key, self.values.get(key))
            created += earlier is None
            unchanged += earlier == value
            updated += earlier is not None and earlier != value
            sunk[key] = value
        outcome = WriteOutcome(
            created=created,
            updated=updated,
            unchanged=unchanged,
            rejected=len(refused),
            refused=refused,
        )
        return outcome, sunk


class MemoryDeviceReader(DeviceReader):
    """Gives the answers that were laid out with `answers`, in turn; the last one is given again and again."""

    def __init__(self, latency_ms: float = 1.0) -> None:
        self._latency_ms = latency_ms
        self._scripts: dict[DeviceId, deque[object]] = {}
        self.asked: list[DeviceId] = []

    def answers(self, device_id: str, *answers: object) -> None:
        """Lay out a device's answers: decoded JSON, or an exception to be raised."""
        self._scripts[DeviceId(device_id)] = deque(answers)

    async def read(self, device: Device) -> DeviceAnswer:
        self.asked.append(device.device_id)
        script = self._scripts.get(device.device_id)
        if not script:
            raise DeviceReadError("connection_refused", f"{device.name} does not answer")
        answer = script.popleft() if len(script) > 1 else script[0]
        if isinstance(answer, Exception):
            raise answer
        return DeviceAnswer(document=answer, latency_ms=self._latency_ms)


class MemoryIotConfigurationSource(IotConfigurationSource):
    """Holds a configuration that a test may replace at any time."""

    def __init__(self, configuration: IotConfiguration | None = None) -> None:
        self.configuration = configuration or IotConfiguration()

    async def load(self) -> IotConfiguration:
        return self.configuration


class MemoryUnitCatalog(UnitCatalog):
    """Knows the canonical units and those that are given beside them."""

    def __init__(self, units: Mapping[Quantity, Collection[str]] | None = None) -> None:
        more = units or {Quantity.POWER: ("W",), Quantity.ENERGY: ("Wh",)}
        self._units = {
            quantity: {unit, *more.get(quantity, ())} for quantity, unit in CANONICAL_UNITS.items()
        }

    def fault(self, quantity: Quantity, unit: str) -> str | None:
        if quantity is Quantity.OTHER or unit in self._units[quantity]:
            return None
        return f"{unit} is no unit of {quantity.value}"


class FixedJitter(Jitter):
    """Is always the same."""

    def __init__(self, fraction: float = 0.0) -> None:
        self._fraction = fraction

    def fraction(self) -> float:
        return self._fraction
