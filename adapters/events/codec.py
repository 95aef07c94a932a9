"""Events as JSON."""

import sys
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from types import MappingProxyType
from typing import Any, Final, get_origin, get_type_hints

import msgspec

from domain.operations.model import Topic
from domain.shared.events import DomainEvent
from domain.shared.ports import EncodedEvent, EventCodec

_TYPECODES: Final = frozenset("bBhHiIqQfd")
"""Those whose width is the same on every machine."""


class _Column:
    """Stands in for ``array`` in annotations: ``array[int]`` cannot be evaluated before Python 3.12."""

    def __class_getitem__(cls, _item: object) -> type:
        return array


class JsonEventCodec(EventCodec):
    """Stores an event under the name of its class, its facts as JSON.

    A column (``array``, as a field of the event itself) is one text: its typecode, a colon, and its
    little-endian bytes as base64. Fields that later versions add are passed over, and missing ones take
    their defaults. Sequences come back as they are annotated, so that of a ``tuple[...]`` is a tuple.

    Raises:
        TypeError: (at construction) two events have one name, or a field cannot be read back.

    """

    def __init__(
        self, events: Iterable[type[DomainEvent]], topics: Mapping[type[DomainEvent], Topic]
    ) -> None:
        self._encoder = msgspec.json.Encoder(enc_hook=_encode_other)
        self._topics = dict(topics)
        self._classes: dict[str, type[DomainEvent]] = {}
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {}
        for event in events:
            if event.__name__ in self._classes:
                raise TypeError(f"two events are named {event.__name__}")
            self._classes[event.__name__] = event
            self._decoders[event.__name__] = msgspec.json.Decoder(_facts(event), dec_hook=_decode_other)
        strangers = [
            event.__name__ for event in self._topics if self._classes.get(event.__name__) is not event
        ]
        if strangers:
            raise TypeError(f"these have a topic, but are not among the events: {', '.join(strangers)}")

    def encode(self, event: DomainEvent) -> EncodedEvent:
        name = type(event).__name__
        if self._classes.get(name) is not type(event):
            raise TypeError(f"{name} is not among the events that this codec was given")
        return EncodedEvent(name, self._topics.get(type(event)), self._encoder.encode(event).decode())

    def decode(self, type_name: str, payload: str) -> DomainEvent:
        decoder, event = self._decoders[type_name], self._classes[type_name]
        try:
            facts = decoder.decode(payload)
            return event(**{name: getattr(facts, name) for name in facts.__struct_fields__})
        except Exception as unreadable:
            raise ValueError(f"{type_name} cannot be read: {unreadable}") from unreadable


def _facts(event: type[DomainEvent]) -> type[msgspec.Struct]:
    """Return a struct with the event's fields."""
    hints = get_type_hints(event, localns={"array": _Column})
    described: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for field in fields(event):
        if field.default is not MISSING:
            described.append((field.name, hints[field.name], msgspec.field(default=field.default)))
        elif field.default_factory is not MISSING:
            made = msgspec.field(default_factory=field.default_factory)
            described.append((field.name, hints[field.name], made))
        else:
            described.append((field.name, hints[field.name]))
    return msgspec.defstruct(event.__name__, described, kw_only=True)


def _encode_other(value: object) -> object:
    if isinstance(value, array):
        return f"{value.typecode}:{b64encode(_little_endian(value)).decode()}"
    if isinstance(value, MappingProxyType):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be stored in an event")


def _decode_other(kind: Any, stored: object) -> object:  # noqa: ANN401 - any annotation of a field
    if (get_origin(kind) or kind) is not array:
        raise TypeError(f"{kind} cannot be stored in an event")
    if not isinstance(stored, str) or stored[1:2] != ":" or stored[0] not in _TYPECODES:
        raise ValueError("a column is a typecode, a colon and base64")
    column: array[Any] = array(stored[0])
    column.frombytes(b64decode(stored[2:], validate=True))
    if sys.byteorder == "big":
        column.byteswap()
    return column


def _little_endian(column: "array[Any]") -> "array[Any]":
    if column.typecode not in _TYPECODES:
        raise TypeError(f"a column of typecode {column.typecode!r} has no fixed width")
    if sys.byteorder == "big":
        column = array(column.typecode, column)
        column.byteswap()
    return column
