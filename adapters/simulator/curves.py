"""Quantities that run straight between knots five minutes apart, and power with its exact integral."""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate, pairwise
from math import cos, pi, sin
from threading import Lock
from typing import Protocol

from adapters.simulator.local_days import STEP, LocalCalendar, LocalDay
from adapters.simulator.noise import white

COMMISSIONED = date(2020, 1, 1)
"""The day on which every register stood at zero."""

CELL_HOURS = 1 / 12
_DAYS_KEPT = 64
_RIPPLE = 0.06
# A whole number of waves in a cell: it vanishes at the knots, and so does its integral over the cell.
_TURN = 2 * pi * 5

Knots = Callable[[LocalDay], list[float]]


@dataclass(frozen=True, slots=True)
class _Table:
    start: int
    end: int
    knots: "array[float]"
    totals: "array[float]"


_NOTHING = _Table(0, 0, array("d"), array("d"))


class Metered(Protocol):
    """What a meter measures: power, and the energy that has passed since the building was commissioned."""

    def at(self, time: int) -> float:
        """Give the power in W."""

    def energy(self, time: int) -> float:
        """Give the energy in Wh."""


class Curve:
    """A quantity given by its knots. Tables are made a day at a time, when the day is first asked for."""

    def __init__(self, calendar: LocalCalendar, knots: Knots) -> None:
        self._calendar = calendar
        self._knots = knots
        self._tables: dict[int, _Table] = {}
        self._latest = _NOTHING
        self._lock = Lock()

    def at(self, time: int) -> float:
        """Give the value at an instant in epoch microseconds."""
        table = self._table(time)
        cell, rest = divmod(time - table.start, STEP)
        value = table.knots[cell]
        return value + (table.knots[cell + 1] - value) * rest / STEP if rest else value

    def _table(self, time: int) -> _Table:
        table = self._latest
        if not table.start <= time < table.end:
            # History may be made in another thread than the one that answers polls.
            with self._lock:
                table = self._latest = self._find(self._calendar.day_of(time))
        return table

    def _find(self, day: LocalDay) -> _Table:
        table = self._tables.get(day.start)
        if table is None:
            if len(self._tables) >= _DAYS_KEPT:
                del self._tables[next(iter(self._tables))]
            table = self._tables[day.start] = self._make(day)
        return table

    def _make(self, day: LocalDay) -> _Table:
        return _Table(day.start, day.end, array("d", self._knots(day)), array("d"))


class Load(Curve):
    """Power in W, never negative, and its register in Wh.

    What a day amounts to is known without its knots, and the knots are scaled to it. So a register is the sum
    of the days before, a microsecond each, plus a part of one day, however long ago it was at zero.
    """

    def __init__(
        self, calendar: LocalCalendar, knots: Knots, watt_hours: Callable[[LocalDay], float], key: int
    ) -> None:
        super().__init__(calendar, knots)
        self._watt_hours = watt_hours
        self._key = key
        self._midnights = [0.0]

    def at(self, time: int) -> float:
        """Give the power in W."""
        table = self._table(time)
        cell, rest = divmod(time - table.start, STEP)
        power = table.knots[cell]
        if not rest:
            return power
        after = table.knots[cell + 1]
        part = rest / STEP
        return power + (after - power) * part + self._ripple(time // STEP, power, after) * sin(_TURN * part)

    def energy(self, time: int) -> float:
        """Give the energy in Wh that has passed since the building was commissioned."""
        table = self._table(time)
        cell, rest = divmod(time - table.start, STEP)
        total = table.totals[cell]
        if not rest:
            return total
        power, after = table.knots[cell : cell + 2]
        part = rest / STEP
        straight = (power + (after - power) * part / 2) * part
        wave = self._ripple(time // STEP, power, after) * (1 - cos(_TURN * part)) / _TURN
        return total + (straight + wave) * CELL_HOURS

    def _ripple(self, cell: int, power: float, after: float) -> float:
        return _RIPPLE * white(self._key, cell) * min(power, after)

    def _make(self, day: LocalDay) -> _Table:
        knots = self._knots(day)
        drawn = watt_hours_of(knots)
        scale = self._watt_hours(day) / drawn if drawn else 0.0
        knots = [power * scale for power in knots]
        cells = ((power + after) / 2 * CELL_HOURS for power, after in pairwise(knots))
        midnight = self._at_midnight(day)
        # Rounding must not lift the evening over the next midnight, or a register at rest would seem to fall.
        highest = midnight + self._watt_hours(day)
        totals = (min(total, highest) for total in accumulate(cells, initial=midnight))
        return _Table(day.start, day.end, array("d", knots), array("d", totals))

    def _at_midnight(self, day: LocalDay) -> float:
        days = (day.date - COMMISSIONED).days
        if days < 0:
            raise ValueError(f"the building was commissioned on {COMMISSIONED}, after {day.date}")
        for passed in range(len(self._midnights) - 1, days):
            day_passed = self._calendar.day(date.fromordinal(COMMISSIONED.toordinal() + passed))
            self._midnights.append(self._midnights[passed] + self._watt_hours(day_passed))
        return self._midnights[days]


class Total:
    """Several loads measured by one meter; those in `less` feed in behind it."""

    def __init__(self, loads: Sequence[Metered], less: Sequence[Metered] = ()) -> None:
        self._loads = tuple(loads)
        self._less = tuple(less)

    def at(self, time: int) -> float:
        """Give the net power in W."""
        return sum(load.at(time) for load in self._loads) - sum(load.at(time) for load in self._less)

    def energy(self, time: int) -> float:
        """Give the net energy in Wh: what an import register shows as long as the net is never negative."""
        return sum(load.energy(time) for load in self._loads) - sum(load.energy(time) for load in self._less)


def watt_hours_of(knots: Sequence[float]) -> float:
    """Integrate W given at each knot."""
    return (sum(knots) - (knots[0] + knots[-1]) / 2) * CELL_HOURS
