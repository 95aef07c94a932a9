"""``/data``: writing readings, and what was refused of them."""

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Request, get, post
from litestar.params import FromQuery
from litestar.status_codes import HTTP_200_OK

from adapters.http_api.submissions import submission
from adapters.web.authentication import requires
from adapters.web.parameters import (
    DEFAULT_LIMIT,
    Limit,
    Offset,
    Page,
    refuse_unknown_parameters,
)
from adapters.web.problem_details import RequestError
from adapters.web.times import Instant
from domain.operations.model import Principal, Role
from domain.sensors.model import Receipt, ReceiptId, Rejected, Source
from domain.sensors.services.readings import ReadReadings, WriteReadings

SHOWN_ERRORS: Final = 100


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
        before_request=refuse_unknown_parameters,
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
