"""What devices are told: carried out once each, and remembered over a restart of the simulation."""

import json
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from adapters.simulator.device import COMMANDS, Device
from adapters.simulator.shedding import SheddableLoad

LONGEST_BODY = 16_384
_KEYS_KEPT = 1000
_WATTS = 1000.0
_REDUCE, _RESTORE = COMMANDS


@dataclass(frozen=True, slots=True)
class Order:
    """A device draws ``watts`` from a time on (epoch microseconds); None: as usual."""

    device: str
    time: int
    watts: float | None


class CommandError(Exception):
    """What a device was told makes no sense."""


class CommandDesk:
    """Takes commands for the devices. Orders go to the journal, where there is one, and are read from it."""

    def __init__(self, devices: Iterable[Device], journal: Path | None = None) -> None:
        self._loads = {device.slug: device.sheds for device in devices if device.sheds is not None}
        self._journal = journal
        self._answered: OrderedDict[str, bytes] = OrderedDict()
        self.orders: list[Order] = []

    def recall(self) -> None:
        """Carry out again what the journal says, once."""
        if self._journal is None or self.orders or not self._journal.is_file():
            return
        for line in self._journal.read_text(encoding="utf-8").splitlines():
            self._carry_out(Order(**json.loads(line)))

    def takes(self, slug: str, command: str) -> bool:
        """Whether the device can be told that."""
        return slug in self._loads and command in COMMANDS

    def tell(self, slug: str, command: str, body: bytes, key: str | None, time: int) -> bytes:
        """Carry a command out, and give the answer; the same key again gets the same answer.

        Raises:
            CommandError: the body is not what is expected.

        """
        if key is not None and key in self._answered:
            return self._answered[key]
        load = self._loads[slug]
        self.order(Order(slug, time, _watts(body, load, time) if command == _REDUCE else None))
        answer = json.dumps(
            {"accepted": True, "command": command, "power_w": round(load.at(time), 1)}
        ).encode()
        if key is not None:
            self._answered[key] = answer
            if len(self._answered) > _KEYS_KEPT:
                self._answered.popitem(last=False)
        return answer

    def order(self, order: Order) -> None:
        """Carry an order out, and note it."""
        self._carry_out(order)
        if self._journal is not None:
            line = json.dumps({"device": order.device, "time": order.time, "watts": order.watts})
            with self._journal.open("a", encoding="utf-8") as journal:
                journal.write(line + "\n")

    def _carry_out(self, order: Order) -> None:
        self.orders.append(order)
        load = self._loads.get(order.device)
        if load is None:
            return  # of an older simulation
        if order.watts is None:
            load.restore(order.time)
        else:
            load.reduce(order.time, order.watts)


def _watts(body: bytes, load: SheddableLoad, time: int) -> float:
    """Give the power to stay at: ``target_kw``, else the present one less ``reduction_kw``, else none."""
    try:
        told = json.loads(body or b"{}")
    except ValueError:
        raise CommandError("the body is not JSON") from None
    if not isinstance(told, dict):
        raise CommandError("the body is no object")
    target, reduction = told.get("target_kw"), told.get("reduction_kw")
    for number in (target, reduction):
        if number is not None and not (isinstance(number, int | float) and number >= 0):
            raise CommandError("target_kw and reduction_kw are numbers from 0")
    if target is not None:
        return float(target) * _WATTS
    return max(load.at(time) - float(reduction) * _WATTS, 0.0) if reduction is not None else 0.0
