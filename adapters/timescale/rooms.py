"""Rooms in PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.dialects.postgresql import insert

from adapters.timescale.session import Session
from adapters.timescale.tables.sensors import rooms
from domain.sensors.model import Comfort, Room, RoomName
from domain.sensors.ports import RoomStore


class TimescaleRoomStore(RoomStore):
    """The table ``sensors.rooms``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, room: Room) -> bool:
        # A room that only a sensor has named so far is described by this.
        added = await self._session.execute(
            insert(rooms)
            .values(**_columns(room))
            .on_conflict_do_update(
                index_elements=[rooms.c.room_name], set_=_columns(room), where=rooms.c.described.is_(False)
            )
            .returning(rooms.c.room_name)
        )
        return added.first() is not None

    async def mention(self, room_name: RoomName) -> bool:
        added = await self._session.execute(
            insert(rooms)
            .values(room_name=room_name, described=False)
            .on_conflict_do_nothing()
            .returning(rooms.c.room_name)
        )
        return added.first() is not None

    async def get(self, room_name: RoomName) -> Room | None:
        found = await self._session.execute(select(rooms).where(rooms.c.room_name == room_name))
        row = found.first()
        return None if row is None else _room(row)

    async def list(self, limit: int, offset: int) -> tuple[Sequence[Room], int]:
        total = (await self._session.execute(select(func.count()).select_from(rooms))).scalar_one()
        found = await self._session.execute(
            select(rooms).order_by(rooms.c.room_name).limit(limit).offset(offset)
        )
        return [_room(row) for row in found], total

    async def names(self) -> Sequence[RoomName]:
        found = await self._session.execute(select(rooms.c.room_name).order_by(rooms.c.room_name))
        return [RoomName(row.room_name) for row in found]

    async def replace(self, room: Room) -> None:
        await self._session.execute(
            rooms.update().where(rooms.c.room_name == room.room_name).values(**_columns(room))
        )

    async def delete(self, room_name: RoomName) -> None:
        await self._session.execute(rooms.delete().where(rooms.c.room_name == room_name))


def _columns(room: Room) -> dict[str, object]:
    comfort = room.comfort or Comfort()
    return {
        "room_name": room.room_name,
        "floor": room.floor,
        "area_m2": room.area_m2,
        "capacity": room.capacity,
        "description": room.description,
        "temperature_min": comfort.temperature_min,
        "temperature_max": comfort.temperature_max,
        "co2_max": comfort.co2_max,
        "has_comfort": room.comfort is not None,
        "described": True,
    }


def _room(row: Row[Any]) -> Room:
    return Room(
        room_name=RoomName(row.room_name),
        floor=row.floor,
        area_m2=row.area_m2,
        capacity=row.capacity,
        description=row.description,
        comfort=Comfort(row.temperature_min, row.temperature_max, row.co2_max) if row.has_comfort else None,
    )
