"""Rooms with sensors, readings and metrics over memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from adapters.memory.surroundings import MemoryIdFactory
from domain.sensors.events import RollupsCorrected, RoomMetricsCorrected
from domain.sensors.model import Room, RoomName, SensorId, Source
from domain.sensors.room_metrics import RoomMetrics
from domain.sensors.services.checking import Submission
from domain.sensors.services.mark_room_metrics import MarkRoomMetrics
from domain.sensors.services.read_room_metrics import ReadRoomMetrics
from domain.sensors.services.rollups import Rollups
from domain.sensors.services.room_metrics import RefreshRoomMetrics
from domain.sensors.services.room_metrics_slots import RoomMetricsRules
from domain.shared.quantities import Quantity
from domain.shared.time import from_microseconds, to_microseconds
from tests.unit.sensors.samples import ME, World, definition, world

LAB: Final = RoomName("Lab")
MINUTE: Final = timedelta(minutes=1)
SLOT: Final = 5 * MINUTE


def at(time: str) -> datetime:
    """Return a time of the day of all these tests, UTC; another day where it says one."""
    return datetime.fromisoformat(time if "T" in time else f"2026-03-02T{time}").replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Building:
    """A world with the use cases of room metrics."""

    w: World
    refresh: RefreshRoomMetrics
    mark: MarkRoomMetrics
    read: ReadRoomMetrics
    rollups: Rollups

    async def room(self, name: RoomName = LAB, **fields: object) -> None:
        await self.w.rooms.create(Room(room_name=name, **fields), ME)  # type: ignore[arg-type]  # by name

    async def sensor(
        self, sensor_id: str, quantity: Quantity, *, room: RoomName | None = LAB, **fields: object
    ) -> None:
        units = {
            Quantity.POWER: "kW",
            Quantity.ENERGY: "kWh",
            Quantity.TEMPERATURE: "degC",
            Quantity.HUMIDITY: "percent",
            Quantity.CO2: "ppm",
            Quantity.OCCUPANCY: "people",
        }
        wanted = definition(sensor_id, quantity=quantity, unit=units[quantity], room_name=room, **fields)
        await self.w.sensors.create(wanted, ME)

    async def send(self, sensor_id: str, *rows: tuple[str, float]) -> None:
        times, values = [at(time) for time, _ in rows], [value for _, value in rows]
        await self.send_all(sensor_id, times, values)

    async def send_all(self, sensor_id: str, times: Sequence[datetime], values: Sequence[float]) -> None:
        submission = Submission(
            sensor_ids=[SensorId(sensor_id)] * len(times),
            times_us=[to_microseconds(time) for time in times],
            values=list(values),
            units=None,
        )
        receipt = await self.w.write.write(submission, Source("test"))
        assert receipt.rejected == 0, receipt.errors

    async def run(self, time: str) -> int:
        self.w.clock.time = at(time)
        return await self.refresh.run()

    async def slot(self, start: str, room: RoomName = LAB) -> RoomMetrics:
        begin = at(start)
        async with self.w.uow.begin() as tx:
            (found,) = await tx.room_metrics.page(room, begin, begin + SLOT, 10)
        return found

    async def sum_up(self) -> None:
        """Refresh the rollups, and give what they announce to the handler."""
        known = len(self.w.database.events)
        await self.rollups.refresh()
        for event in self.w.database.events[known:]:
            if isinstance(event, RollupsCorrected):
                await self.mark(event)

    @property
    def corrections(self) -> list[tuple[str, str, str]]:
        """What was announced: room, start and end of each range."""
        return [
            (room, f"{from_microseconds(start):%H:%M}", f"{from_microseconds(end):%H:%M}")
            for event in self.w.database.events
            if isinstance(event, RoomMetricsCorrected)
            for room, start, end in zip(event.room_names, event.starts_us, event.ends_us, strict=True)
        ]


def building(
    zone: str = "Europe/Lisbon", every: timedelta = SLOT, kept_for: timedelta | None = None
) -> Building:
    w = world()
    rules = RoomMetricsRules(every, ZoneInfo(zone), kept_for)
    return Building(
        w,
        RefreshRoomMetrics(w.uow, w.clock, MemoryIdFactory(), rules),
        MarkRoomMetrics(w.uow, rules),
        ReadRoomMetrics(w.uow, w.clock, rules),
        Rollups(w.uow, w.clock, MemoryIdFactory()),
    )
