"""How each kind of load draws its power: a profile, a level for the day, and a texture within it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from adapters.simulator.curves import Load, watt_hours_of
from adapters.simulator.local_days import LocalCalendar, LocalDay
from adapters.simulator.noise import chance, key_of, smooth, white
from adapters.simulator.profiles import Profile
from adapters.simulator.sun import solar_day
from adapters.simulator.weather import Weather

Texture = Callable[[int, range], list[float]]
Level = Callable[[Weather, LocalDay], float]

_FRIDAY = 4
_AUGUST = 8
_BLOCK = 3


def steady(key: int, cells: range) -> list[float]:
    """Vary little."""
    return [1 + 0.02 * slow + 0.01 * white(key, cell) for slow, cell in _with_slow(key, cells)]


def lively(key: int, cells: range) -> list[float]:
    """Vary as many small users do."""
    return [1 + 0.12 * slow + 0.07 * white(key, cell) for slow, cell in _with_slow(key, cells)]


def cycling(key: int, cells: range) -> list[float]:
    """Run 15 minutes in 45, as compressors do."""
    phase = key % (3 * _BLOCK)
    return [
        2.8 + 0.2 * white(key, cell) if (cell + phase) % (3 * _BLOCK) < _BLOCK else 0.04 for cell in cells
    ]


def bursts(key: int, cells: range) -> list[float]:
    """Be on for a moment once in every quarter of an hour, as thermostats are."""
    on = (int(chance(key, cell // _BLOCK) * _BLOCK) for cell in cells)
    return [
        2.9 + 0.2 * white(key, cell) if cell % _BLOCK == at else 0.03
        for cell, at in zip(cells, on, strict=True)
    ]


def even(_weather: Weather, _day: LocalDay) -> float:
    """Be the same all the year."""
    return 1.0


def attended(_weather: Weather, day: LocalDay) -> float:
    """Be lower when people stay at home: on Fridays and in August."""
    return (0.85 if day.date.weekday() == _FRIDAY else 1.0) * (0.7 if day.date.month == _AUGUST else 1.0)


def lit(_weather: Weather, day: LocalDay) -> float:
    """Be higher when daylight is short."""
    return 1.6 - 0.1 * solar_day(day).hours()


def conditioned(weather: Weather, day: LocalDay) -> float:
    """Follow the need for heating or cooling."""
    return 0.25 + 0.09 * abs(weather.mean_temperature(day) - 18.5)


def cooled(weather: Weather, day: LocalDay) -> float:
    """Follow the outdoor temperature."""
    return 0.7 + 0.025 * (weather.mean_temperature(day) - 12)


@dataclass(frozen=True, slots=True)
class Appliance:
    """A load by its mean power in W where the profile is at its full height."""

    name: str
    watts: float
    profile: Profile
    texture: Texture = lively
    level: Level = even
    varies: float = 0.06

    def load(self, calendar: LocalCalendar, weather: Weather, seed: int) -> Load:
        """Make the load of this appliance."""
        key = key_of(seed, "load", self.name)
        days = key_of(seed, "day", self.name)
        shapes: dict[tuple[bool, int], float] = {}

        def knots(day: LocalDay) -> list[float]:
            texture = self.texture(key, day.cells)
            return [share * factor for share, factor in zip(self.profile.of(day), texture, strict=True)]

        def watt_hours(day: LocalDay) -> float:
            # Days with as many knots have the same slots: the clock is always changed at the same hour.
            kind = day.working, len(day.slots)
            if kind not in shapes:
                shapes[kind] = watt_hours_of(self.profile.of(day))
            today = 1 + self.varies * white(days, day.date.toordinal())
            return self.watts * shapes[kind] * self.level(weather, day) * today

        return Load(calendar, knots, watt_hours, key)


def photovoltaic(name: str, watts: float, calendar: LocalCalendar, weather: Weather, seed: int) -> Load:
    """Make a PV generator, `watts` at vertical sun and clear sky."""
    key = key_of(seed, "load", name)

    def knots(day: LocalDay) -> list[float]:
        clouds = 1.1 - weather.clearness(day)
        sky = zip(smooth(key, day.cells, 9), smooth(key + 1, day.cells, 3), strict=True)
        through = (1 + clouds * (0.55 * slow + 0.25 * fast) for slow, fast in sky)
        return [sun * light for sun, light in zip(solar_day(day).knots(day), through, strict=True)]

    def watt_hours(day: LocalDay) -> float:
        return watts * weather.clearness(day) * solar_day(day).hours()

    return Load(calendar, knots, watt_hours, key)


def _with_slow(key: int, cells: range) -> Iterator[tuple[float, int]]:
    return zip(smooth(key + 1, cells, 12), cells, strict=True)
