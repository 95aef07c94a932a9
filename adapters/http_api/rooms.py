"""``/rooms``: rooms and the sensors in them."""

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from adapters.http_api.room_metrics import NewestMetricsAnswer, newest_answer
from adapters.http_api.sensors import SensorAnswer, sensor_answer
from adapters.web.authentication import requires
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from domain.operations.model import Principal, Role
from domain.sensors.model import Comfort, Room, RoomName
from domain.sensors.services.read_room_metrics import NewestMetrics, ReadRoomMetrics
from domain.sensors.services.rooms import Rooms
from domain.shared.errors import InvalidError, Problem


class ComfortBand(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where a room is comfortable: °C and ppm; what is left out has no bound."""

    temperature_min: float | None = None
    temperature_max: float | None = None
    co2_max: float | None = None


class RoomFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What can be said of a room."""

    floor: str | UnsetType | None = UNSET
    area_m2: float | UnsetType | None = UNSET
    capacity: int | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    comfort: ComfortBand | UnsetType | None = UNSET


class NewRoom(RoomFields, kw_only=True):
    """A room to be described."""

    room_name: str


class ChangedRoom(RoomFields, kw_only=True):
    """What is to change; all that is not named stays."""

    room_name: str | UnsetType = UNSET


class RoomAnswer(msgspec.Struct, kw_only=True):
    """A room; its newest ``metrics`` are null before the first."""

    room_name: str
    floor: str | None
    area_m2: float | None
    capacity: int | None
    description: str | None
    comfort: ComfortBand | None
    metrics: NewestMetricsAnswer | None


class RoomWithSensors(RoomAnswer, kw_only=True):
    """A room and its sensors, with their newest readings."""

    sensors: list[SensorAnswer]


def _fields(room: Room, newest: NewestMetrics | None) -> dict[str, object]:
    return {
        "room_name": room.room_name,
        "floor": room.floor,
        "area_m2": room.area_m2,
        "capacity": room.capacity,
        "description": room.description,
        "comfort": room.comfort
        and ComfortBand(
            temperature_min=room.comfort.temperature_min,
            temperature_max=room.comfort.temperature_max,
            co2_max=room.comfort.co2_max,
        ),
        "metrics": newest_answer(newest),
    }


def _answer(room: Room, newest: NewestMetrics | None = None) -> RoomAnswer:
    return RoomAnswer(**_fields(room, newest))  # type: ignore[arg-type]  # fields by name


def _changes(data: RoomFields) -> dict[str, object]:
    names = ("floor", "area_m2", "capacity", "description", "comfort")
    changes = {name: value for name in names if (value := getattr(data, name)) is not UNSET}
    band = changes.get("comfort")
    if isinstance(band, ComfortBand):
        changes["comfort"] = Comfort(band.temperature_min, band.temperature_max, band.co2_max)
    return changes


class RoomsController(Controller):
    """Rooms."""

    path = "/rooms"
    tags = ("Rooms",)
    guards = (requires(Role.VIEWER),)

    @get("/", summary="List rooms")
    @inject
    async def list_rooms(
        self,
        rooms: FromDishka[Rooms],
        metrics: FromDishka[ReadRoomMetrics],
        limit: Limit = DEFAULT_LIMIT,
        offset: Offset = 0,
    ) -> Page[RoomAnswer]:
        """Return rooms by name, with their newest metrics."""
        found, total = await rooms.list(limit, offset)
        newest = await metrics.newest([room.room_name for room in found])
        items = [_answer(room, newest.get(room.room_name)) for room in found]
        return Page(items=items, total=total, limit=limit, offset=offset)

    @get("/names", summary="List the names of rooms")
    @inject
    async def list_room_names(self, rooms: FromDishka[Rooms]) -> list[str]:
        """Return the names of all rooms, sorted."""
        return [*await rooms.names()]

    @post("/", summary="Describe a room", guards=(requires(Role.ADMIN),))
    @inject
    async def create_room(
        self, data: JSONBody[NewRoom], rooms: FromDishka[Rooms], principal: FromDishka[Principal]
    ) -> RoomAnswer:
        """Describe a new room, or one that only sensors have named so far."""
        room = Room(room_name=RoomName(data.room_name), **_changes(data))  # type: ignore[arg-type]  # by name
        return _answer(await rooms.create(room, principal.actor))

    @get("/{room_name:str}", summary="Get a room")
    @inject
    async def get_room(
        self, room_name: FromPath[str], rooms: FromDishka[Rooms], metrics: FromDishka[ReadRoomMetrics]
    ) -> RoomWithSensors:
        """Return the room with its sensors and its newest metrics."""
        found = await rooms.get(RoomName(room_name))
        newest = await metrics.newest([found.room.room_name])
        fields = _fields(found.room, newest.get(found.room.room_name))
        return RoomWithSensors(
            **fields,  # type: ignore[arg-type]  # fields by name
            sensors=[sensor_answer(view) for view in found.sensors],
        )

    @put("/{room_name:str}", summary="Change a room", guards=(requires(Role.ADMIN),))
    @inject
    async def change_room(
        self,
        room_name: FromPath[str],
        data: JSONBody[ChangedRoom],
        rooms: FromDishka[Rooms],
        metrics: FromDishka[ReadRoomMetrics],
        principal: FromDishka[Principal],
    ) -> RoomAnswer:
        """Change what is named."""
        if data.room_name not in {UNSET, room_name}:
            problem = Problem("/room_name", "immutable", "a name cannot be changed; describe a new room")
            raise InvalidError(problem.code, problem.detail, [problem])
        room = await rooms.change(RoomName(room_name), _changes(data), principal.actor)
        return _answer(room, (await metrics.newest([room.room_name])).get(room.room_name))

    @delete("/{room_name:str}", summary="Delete a room", guards=(requires(Role.ADMIN),))
    @inject
    async def delete_room(
        self, room_name: FromPath[str], rooms: FromDishka[Rooms], principal: FromDishka[Principal]
    ) -> None:
        """Delete the room; its sensors stay, without a room."""
        await rooms.delete(RoomName(room_name), principal.actor)
