"""Handlers by the class of event that they take."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from domain.shared.events import AuditedEvent, DomainEvent

Handler = Callable[[Any], Awaitable[None]]

_ROOTS: Final = (DomainEvent, AuditedEvent)


class EventDispatcher:
    """Gives an event to each handler whose first parameter is annotated with its class (or a union with it).

    Handlers are async functions, async methods, or objects with an async ``__call__``. Events are delivered
    at least once, so a handler does nothing the second time (it can tell by ``event_id``).

    Raises:
        TypeError: (at construction) a handler is not async, or its annotation names no event.

    """

    def __init__(self, handlers: Iterable[Handler]) -> None:
        table: dict[type[DomainEvent], list[Handler]] = {}
        for handler in handlers:
            for event in _taken_by(handler):
                table.setdefault(event, []).append(handler)
        self._table = {event: tuple(takers) for event, takers in table.items()}

    @property
    def table(self) -> Mapping[type[DomainEvent], Sequence[Handler]]:
        """The classes of events that are handled, each with its handlers."""
        return self._table

    def handles(self, event: type[DomainEvent]) -> bool:
        """Return whether any handler takes this class."""
        return event in self._table

    async def dispatch(self, event: DomainEvent) -> None:
        """Await all handlers of the event's class, one after the other.

        Raises:
            ExceptionGroup: some failed; the others have run all the same.

        """
        failures: list[Exception] = []
        for handler in self._table.get(type(event), ()):
            try:
                await handler(event)
            except Exception as failure:  # noqa: BLE001 - a handler may fail in any way, the next one still runs
                failures.append(failure)
        if failures:
            raise ExceptionGroup(f"{type(event).__name__} was not handled", failures)


def _taken_by(handler: Handler) -> tuple[type[DomainEvent], ...]:
    function = handler if inspect.isroutine(handler) else type(handler).__call__
    name = getattr(handler, "__qualname__", type(handler).__qualname__)
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"the event handler {name} is not async")
    parameters = list(inspect.signature(handler).parameters)
    annotation = get_type_hints(function).get(parameters[0]) if parameters else None
    taken = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    if not all(isinstance(one, type) and issubclass(one, DomainEvent) and one not in _ROOTS for one in taken):
        raise TypeError(f"the first parameter of the event handler {name} is not annotated with an event")
    return taken
