"""``/demand-response/events``: what is asked of whom and when, and how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, get, post
from litestar.openapi.spec import Operation, RequestBody
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from adapters.http_api.dr_event_answers import DrEventAnswer, DrEventWithAll, event_answer, event_with_all
from adapters.http_api.dr_fields import (
    TAG,
    SignalFields,
    TargetsFields,
    Words,
    check_calendar,
    signal_of,
    targets_of,
)
from adapters.web.authentication import requires
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from adapters.web.response import NegotiatedResponse
from adapters.web.times import Instant, Span
from domain.demand_response.dr_events import DrEventStatus, EventTerms
from domain.demand_response.model import NO_TIME, DrEventId, ProgramId
from domain.demand_response.services.dr_events import DrEvents
from domain.demand_response.store_ports import EventFilter
from domain.operations.model import Principal, Role
from domain.shared.errors import InvalidError, Problem

Statuses = Annotated[
    Sequence[DrEventStatus] | None, QueryParameter(name="status", description="May be given several times.")
]
From = Annotated[
    Instant | None, QueryParameter(name="from", description="Only events that end after that moment.")
]
To = Annotated[
    Instant | None, QueryParameter(name="to", description="Only events that start before that moment.")
]


class DrEventFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An event to be created.

    ``notification_period``: invitations go out so long before the start, absent: at once.
    ``ramp_up_period`` (none): how long before the start devices may begin to shed. ``recovery_period``
    (none): the time after the end in which a rebound is measured. ``randomize_start`` (none): the time after
    the end over which devices come back. ``priority``: 0 is the highest, absent the lowest. ``draft``: it is
    not published yet.
    """

    program_id: UUID | None = None
    event_name: Annotated[str, msgspec.Meta(examples=["Evening peak"])]
    signal: SignalFields
    start: Instant
    duration: Span
    notification_period: Span | None = None
    ramp_up_period: Span | None = None
    recovery_period: Span | None = None
    randomize_start: Span | None = None
    priority: Annotated[int | None, msgspec.Meta(examples=[0])] = None
    targets: TargetsFields | None = None
    test_event: bool = False
    draft: bool = False


class CancelFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why an event is cancelled."""

    reason: Words | None = None


def _terms(data: DrEventFields) -> EventTerms:
    check_calendar(start=data.start)
    return EventTerms(
        event_name=data.event_name,
        signal=signal_of(data.signal),
        start=data.start,
        duration=data.duration,
        program_id=None if data.program_id is None else ProgramId(data.program_id),
        notification_period=data.notification_period,
        ramp_up_period=data.ramp_up_period or NO_TIME,
        recovery_period=data.recovery_period or NO_TIME,
        randomize_start=data.randomize_start or NO_TIME,
        priority=data.priority,
        targets=targets_of(data.targets),
        test_event=data.test_event,
    )


@dataclass
class OptionalBody(Operation):
    """Describes a call whose body may be left out (for ``operation_class``)."""

    def __post_init__(self) -> None:
        if isinstance(self.request_body, RequestBody):
            self.request_body.required = False


class DrEventsController(Controller):
    """Demand response events."""

    path = "/demand-response/events"
    tags = TAG
    guards = (requires(Role.VIEWER),)

    @post("/", summary="Create a demand response event", guards=(requires(Role.OPERATOR),))
    @inject
    async def create_dr_event(
        self, data: JSONBody[DrEventFields], events: FromDishka[DrEvents], principal: FromDishka[Principal]
    ) -> Response[DrEventWithAll]:
        """Create an event and publish it, unless it is to be a `draft`.

        One that has ended already is recorded as `completed`, for its measurement; one that began over an
        hour ago and has not ended is refused (`began_too_long_ago`), and so are targets that match no device.
        """
        view = await events.create(_terms(data), principal.actor, draft=data.draft)
        location = f"/api/v1/demand-response/events/{view.event.event_id}"
        return NegotiatedResponse(event_with_all(view), status_code=201, headers={"Location": location})

    @get("/", summary="List demand response events")
    @inject
    async def list_dr_events(
        self,
        events: FromDishka[DrEvents],
        status: Statuses = None,
        from_: From = None,
        to: To = None,
        program_id: FromQuery[UUID | None] = None,
        limit: Limit = DEFAULT_LIMIT,
        offset: Offset = 0,
    ) -> Page[DrEventAnswer]:
        """Return the events for which all that is asked holds, the one that starts last first."""
        if from_ is not None and to is not None and to < from_:
            problem = Problem("/query/to", "end_before_start", "to lies before from")
            raise InvalidError(problem.code, problem.detail, [problem])
        where = EventFilter(
            statuses=frozenset(status) if status else None,
            since=from_,
            until=to,
            program_id=None if program_id is None else ProgramId(program_id),
        )
        found, total = await events.list(where, limit, offset)
        return Page(items=[event_answer(one) for one in found], total=total, limit=limit, offset=offset)

    @get("/{event_id:uuid}", summary="Get a demand response event")
    @inject
    async def get_dr_event(self, event_id: FromPath[UUID], events: FromDishka[DrEvents]) -> DrEventWithAll:
        """Return the event with its invitations, who serves it, and what devices were told."""
        return event_with_all(await events.get(DrEventId(event_id)))

    @post(
        "/{event_id:uuid}/publish",
        summary="Publish a draft",
        status_code=200,
        guards=(requires(Role.OPERATOR),),
    )
    @inject
    async def publish_dr_event(
        self, event_id: FromPath[UUID], events: FromDishka[DrEvents], principal: FromDishka[Principal]
    ) -> DrEventWithAll:
        """Publish the draft: invitations go out, and it runs.

        What is no draft is 409: `already_published`, `event_completed`, `event_cancelled`; so is one that
        began over an hour ago and has not ended (`began_too_long_ago`).
        """
        return event_with_all(await events.publish(DrEventId(event_id), principal.actor))

    @post(
        "/{event_id:uuid}/cancel",
        summary="Cancel a demand response event",
        status_code=200,
        operation_class=OptionalBody,
        guards=(requires(Role.OPERATOR),),
    )
    @inject
    async def cancel_dr_event(
        self,
        event_id: FromPath[UUID],
        events: FromDishka[DrEvents],
        principal: FromDishka[Principal],
        data: JSONBody[CancelFields | None] = None,
    ) -> DrEventWithAll:
        """Cancel the event and release its devices; it stays, with who did that, when and why.

        What is over is 409 `event_completed` or `event_cancelled`.
        """
        reason = None if data is None else data.reason
        return event_with_all(await events.cancel(DrEventId(event_id), principal.actor, reason))
