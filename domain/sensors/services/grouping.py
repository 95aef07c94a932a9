"""Which sensors make one series, and how much of them one call may ask for."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final, TypeVar

from domain.sensors.errors import unknown_room, unknown_sensor
from domain.sensors.model import Sensor
from domain.sensors.ports import SensorSelection, SensorsTransaction
from domain.sensors.services.calendar import MAX_BUCKETS
from domain.shared.errors import InvalidError

AT_ONCE: Final = 10_000
"""Buckets of single sensors that are worked out at a time."""

Item = TypeVar("Item")

MAX_MEMBER_BUCKETS: Final = 1_000_000
"""Buckets of single sensors that one call may be put together from."""


class GroupBy(StrEnum):
    """What makes one series."""

    SENSOR = "sensor"
    ROOM = "room"
    QUANTITY = "quantity"
    NONE = "none"


def key_of(group_by: GroupBy, sensor: Sensor) -> str | None:
    """Return the key of the series that the sensor belongs to."""
    match group_by:
        case GroupBy.SENSOR:
            return sensor.sensor_id
        case GroupBy.ROOM:
            return sensor.definition.room_name
        case GroupBy.QUANTITY:
            return sensor.definition.quantity.value
        case GroupBy.NONE:
            return "all"


async def check_known(tx: SensorsTransaction, where: SensorSelection) -> None:
    """Raise `NotFoundError` where a sensor or room that is named does not exist."""
    if where.sensor_ids is not None:
        known = await tx.sensors.find(where.sensor_ids)
        for wanted in where.sensor_ids:
            if wanted not in known:
                raise unknown_sensor(wanted)
    for room in where.room_names or ():
        if await tx.rooms.get(room) is None:
            raise unknown_room(room)


def check_size(sizes: Sequence[int], buckets: int) -> None:
    """Raise `InvalidError` (``too_many_buckets``) where groups of these sizes have too many buckets."""
    if len(sizes) * buckets > MAX_BUCKETS:
        raise InvalidError(
            "too_many_buckets",
            f"one call answers {MAX_BUCKETS:,} buckets at most, and this is {len(sizes) * buckets:,}",
        )
    check_work(sum(sizes) * buckets)


def check_work(buckets: int) -> None:
    """Raise `InvalidError` (``too_many_buckets``) where so many buckets of single sensors are too many."""
    if buckets > MAX_MEMBER_BUCKETS:
        raise InvalidError(
            "too_many_buckets",
            f"one call puts together {MAX_MEMBER_BUCKETS:,} buckets of single sensors at most: "
            "ask for a longer resolution, a shorter time or fewer sensors",
        )


def portions(items: Sequence[Item], edges: int) -> Iterator[Sequence[Item]]:
    """Yield so many at a time as have about `AT_ONCE` buckets."""
    size = max(1, AT_ONCE // max(edges, 1))
    for start in range(0, len(items), size):
        yield items[start : start + size]
