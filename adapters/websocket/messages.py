"""The messages of the WebSocket, as the contract names them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from domain.operations.model import Topic

MAX_ID: Final = 128
SubscriptionId = Annotated[str, Meta(min_length=1, max_length=MAX_ID)] | int
Position = Annotated[int, Meta(ge=0)]
Seq = int | Mapping[Topic, int]
"""The position in the feed of the one topic asked for; of several topics, by topic."""


class Authenticate(Struct, tag="authenticate", forbid_unknown_fields=True):
    """The first message where the handshake had no ``Authorization`` header."""

    token: str


class Subscribe(Struct, tag="subscribe", forbid_unknown_fields=True):
    """Ask for topics; a filter that is absent lets everything through.

    ``since`` is a seq, for all the topics or by topic, or a time with an offset.
    """

    id: SubscriptionId
    topics: Annotated[list[str], Meta(min_length=1, max_length=16)]
    sensor_ids: list[str] | None = None
    room_names: list[str] | None = None
    quantities: list[str] | None = None
    since: Position | str | dict[str, Position] | None = None


class Unsubscribe(Struct, tag="unsubscribe", forbid_unknown_fields=True):
    """End a subscription."""

    id: SubscriptionId


class Ping(Struct, tag="ping"):
    """Ask whether the server still answers."""


ClientMessage = Authenticate | Subscribe | Unsubscribe | Ping


class LatestItem(Struct):
    """The newest reading of a sensor, in its canonical unit."""

    sensor_id: str
    time: str
    value: float
    unit: str
    quality: str
    quantity: str
    room_name: str | None


class Welcome(Struct, tag="welcome"):
    """The socket is open and authenticated."""

    server_time: str
    topics: Sequence[Topic]
    role: str


class Subscribed(Struct, tag="subscribed"):
    """The subscription stands: the events after ``seq`` follow, each once."""

    id: str | int
    seq: Seq
    snapshot: Sequence[LatestItem]


class Resync(Struct, tag="resync"):
    """What happened in between is not kept any more: begin anew from this snapshot and ``seq``."""

    id: str | int
    seq: Seq
    snapshot: Sequence[LatestItem]


class Unsubscribed(Struct, tag="unsubscribed"):
    """No more events of this subscription follow."""

    id: str | int


class Lagged(Struct, tag="lagged"):
    """The client was too slow: ``dropped`` events of a topic were lost, from ``from_seq`` to ``to_seq``."""

    id: str | int
    topic: Topic
    dropped: int
    from_seq: int
    to_seq: int


class Error(Struct, tag="error", omit_defaults=True):
    """What was wrong, and with which subscription where it is known."""

    code: str
    detail: str
    id: str | int | UnsetType = UNSET


class Pong(Struct, tag="pong"):
    """The server still answers."""

    server_time: str


ServerMessage = Welcome | Subscribed | Resync | Unsubscribed | Lagged | Error | Pong

_DECODER: Final[msgspec.json.Decoder[ClientMessage]] = msgspec.json.Decoder(ClientMessage)
_ENCODER: Final = msgspec.json.Encoder()


class FaultyMessageError(Exception):
    """A message that cannot be taken; ``answer`` tells the client why."""

    def __init__(self, code: str, detail: str, about: str | int | UnsetType = UNSET) -> None:
        super().__init__(detail)
        self.answer = Error(code, detail, about)


def decode(text: str) -> ClientMessage:
    """Return the client's message.

    Raises:
        FaultyMessageError: ``malformed_json`` or ``invalid_message``.

    """
    try:
        return _DECODER.decode(text)
    except msgspec.ValidationError as error:
        raise FaultyMessageError("invalid_message", str(error), _id_in(text)) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise FaultyMessageError("malformed_json", f"this is no JSON message: {error}") from error


def _id_in(text: str) -> str | int | UnsetType:
    """Return the id of a message that is otherwise wrong, so that its sender knows which one it was."""
    try:
        found = msgspec.json.decode(text, type=dict[str, object]).get("id")
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return UNSET
    if isinstance(found, str) and 1 <= len(found) <= MAX_ID:
        return found
    return found if isinstance(found, int) and not isinstance(found, bool) else UNSET


def encode(message: ServerMessage) -> str:
    """Return the message as one frame's text."""
    return _ENCODER.encode(message).decode()
