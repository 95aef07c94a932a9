"""What waits to be sent to one client: answers are kept, of live events the oldest give way."""

import asyncio
from collections import deque
from dataclasses import dataclass

from adapters.websocket.limits import SocketLimits
from adapters.websocket.messages import Lagged, encode
from domain.operations.model import Topic

Stream = tuple[str | int, Topic]
"""A subscription's id and one of its topics: within it, events are numbered by one row of seqs."""


@dataclass(frozen=True, slots=True)
class _Live:
    order: int
    text: str
    stream: Stream
    seq: int


class Outgoing:
    """The bounded queue between what happens and one client's socket.

    A live event never waits: where the queue is full, the oldest live event goes, and the client is told
    by a ``lagged`` message in its place. Answers and replayed events are never dropped; whoever puts them
    waits for room, which in turn stops reading from that client.
    """

    def __init__(self, limits: SocketLimits) -> None:
        self._limits = limits
        self._answers: deque[tuple[int, str]] = deque()
        self._live: deque[_Live] = deque()
        self._live_bytes = 0
        self._order = 0
        self._lost: dict[Stream, Lagged] = {}
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._ended = False

    async def put(self, text: str) -> None:
        """Queue an answer, once there is room."""
        while len(self._answers) >= self._limits.waiting_answers and not self._ended:
            self._room.clear()
            await self._room.wait()
        if not self._ended:
            self._answers.append((self._next_order(), text))

    def offer(self, text: str, stream: Stream, seq: int) -> None:
        """Queue a live event; where the queue is full the oldest live events are dropped."""
        if self._ended:
            return
        self._live.append(_Live(self._next_order(), text, stream, seq))
        self._live_bytes += len(text)
        while len(self._live) > 1 and (
            len(self._live) > self._limits.queued_events or self._live_bytes > self._limits.queued_bytes
        ):
            self._drop_oldest()

    def withdraw(self, subscription: str | int) -> None:
        """Forget the waiting live events of a subscription that has ended."""
        self._live = deque(one for one in self._live if one.stream[0] != subscription)
        self._live_bytes = sum(len(one.text) for one in self._live)
        self._lost = {stream: lost for stream, lost in self._lost.items() if stream[0] != subscription}

    def end(self, last: str | None = None) -> None:
        """Send nothing more but, where given, this; what waits is dropped."""
        if self._ended:
            return
        self._ended = True
        self._answers.clear()
        self._live.clear()
        self._lost.clear()
        if last is not None:
            self._answers.append((self._order, last))
        self._filled.set()
        self._room.set()

    async def next(self) -> str | None:
        """Return the next frame, as soon as there is one; None at the end."""
        while True:
            if self._lost:
                return encode(self._lost.pop(next(iter(self._lost))))
            if self._live and (not self._answers or self._live[0].order < self._answers[0][0]):
                live = self._live.popleft()
                self._live_bytes -= len(live.text)
                return live.text
            if self._answers:
                self._room.set()
                return self._answers.popleft()[1]
            if self._ended:
                return None
            self._filled.clear()
            await self._filled.wait()

    def _next_order(self) -> int:
        self._order += 1
        self._filled.set()
        return self._order

    def _drop_oldest(self) -> None:
        oldest = self._live.popleft()
        self._live_bytes -= len(oldest.text)
        lost = self._lost.get(oldest.stream)
        if lost is None:
            subscription, topic = oldest.stream
            self._lost[oldest.stream] = Lagged(subscription, topic, 1, oldest.seq, oldest.seq)
        else:
            lost.dropped += 1
            lost.to_seq = oldest.seq
