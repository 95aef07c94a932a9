from enum import StrEnum
from typing import Annotated

import msgspec
import pytest

from adapters.web.faults import faults, pointer_of
from adapters.web.times import Instant


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    at: Instant
    size: Annotated[int, msgspec.Meta(ge=1)] = 1


class Outer(msgspec.Struct):
    name: Annotated[str, msgspec.Meta(max_length=3)]
    inner: Inner | None = None
    many: list[Inner] = []
    named: dict[str, int] = {}
    colour: Colour = Colour.RED
    renamed: int = msgspec.field(default=1, name="re/named")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({}, [("/name", "required")]),
        ([], [("", "wrong_type")]),
        (None, [("", "wrong_type")]),
        ({"name": "long"}, [("/name", "wrong_format")]),
        ({"name": "a", "inner": {"at": "2026-01-01"}}, [("/inner/at", "naive_timestamp")]),
        (
            {
                "name": 1,
                "inner": {"size": 0, "x": 1},
                "many": [{"at": 1}, 2],
                "named": {"a/b": "x"},
                "re/named": "y",
            },
            [
                ("/name", "wrong_type"),
                ("/inner/at", "required"),
                ("/inner/size", "out_of_range"),
                ("/inner/x", "unknown_field"),
                ("/many/1", "wrong_type"),
                ("/named/a~1b", "wrong_type"),
                ("/re~1named", "wrong_type"),
            ],
        ),
        ({"name": "a", "colour": "green"}, [("/colour", "not_allowed")]),
        ({"name": "a"}, []),
        (
            {"name": "a", "named": {"x": "1", "y": True}},
            [("/named/x", "wrong_type"), ("/named/y", "wrong_type")],
        ),
        ({"name": "a", "named": {"x": 2.0}, "re/named": 2.5}, [("/re~1named", "wrong_type")]),
        ({"name": "a", "inner": {"at": "1774742400"}, "many": [{"at": 1774742400000.0}]}, []),
    ],
)
def test_every_fault_has_its_place(value: object, found: list[tuple[str, str]]) -> None:
    assert [(fault.pointer, fault.code) for fault in faults(value, Outer)] == found


def test_at_most_a_hundred_are_told() -> None:
    assert len(faults({"name": "a", "many": [1] * 10_000}, Outer)) == 100


def test_a_fault_that_only_the_whole_shows_is_told() -> None:
    class Ordered(msgspec.Struct):
        low: int
        high: int

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("wrong_order: low is above high")

    [fault] = faults([{"low": 2, "high": 1}], list[Ordered])
    assert (fault.pointer, fault.code, fault.detail) == ("/0", "wrong_order", "low is above high")


def test_pointers_are_escaped() -> None:
    assert pointer_of("a/b", "c~d", 0) == "/a~1b/c~0d/0"
