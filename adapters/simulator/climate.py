"""Temperature, humidity, CO2 and people in the rooms."""

from dataclasses import dataclass

from adapters.simulator.curves import Curve
from adapters.simulator.local_days import LocalCalendar, LocalDay
from adapters.simulator.noise import chance, key_of, smooth
from adapters.simulator.profiles import Profile
from adapters.simulator.weather import Weather

_FRESH_AIR_PPM = 425
_MEETING_CELLS = 9


@dataclass(frozen=True, slots=True)
class Climate:
    """What the sensors of a room can measure."""

    temperature: Curve
    humidity: Curve
    co2: Curve
    people: Curve


@dataclass(frozen=True, slots=True)
class Room:
    """How a room behaves: `insulation` 0 is the open air, 1 is a constant temperature."""

    name: str
    degrees: float
    insulation: float
    people: int
    attendance: Profile
    ppm: float = 0.0
    warmth: float = 0.0
    meetings: bool = False

    def climate(self, calendar: LocalCalendar, weather: Weather, seed: int) -> Climate:
        """Make the curves of this room."""
        key = key_of(seed, "room", self.name)
        slow = self.attendance.lagged(hours=0.6)

        def people(day: LocalDay) -> list[float]:
            heads = [self.people * share for share in self._present(key, day)]
            return [head * share for head, share in zip(heads, self.attendance.of(day), strict=True)]

        def co2(day: LocalDay) -> list[float]:
            noise = smooth(key + 1, day.cells, 4)
            crowd = zip(slow.of(day), self._present(key, day), noise, strict=True)
            return [_FRESH_AIR_PPM + self.ppm * share * part + 12 * wave for share, part, wave in crowd]

        def temperature(day: LocalDay) -> list[float]:
            noise = smooth(key + 2, day.cells, 24)
            around = zip(weather.outdoor(day), slow.of(day), noise, strict=True)
            return [
                self.degrees
                + (1 - self.insulation) * (outdoor - self.degrees)
                + self.warmth * share
                + 0.25 * wave
                for outdoor, share, wave in around
            ]

        def humidity(day: LocalDay) -> list[float]:
            noise = smooth(key + 3, day.cells, 96)
            warm = zip(temperature(day), noise, strict=True)
            return [min(98.0, max(18.0, 52 - 2.2 * (degrees - 20) + 9 * wave)) for degrees, wave in warm]

        return Climate(
            Curve(calendar, temperature),
            Curve(calendar, humidity),
            Curve(calendar, co2),
            Curve(calendar, people),
        )

    def _present(self, key: int, day: LocalDay) -> list[float]:
        """Give the share of the usual people who are there."""
        today = 0.75 + 0.25 * chance(key, day.date.toordinal())
        if not self.meetings:
            return [today] * len(day.slots)
        meetings = smooth(key + 4, day.cells, _MEETING_CELLS)
        return [today * min(1.0, max(0.0, 0.6 + meeting)) for meeting in meetings]
