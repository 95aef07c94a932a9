"""The simulated building: every load, generator and room of it, as pure functions of the time."""

from adapters.simulator import profiles
from adapters.simulator.appliances import (
    Appliance,
    attended,
    bursts,
    conditioned,
    cooled,
    cycling,
    lit,
    photovoltaic,
    steady,
)
from adapters.simulator.climate import Climate, Room
from adapters.simulator.curves import Curve, Metered, Total
from adapters.simulator.local_days import LocalCalendar, LocalDay
from adapters.simulator.noise import key_of, smooth
from adapters.simulator.shedding import SheddableLoad, Temper
from adapters.simulator.weather import Weather

DEFAULT_SEED = 2026
_PV_WATTS = 5800
_BATTERY_WATTS = 2600
_BATTERY_EFFICIENCY = 0.9

_APPLIANCES = (
    Appliance("storage", 620, profiles.ALWAYS, steady),
    Appliance("compute", 480, profiles.ALWAYS),
    Appliance("network", 210, profiles.ALWAYS, steady),
    Appliance("other racks", 2300, profiles.ALWAYS, steady),
    Appliance("server cooling", 1500, profiles.COOLING, level=cooled),
    Appliance("north sockets", 2600, profiles.OFFICE, level=attended),
    Appliance("north lights", 900, profiles.LIGHTS, steady, lit),
    Appliance("south sockets", 2100, profiles.OFFICE, level=attended),
    Appliance("south lights", 750, profiles.LIGHTS, steady, lit),
    Appliance("AC1", 2400, profiles.AIR_CONDITIONING, level=conditioned),
    Appliance("AC2", 2100, profiles.AIR_CONDITIONING, level=conditioned),
    Appliance("AC3", 1600, profiles.AIR_CONDITIONING, level=conditioned),
    Appliance("EV1", 5700, profiles.CARS, steady, attended, varies=0.25),
    Appliance("oven", 1000, profiles.COOKING, bursts),
    Appliance("fridge", 60, profiles.ALWAYS, cycling),
    Appliance("coffee", 450, profiles.COFFEE, bursts),
    Appliance("water heater", 750, profiles.HOT_WATER, bursts),
    Appliance("lab bench", 1150, profiles.OFFICE, level=attended, varies=0.2),
    Appliance("freezer", 80, profiles.ALWAYS, cycling),
    Appliance("hallway lights", 450, profiles.HALLWAY, steady, lit),
    Appliance("ventilation", 1800, profiles.VENTILATION, steady),
    Appliance("cold room", 1300, profiles.ALWAYS, steady, cooled),
    Appliance("not metered", 500, profiles.VENTILATION),
    Appliance("charge", _BATTERY_WATTS, profiles.CHARGE, steady, varies=0.1),
)

_TEMPERS = {
    "AC1": Temper(ramp_seconds=20, returned=0.6, extra_watts=700),
    "AC2": Temper(ramp_seconds=20, returned=0.6, extra_watts=600),
    "AC3": Temper(ramp_seconds=20, returned=0.6, extra_watts=500),
    "EV1": Temper(ramp_seconds=5, returned=1.0, extra_watts=1700),
    "water heater": Temper(ramp_seconds=2, returned=0.9, extra_watts=800),
    "charge": Temper(ramp_seconds=5, returned=1.0, extra_watts=800),
    "ventilation": Temper(ramp_seconds=15, returned=0.3, extra_watts=400),
    "cold room": Temper(ramp_seconds=10, returned=0.9, extra_watts=600),
}

ROOMS = (
    Room("Office North", 21.8, 0.86, 14, profiles.PEOPLE, ppm=520, warmth=1.4),
    Room("Office South", 22.3, 0.84, 11, profiles.PEOPLE, ppm=460, warmth=1.6),
    Room("Meeting room", 21.9, 0.88, 9, profiles.MEETINGS, ppm=980, warmth=2.0, meetings=True),
    Room("Lab", 21.4, 0.92, 4, profiles.PEOPLE, ppm=240, warmth=0.9),
    Room("Server room", 23.6, 0.96, 0, profiles.ALWAYS),
    Room("Cafeteria", 22.0, 0.8, 40, profiles.MEALS, ppm=760, warmth=1.8),
    Room("Hallway", 20.8, 0.72, 0, profiles.PEOPLE, ppm=110, warmth=0.6),
    Room("Roof", 17.5, 0.0, 0, profiles.ALWAYS),
    Room("Basement", 18.2, 0.9, 0, profiles.ALWAYS),
)


class Building:
    """Gives every quantity at any instant, in epoch microseconds, without having run before."""

    def __init__(self, seed: int = DEFAULT_SEED) -> None:
        self.seed = seed
        self.calendar = LocalCalendar()
        weather = Weather(seed)
        usual = {appliance.name: appliance.load(self.calendar, weather, seed) for appliance in _APPLIANCES}
        self.sheddable = {name: SheddableLoad(usual[name], temper) for name, temper in _TEMPERS.items()}
        self.loads: dict[str, Metered] = {**usual, **self.sheddable}
        self.pv = photovoltaic("roof", _PV_WATTS, self.calendar, weather, seed)
        self.discharge = _discharge().load(self.calendar, weather, seed)
        self.rooms: dict[str, Climate] = {
            room.name: room.climate(self.calendar, weather, seed) for room in ROOMS
        }
        self.voltage = Curve(self.calendar, self._mains)
        self.battery = Total([self.loads["charge"]], less=[self.discharge])
        self.racks = self.total("storage", "compute", "network", "other racks")
        self.grid: Metered = Total([*self.loads.values()], less=[self.pv, self.discharge])

    def total(self, *names: str) -> Total:
        """Give what one meter over these loads shows."""
        return Total([self.loads[name] for name in names])

    def _mains(self, day: LocalDay) -> list[float]:
        key = key_of(self.seed, "mains")
        waves = zip(smooth(key, day.cells, 36), smooth(key + 1, day.cells, 2), strict=True)
        return [231.5 + 2.6 * slow + 0.9 * fast for slow, fast in waves]


def _discharge() -> Appliance:
    hours = sum(profiles.CHARGE.working) / sum(profiles.DISCHARGE.working)
    watts = _BATTERY_WATTS * _BATTERY_EFFICIENCY * hours
    return Appliance("discharge", watts, profiles.DISCHARGE, steady, varies=0.05)
