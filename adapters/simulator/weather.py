"""The weather of the site: outdoor temperature and how clear the sky is."""

from math import cos, pi

from adapters.simulator.local_days import SLOTS_PER_DAY, STEP, LocalDay
from adapters.simulator.noise import chance, key_of, smooth

_DAY = SLOTS_PER_DAY * STEP
_YEAR_DAYS = 365.25
_COLDEST_DAY = 20
# Half past four in UTC: the sun knows no summer time.
_COLDEST_CELL = 54


class Weather:
    """A mild Atlantic climate."""

    def __init__(self, seed: int) -> None:
        self._fronts = key_of(seed, "weather", "fronts")
        self._sky = key_of(seed, "weather", "sky")

    def outdoor(self, day: LocalDay) -> list[float]:
        """Give the temperature at each knot in degC."""
        from_year, to_year = _season(day.start), _season(day.end)
        fronts = smooth(self._fronts, day.cells, 2 * SLOTS_PER_DAY)
        last = len(fronts) - 1
        return [
            from_year
            + (to_year - from_year) * knot / last
            + 3.5 * front
            - 3.6 * cos(2 * pi * (cell - _COLDEST_CELL) / SLOTS_PER_DAY)
            for knot, (front, cell) in enumerate(zip(fronts, day.cells, strict=True))
        ]

    def mean_temperature(self, day: LocalDay) -> float:
        """Give a day's temperature in degC at noon without the daily swing."""
        noon = (day.start + day.end) // 2 // STEP
        return _season(day.start) + 3.5 * smooth(self._fronts, range(noon, noon + 1), 2 * SLOTS_PER_DAY)[0]

    def clearness(self, day: LocalDay) -> float:
        """Give the share of the sun's energy that comes through on this day; most days are clear."""
        cloudy = chance(self._sky, day.date.toordinal())
        return 1 - 0.8 * cloudy * cloudy


def _season(time: int) -> float:
    days = time / _DAY
    return 17.5 - 5.8 * cos(2 * pi * (days - _COLDEST_DAY) / _YEAR_DAYS)
