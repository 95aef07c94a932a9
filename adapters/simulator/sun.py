"""Where the sun stands over the building, by the textbook (declination and equation of time by the day)."""

from dataclasses import dataclass
from math import acos, cos, pi, radians, sin, tan

from adapters.simulator.local_days import STEP, LocalDay

_LATITUDE = radians(38.72)
_LONGITUDE_HOURS = -9.14 / 15
_CELLS_PER_HOUR = 3600 * 1_000_000 // STEP


@dataclass(frozen=True, slots=True)
class SolarDay:
    """The sun's path on one day: sin(elevation) = level + height * cos(hour angle)."""

    level: float
    height: float
    half_day: float
    solar_minus_utc_hours: float

    def hours(self) -> float:
        """Integrate sin(elevation) from sunrise to sunset, in hours."""
        return 24 / pi * (self.half_day * self.level + self.height * sin(self.half_day))

    def knots(self, day: LocalDay) -> list[float]:
        """Give sin(elevation) at each knot, 0 where the sun is down."""
        heights = []
        for cell in day.cells:
            solar_hour = (cell / _CELLS_PER_HOUR + self.solar_minus_utc_hours) % 24
            angle = (solar_hour - 12) * pi / 12
            heights.append(self.level + self.height * cos(angle) if abs(angle) < self.half_day else 0.0)
        return heights


def solar_day(day: LocalDay) -> SolarDay:
    """Give the sun's path on this day."""
    declination = radians(-23.44) * cos(2 * pi * (day.day_of_year + 10) / 365.25)
    season = 2 * pi * (day.day_of_year - 81) / 365
    equation_of_time_minutes = 9.87 * sin(2 * season) - 7.53 * cos(season) - 1.5 * sin(season)
    return SolarDay(
        level=sin(_LATITUDE) * sin(declination),
        height=cos(_LATITUDE) * cos(declination),
        half_day=acos(-tan(_LATITUDE) * tan(declination)),
        solar_minus_utc_hours=_LONGITUDE_HOURS + equation_of_time_minutes / 60,
    )
