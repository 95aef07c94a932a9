"""``/demand-response/programs``: what events have in common, and rules that create them."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from adapters.http_api.dr_fields import (
    TAG,
    SignalFields,
    TargetsFields,
    signal_fields,
    signal_of,
    target_fields,
    targets_of,
)
from adapters.http_api.tariffs import From
from adapters.web.authentication import requires
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from adapters.web.response import NegotiatedResponse
from adapters.web.times import Elapsed, Instant, Span
from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.model import NO_TIME, ProgramId
from domain.demand_response.programs import EventRule, PayloadDescriptor, Program, ProgramTerms
from domain.demand_response.services.programs import Programs
from domain.operations.model import Principal, Role
from domain.shared.errors import InvalidError, Problem
from domain.shared.weeks import Weekday, parse_clock, written_clock

_DAY_AHEAD = timedelta(days=1)
_SHORT = 200

Short = Annotated[str, msgspec.Meta(max_length=_SHORT)]


class DescriptorFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the values of the program's events mean (OpenADR 3)."""

    payload_type: Annotated[str, msgspec.Meta(examples=["PRICE"])]
    units: Annotated[Short | None, msgspec.Meta(examples=["KWH"])] = None
    currency: Annotated[Short | None, msgspec.Meta(examples=["EUR"])] = None


class RuleFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Creates an event of the program on each of the days, ``ahead`` (P1D) of its start.

    ``at`` is the start by the clocks of the site.
    """

    days: list[Weekday]
    at: From
    duration: Span
    signal: SignalFields
    targets: TargetsFields | None = None
    ahead: Elapsed | None = None
    notification_period: Span | None = None
    ramp_up_period: Span | None = None
    recovery_period: Span | None = None
    randomize_start: Span | None = None
    priority: int | None = None


class ProgramFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is said of a program, as a whole; ``name`` is another word for ``program_name``.

    Its events are measured by the ``baseline_method``.
    """

    program_id: UUID | UnsetType = UNSET
    program_name: Annotated[str | UnsetType, msgspec.Meta(examples=["Summer evenings"])] = UNSET
    name: str | UnsetType = UNSET
    description: str | None = None
    baseline_method: BaselineMethod = BaselineMethod.TEN_OF_TEN
    payload_descriptors: list[DescriptorFields] | None = None
    rule: RuleFields | None = None


class ProgramAnswer(msgspec.Struct, kw_only=True):
    """A program; ``name`` says the same as ``program_name``."""

    program_id: UUID
    program_name: str
    name: str
    description: str | None
    baseline_method: BaselineMethod
    payload_descriptors: list[DescriptorFields]
    rule: RuleFields | None
    created_at: Instant
    updated_at: Instant


def _rule_fields(rule: EventRule) -> RuleFields:
    return RuleFields(
        days=[day for day in Weekday if day in rule.days],
        at=written_clock(rule.at),
        duration=Span.of(rule.duration),
        signal=signal_fields(rule.signal),
        targets=target_fields(rule.targets),
        ahead=Elapsed.of(rule.ahead),
        notification_period=None if rule.notification_period is None else Span.of(rule.notification_period),
        ramp_up_period=Span.of(rule.ramp_up_period),
        recovery_period=Span.of(rule.recovery_period),
        randomize_start=Span.of(rule.randomize_start),
        priority=rule.priority,
    )


def _answer(program: Program) -> ProgramAnswer:
    terms = program.terms
    return ProgramAnswer(
        program_id=program.program_id,
        program_name=terms.program_name,
        name=terms.program_name,
        description=terms.description,
        baseline_method=terms.baseline_method,
        payload_descriptors=[
            DescriptorFields(payload_type=one.payload_type, units=one.units, currency=one.currency)
            for one in terms.payload_descriptors
        ],
        rule=None if terms.rule is None else _rule_fields(terms.rule),
        created_at=Instant.of(program.created_at),
        updated_at=Instant.of(program.updated_at),
    )


def _rule(given: RuleFields) -> EventRule:
    return EventRule(
        days=frozenset(given.days),
        at=parse_clock(given.at),
        duration=given.duration,
        signal=signal_of(given.signal),
        targets=targets_of(given.targets),
        ahead=_DAY_AHEAD if given.ahead is None else given.ahead,
        notification_period=given.notification_period,
        ramp_up_period=given.ramp_up_period or NO_TIME,
        recovery_period=given.recovery_period or NO_TIME,
        randomize_start=given.randomize_start or NO_TIME,
        priority=given.priority,
    )


def _terms(data: ProgramFields) -> ProgramTerms:
    given = [one for one in (data.program_name, data.name) if isinstance(one, str)]
    if len(set(given)) != 1:
        code, detail = ("contradiction", "it says another name") if given else ("required", "it needs a name")
        place = "/name" if given else "/program_name"
        raise InvalidError(code, detail, [Problem(place, code, detail)])
    return ProgramTerms(
        program_name=given[0],
        description=data.description,
        baseline_method=data.baseline_method,
        payload_descriptors=tuple(
            PayloadDescriptor(payload_type=one.payload_type, units=one.units, currency=one.currency)
            for one in data.payload_descriptors or ()
        ),
        rule=None if data.rule is None else _rule(data.rule),
    )


class DrProgramsController(Controller):
    """Programs: what events have in common."""

    path = "/demand-response/programs"
    tags = TAG
    guards = (requires(Role.VIEWER),)

    @post("/", summary="Set up a program", guards=(requires(Role.OPERATOR),))
    @inject
    async def create_program(
        self, data: JSONBody[ProgramFields], programs: FromDishka[Programs], principal: FromDishka[Principal]
    ) -> Response[ProgramAnswer]:
        """Set up a program: how its events are measured and, with a `rule`, when they are created."""
        if data.program_id is not UNSET:
            problem = Problem("/program_id", "unknown_field", "a new program is given its id")
            raise InvalidError(problem.code, problem.detail, [problem])
        program = await programs.create(_terms(data), principal.actor)
        location: dict[str, Any] = {"Location": f"/api/v1/demand-response/programs/{program.program_id}"}
        return NegotiatedResponse(_answer(program), status_code=201, headers=location)

    @get("/", summary="List programs")
    @inject
    async def list_programs(
        self, programs: FromDishka[Programs], limit: Limit = DEFAULT_LIMIT, offset: Offset = 0
    ) -> Page[ProgramAnswer]:
        """Return programs by name."""
        found, total = await programs.list(limit, offset)
        return Page(items=[_answer(one) for one in found], total=total, limit=limit, offset=offset)

    @get("/{program_id:uuid}", summary="Get a program")
    @inject
    async def get_program(self, program_id: FromPath[UUID], programs: FromDishka[Programs]) -> ProgramAnswer:
        """Return the program."""
        return _answer(await programs.get(ProgramId(program_id)))

    @put("/{program_id:uuid}", summary="Change a program", guards=(requires(Role.OPERATOR),))
    @inject
    async def change_program(
        self,
        program_id: FromPath[UUID],
        data: JSONBody[ProgramFields],
        programs: FromDishka[Programs],
        principal: FromDishka[Principal],
    ) -> ProgramAnswer:
        """Replace what is said of the program as a whole; events that are there stay as they are."""
        if data.program_id not in {UNSET, program_id}:
            problem = Problem("/program_id", "immutable", "an id cannot be changed; set up a new program")
            raise InvalidError(problem.code, problem.detail, [problem])
        return _answer(await programs.change(ProgramId(program_id), _terms(data), principal.actor))

    @delete("/{program_id:uuid}", summary="Delete a program", guards=(requires(Role.ADMIN),))
    @inject
    async def delete_program(
        self, program_id: FromPath[UUID], programs: FromDishka[Programs], principal: FromDishka[Principal]
    ) -> None:
        """Delete the program; its events stay. While some are not over, 409 `program_has_events`."""
        await programs.delete(ProgramId(program_id), principal.actor)
