"""``/demand-response/load-reduction``: so many kW less, from now on or later."""

from typing import Annotated
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Response, post
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody

from adapters.http_api.dr_fields import TAG, LeftOutAnswer, TargetsFields, check_calendar, targets_of
from adapters.web.authentication import requires
from adapters.web.response import NegotiatedResponse
from adapters.web.times import Instant, Span
from domain.demand_response.services.load_reduction import LoadReduction, ReduceLoad
from domain.operations.model import Principal, Role


class LoadReductionFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is asked for: so many kW less, from ``start`` on (absent: from now on)."""

    target_kw: Annotated[float, msgspec.Meta(description="kW, above 0.", examples=[3])]
    start: Instant | None = None
    duration: Span
    targets: TargetsFields | None = None
    dry_run: Annotated[bool, msgspec.Meta(description="Only the plan: nothing happens.")] = False


class PlannedDeviceAnswer(msgspec.Struct, kw_only=True):
    """A device, and the kW that it is to shed."""

    device_id: str
    reduction_kw: float


class PlanAnswer(msgspec.Struct, kw_only=True):
    """Who is to shed how much, by priority; who not and why; what is missing to the target.

    ``event_id`` is null where the plan became no event: it was only asked for, or nobody can shed anything.
    """

    devices: list[PlannedDeviceAnswer]
    total_kw: float
    shortfall_kw: float
    left_out: list[LeftOutAnswer]
    event_id: UUID | None
    dry_run: bool


@post(
    "/demand-response/load-reduction",
    summary="Reduce the load",
    status_code=200,
    tags=TAG,
    guards=(requires(Role.OPERATOR),),
    responses={201: ResponseSpec(PlanAnswer, description="It became an event", generate_examples=False)},
)
@inject
async def reduce_load(
    data: JSONBody[LoadReductionFields], reduce: FromDishka[ReduceLoad], principal: FromDishka[Principal]
) -> Response[PlanAnswer]:
    """Plan the reduction and, without `dry_run`, have it done: as an event to which all have opted in (201).

    Devices are told at its start, by priority; those that it does not need step in for others that fail.
    """
    check_calendar(start=data.start)
    asked = LoadReduction(
        target_kw=data.target_kw,
        duration=data.duration,
        start=data.start,
        targets=targets_of(data.targets),
    )
    plan = await reduce(asked, principal.actor, dry_run=data.dry_run)
    answer = PlanAnswer(
        devices=[
            PlannedDeviceAnswer(device_id=one.device_id, reduction_kw=one.reduction_kw)
            for one in plan.devices
        ],
        total_kw=plan.total_kw,
        shortfall_kw=plan.shortfall_kw,
        left_out=[LeftOutAnswer.of(one) for one in plan.left_out],
        event_id=plan.event_id,
        dry_run=data.dry_run,
    )
    if plan.event_id is None:
        return NegotiatedResponse(answer)
    location = f"/api/v1/demand-response/events/{plan.event_id}"
    return NegotiatedResponse(answer, status_code=201, headers={"Location": location})
