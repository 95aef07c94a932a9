"""``/sensors/{id}/data``: reading readings, as they are or in buckets."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from dishka.integrations.litestar import FromDishka, inject
from litestar import Request, Response, get
from litestar.params import FromPath, QueryParameter

from adapters.http_api.bucket_answers import BucketsAnswer, bucket_answer
from adapters.http_api.downloads import AlsoFiles, asked_form, download
from adapters.http_api.places import placed
from adapters.http_api.sensors import ReadingAnswer, reading_answer
from adapters.web.authentication import requires
from adapters.web.parameters import (
    DEFAULT_LIMIT,
    Cursor,
    CursorPage,
    End,
    Limit,
    Resolution,
    Start,
    Zone,
)
from adapters.web.response import NegotiatedResponse
from domain.operations.model import Role
from domain.sensors.model import SensorId
from domain.sensors.services.bucket_readings import BucketReadings
from domain.sensors.services.buckets import Aggregate
from domain.sensors.services.export import ExportBuckets, ExportReadings, ExportSelection
from domain.sensors.services.filling import Fill as FillWord
from domain.sensors.services.readings import ReadReadings
from domain.shared.errors import InvalidError, Problem
from domain.shared.time import from_microseconds, to_microseconds


class ReadingsAnswer(CursorPage[ReadingAnswer], kw_only=True):
    """Readings as they were stored, oldest first, in this unit."""

    unit: str


Aggregates = Annotated[
    Sequence[Aggregate] | None, QueryParameter(name="aggregate", description="May be given several times.")
]
Unit = Annotated[str | None, QueryParameter(max_length=64, description="Any unit of the sensor's dimension.")]
Format = Annotated[
    Literal["json", "csv", "parquet"] | None,
    QueryParameter(description="The form of the answer; without it, `Accept` decides."),
]
Fill = Annotated[
    FillWord,
    QueryParameter(
        description="`none` leaves out empty buckets, `null` keeps them, the others fill and mark them."
    ),
]


@get(
    "/sensors/{sensor_id:str}/data",
    summary="Read a sensor's readings",
    tags=("Readings",),
    guards=(requires(Role.VIEWER),),
    operation_class=AlsoFiles,
)
@inject
async def sensor_data(
    request: Request[Any, Any, Any],
    sensor_id: FromPath[str],
    readings: FromDishka[ReadReadings],
    buckets: FromDishka[BucketReadings],
    reading_files: FromDishka[ExportReadings],
    bucket_files: FromDishka[ExportBuckets],
    start: Start = None,
    end: End = None,
    resolution: Resolution = None,
    aggregate: Aggregates = None,
    timezone: Zone = None,
    unit: Unit = None,
    fill: Fill = FillWord.NONE,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    format: Format = None,  # noqa: A002 - the API's name
) -> Response[ReadingsAnswer | BucketsAnswer]:
    """Return readings as they were stored or, with a `resolution`, calendar buckets of the `timezone`.

    As CSV or Parquet (`format`, or `Accept: text/csv`, `application/vnd.apache.parquet`) the whole range is
    streamed, whatever its size: `limit` and `cursor` do not apply.
    """
    form = asked_form(request, format)
    wanted = SensorId(sensor_id)
    if resolution is None:
        with placed():
            if form is not None:
                chunks = await reading_files.open(
                    ExportSelection([wanted]), form, start=start, end=end, unit=unit
                )
                return download(chunks, form, sensor_id)
            page = await readings.page(
                wanted, start=start, end=end, after=_after(cursor), limit=limit, unit=unit
            )
        return NegotiatedResponse(
            ReadingsAnswer(
                items=[reading_answer(reading) for reading in page.readings],
                next_cursor=None if page.next_after is None else str(to_microseconds(page.next_after)),
                unit=page.unit,
            )
        )
    if start is None or end is None:
        problem = Problem(
            f"/query/{'start' if start is None else 'end'}", "required", "buckets need both ends"
        )
        raise InvalidError("range_required", "with a resolution, start and end are needed", [problem])
    aggregates = list(dict.fromkeys(aggregate or Aggregate))
    with placed():
        if form is not None:
            chunks = await bucket_files.open(
                ExportSelection([wanted]),
                form,
                start=start,
                end=end,
                resolution=resolution.period,
                zone=timezone,
                unit=unit,
                fill=fill,
                aggregates=aggregates,
            )
            return download(chunks, form, f"{sensor_id}-{resolution}")
        found = await buckets.of(
            wanted,
            start,
            end,
            resolution.period,
            zone=timezone,
            unit=unit,
            fill=fill,
        )
    return NegotiatedResponse(
        BucketsAnswer(
            unit=found.unit,
            energy_unit="kWh",
            buckets=[bucket_answer(one, aggregates) for one in found.buckets],
        )
    )


def _after(cursor: str | None) -> datetime | None:
    if cursor is None:
        return None
    try:
        return from_microseconds(int(cursor))
    except (ValueError, OverflowError) as error:
        problem = Problem("/query/cursor", "invalid_cursor", "a cursor is the next_cursor of the page before")
        raise InvalidError(problem.code, problem.detail, [problem]) from error
