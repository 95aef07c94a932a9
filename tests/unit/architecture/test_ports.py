from typing import get_type_hints

import pytest

from domain.shared.events import AuditedEvent, DomainEvent
from tests.unit.architecture.sources import classes

# Ports of what needs no stand-in, since what is bound in production reaches nothing outside.
BOUND_AS_THEY_ARE = {
    "ingestion.MeterFileFormats": "parses, computed",
    "demand_response.ReportCodec": "JSON, computed",
    "operations.LiveFeed": "in memory already",
    "operations.LiveSubscription": "in memory already",
    "operations.OverviewSource": "asks the use cases of every module",
    "operations.RelayStatus": "asks the relay of this process",
    "sensors.TableFormats": "computed",
    "sensors.TableWriter": "computed",
    "sensors.UnitCatalog": "a table, computed",
    "shared.EventCodec": "JSON, computed",
    "shared.HealthCheck": "one for each part of the program that can fail",
}
# Part of a transaction, so that it is that which has it.
PART_OF_TRANSACTIONS = {"shared.EventSink"}


def ports() -> list[type]:
    return [one for one in classes("domain") if getattr(one, "_is_protocol", False)]


def implementations(port: type) -> list[type]:
    return [
        one
        for one in classes("adapters", "app", "domain")
        if port in one.__mro__ and not getattr(one, "_is_protocol", False)
    ]


def name_of(port: type) -> str:
    return f"{port.__module__.split('.')[1]}.{port.__name__}"


@pytest.mark.parametrize("port", ports(), ids=name_of)
def test_every_method_of_a_port_is_abstract(port: type) -> None:
    methods = {
        name
        for name, item in vars(port).items()
        if not name.startswith("_") and (callable(item) or isinstance(item, property))
    }
    assert methods <= getattr(port, "__abstractmethods__", set())


@pytest.mark.parametrize("port", ports(), ids=name_of)
def test_a_port_speaks_in_types_of_the_domain(port: type) -> None:
    for name in getattr(port, "__abstractmethods__", ()):
        method = vars(port).get(name)
        if method is None:
            continue
        for hint in get_type_hints(getattr(method, "fget", method)).values():
            assert hint is not dict, f"{port.__name__}.{name}"
            assert getattr(hint, "__origin__", None) is not dict, f"{port.__name__}.{name}"


@pytest.mark.parametrize("port", ports(), ids=name_of)
def test_every_port_has_its_adapters(port: type) -> None:
    if name_of(port) in PART_OF_TRANSACTIONS:
        return
    found = implementations(port)
    in_memory = [one for one in found if one.__module__.startswith("adapters.memory.")]
    for_real = [one for one in found if one not in in_memory]
    assert for_real, "nothing is bound to it"
    if name_of(port) not in BOUND_AS_THEY_ARE:
        assert in_memory, "nothing stands in for it in memory"
    for one in found:
        assert not getattr(one, "__abstractmethods__", None), one


def test_adapters_are_named_for_their_technology() -> None:
    wrong = [
        one.__name__
        for port in ports()
        for one in implementations(port)
        if one.__module__.startswith("adapters.timescale.") and not one.__name__.startswith("Timescale")
    ]
    assert not wrong


def test_types_of_the_domain_never_change() -> None:
    """What a use case adds up on its way may change; what it takes and gives may not."""
    kinds = ("model", "events", "ports", "errors")
    wrong = [
        f"{one.__module__}.{one.__name__}"
        for one in classes("domain")
        if hasattr(one, "__dataclass_fields__")
        and not ("__slots__" in vars(one) and (is_frozen(one) or not one.__module__.endswith(kinds)))
    ]
    assert not wrong


def is_frozen(one: type) -> bool:
    return bool(one.__dataclass_params__.frozen)  # type: ignore[attr-defined]  # a dataclass has them


def test_every_event_is_one_fact() -> None:
    events = [one for one in classes("domain") if issubclass(one, DomainEvent)]
    assert len(events) > 2
    for event in set(events) - {DomainEvent, AuditedEvent}:
        assert event.__module__.endswith(".events"), event
        if issubclass(event, AuditedEvent):
            assert event.subject is not AuditedEvent.subject, event
