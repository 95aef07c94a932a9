"""``/demand-response/events/{id}/performance``: what an event brought."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Request, Response, get
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema
from litestar.params import FromPath, QueryParameter

from adapters.http_api.downloads import MEDIA_TYPES, asked_form
from adapters.http_api.dr_fields import TAG
from adapters.http_api.dr_performance_answers import (
    PerformanceAnswer,
    ReportVersionAnswer,
    performance_answer,
)
from adapters.http_api.dr_performance_csv import performance_csv
from adapters.web.authentication import requires
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from adapters.web.response import NegotiatedResponse
from domain.demand_response.model import DrEventId
from domain.demand_response.services.performance import MeasureEvents
from domain.operations.model import Role
from domain.sensors.table_ports import TableFormat

_MOST_VERSIONS = 2**31 - 1

Format = Annotated[Literal["json", "csv"] | None, QueryParameter(description="Without it, `Accept` decides.")]
Version = Annotated[
    int | None,
    QueryParameter(
        ge=1, le=_MOST_VERSIONS, description="A version that was kept; absent: by the data of now."
    ),
]


@dataclass
class AlsoCsv(Operation):
    """Describes a call that can be answered with CSV too (for ``operation_class``)."""

    def __post_init__(self) -> None:
        answer = (self.responses or {}).get("200")
        if isinstance(answer, OpenAPIResponse) and answer.content is not None:
            text = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
            answer.content = {**answer.content, MEDIA_TYPES[TableFormat.CSV]: text}


class DrPerformanceController(Controller):
    """Reports of events."""

    path = "/demand-response/events/{event_id:uuid}/performance"
    tags = TAG
    guards = (requires(Role.VIEWER),)

    @get("/", summary="Get what an event brought", operation_class=AlsoCsv)
    @inject
    async def get_performance(
        self,
        request: Request[Any, Any, Any],
        event_id: FromPath[UUID],
        measure: FromDishka[MeasureEvents],
        version: Version = None,
        format: Format = None,  # noqa: A002 - the API's name
    ) -> Response[PerformanceAnswer]:
        """Return baseline and load of each device that took part, the reduction and the rebound.

        All that the figures were worked out from is shown, in CSV (`format=csv`, or `Accept: text/csv`) too:
        one table, in which `part` tells what a row is. `interval` and `recovery_interval` are the event's
        own; `eligible_load` is the load of an earlier day beside the `start` of the interval that it is
        compared with, `eligible_load_before` and `eligible_load_after` the same for the adjustment and the
        recovery; `before` is the adjustment's window on the day itself; `device`, `rebound`, `measured` (the
        devices that are measured) and `event` (all devices) have the sums. `overlap` is a time in which the
        device served another event, `other_event_id`.
        """
        wanted = DrEventId(event_id)
        view = await (measure.report(wanted) if version is None else measure.version(wanted, version))
        answer = performance_answer(view)
        if asked_form(request, format) is TableFormat.CSV:
            name = f'attachment; filename="event-{event_id}.csv"'
            as_text: Any = performance_csv(answer)
            return Response(
                as_text,
                media_type=f"{MEDIA_TYPES[TableFormat.CSV]}; header=present",
                headers={"Content-Disposition": name, "Vary": "accept"},
            )
        return NegotiatedResponse(answer)

    @get("/versions", summary="List the reports of an event")
    @inject
    async def list_performance_versions(
        self,
        event_id: FromPath[UUID],
        measure: FromDishka[MeasureEvents],
        limit: Limit = DEFAULT_LIMIT,
        offset: Offset = 0,
    ) -> Page[ReportVersionAnswer]:
        """Return the versions that are kept, the first one first: one for each correction of its data."""
        found = await measure.versions(DrEventId(event_id))
        items = [ReportVersionAnswer.of(one) for one in found[offset : offset + limit]]
        return Page(items=items, total=len(found), limit=limit, offset=offset)
