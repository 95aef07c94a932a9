"""The loops of the HTTP poller: each device in its own rhythm, one save a second, one renewal of leases."""

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from adapters.pollers.places import Places
from domain.ingestion.device_state import initial_offset
from domain.ingestion.held_device import HeldDevice
from domain.ingestion.model import DeviceId
from domain.ingestion.ports import Jitter
from domain.ingestion.services.fleet import Fleet
from domain.ingestion.services.polling import PollDevice
from domain.ingestion.services.saving import SavePolls
from domain.shared.errors import DomainError
from domain.shared.ports import Clock

_LOG: Final = logging.getLogger(__name__)
_SAVE_EVERY: Final = 1.0
_JITTER_OF_PERIOD: Final = 0.05
_LAST_SAVE_SECONDS: Final = 5.0
_EARLY: Final = 0.01
"""A loop may wake this share of a period early: that still counts as the beat it was to be."""
_NAMED: Final = 3
_LATE: Final = 0.5
"""A healthy device that waits for longer than this share of its period has lost its rhythm."""


class Poller:
    """Polls the fleet until it is cancelled.

    On a clean stop (the task that runs `run` is cancelled) closed windows, readings and states are saved
    and the leases are released; open windows are lost, as they are with kill -9.
    """

    def __init__(
        self,
        fleet: Fleet,
        poll: PollDevice,
        save: SavePolls,
        clock: Clock,
        jitter: Jitter,
        places: Places | None = None,
        *,
        save_every: float = _SAVE_EVERY,
    ) -> None:
        self._fleet = fleet
        self._poll = poll
        self._save = save
        self._clock = clock
        self._jitter = jitter
        self._places = places or Places()
        self._save_every = save_every
        self._tasks: dict[DeviceId, asyncio.Task[None]] = {}
        self._complaints: dict[str, str] = {}
        self._asked_to_renew = asyncio.Event()
        self._storage_was_away = False
        self._late: set[DeviceId] = set()
        self._was_late = False

    @property
    def is_polling(self) -> bool:
        """Whether any device is polled here now."""
        return any(not task.done() for task in self._tasks.values())

    def renew_soon(self) -> None:
        """Look at the configuration now, rather than at the next renewal of the leases."""
        self._asked_to_renew.set()

    async def run(self) -> None:
        """Poll until cancelled."""
        try:
            async with asyncio.TaskGroup() as loops:
                renewal = self._fleet.term.total_seconds() / 3
                loops.create_task(self._again("renewing", self._renew, renewal, self._asked_to_renew))
                loops.create_task(self._again("saving", self._save_all, self._save_every))
        finally:
            await self._stop()

    async def _again(
        self,
        what: str,
        act: Callable[[], Coroutine[Any, Any, None]],
        every: float,
        sooner: asyncio.Event | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                await act()
                if self._complaints.pop(what, None) is not None:
                    _LOG.info("%s works again", what)
            except DomainError as error:
                # Said once, not every second of an outage.
                if self._complaints.get(what) != error.code:
                    self._complaints[what] = error.code
                    _LOG.warning("%s failed, and is tried again: %s", what, _told(error))
            except Exception:  # noqa: BLE001 - a loop goes on, whatever went wrong in one turn
                _LOG.exception("%s failed inside, and is tried again", what)
            await self._pause(started + every - loop.time(), sooner)

    async def _pause(self, seconds: float, sooner: asyncio.Event | None) -> None:
        if sooner is None:
            await asyncio.sleep(max(0.0, seconds))
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await sooner.wait()

    async def _renew(self) -> None:
        self._asked_to_renew.clear()
        change = await self._fleet.renew()
        for device_id in change.stopped:
            task = self._tasks.pop(device_id, None)
            if task is not None:
                task.cancel()
        for device_id, task in self._tasks.items():
            if task.done():
                _LOG.error(
                    "the loop of device %s ended and is begun anew", device_id, exc_info=task.exception()
                )
        for held in self._fleet:
            device_id = held.device.device_id
            if device_id not in self._tasks or self._tasks[device_id].done():
                self._tasks[device_id] = asyncio.create_task(self._follow(held), name=f"poll {device_id}")
        if change.started or change.stopped:
            _LOG.info("polling %d devices", len(self._fleet))
        self._tell_who_is_late()

    def _tell_who_is_late(self) -> None:
        """Say it once, when it begins and when it is over."""
        if self._late and not self._was_late:
            _LOG.warning(
                "%d devices are polled too late: they are too many for this process, or for one host (%s); "
                "a longer period or a further worker helps",
                len(self._late),
                ", ".join(sorted(self._late)[:_NAMED]),
            )
        elif self._was_late and not self._late:
            _LOG.info("all devices are polled in time again")
        self._was_late = bool(self._late)
        self._late.clear()

    async def _save_all(self) -> None:
        report = await self._save()
        if self._storage_was_away is report.available:
            self._storage_was_away = not report.available
            if report.available:
                _LOG.info("storage is back; %d readings were dropped so far", report.dropped)
            else:
                _LOG.warning("storage is away: readings are kept in memory and polling goes on")

    async def _follow(self, held: HeldDevice) -> None:
        """Poll one device in its rhythm: what comes too late is left out, and never piles up."""
        loop = asyncio.get_running_loop()
        period = held.device.period.total_seconds()
        base = loop.time() + self._first_delay(held)
        due = base
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            async with self._places.place(held):
                if loop.time() - due > _LATE * period and not held.state.consecutive_failures:
                    self._late.add(held.device.device_id)
                await self._poll(held)
            now = loop.time()
            pause = self._poll.pause(held)
            if pause is None:
                beat = max(1, math.floor((now - base) / period + _EARLY) + 1)
                due = base + beat * period + self._jitter.fraction() * _JITTER_OF_PERIOD * period
            else:
                due = now + pause.total_seconds()
                base = due
            self._poll.next_in(held, timedelta(seconds=max(0.0, due - now)))

    def _first_delay(self, held: HeldDevice) -> float:
        offset = initial_offset(held.device.device_id, held.device.period).total_seconds()
        planned = held.state.next_poll
        if held.state.consecutive_failures == 0 or planned is None:
            return offset
        # A pause goes on over a restart, but never for longer than a pause may be.
        left = (planned - self._clock.now()).total_seconds()
        return min(max(left, offset), 300.0)

    async def _stop(self) -> None:
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(DomainError, TimeoutError):
            async with asyncio.timeout(_LAST_SAVE_SECONDS):
                await self._save()
                await self._fleet.release()


def _told(error: DomainError) -> str:
    problems = getattr(error, "problems", ())
    return "; ".join([error.detail, *(f"{one.pointer}: {one.detail}" for one in problems[:20])])
