"""Houses next door, whose meters nobody polls: they are read from files."""

from dataclasses import dataclass

from adapters.simulator import profiles
from adapters.simulator.appliances import Appliance, attended, conditioned, lit, photovoltaic, steady
from adapters.simulator.curves import Metered, Total
from adapters.simulator.local_days import LocalCalendar
from adapters.simulator.noise import key_of
from adapters.simulator.weather import Weather

_SCHOOL = (
    Appliance("classrooms", 9000, profiles.OFFICE, level=attended),
    Appliance("corridors", 2600, profiles.HALLWAY, steady, lit),
    Appliance("canteen", 4200, profiles.COOKING),
    Appliance("boiler pumps", 900, profiles.ALWAYS),
)
_LIBRARY = (
    Appliance("reading rooms", 3100, profiles.LIGHTS, steady, lit),
    Appliance("climate", 2400, profiles.AIR_CONDITIONING, level=conditioned),
    Appliance("archive", 700, profiles.ALWAYS, steady),
)
_POOL_HEATING = (Appliance("heating", 14000, profiles.HOT_WATER, level=conditioned),)
_POOL_PUMPS = (Appliance("pumps", 5200, profiles.ALWAYS, steady),)
_SOLAR_WATTS = 9000


@dataclass(frozen=True, slots=True)
class Series:
    """A column of a meter's files; ``name`` is None where it is the only one."""

    name: str | None
    measured: Metered


@dataclass(frozen=True, slots=True)
class NeighbourMeter:
    """A meter, and the folder that its files lie in."""

    meter: str
    collection: str
    direction: str
    series: tuple[Series, ...]

    def sensor_ids(self) -> tuple[str, ...]:
        """Give the sensors that its files lead to."""
        return tuple(self.meter if one.name is None else f"{self.meter}.{one.name}" for one in self.series)


def neighbour_meters(seed: int) -> tuple[NeighbourMeter, ...]:
    """Put the meters up; other seeds make other houses."""
    own = key_of(seed, "neighbours") % 1_000_000
    calendar, weather = LocalCalendar(), Weather(seed)

    def total(appliances: tuple[Appliance, ...]) -> Total:
        return Total([one.load(calendar, weather, own) for one in appliances])

    solar = photovoltaic("school roof", _SOLAR_WATTS, calendar, weather, own)
    return (
        NeighbourMeter("SCHOOL-MAIN", "school/main", "import", (Series(None, total(_SCHOOL)),)),
        NeighbourMeter("SCHOOL-PV", "school/solar", "export", (Series(None, solar),)),
        NeighbourMeter("LIBRARY", "neighbours/library", "import", (Series(None, total(_LIBRARY)),)),
        NeighbourMeter(
            "POOL",
            "neighbours/pool",
            "import",
            (Series("heating", total(_POOL_HEATING)), Series("pumps", total(_POOL_PUMPS))),
        ),
    )
