"""How many people are in a room, from its CO2."""

from typing import Final

from domain.sensors.model import Room

OUTDOOR_PPM: Final = 420.0
CEILING_M: Final = 2.7
GENERATION_M3_PER_HOUR: Final = 0.0042 * 3.6
AIRFLOW_PER_PERSON: Final = 2.5 * 3.6
AIRFLOW_PER_M2: Final = 0.3 * 3.6
AIRFLOW_PER_SEAT: Final = 8.5 * 3.6
PEOPLE_PER_M2: Final = 0.05


def estimated_people(room: Room, co2: float, change_per_hour: float | None) -> float | None:
    """Return how many people give off the CO2 of a room (its mean in ppm); None where its size is unknown.

    The mass balance of CO2 in well mixed air: ``V dC/dt = N G - Q (C - C0)``, thus
    ``N = (Q (C - C0) + V dC/dt) / G``; without ``change_per_hour`` (ppm per hour) the steady state, in which
    nothing changes. Never below 0 nor above the room's capacity. What is assumed:

    - G, what a person gives off: 0.0042 L/s of CO2, adults at office work (1.2 met). A. Persily and
      L. de Jonge, "Carbon dioxide generation rates for building occupants", Indoor Air 27 (2017) 868-879.
    - Q, the outdoor air: what ASHRAE 62.1 (table of minimum ventilation rates) asks for in offices: 2.5 L/s
      for each person of the capacity and 0.3 L/s for each m². Without a capacity, its default of 5 people on
      100 m²; without an area, the sum of both at that density, 8.5 L/s for each person.
    - V, the volume: the area and a ceiling of 2.7 m. Without an area, the steady state.
    - C0, outdoors: 420 ppm.

    A room that is aired more than that holds more people than this says, and the other way round.
    """
    if room.area_m2 is not None:
        seats = room.area_m2 * PEOPLE_PER_M2 if room.capacity is None else room.capacity
        airflow = seats * AIRFLOW_PER_PERSON + room.area_m2 * AIRFLOW_PER_M2
        volume = room.area_m2 * CEILING_M
    elif room.capacity is not None:
        airflow, volume = room.capacity * AIRFLOW_PER_SEAT, 0.0
    else:
        return None
    given_off = airflow * (co2 - OUTDOOR_PPM) + volume * (change_per_hour or 0.0)
    people = max(given_off / 1e6 / GENERATION_M3_PER_HOUR, 0.0)
    return people if room.capacity is None else min(people, float(room.capacity))
