"""``/sensors``: what they are, and their newest readings."""

from typing import Annotated, Literal

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from adapters.web.authentication import requires
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from adapters.web.times import Elapsed, Instant
from domain.operations.model import Principal, Role
from domain.sensors.model import (
    DeviceId,
    Reading,
    RoomName,
    SensorDefinition,
    SensorId,
    Staleness,
)
from domain.sensors.ports import SensorFilter, SensorSort
from domain.sensors.services.sensors import Sensors, SensorView
from domain.shared.errors import InvalidError, Problem
from domain.shared.quantities import Accumulation, Counts, Direction, Quality, Quantity


class SensorFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What can be said of a sensor; values are in its ``unit``, ``max_power_kw`` in kW."""

    name: str | UnsetType = UNSET
    quantity: Quantity | UnsetType = UNSET
    unit: str | UnsetType = UNSET
    accumulation: Accumulation | UnsetType = UNSET
    room_name: str | UnsetType | None = UNSET
    device_id: str | UnsetType | None = UNSET
    resolution: Elapsed | UnsetType | None = UNSET
    max_gap: Elapsed | UnsetType | None = UNSET
    no_data_after: Elapsed | UnsetType | None = UNSET
    rollover_at: float | UnsetType | None = UNSET
    max_power_kw: float | UnsetType | None = UNSET
    direction: Direction | UnsetType = UNSET
    submeter_of: str | UnsetType | None = UNSET
    counts: Counts | UnsetType = UNSET
    min_value: float | UnsetType | None = UNSET
    max_value: float | UnsetType | None = UNSET
    timezone: str | UnsetType | None = UNSET
    labels: dict[str, str] | UnsetType = UNSET


class NewSensor(SensorFields, kw_only=True):
    """A sensor to be defined."""

    sensor_id: str
    name: str
    quantity: Quantity
    unit: str


class ChangedSensor(SensorFields, kw_only=True):
    """What is to change; all that is not named stays."""

    sensor_id: str | UnsetType = UNSET


class ReadingAnswer(msgspec.Struct, kw_only=True):
    """One reading, in the canonical unit of its quantity."""

    time: Instant
    value: float
    quality: Quality


class StalenessAnswer(msgspec.Struct, kw_only=True):
    """How old the newest reading is: ``stale`` beyond the sensor's ``max_gap``."""

    status: Staleness
    age_seconds: float | None


class SensorAnswer(msgspec.Struct, kw_only=True):
    """A sensor. Readings are given in ``canonical_unit``."""

    sensor_id: str
    name: str
    quantity: Quantity
    unit: str
    canonical_unit: str
    accumulation: Accumulation
    room_name: str | None
    device_id: str | None
    resolution: Elapsed | None
    max_gap: Elapsed
    no_data_after: Elapsed
    rollover_at: float | None
    max_power_kw: float | None
    direction: Direction
    submeter_of: str | None
    counts: Counts
    min_value: float | None
    max_value: float | None
    timezone: str | None
    labels: dict[str, str]
    created_at: Instant
    updated_at: Instant
    latest: ReadingAnswer | None
    staleness: StalenessAnswer


class RevisionAnswer(ReadingAnswer, kw_only=True):
    """A value that was replaced, and by whom."""

    source: str
    replaced_at: Instant
    replaced_by: str


def reading_answer(reading: Reading) -> ReadingAnswer:
    """Return the reading as it is written in answers."""
    return ReadingAnswer(time=Instant.of(reading.time), value=reading.value, quality=reading.quality)


def sensor_answer(view: SensorView) -> SensorAnswer:
    """Return the sensor as it is written in answers."""
    sensor, definition = view.sensor, view.sensor.definition
    return SensorAnswer(
        sensor_id=definition.sensor_id,
        name=definition.name,
        quantity=definition.quantity,
        unit=definition.unit,
        canonical_unit=sensor.canonical_unit,
        accumulation=definition.accumulation,
        room_name=definition.room_name,
        device_id=definition.device_id,
        resolution=None if definition.resolution is None else Elapsed.of(definition.resolution),
        max_gap=Elapsed.of(sensor.effective_max_gap),
        no_data_after=Elapsed.of(sensor.effective_no_data_after),
        rollover_at=definition.rollover_at,
        max_power_kw=definition.max_power_kw,
        direction=definition.direction,
        submeter_of=definition.submeter_of,
        counts=definition.counts,
        min_value=definition.min_value,
        max_value=definition.max_value,
        timezone=definition.timezone,
        labels=dict(definition.labels),
        created_at=Instant.of(sensor.created_at),
        updated_at=Instant.of(sensor.updated_at),
        latest=None if view.latest is None else reading_answer(view.latest),
        staleness=StalenessAnswer(
            status=view.staleness, age_seconds=None if view.age is None else view.age.total_seconds()
        ),
    )


def _given(data: SensorFields) -> dict[str, object]:
    names = (field.name for field in msgspec.structs.fields(data))
    return {name: value for name in names if (value := getattr(data, name)) is not UNSET}


Sort = Literal[
    "sensor_id", "-sensor_id", "name", "-name", "room_name", "-room_name", "quantity", "-quantity",
    "latest", "-latest",
]  # fmt: skip
Labels = Annotated[
    list[str] | None, QueryParameter(name="label", description="`key:value`; may be given several times.")
]
Text = Annotated[str | None, QueryParameter(max_length=200, description="Looked for in id and name.")]
SortBy = Annotated[Sort, QueryParameter(name="sort", description="A leading `-` turns the order round.")]


class SensorsController(Controller):
    """Sensors; the path ``/sensors/get`` lists them."""

    path = "/sensors"
    tags = ("Sensors",)
    guards = (requires(Role.VIEWER),)

    @post("/", summary="Define a sensor", guards=(requires(Role.ADMIN),))
    @inject
    async def create_sensor(
        self, data: JSONBody[NewSensor], sensors: FromDishka[Sensors], principal: FromDishka[Principal]
    ) -> SensorAnswer:
        """Define a sensor. A room that it names comes into being with it."""
        definition = msgspec.convert(_given(data), SensorDefinition)
        return sensor_answer(await sensors.create(definition, principal.actor))

    @get("/get", summary="List sensors")
    @inject
    async def list_sensors(
        self,
        sensors: FromDishka[Sensors],
        room_name: FromQuery[str | None] = None,
        quantity: FromQuery[Quantity | None] = None,
        device_id: FromQuery[str | None] = None,
        status: FromQuery[Staleness | None] = None,
        q: Text = None,
        label: Labels = None,
        sort: SortBy = "sensor_id",
        limit: Limit = DEFAULT_LIMIT,
        offset: Offset = 0,
    ) -> Page[SensorAnswer]:
        """Return the sensors for which all that is asked holds, each with its newest reading."""
        where = SensorFilter(
            room_name=None if room_name is None else RoomName(room_name),
            quantity=quantity,
            device_id=None if device_id is None else DeviceId(device_id),
            status=status,
            text=q,
            labels=tuple(_label(one) for one in label or ()),
        )
        views, total = await sensors.list(
            where,
            limit=limit,
            offset=offset,
            sort=SensorSort(sort.removeprefix("-")),
            descending=sort.startswith("-"),
        )
        return Page(items=[sensor_answer(view) for view in views], total=total, limit=limit, offset=offset)

    @get("/{sensor_id:str}", summary="Get a sensor")
    @inject
    async def get_sensor(self, sensor_id: FromPath[str], sensors: FromDishka[Sensors]) -> SensorAnswer:
        """Return the sensor with its newest reading."""
        return sensor_answer(await sensors.get(SensorId(sensor_id)))

    @put("/{sensor_id:str}", summary="Change a sensor", guards=(requires(Role.ADMIN),))
    @inject
    async def change_sensor(
        self,
        sensor_id: FromPath[str],
        data: JSONBody[ChangedSensor],
        sensors: FromDishka[Sensors],
        principal: FromDishka[Principal],
    ) -> SensorAnswer:
        """Change what is named; accumulation, quantity and unit only while there are no readings."""
        if data.sensor_id not in {UNSET, sensor_id}:
            problem = Problem("/sensor_id", "immutable", "an id cannot be changed; define a new sensor")
            raise InvalidError(problem.code, problem.detail, [problem])
        changes = {name: value for name, value in _given(data).items() if name != "sensor_id"}
        return sensor_answer(await sensors.change(SensorId(sensor_id), changes, principal.actor))

    @delete("/{sensor_id:str}", summary="Delete a sensor", guards=(requires(Role.ADMIN),))
    @inject
    async def delete_sensor(
        self,
        sensor_id: FromPath[str],
        sensors: FromDishka[Sensors],
        principal: FromDishka[Principal],
        purge: FromQuery[bool] = False,
    ) -> None:
        """Delete the sensor; one with readings only where ``purge`` says to delete them too."""
        await sensors.delete(SensorId(sensor_id), principal.actor, purge=purge)

    @get("/{sensor_id:str}/revisions", summary="List replaced values")
    @inject
    async def list_revisions(
        self,
        sensor_id: FromPath[str],
        sensors: FromDishka[Sensors],
        limit: Limit = DEFAULT_LIMIT,
        offset: Offset = 0,
    ) -> Page[RevisionAnswer]:
        """Return the values that later ones replaced, newest replacement first."""
        found, total = await sensors.revisions(SensorId(sensor_id), limit, offset)
        items = [
            RevisionAnswer(
                time=Instant.of(one.time),
                value=one.value,
                quality=one.quality,
                source=one.source,
                replaced_at=Instant.of(one.replaced_at),
                replaced_by=one.replaced_by,
            )
            for one in found
        ]
        return Page(items=items, total=total, limit=limit, offset=offset)


def _label(text: str) -> tuple[str, str]:
    key, colon, value = text.partition(":")
    if not colon or not key:
        problem = Problem("/query/label", "invalid_value", "a label is written key:value")
        raise InvalidError(problem.code, problem.detail, [problem])
    return key, value
