"""Rooms: describing, changing, finding and deleting them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from domain.sensors.errors import room_exists, unknown_room
from domain.sensors.events import RoomChanged, RoomCreated, RoomDeleted
from domain.sensors.model import Comfort, Room, RoomName, room_name
from domain.sensors.ports import SensorFilter, SensorsUnitOfWork
from domain.sensors.services.catalog import SensorCatalog
from domain.sensors.services.sensors import SensorView, view
from domain.shared.errors import DomainError, InvalidError, Problem
from domain.shared.events import Actor, EventId
from domain.shared.ports import Clock, IdFactory

_MAX_TEXT: Final = 2000
_MOST_PEOPLE: Final = 1_000_000
_MOST_SENSORS: Final = 1000


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room and its sensors."""

    room: Room
    sensors: list[SensorView]


class Rooms:
    """The use cases around rooms."""

    def __init__(self, uow: SensorsUnitOfWork, catalog: SensorCatalog, clock: Clock, ids: IdFactory) -> None:
        self._uow = uow
        self._catalog = catalog
        self._clock = clock
        self._ids = ids

    async def create(self, room: Room, actor: Actor) -> Room:
        """Describe a new room, or one that only sensors have named so far.

        Raises:
            InvalidError: each fault, by JSON pointer.
            ConflictError: ``room_exists``.

        """
        _check(room)
        async with self._uow.begin() as tx:
            if not await tx.rooms.add(room):
                raise room_exists(room.room_name)
            tx.events.add(
                RoomCreated(
                    event_id=EventId(self._ids.new()),
                    occurred_at=self._clock.now(),
                    actor=actor,
                    room_name=room.room_name,
                )
            )
        return room

    async def get(self, wanted: RoomName) -> RoomView:
        """Return the room with its sensors, or raise `NotFoundError` (``unknown_room``)."""
        now = self._clock.now()
        async with self._uow.begin() as tx:
            room = await tx.rooms.get(wanted)
            if room is None:
                raise unknown_room(wanted)
            states, _ = await tx.sensors.list(
                SensorFilter(room_name=wanted), now=now, limit=_MOST_SENSORS, offset=0
            )
        return RoomView(room, [view(state, now) for state in states])

    async def list(self, limit: int, offset: int) -> tuple[Sequence[Room], int]:
        """Return a page of rooms by name, and the number of all."""
        async with self._uow.begin() as tx:
            rooms, total = await tx.rooms.list(limit, offset)
        return rooms, total

    async def names(self) -> Sequence[RoomName]:
        """Return the names of all rooms, sorted."""
        async with self._uow.begin() as tx:
            return await tx.rooms.names()

    async def change(self, wanted: RoomName, changes: Mapping[str, object], actor: Actor) -> Room:
        """Change the named fields of the room; all others stay.

        Raises:
            InvalidError: each fault, by JSON pointer.
            NotFoundError: ``unknown_room``.

        """
        async with self._uow.begin() as tx:
            before = await tx.rooms.get(wanted)
            if before is None:
                raise unknown_room(wanted)
            room = replace(before, **changes)  # type: ignore[arg-type]  # fields by name
            if room == before:
                return room
            _check(room)
            await tx.rooms.replace(room)
            tx.events.add(
                RoomChanged(
                    event_id=EventId(self._ids.new()),
                    occurred_at=self._clock.now(),
                    actor=actor,
                    room_name=wanted,
                )
            )
        return room

    async def delete(self, wanted: RoomName, actor: Actor) -> None:
        """Delete the room; its sensors stay, without a room.

        Raises:
            NotFoundError: ``unknown_room``.

        """
        now = self._clock.now()
        async with self._uow.begin() as tx:
            if await tx.rooms.get(wanted) is None:
                raise unknown_room(wanted)
            left = await tx.sensors.leave_room(wanted, now)
            await tx.room_metrics.delete(wanted)
            await tx.rooms.delete(wanted)
            tx.events.add(
                RoomDeleted(
                    event_id=EventId(self._ids.new()),
                    occurred_at=now,
                    actor=actor,
                    room_name=wanted,
                    sensor_ids=tuple(left),
                )
            )
        self._catalog.forget(left)


def _check(room: Room) -> None:
    problems = [*_text_problems(room), *_number_problems(room), *_comfort_problems(room.comfort)]
    if problems:
        raise InvalidError(problems[0].code, "the room cannot be described so", problems)


def _text_problems(room: Room) -> Iterator[Problem]:
    try:
        room_name(room.room_name)
    except DomainError as error:
        yield Problem("/room_name", error.code, error.detail)
    for name, text in (("floor", room.floor), ("description", room.description)):
        if text is not None and len(text) > _MAX_TEXT:
            yield Problem(f"/{name}", "too_long", f"at most {_MAX_TEXT} characters")


def _number_problems(room: Room) -> Iterator[Problem]:
    if room.area_m2 is not None and not (math.isfinite(room.area_m2) and room.area_m2 > 0):
        yield Problem("/area_m2", "invalid_value", "it needs to be above 0")
    if room.capacity is not None and not 0 <= room.capacity <= _MOST_PEOPLE:
        yield Problem("/capacity", "invalid_value", f"it needs to be 0 to {_MOST_PEOPLE}")


def _comfort_problems(comfort: Comfort | None) -> Iterator[Problem]:
    if comfort is None:
        return
    lowest, highest = comfort.temperature_min, comfort.temperature_max
    for name, bound in (
        ("temperature_min", lowest),
        ("temperature_max", highest),
        ("co2_max", comfort.co2_max),
    ):
        if bound is not None and not math.isfinite(bound):
            yield Problem(f"/comfort/{name}", "invalid_value", "it needs to be a finite number")
    if lowest is not None and highest is not None and lowest > highest:
        yield Problem("/comfort/temperature_max", "invalid_value", "it lies below temperature_min")
