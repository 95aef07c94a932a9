"""The building on a real socket, served in the running event loop."""

import asyncio
import socket
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from adapters.simulator.application import DeviceApplication, Now
from adapters.simulator.building import DEFAULT_SEED, ROOMS, Building
from adapters.simulator.commands import CommandDesk, Order
from adapters.simulator.configuration import configuration
from adapters.simulator.devices import devices_of
from adapters.simulator.faults import FaultSchedule
from adapters.simulator.history import SimulatedSeries, history
from adapters.simulator.local_days import microseconds


class SimulatedBuilding:
    """Serves the devices while its context is open; its model can be asked at any time.

    `now` gives the aware time that the devices show. `fault_rate` multiplies how often they fail: 0 never.
    What devices were told is read from the `journal`, and goes on from there.
    """

    def __init__(
        self,
        now: Now,
        *,
        seed: int = DEFAULT_SEED,
        fault_rate: float = 1.0,
        hang_seconds: float = 3.0,
        journal: Path | None = None,
    ) -> None:
        self.building = Building(seed)
        self.devices = devices_of(self.building)
        self._desk = CommandDesk(self.devices, journal)
        self._now = now
        self._faults = FaultSchedule(seed, fault_rate)
        self._hang_seconds = hang_seconds
        self._base_url: str | None = None

    @property
    def base_url(self) -> str:
        """The address of the building, known while the context is open."""
        if self._base_url is None:
            raise RuntimeError("the simulated building has no address before it is entered")
        return self._base_url

    def configuration(self) -> dict[str, object]:
        """Give the IoT configuration of the devices at their present address."""
        return configuration(self.base_url, self.devices)

    def seats(self) -> Mapping[str, int]:
        """Give the rooms, each with the number of people it is made for."""
        return {room.name: room.people for room in ROOMS}

    def shed(self, device: str, start: datetime, end: datetime, share: float) -> None:
        """Let a device have drawn so much less, as a share of its load, in a time that is over.

        Only before it is told anything: orders come in the order of their times.
        """
        (found,) = [one for one in self.devices if one.name == device]
        if found.sheds is None:
            raise ValueError(f"{device} cannot shed")
        began = microseconds(start)
        watts = found.sheds.at(began) * (1 - share)
        self._desk.order(Order(found.slug, began, watts))
        self._desk.order(Order(found.slug, microseconds(end), None))

    def orders(self) -> Sequence[Order]:
        """Give all that devices were told, in the order of the times."""
        return self._desk.orders

    def first_shed(self) -> tuple[datetime, datetime] | None:
        """Give from when to when the first device that was ever told to draw less did so."""
        orders = self._desk.orders
        if not orders:
            return None
        end = next((one for one in orders if one.device == orders[0].device and one.watts is None), None)
        return None if end is None else (_time(orders[0].time), _time(end.time))

    def history(self, start: datetime, end: datetime, step: timedelta) -> Iterator[SimulatedSeries]:
        """Give what polling would have stored in [start, end)."""
        return history(self.devices, start, end, step)

    async def __aenter__(self) -> Self:
        """Listen on a free port of the loopback interface, and go on with what the journal says."""
        self._desk.recall()
        self._application = DeviceApplication(
            self.devices, self._desk, self._faults, self._now, self._hang_seconds
        )
        # Bound here, uvicorn says nothing about an address that users would take for the dashboard's.
        listener = socket.create_server(("127.0.0.1", 0))
        self._server = _Server(
            uvicorn.Config(
                self._application,
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                # The devices live in the injected time.
                date_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._serving = asyncio.create_task(self._server.serve([listener]), name="simulated building")
        await self._server.ready.wait()
        if not self._server.started:
            await self._serving
        self._base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and end the requests that are open."""
        self._base_url = None
        self._application.stop()
        self._server.should_exit = True
        await self._serving


def _time(epoch_microseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=epoch_microseconds)


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to the program it runs in."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.ready.set()
