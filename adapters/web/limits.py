"""Token buckets: how often a key may call, and how often an address may present a wrong one."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from domain.shared.errors import TooManyRequestsError

_MAX_BUCKETS: Final = 10_000
_MAX_KNOWN: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds; all of them may come at once."""

    count: int
    seconds: float


WRONG_KEYS: Final = Rate(30, 60)
"""How many wrong keys one address may present."""


class Buckets:
    """One token bucket a key, in bounded memory: the one that was used longest ago is forgotten first."""

    def __init__(self, rate: Rate, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Take a token; return 0, or the seconds until there is one."""
        level = self._level(key)
        wait = self._wait(level)
        self._levels[key] = (level if wait else level - 1, self._monotonic())
        self._levels.move_to_end(key)
        if len(self._levels) > _MAX_BUCKETS:
            self._levels.popitem(last=False)
        return wait

    def wait(self, key: str) -> float:
        """Return the seconds until there is a token, 0 where there is one."""
        return self._wait(self._level(key))

    def _level(self, key: str) -> float:
        level, since = self._levels.get(key, (float(self._rate.count), 0.0))
        refilled = (self._monotonic() - since) * self._rate.count / self._rate.seconds
        return min(float(self._rate.count), level + refilled)

    def _wait(self, level: float) -> float:
        return 0.0 if level >= 1 else (1 - level) * self._rate.seconds / self._rate.count


class CallLimit:
    """Bounds how often each key may call in this process."""

    def __init__(self, rate: Rate | None) -> None:
        self._buckets = None if rate is None else Buckets(rate)

    def count(self, key: str) -> None:
        """Count a call.

        Raises:
            TooManyRequestsError: ``rate_limited``.

        """
        wait = self._buckets.take(key) if self._buckets else 0.0
        if wait:
            raise TooManyRequestsError("rate_limited", "this key has made too many calls", wait)


class SignInLimit:
    """Bounds how often an address may present wrong keys; keys that were right once are not held up by it.

    Without the latter, one device with a wrong key could lock out all behind the same proxy.
    """

    def __init__(self, rate: Rate = WRONG_KEYS) -> None:
        self._wrong = Buckets(rate)
        self._right: OrderedDict[int, None] = OrderedDict()

    def check(self, address: str, secret: str) -> None:
        """Look whether the address may try.

        Raises:
            TooManyRequestsError: ``too_many_sign_ins``.

        """
        wait = self._wrong.wait(_network(address))
        if wait and hash(secret) not in self._right:
            raise TooManyRequestsError("too_many_sign_ins", "too many wrong API keys came from here", wait)

    def failed(self, address: str, secret: str) -> None:
        """Count a wrong key."""
        self._right.pop(hash(secret), None)
        self._wrong.take(_network(address))

    def succeeded(self, secret: str) -> None:
        """Remember a right key (by its hash in this process, which is random)."""
        self._right[hash(secret)] = None
        self._right.move_to_end(hash(secret))
        if len(self._right) > _MAX_KNOWN:
            self._right.popitem(last=False)


def _network(address: str) -> str:
    """Return the address, or the /64 of an IPv6 one, since a client has a whole one."""
    if ":" not in address:
        return address
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(int(parsed) >> 64) if isinstance(parsed, IPv6Address) else address
