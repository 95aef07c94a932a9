from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from adapters.events.dispatcher import EventDispatcher
from domain.shared.events import DomainEvent
from tests.unit.events.samples import Happened, Noted, Warned, happened, noted, warned


class Ledger:
    def __init__(self) -> None:
        self.seen: list[object] = []

    async def note(self, event: Happened) -> None:
        self.seen.append(("note", event))

    async def either(self, event: Warned | Noted) -> None:
        self.seen.append(("either", event))

    async def fail(self, event: Happened) -> None:
        raise RuntimeError(f"no {event.number}")


class Caller:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def __call__(self, event: Happened) -> None:
        self._ledger.seen.append(("call", event))


async def test_an_event_goes_to_the_handlers_of_its_class_only() -> None:
    ledger = Ledger()
    dispatcher = EventDispatcher([ledger.note, ledger.either, Caller(ledger)])
    one, two, three = happened(1), warned("w"), noted("n")
    for event in (one, two, three):
        await dispatcher.dispatch(event)
    assert ledger.seen == [("note", one), ("call", one), ("either", two), ("either", three)]
    assert {event: len(handlers) for event, handlers in dispatcher.table.items()} == {
        Happened: 2,
        Warned: 1,
        Noted: 1,
    }


async def test_an_event_that_nobody_takes_is_no_fault() -> None:
    dispatcher = EventDispatcher([])
    assert not dispatcher.handles(Happened)
    await dispatcher.dispatch(happened(1))


async def test_a_failing_handler_does_not_keep_the_event_from_the_others() -> None:
    ledger = Ledger()
    dispatcher = EventDispatcher([ledger.fail, ledger.note])
    with pytest.raises(ExceptionGroup) as failed:
        await dispatcher.dispatch(happened(7))
    assert [str(one) for one in failed.value.exceptions] == ["no 7"]
    assert len(ledger.seen) == 1


async def _untyped(event) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - the fault to find
    del event


async def _of_no_event(event: str) -> None:
    del event


async def _of_any_event(event: DomainEvent) -> None:
    del event


async def _of_nothing() -> None: ...


def _not_async(event: Happened) -> None:
    del event


async def _half_typed(event: Happened | str) -> None:
    del event


@pytest.mark.parametrize(
    "handler", [_untyped, _of_no_event, _of_any_event, _of_nothing, _not_async, _half_typed, object()]
)
def test_a_handler_that_names_no_event_is_refused(handler: Callable[[Any], Awaitable[None]]) -> None:
    with pytest.raises(TypeError):
        EventDispatcher([handler])
