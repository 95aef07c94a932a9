"""Reading the stored feed of public events."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from domain.operations.model import FeedEntry, FeedStart, Topic
from domain.operations.ports import OperationsUnitOfWork
from domain.shared.ports import Clock

KEPT: Final = timedelta(hours=24)


class FeedReader:
    """The feed: each topic's public events, numbered without gaps."""

    def __init__(self, uow: OperationsUnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def positions(self) -> Mapping[Topic, int]:
        """Return the newest seq of every topic."""
        async with self._uow.begin() as tx:
            return await tx.feed.positions()

    async def start(self, topic: Topic, since: int | datetime | None = None) -> FeedStart:
        """Return where to begin: with what follows number ``since``, or with what was published from then on.

        Without ``since``, and where what it asks for is not kept any more, that is the end of the feed.
        """
        async with self._uow.begin() as tx:
            newest = await tx.feed.position(topic)
            if since is None:
                return FeedStart(newest, complete=True)
            horizon = self._clock.now() - KEPT
            kept_from = await tx.feed.before(topic, horizon)
            after = since if isinstance(since, int) else await tx.feed.before(topic, max(since, horizon))
        if isinstance(since, datetime) and since < horizon and kept_from > 0:
            return FeedStart(newest, complete=False)
        # A number ahead of the feed comes from another database, or one that was restored from a backup.
        if kept_from <= after <= newest:
            return FeedStart(after, complete=True)
        return FeedStart(newest, complete=False)

    async def after(self, topic: Topic, seq: int, limit: int = 100) -> Sequence[FeedEntry]:
        """Return the entries after ``seq``, in order; fewer than ``limit`` only at the end."""
        async with self._uow.begin() as tx:
            return await tx.feed.after(topic, seq, limit)
