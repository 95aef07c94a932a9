"""``/data/query``: many sensors in calendar buckets, in one call."""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import post
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import UNSET, UnsetType

from adapters.http_api.bucket_answers import BucketAnswer, bucket_fields
from adapters.http_api.places import placed
from adapters.web.authentication import requires
from adapters.web.times import CalendarPeriod, Instant, Timezone
from domain.operations.model import Role
from domain.sensors.model import RoomName, SensorId
from domain.sensors.ports import SensorSelection
from domain.sensors.services.buckets import Aggregate, Bucket
from domain.sensors.services.filling import Fill
from domain.sensors.services.grouping import GroupBy
from domain.sensors.services.groups import GroupBucket
from domain.sensors.services.query import Query, QueryReadings, Series
from domain.shared.errors import InvalidError, Problem
from domain.shared.quantities import Quantity

MAX_NAMED: Final = 10_000
_PLACES: Final = {
    "end_before_start": "/end",
    "out_of_calendar": "/end",
    "too_many_buckets": "/resolution",
    "invalid_resolution": "/resolution",
}

Names = Annotated[list[str], msgspec.Meta(min_length=1, max_length=MAX_NAMED)]
Unit = Annotated[str, msgspec.Meta(max_length=64)]


class QueryFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which sensors (of each list that is given one must hold, and all labels), and what of them.

    Without ``aggregates`` all that make sense; ``energy`` alone over power and energy sensors together.
    """

    sensor_ids: Names | None = None
    room_names: Names | None = None
    quantities: Annotated[list[Quantity], msgspec.Meta(min_length=1)] | None = None
    labels: Annotated[
        dict[str, str] | list[str] | None,
        msgspec.Meta(description='`{"key": "value"}` or `["key:value"]`.', examples=[{"wing": "north"}]),
    ] = None
    start: Instant
    end: Instant
    resolution: CalendarPeriod
    aggregates: Annotated[list[Aggregate], msgspec.Meta(min_length=1)] | None = None
    group_by: GroupBy = GroupBy.SENSOR
    timezone: Timezone | None = None
    unit: Annotated[
        Unit | None, msgspec.Meta(description="Of what has its dimension; `energy` has `energy_unit`.")
    ] = None
    energy_unit: Unit = "kWh"
    fill: Annotated[
        Fill,
        msgspec.Meta(
            description="`none` leaves out empty buckets, `null` keeps them; `previous` and `linear` also"
            " guess mean, min, max, first and last (ESTIMATED), of nothing that has not begun."
        ),
    ] = Fill.NONE


class SeriesBucketAnswer(BucketAnswer, kw_only=True, omit_defaults=True):
    """A bucket of a sensor or a group.

    Of a group ``coverage`` is the mean over the members expected in that time, ``coverage_min`` the weakest,
    and ``missing_sensors`` are those without data. ``reason`` says why there is no answer where there
    could have been one.
    """

    coverage_min: float | UnsetType = UNSET
    missing_sensors: Sequence[str] | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class SeriesAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One series; the key of sensors without a room is null. ``energy_unit`` is that of ``energy``."""

    key: str | None
    unit: str
    energy_unit: str | UnsetType = UNSET
    buckets: list[SeriesBucketAnswer]


class QueryAnswer(msgspec.Struct, kw_only=True):
    """The series, by key."""

    series: list[SeriesAnswer]


@post(
    "/data/query",
    summary="Query many sensors",
    tags=("Readings",),
    status_code=HTTP_200_OK,
    guards=(requires(Role.VIEWER),),
)
@inject
async def query_readings(data: JSONBody[QueryFields], readings: FromDishka[QueryReadings]) -> QueryAnswer:
    """Sum up the readings of many sensors by calendar buckets, each for itself or grouped.

    Over a group power and energy add up, each device and submeter once, and the rest is averaged over the
    members that have data. One call answers 100,000 buckets at most.
    """
    labels = _labels(data.labels)
    with placed(_PLACES):
        found = await readings.run(
            Query(
                where=SensorSelection(
                    sensor_ids=None
                    if data.sensor_ids is None
                    else tuple(map(SensorId, dict.fromkeys(data.sensor_ids))),
                    room_names=None
                    if data.room_names is None
                    else tuple(map(RoomName, dict.fromkeys(data.room_names))),
                    quantities=None if data.quantities is None else tuple(dict.fromkeys(data.quantities)),
                    labels=labels,
                ),
                start=data.start,
                end=data.end,
                resolution=data.resolution.period,
                aggregates=None if data.aggregates is None else tuple(data.aggregates),
                group_by=data.group_by,
                zone=data.timezone,
                unit=data.unit,
                energy_unit=data.energy_unit,
                fill=data.fill,
            )
        )
    return QueryAnswer(series=[_series(one) for one in found])


def _series(series: Series) -> SeriesAnswer:
    return SeriesAnswer(
        key=series.key,
        unit=series.unit,
        energy_unit=UNSET if series.energy_unit is None else series.energy_unit,
        buckets=[_bucket(bucket, series.aggregates) for bucket in series.buckets],
    )


def _bucket(bucket: Bucket, aggregates: Sequence[Aggregate]) -> SeriesBucketAnswer:
    fields = bucket_fields(bucket, aggregates)
    if isinstance(bucket, GroupBucket):
        fields |= {"coverage_min": bucket.coverage_min, "missing_sensors": bucket.missing_sensors}
    return SeriesBucketAnswer(**fields)  # type: ignore[arg-type]  # fields by name


def _labels(written: dict[str, str] | list[str] | None) -> tuple[tuple[str, str], ...]:
    if written is None:
        return ()
    if isinstance(written, dict):
        return tuple(written.items())
    labels = [label.partition(":") for label in written]
    problems = [
        Problem(f"/labels/{number}", "invalid_value", "a label is written key:value")
        for number, (key, colon, _) in enumerate(labels)
        if not (key and colon)
    ]
    if problems:
        raise InvalidError("invalid_value", "a label is written key:value", problems)
    return tuple((key, value) for key, _, value in labels)
