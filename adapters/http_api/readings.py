"""``/data``: writing readings, and what was refused of them; ``/sensors/{id}/data``: reading them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Request, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.status_codes import HTTP_200_OK

from adapters.http_api.sensors import ReadingAnswer, reading_answer
from adapters.http_api.submissions import submission
from adapters.web.authentication import requires
from adapters.web.parameters import (
    DEFAULT_LIMIT,
    Cursor,
    CursorPage,
    End,
    Limit,
    Offset,
    Page,
    Resolution,
    Start,
    Zone,
)
from adapters.web.problem_details import RequestError
from adapters.web.times import Instant
from domain.operations.model import Principal, Role
from domain.sensors.model import Receipt, ReceiptId, Rejected, SensorId, Source
from domain.sensors.services.buckets import Aggregate, BucketReadings
from domain.sensors.services.readings import ReadReadings, WriteReadings
from domain.shared.errors import InvalidError, Problem
from domain.shared.quantities import Quality
from domain.shared.time import from_microseconds, to_microseconds

SHOWN_ERRORS: Final = 100
_PLACES: Final = {
    "unit_mismatch": "/query/unit",
    "end_before_start": "/query/end",
    "out_of_calendar": "/query/end",
    "too_many_buckets": "/query/resolution",
    "invalid_resolution": "/query/resolution",
}


class RejectedAnswer(msgspec.Struct, kw_only=True):
    """A reading that was refused: its place in the request, and why."""

    index: int
    sensor_id: str
    code: str
    detail: str


class ReceiptAnswer(msgspec.Struct, kw_only=True):
    """What became of the readings; ``errors`` are the first 100, ``errors_url`` leads to all."""

    receipt_id: UUID
    received: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    errors: list[RejectedAnswer]
    errors_url: str | None
    dry_run: bool


class KeptRejectionAnswer(RejectedAnswer, kw_only=True):
    """A refused reading as it was sent."""

    rejection_id: int
    receipt_id: UUID
    received_at: Instant
    source: str
    time: str
    value: str
    unit: str | None


class BucketAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One bucket ``[start, end)``, its times with the offset that is in force there."""

    start: Instant
    end: Instant
    mean: float | msgspec.UnsetType | None = msgspec.UNSET
    min: float | msgspec.UnsetType | None = msgspec.UNSET
    max: float | msgspec.UnsetType | None = msgspec.UNSET
    sum: float | msgspec.UnsetType | None = msgspec.UNSET
    count: int | msgspec.UnsetType | None = msgspec.UNSET
    first: float | msgspec.UnsetType | None = msgspec.UNSET
    last: float | msgspec.UnsetType | None = msgspec.UNSET
    energy: float | msgspec.UnsetType | None = msgspec.UNSET
    expected: int | None
    actual: int
    coverage: float
    quality: Quality
    settled: bool


class BucketsAnswer(msgspec.Struct, kw_only=True):
    """Readings in buckets, in this unit."""

    unit: str
    buckets: list[BucketAnswer]


class ReadingsAnswer(CursorPage[ReadingAnswer], kw_only=True):
    """Readings as they were stored, oldest first, in this unit."""

    unit: str


Aggregates = Annotated[
    Sequence[Aggregate] | None, QueryParameter(name="aggregate", description="May be given several times.")
]
Unit = Annotated[str | None, QueryParameter(max_length=64, description="Any unit of the sensor's dimension.")]
Format = Annotated[Literal["json"], QueryParameter(description="The form of the answer.")]
Fill = Annotated[
    Literal["none", "null"], QueryParameter(description="`none` leaves out empty buckets, `null` keeps them.")
]


def _rejected(one: Rejected) -> RejectedAnswer:
    return RejectedAnswer(index=one.index, sensor_id=one.sensor_id, code=one.code, detail=one.detail)


def _receipt(receipt: Receipt, *, dry_run: bool) -> ReceiptAnswer:
    kept = f"/api/v1/data/rejected?receipt_id={receipt.receipt_id}"
    return ReceiptAnswer(
        receipt_id=receipt.receipt_id,
        received=receipt.received,
        created=receipt.created,
        updated=receipt.updated,
        unchanged=receipt.unchanged,
        rejected=receipt.rejected,
        errors=[_rejected(one) for one in receipt.errors[:SHOWN_ERRORS]],
        errors_url=kept if receipt.rejected and not dry_run else None,
        dry_run=dry_run,
    )


class DataController(Controller):
    """Writing readings, and what was refused."""

    path = "/data"
    tags = ("Readings",)

    @post(
        "/readings",
        summary="Write readings",
        status_code=HTTP_200_OK,
        guards=(requires(Role.OPERATOR),),
    )
    @inject
    async def write(
        self,
        request: Request[Any, Any, Any],
        readings: FromDishka[WriteReadings],
        principal: FromDishka[Principal],
        atomic: FromQuery[bool] = False,
        dry_run: FromQuery[bool] = False,
    ) -> ReceiptAnswer:
        """Store up to 50,000 readings of any sensors, and say what became of each.

        Takes `{"readings":[{"sensor_id","time","value","unit?","quality?"}]}`,
        `{"sensor_id","times":[],"values":[],"unit?","quality?"}`, `text/csv` with the header
        `sensor_id,time,value`, or `application/x-ndjson` with one reading a line.
        """
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        sent = submission(await request.body(), content_type)
        if sent is None:
            raise RequestError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "readings come as application/json, text/csv or application/x-ndjson",
            )
        source = Source(f"key:{principal.key_id}")
        receipt = await readings.write(sent, source, atomic=atomic, dry_run=dry_run)
        return _receipt(receipt, dry_run=dry_run)

    @get("/rejected", summary="List refused readings", guards=(requires(Role.VIEWER),))
    @inject
    async def rejected(
        self,
        readings: FromDishka[ReadReadings],
        receipt_id: FromQuery[UUID | None] = None,
        limit: Limit = DEFAULT_LIMIT,
        offset: Offset = 0,
    ) -> Page[KeptRejectionAnswer]:
        """Return what was refused in the last 30 days, newest first, to be corrected and sent again."""
        wanted = None if receipt_id is None else ReceiptId(receipt_id)
        found, total = await readings.rejections(wanted, limit, offset)
        items = [
            KeptRejectionAnswer(
                rejection_id=one.rejection_id,
                receipt_id=one.receipt_id,
                received_at=Instant.of(one.received_at),
                source=one.source,
                index=one.rejected.index,
                sensor_id=one.rejected.sensor_id,
                code=one.rejected.code,
                detail=one.rejected.detail,
                time=one.rejected.time,
                value=one.rejected.value,
                unit=one.rejected.unit,
            )
            for one in found
        ]
        return Page(items=items, total=total, limit=limit, offset=offset)


@get(
    "/sensors/{sensor_id:str}/data",
    summary="Read a sensor's readings",
    tags=("Readings",),
    guards=(requires(Role.VIEWER),),
)
@inject
async def sensor_data(
    sensor_id: FromPath[str],
    readings: FromDishka[ReadReadings],
    buckets: FromDishka[BucketReadings],
    start: Start = None,
    end: End = None,
    resolution: Resolution = None,
    aggregate: Aggregates = None,
    timezone: Zone = None,
    unit: Unit = None,
    fill: Fill = "none",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    format: Format = "json",  # noqa: A002 - the API's name
) -> ReadingsAnswer | BucketsAnswer:
    """Return readings as they were stored or, with a `resolution`, calendar buckets of the `timezone`."""
    del format  # there is one so far; any other is refused
    if resolution is None:
        with _placed():
            page = await readings.page(
                SensorId(sensor_id), start=start, end=end, after=_after(cursor), limit=limit, unit=unit
            )
        return ReadingsAnswer(
            items=[reading_answer(reading) for reading in page.readings],
            next_cursor=None if page.next_after is None else str(to_microseconds(page.next_after)),
            unit=page.unit,
        )
    if start is None or end is None:
        problem = Problem(
            f"/query/{'start' if start is None else 'end'}", "required", "buckets need both ends"
        )
        raise InvalidError("range_required", "with a resolution, start and end are needed", [problem])
    with _placed():
        found = await buckets.of(
            SensorId(sensor_id),
            start,
            end,
            resolution.period,
            zone=timezone,
            unit=unit,
            keep_empty=fill == "null",
        )
    wanted = set(aggregate or Aggregate)
    return BucketsAnswer(
        unit=found.unit,
        buckets=[
            BucketAnswer(
                start=Instant.of(bucket.start),
                end=Instant.of(bucket.end),
                expected=bucket.expected,
                actual=bucket.actual,
                coverage=bucket.coverage,
                quality=bucket.quality,
                settled=bucket.settled,
                **{one.value: bucket.aggregates[one] for one in wanted},  # type: ignore[arg-type]  # by name
            )
            for bucket in found.buckets
        ],
    )


@contextmanager
def _placed() -> Iterator[None]:
    """Say of which parameter a fault is that the domain knows without its place."""
    try:
        yield
    except InvalidError as error:
        if error.problems or error.code not in _PLACES:
            raise
        problem = Problem(_PLACES[error.code], error.code, error.detail)
        raise InvalidError(error.code, error.detail, [problem]) from error


def _after(cursor: str | None) -> datetime | None:
    if cursor is None:
        return None
    try:
        return from_microseconds(int(cursor))
    except (ValueError, OverflowError) as error:
        problem = Problem("/query/cursor", "invalid_cursor", "a cursor is the next_cursor of the page before")
        raise InvalidError(problem.code, problem.detail, [problem]) from error
