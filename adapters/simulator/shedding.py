"""Loads that can be told to draw less, and draw some of it later when they are let go."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from adapters.simulator.curves import Metered
from adapters.simulator.local_days import SECOND

_HOUR = 3600 * SECOND
_STAIRS = 8
_SHORTEST_RETURN = 600 * SECOND


@dataclass(frozen=True, slots=True)
class Temper:
    """How a device sheds: its ramp, and which share of what it put off it draws later, by how much power."""

    ramp_seconds: float
    returned: float
    extra_watts: float


@dataclass(frozen=True, slots=True)
class _Step:
    """From ``start`` on it draws ``share`` of its usual power and ``extra`` W.

    ``usual_wh`` is what it would have drawn by then, ``shifted_wh`` how far its register is ahead of that.
    """

    start: int
    share: float
    extra: float
    usual_wh: float
    shifted_wh: float


class SheddableLoad(Metered):
    """A load, as it would be, with what it was told; its register stays the exact integral of its power.

    Between two steps the power is a share of the usual one and a constant: the ramp is a flight of stairs.
    Orders come in the order of their times, and each replaces what was to come of the ones before.
    """

    def __init__(self, usual: Metered, temper: Temper) -> None:
        self.usual = usual
        self.temper = temper
        # Replaced as a whole: history may be made in another thread than the one that is told.
        self._steps: Sequence[_Step] = (_Step(0, 1.0, 0.0, 0.0, 0.0),)
        self._held_at: float | None = None
        self._settles_at = 0.0

    def at(self, time: int) -> float:
        """Give the power in W."""
        step = self._step(time)
        return step.share * self.usual.at(time) + step.extra

    def energy(self, time: int) -> float:
        """Give the energy in Wh."""
        return self.usual.energy(time) + self._shifted(time)

    def reduce(self, time: int, watts: float) -> None:
        """Draw so much from now on, and the same share of the usual load as that changes."""
        usual = self.usual.at(time)
        share = min(max(watts / usual, 0.0), 1.0) if usual > 0 else 1.0
        if self._held_at is None:
            self._held_at = self._shifted(time)
        self._follow(time, self._stairs(time, share))

    def restore(self, time: int) -> None:
        """Come back, and then draw some of what was put off."""
        if self._held_at is None:
            return
        put_off = self._held_at - self._shifted(time)
        self._settles_at -= put_off * (1 - self.temper.returned)
        self._held_at = None
        stairs = self._stairs(time, 1.0)
        self._follow(time, stairs)
        back = stairs[-1][0]
        owed = self._settles_at - self._shifted(back)
        if owed <= 0:
            return
        extra = min(self.temper.extra_watts, owed * _HOUR / _SHORTEST_RETURN)
        until = back + round(owed * _HOUR / extra)
        self._follow(time, [*stairs[:-1], (back, 1.0, extra), (until, 1.0, 0.0)])

    def _stairs(self, time: int, share: float) -> list[tuple[int, float, float]]:
        now = self._step(time).share
        ramp = round(self.temper.ramp_seconds * SECOND)
        return [
            (time + ramp * stair // _STAIRS, now + (share - now) * stair / _STAIRS, 0.0)
            for stair in range(1, _STAIRS + 1)
        ]

    def _follow(self, time: int, planned: Sequence[tuple[int, float, float]]) -> None:
        """Keep what has happened up to the time, and do what is planned."""
        current = self._step(time)
        steps = [one for one in self._steps if one.start < time]
        for start, share, extra in [(time, current.share, 0.0), *planned]:
            steps.append(
                _Step(start, share, extra, self.usual.energy(start), _shifted(steps[-1], self.usual, start))
            )
        self._steps = tuple([one for one, later in pairwise(steps) if later.start > one.start] + steps[-1:])

    def _step(self, time: int) -> _Step:
        steps = self._steps
        return steps[max(bisect_right(steps, time, key=lambda one: one.start) - 1, 0)]

    def _shifted(self, time: int) -> float:
        return _shifted(self._step(time), self.usual, time)


def _shifted(step: _Step, usual: Metered, time: int) -> float:
    """Give by how much the register is ahead of the usual one, at a time within a step."""
    if step.share == 1.0 and not step.extra:
        return step.shifted_wh
    passed = usual.energy(time) - step.usual_wh
    return step.shifted_wh + (step.share - 1) * passed + step.extra * (time - step.start) / _HOUR
