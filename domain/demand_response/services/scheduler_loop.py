"""Running the scheduler: it sleeps to the next due moment, and sends commands beside that."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from domain.demand_response.model import SchedulerLease
from domain.demand_response.services.leases import LeaseLostError
from domain.demand_response.services.scheduler import LEASE_TERM, Scheduler
from domain.demand_response.services.sending import SendCommands
from domain.demand_response.services.waking import Waking
from domain.shared.errors import UnavailableError
from domain.shared.ports import Clock

_LOG: Final = logging.getLogger(__name__)
_SHORTEST_PAUSE: Final = 0.02
_AWAY_PAUSE: Final = 1.0
_BROKEN_PAUSE: Final = 5.0


@dataclass(frozen=True, slots=True)
class SchedulerPace:
    """How often everything is looked at, and how soon work that others have left is noticed."""

    everything: timedelta = timedelta(seconds=60)
    look: timedelta = timedelta(seconds=1)


class SchedulerLoop:
    """Runs until it is cancelled; whatever fails is tried again.

    Commands are sent by a task of their own, each beside the others: a device that does not answer delays
    neither another device nor the next event.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        sending: SendCommands,
        waking: Waking,
        clock: Clock,
        pace: SchedulerPace,
    ) -> None:
        self._scheduler = scheduler
        self._sending = sending
        self._waking = waking
        self._to_send = Waking()
        self._clock = clock
        self._pace = pace
        self._lease: SchedulerLease | None = None
        self._everything_at: datetime | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def __call__(self) -> None:
        """Move events on and send commands, as long as this process lives."""
        try:
            async with asyncio.TaskGroup() as tasks:
                moving = self._again_and_again(self.move, self._waking)
                tasks.create_task(moving, name="demand response: events")
                sending = self._again_and_again(self.send, self._to_send)
                tasks.create_task(sending, name="demand response: commands")
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)
            await _quietly(self._scheduler.leave())

    async def move(self) -> float:
        """Take the steps that are due, if this process may; return how many seconds nothing is to be done."""
        lease = await self._scheduler.take()
        if lease is None:
            self._lease = None
            return self._pace.look.total_seconds()
        # Whoever had the lease before may have died between two steps.
        is_new = self._lease is None or self._lease.fence != lease.fence
        self._lease = lease
        now = self._clock.now()
        everything = is_new or self._is_time_for_everything(now)
        try:
            await self._scheduler.run(lease, everything=everything)
        except LeaseLostError:
            self._lease = None
            return 0.0
        except BaseException:
            self._lease = None
            raise
        if everything:
            self._everything_at = now + self._pace.everything
        self._to_send.wake()
        return self._until(await self._scheduler.next_due())

    async def send(self) -> float:
        """Begin to send what is due; return how many seconds nothing is to be done."""
        for claimed in await self._sending.claim():
            task = asyncio.create_task(_quietly(self._sending.send(claimed)), name="command")
            self._under_way.add(task)
            task.add_done_callback(self._has_sent)
        return self._until(await self._scheduler.next_command())

    def _has_sent(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._to_send.wake()  # the device may be told the next thing

    def _is_time_for_everything(self, now: datetime) -> bool:
        # A clock that is set back does not make the wait longer.
        at = self._everything_at
        return at is None or not at - self._pace.everything <= now < at

    def _until(self, due: datetime | None) -> float:
        look = min(self._pace.look, LEASE_TERM / 3).total_seconds()
        if due is None:
            return look
        return max(min((due - self._clock.now()).total_seconds(), look), _SHORTEST_PAUSE)

    async def _again_and_again(self, step: Callable[[], Awaitable[float]], bell: Waking) -> None:
        while True:
            try:
                pause = await step()
            except UnavailableError as away:
                _LOG.warning("demand response waits: %s", away.detail)
                pause = _AWAY_PAUSE
            except Exception:  # noqa: BLE001 - logged; the next step may go well
                _LOG.exception("demand response stumbled, and goes on")
                pause = _BROKEN_PAUSE
            await bell.wait(pause)


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except UnavailableError as away:
        _LOG.warning("demand response waits: %s", away.detail)
    except Exception:  # noqa: BLE001 - logged; the next step may go well
        _LOG.exception("demand response stumbled, and goes on")
