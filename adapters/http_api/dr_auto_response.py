"""``/demand-response/auto-response``: rules by which invitations are answered without a person."""

from typing import Annotated

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get, put
from litestar.params import FromPath, JSONBody

from adapters.http_api.dr_fields import TAG, WindowFields, window_fields, windows_of
from adapters.web.authentication import requires
from adapters.web.times import Elapsed, Span
from domain.demand_response.auto_response import AutoResponse, Decision
from domain.demand_response.model import NO_TIME, DeviceId
from domain.demand_response.services.auto_response import AutoResponses
from domain.operations.model import Principal, Role

_MOST_NUMBER = 1_000_000


class AutoResponseFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A rule, as a whole: where all that it says holds of an event, its ``decision`` is the answer.

    ``min_notice`` is the time from the invitation to the start, ``min_price`` is asked of prices only;
    ``hours`` (absent: always) have to hold the whole event. ``keep_comfort``: not while the device's room is
    out of its comfort band.
    """

    enabled: bool
    min_notice: Span | None = None
    max_duration: Elapsed | None = None
    max_events_per_day: Annotated[int, msgspec.Meta(le=_MOST_NUMBER)] | None = None
    min_price: float | None = None
    hours: list[WindowFields] | None = None
    keep_comfort: bool = True
    decision: Decision = Decision.OPT_IN


class AutoResponseAnswer(msgspec.Struct, kw_only=True):
    """The rule that holds; ``rule`` is its name: ``default``, or ``device:`` and the device's id."""

    rule: str
    enabled: bool
    min_notice: Span
    max_duration: Elapsed | None
    max_events_per_day: int | None
    min_price: float | None
    hours: list[WindowFields] | None
    keep_comfort: bool
    decision: Decision


def _answer(rule: AutoResponse) -> AutoResponseAnswer:
    return AutoResponseAnswer(
        rule=rule.rule,
        enabled=rule.enabled,
        min_notice=Span.of(rule.min_notice),
        max_duration=None if rule.max_duration is None else Elapsed.of(rule.max_duration),
        max_events_per_day=rule.max_events_per_day,
        min_price=rule.min_price,
        hours=window_fields(rule.hours),
        keep_comfort=rule.keep_comfort,
        decision=rule.decision,
    )


def _rule(device_id: str | None, data: AutoResponseFields) -> AutoResponse:
    return AutoResponse(
        device_id=None if device_id is None else DeviceId(device_id),
        enabled=data.enabled,
        min_notice=data.min_notice or NO_TIME,
        max_duration=data.max_duration,
        max_events_per_day=data.max_events_per_day,
        min_price=data.min_price,
        hours=windows_of(data.hours),
        keep_comfort=data.keep_comfort,
        decision=data.decision,
    )


class DrAutoResponseController(Controller):
    """Automatic answers. What a person says always wins."""

    path = "/demand-response/auto-response"
    tags = TAG
    guards = (requires(Role.VIEWER),)

    @get("/", summary="Get the rule for all devices")
    @inject
    async def get_auto_response(self, rules: FromDishka[AutoResponses]) -> AutoResponseAnswer:
        """Return the rule of all devices that have none of their own; before it is set, it never answers."""
        return _answer(await rules.get(None))

    @put("/", summary="Set the rule for all devices", guards=(requires(Role.OPERATOR),))
    @inject
    async def set_auto_response(
        self,
        data: JSONBody[AutoResponseFields],
        rules: FromDishka[AutoResponses],
        principal: FromDishka[Principal],
    ) -> AutoResponseAnswer:
        """Set the rule of all devices that have none of their own, as a whole."""
        return _answer(await rules.put(_rule(None, data), principal.actor))

    @get("/{device_id:str}", summary="Get the rule of a device")
    @inject
    async def get_device_auto_response(
        self, device_id: FromPath[str], rules: FromDishka[AutoResponses]
    ) -> AutoResponseAnswer:
        """Return the rule that holds for the device: its own, else that of all others."""
        return _answer(await rules.get(DeviceId(device_id)))

    @put("/{device_id:str}", summary="Set the rule of a device", guards=(requires(Role.OPERATOR),))
    @inject
    async def set_device_auto_response(
        self,
        device_id: FromPath[str],
        data: JSONBody[AutoResponseFields],
        rules: FromDishka[AutoResponses],
        principal: FromDishka[Principal],
    ) -> AutoResponseAnswer:
        """Set a rule of the device's own, as a whole."""
        return _answer(await rules.put(_rule(device_id, data), principal.actor))

    @delete("/{device_id:str}", summary="Delete the rule of a device", guards=(requires(Role.OPERATOR),))
    @inject
    async def delete_device_auto_response(
        self, device_id: FromPath[str], rules: FromDishka[AutoResponses], principal: FromDishka[Principal]
    ) -> None:
        """Let the rule of all others hold for the device again."""
        await rules.forget(DeviceId(device_id), principal.actor)
