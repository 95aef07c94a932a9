"""When devices fail, and how: short faults on a fixed schedule, frequent on two devices only."""

from dataclasses import dataclass
from enum import Enum, auto

from adapters.simulator.local_days import SECOND
from adapters.simulator.noise import chance, key_of

SLOT = 600 * SECOND
_SHORTEST, _LONGEST = 20 * SECOND, 120 * SECOND
_RARE = 0.0005
_FREQUENT = {"hallway-lights": 0.4, "Lab bench": 0.15}


class Fault(Enum):
    """What a failing device does."""

    HANG = auto()
    UNAVAILABLE = auto()
    INVALID_JSON = auto()
    MISSING_VALUE = auto()
    NULL_VALUE = auto()


_KINDS = tuple(Fault)


@dataclass(frozen=True, slots=True)
class FaultSchedule:
    """At most one fault of 20 to 120 s in ten minutes; `rate` multiplies how often, and 0 disables all."""

    seed: int
    rate: float = 1.0

    def at(self, device: str, time: int) -> Fault | None:
        """Give the fault that this device has now."""
        slot, elapsed = divmod(time, SLOT)
        key = key_of(self.seed, "fault", device)
        if chance(key, slot) >= self.rate * _FREQUENT.get(device, _RARE):
            return None
        length = _SHORTEST + int(chance(key + 1, slot) * (_LONGEST - _SHORTEST))
        begin = int(chance(key + 2, slot) * (SLOT - length))
        if not begin <= elapsed < begin + length:
            return None
        return _KINDS[int(chance(key + 3, slot) * len(_KINDS))]
