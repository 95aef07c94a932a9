"""Rules for automatic answers: setting and reading them."""

import math
from collections.abc import Iterator

from domain.demand_response.auto_response import AutoResponse
from domain.demand_response.errors import unknown_device
from domain.demand_response.events import AutoResponseChanged
from domain.demand_response.model import NO_TIME, DeviceId
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.demand_response.services.window_checks import window_problems
from domain.shared.errors import InvalidError, Problem
from domain.shared.events import Actor, EventId
from domain.shared.ports import Clock, IdFactory


class AutoResponses:
    """The use cases around rules for automatic answers."""

    def __init__(self, uow: DemandResponseUnitOfWork, clock: Clock, ids: IdFactory) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids

    async def get(self, device_id: DeviceId | None) -> AutoResponse:
        """Return the rule that holds for a device, its own or that of all others, or (None) the latter.

        Where none was set, it is one that never answers.

        Raises:
            NotFoundError: ``unknown_device``.

        """
        async with self._uow.begin() as tx:
            if device_id is not None:
                if not await tx.devices.find([device_id]):
                    raise unknown_device(device_id)
                own = await tx.auto_responses.get(device_id)
                if own is not None:
                    return own
            return await tx.auto_responses.get(None) or AutoResponse()

    async def put(self, rule: AutoResponse, actor: Actor) -> AutoResponse:
        """Set a rule, in place of the one that the same devices had.

        Raises:
            InvalidError: each fault, by JSON pointer.
            NotFoundError: ``unknown_device``.

        """
        problems = list(_problems(rule))
        if problems:
            raise InvalidError(problems[0].code, "the rule cannot be set so", problems)
        async with self._uow.begin() as tx:
            if rule.device_id is not None and not await tx.devices.find([rule.device_id]):
                raise unknown_device(rule.device_id)
            if await tx.auto_responses.get(rule.device_id) == rule:
                return rule
            await tx.auto_responses.put(rule)
            tx.events.add(self._changed(rule.device_id, actor, enabled=rule.enabled))
        return rule

    async def forget(self, device_id: DeviceId, actor: Actor) -> None:
        """Let the rule of all others hold for a device again.

        Raises:
            NotFoundError: ``unknown_device``.

        """
        async with self._uow.begin() as tx:
            if not await tx.devices.find([device_id]):
                raise unknown_device(device_id)
            if await tx.auto_responses.delete(device_id):
                tx.events.add(self._changed(device_id, actor, enabled=False))

    def _changed(self, device_id: DeviceId | None, actor: Actor, *, enabled: bool) -> AutoResponseChanged:
        return AutoResponseChanged(
            event_id=EventId(self._ids.new()),
            occurred_at=self._clock.now(),
            actor=actor,
            device_id=device_id,
            enabled=enabled,
        )


def _problems(rule: AutoResponse) -> Iterator[Problem]:
    if rule.min_notice < NO_TIME:
        yield Problem("/min_notice", "invalid_value", "it may not be negative")
    if rule.max_duration is not None and rule.max_duration <= NO_TIME:
        yield Problem("/max_duration", "invalid_value", "it has to be longer than nothing")
    if rule.max_events_per_day is not None and rule.max_events_per_day < 0:
        yield Problem("/max_events_per_day", "invalid_value", "it may not be negative")
    if rule.min_price is not None and not math.isfinite(rule.min_price):
        yield Problem("/min_price", "invalid_value", "it has to be a finite number")
    yield from window_problems("/hours", rule.hours)
