"""Opening a subscription: from a snapshot or a place in the stored feed, without a gap, to live."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from adapters.web.times import parse_time
from adapters.websocket.limits import SocketLimits
from adapters.websocket.messages import (
    FaultyMessageError,
    LatestItem,
    Resync,
    Seq,
    Subscribe,
    Subscribed,
    encode,
)
from adapters.websocket.outgoing import Outgoing
from adapters.websocket.readings import latest_item
from adapters.websocket.subscription import Subscription
from adapters.websocket.wording import worded
from domain.operations.model import Topic
from domain.operations.services.feed import FeedReader
from domain.sensors.services.live import LiveReadings, Selection
from domain.shared.quantities import Quantity

Since = dict[Topic, int | datetime]


def topics_of(message: Subscribe) -> list[Topic]:
    """Return the topics asked for.

    Raises:
        FaultyMessageError: ``unknown_topic``.

    """
    known = {str(topic): topic for topic in Topic}
    for name in message.topics:
        if name not in known:
            detail = f"there is no topic {name!r}; there are {', '.join(known)}"
            raise FaultyMessageError("unknown_topic", detail, message.id)
    return [known[name] for name in message.topics]


def since_of(message: Subscribe, topics: Sequence[Topic]) -> Since:
    """Return where each topic is to begin, for those that say so.

    Raises:
        FaultyMessageError: ``invalid_timestamp``, ``naive_timestamp`` or ``unknown_topic``.

    """
    since = message.since
    if since is None:
        return {}
    if isinstance(since, dict):
        if not since.keys() <= set(topics):
            detail = "since names a topic that is not subscribed to"
            raise FaultyMessageError("unknown_topic", detail, message.id)
        return {Topic(name): seq for name, seq in since.items()}
    if isinstance(since, str):
        try:
            return dict.fromkeys(topics, parse_time(since))
        except ValueError as error:
            code, _, detail = str(error).partition(": ")
            raise FaultyMessageError(code, detail, message.id) from error
    return dict.fromkeys(topics, since)


class Opening:
    """Brings subscriptions from the stored feed to the live one.

    A subscription must have joined the audience before: what is published meanwhile is then taken note of.
    """

    def __init__(self, stored: FeedReader, readings: LiveReadings, limits: SocketLimits) -> None:
        self._stored = stored
        self._readings = readings
        self._page = limits.replay_page
        # A crowd that reconnects at once must leave the database to others too.
        self._reading = asyncio.Semaphore(limits.readers)

    async def select(self, message: Subscribe) -> Selection:
        """Return the filter of a subscription.

        Raises:
            FaultyMessageError: ``unknown_quantity``.
            NotFoundError: ``unknown_sensor``.

        """
        for quantity in message.quantities or ():
            if quantity not in set(Quantity):
                detail = f"there is no quantity {quantity!r}"
                raise FaultyMessageError("unknown_quantity", detail, message.id)
        async with self._reading:
            return await self._readings.select(message.sensor_ids, message.room_names, message.quantities)

    async def open(self, subscription: Subscription, since: Since, outgoing: Outgoing) -> None:
        """Tell the client where its subscription begins, and send everything from there until it is live."""
        lost: list[Topic] = []
        async with self._reading:
            for topic in subscription.topics:
                start = await self._stored.start(topic, since.get(topic))
                subscription.begin(topic, start.seq)
                if not start.complete:
                    lost.append(topic)
        seq = _seq(subscription)
        # Who says since has a state already, and gets what happened to it instead.
        snapshot = await self._snapshot(subscription) if lost or not since else []
        opened = Resync if lost else Subscribed
        await outgoing.put(encode(opened(subscription.subscription_id, seq, snapshot)))
        for topic in subscription.topics:
            await self._replay(subscription, topic, outgoing, to_the_end=topic in since)

    async def resync(self, subscription: Subscription, outgoing: Outgoing) -> None:
        """Begin anew with a snapshot, since events that the client needs are not kept any more."""
        async with self._reading:
            for topic in subscription.topics:
                subscription.begin(topic, (await self._stored.start(topic)).seq)
        seq = _seq(subscription)
        snapshot = await self._snapshot(subscription)
        await outgoing.put(encode(Resync(subscription.subscription_id, seq, snapshot)))
        for topic in subscription.topics:
            await self._replay(subscription, topic, outgoing, to_the_end=False)

    async def _snapshot(self, subscription: Subscription) -> list[LatestItem]:
        if Topic.ENERGY_DATA not in subscription.topics:
            return []
        async with self._reading:
            latest = await self._readings.snapshot(subscription.selection)
        return [latest_item(one) for one in latest]

    async def _replay(
        self, subscription: Subscription, topic: Topic, outgoing: Outgoing, *, to_the_end: bool
    ) -> None:
        while to_the_end or not subscription.go_live(topic):
            noted = subscription.noted(topic)
            async with self._reading:
                entries = await self._stored.after(topic, subscription.sent(topic), self._page)
            for entry in entries:
                words = await worded(entry, self._readings)
                frame = words.frame(subscription.subscription_id, subscription.selection)
                if frame is not None:
                    await outgoing.put(frame)
                subscription.replayed(topic, entry.seq)
            if len(entries) < self._page:
                to_the_end = False
                # What was noted before and is not stored, or cannot be read, will not come any more.
                subscription.replayed(topic, noted)


def _seq(subscription: Subscription) -> Seq:
    positions = subscription.positions()
    return next(iter(positions.values())) if len(positions) == 1 else positions
