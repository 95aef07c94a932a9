"""The baseline methods, and which of the eligible days each takes its mean from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

EARLIEST_DAYS_BACK: Final = 45
"""How far back eligible days are looked for, in calendar days (CAISO's ten-in-ten)."""

_SIGNIFICANT_DECIMALS: Final = 9


class BaselineMethod(StrEnum):
    """How the load that would have been without an event is estimated.

    ``10_of_10``: the mean of the last ten days of the same type; with the same-day adjustment of up to 20 %,
    the ten-in-ten of the California ISO (CAISO tariff, section 4.13.4).
    ``high_5_of_10``: the five of the last ten days with the highest energy in the event window, as New York's
    customer baseline load (NYISO, average day CBL).
    ``high_4_of_5``: the four highest of the last five, as PJM's economic customer baseline load (PJM Manual
    11).
    ``middle_8_of_10``: the last ten without the highest and the lowest, as ERCOT's default baseline "middle
    8-of-10 preceding like days".
    ``meter_before_after``: the load just before, as NAESB's performance evaluation "meter before / meter
    after" (WEQ-015, measurement and verification of wholesale demand response).

    They lend the choice of days. What is eligible, the adjustment and its window are the same rules here for
    all, those of CAISO, so that methods can be compared; no market settles by these figures.
    """

    TEN_OF_TEN = "10_of_10"
    HIGH_5_OF_10 = "high_5_of_10"
    HIGH_4_OF_5 = "high_4_of_5"
    MIDDLE_8_OF_10 = "middle_8_of_10"
    METER_BEFORE_AFTER = "meter_before_after"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayMatching:
    """X of Y: how many eligible days are looked for, how few are enough, how many are left out of the mean.

    ``keep`` is the number of the highest days that are taken (None: all), after the highest and the lowest
    were dropped where ``middle`` says so.
    """

    most_days: int
    fewest_days: int
    keep: int | None = None
    middle: bool = False

    @property
    def fewest_used(self) -> int:
        """The smallest number of days that a mean of this method is ever made of."""
        if self.middle:
            return self.fewest_days - 2
        return self.fewest_days if self.keep is None else min(self.keep, self.fewest_days)


MATCHING: Final[Mapping[BaselineMethod, DayMatching]] = {
    BaselineMethod.TEN_OF_TEN: DayMatching(most_days=10, fewest_days=5),
    BaselineMethod.HIGH_5_OF_10: DayMatching(most_days=10, fewest_days=5, keep=5),
    BaselineMethod.HIGH_4_OF_5: DayMatching(most_days=5, fewest_days=4, keep=4),
    BaselineMethod.MIDDLE_8_OF_10: DayMatching(most_days=10, fewest_days=5, middle=True),
}
"""The methods that match days; `BaselineMethod.METER_BEFORE_AFTER` looks at no other day."""


def days_taken(matching: DayMatching, energy_kwh: Mapping[date, float]) -> frozenset[date]:
    """Return the days that the mean is made of, of eligible days with their energy in the event window.

    Between days of the same energy the later ones are taken, whichever end of the ranking they stand at. The
    same is what differs by less than a billionth of a kWh, since sums of floats are no more exact.
    """
    energy = {day: round(kwh, _SIGNIFICANT_DECIMALS) for day, kwh in energy_kwh.items()}
    rising = sorted(energy, key=lambda day: (energy[day], day))
    if matching.middle:
        others = rising[1:]
        highest = max(others, key=lambda day: (energy[day], -day.toordinal()))
        return frozenset(others) - {highest}
    return frozenset(rising if matching.keep is None else rising[-matching.keep :])
