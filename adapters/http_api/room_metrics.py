"""``/rooms/{room_name}/metrics``: what a room was like, slot after slot."""

from datetime import datetime

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import get
from litestar.params import FromPath

from adapters.http_api.places import placed
from adapters.web.authentication import requires
from adapters.web.parameters import DEFAULT_LIMIT, Cursor, CursorPage, End, Limit, Start
from adapters.web.times import Instant
from domain.operations.model import Role
from domain.sensors.model import RoomName
from domain.sensors.room_metrics import RoomMetrics
from domain.sensors.services.read_room_metrics import NewestMetrics, ReadRoomMetrics
from domain.shared.errors import InvalidError, Problem
from domain.shared.quantities import Quality
from domain.shared.time import from_microseconds, to_microseconds


class RoomMetricsAnswer(msgspec.Struct, kw_only=True):
    """A room from ``time`` to ``end``. What is not known is null, never 0.

    ``power_kw`` is the mean; ``energy_kwh`` what passed since local midnight (of the server's `TIMEZONE`) up
    to ``end``, ``slot_energy_kwh`` from ``time`` to ``end``. Temperature (°C), humidity (%), ``co2`` (ppm)
    and occupancy (people) are means; ``co2_peak`` is the highest reading. ``occupancy_estimated``: by the
    mass balance of CO2 (ASHRAE 62.1, Persily & de Jonge 2017), since no sensor counts people. ``comfort``:
    the means lie in the room's band; ``comfort_share``: the share of the time in which the values do.
    """

    time: Instant
    end: Instant
    power_kw: float | None
    energy_kwh: float | None
    slot_energy_kwh: float | None
    temperature: float | None
    humidity: float | None
    co2: float | None
    co2_peak: float | None
    occupancy: float | None
    occupancy_estimated: bool
    comfort: bool | None
    comfort_share: float | None
    coverage: float
    quality: Quality
    missing_sensors: list[str]


class NewestMetricsAnswer(RoomMetricsAnswer, kw_only=True):
    """A room as it was last seen; ``stale`` where that is over two intervals ago."""

    stale: bool


def _fields(metrics: RoomMetrics) -> dict[str, object]:
    names = (name for name in RoomMetricsAnswer.__struct_fields__ if name not in {"time", "end"})
    return {
        "time": Instant.of(metrics.start),
        "end": Instant.of(metrics.end),
        **{name: getattr(metrics, name) for name in names},
        "missing_sensors": [*metrics.missing_sensors],
    }


def newest_answer(newest: NewestMetrics | None) -> NewestMetricsAnswer | None:
    """Return the newest metrics as they are answered; None before the first."""
    if newest is None:
        return None
    return NewestMetricsAnswer(**_fields(newest.metrics), stale=newest.stale)  # type: ignore[arg-type]  # by name


@get(
    "/rooms/{room_name:str}/metrics",
    summary="Read the metrics of a room",
    tags=["Rooms"],
    guards=[requires(Role.VIEWER)],
)
@inject
async def room_metrics(
    room_name: FromPath[str],
    metrics: FromDishka[ReadRoomMetrics],
    start: Start = None,
    end: End = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> CursorPage[RoomMetricsAnswer]:
    """Return the metrics of the slots that begin in `[start, end)`, oldest first.

    Without `end` up to now, without `start` those of the 24 hours before `end`.
    """
    with placed():
        page = await metrics.page(RoomName(room_name), start, end, _after(cursor), limit)
    return CursorPage(
        items=[RoomMetricsAnswer(**_fields(one)) for one in page.metrics],  # type: ignore[arg-type]  # by name
        next_cursor=None if page.next_after is None else str(to_microseconds(page.next_after)),
    )


def _after(cursor: str | None) -> datetime | None:
    if cursor is None:
        return None
    try:
        return from_microseconds(int(cursor))
    except (ValueError, OverflowError) as error:
        problem = Problem("/query/cursor", "invalid_cursor", "a cursor is the next_cursor of the page before")
        raise InvalidError(problem.code, problem.detail, [problem]) from error
