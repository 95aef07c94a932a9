"""The product's own plain shape: `/api/realtime/<name>`, one flat object."""

from collections.abc import Callable

from adapters.simulator.climate import Climate
from adapters.simulator.device import Answer, Device, Parent, Value, rounded
from adapters.simulator.local_days import LocalCalendar
from adapters.simulator.shedding import SheddableLoad

_ON_WATTS = 150
_FIRST_COOLING_MONTH, _LAST_COOLING_MONTH = 5, 10


def air_conditioner(
    name: str, room: str, load: SheddableLoad, calendar: LocalCalendar, parent: Parent
) -> Device:
    """Make an air conditioner that tells its power and what it is doing, and keeps no register."""
    power = rounded(load.at, 1)

    def mode(time: int) -> str:
        if power(time) < _ON_WATTS:
            return "off"
        month = calendar.day_of(time).date.month
        return "cool" if _FIRST_COOLING_MONTH <= month <= _LAST_COOLING_MONTH else "heat"

    values = (
        Value("power", "power", power, "W", submeter_of=parent.power),
        Value("mode", "mode", data="STRING"),
    )
    return _device(name, "hvac", room, values, {"power": power, "mode": mode}, sheds=load)


def ev_charger(name: str, room: str, load: SheddableLoad, parent: Parent) -> Device:
    """Make a charging point; its register is read in Wh and stored in kWh."""
    return _with_register(name, "ev_charger", room, load, parent)


def machine(name: str, room: str, load: SheddableLoad, parent: Parent) -> Device:
    """Make a machine with a drive that can be slowed down, and a register like a charging point's."""
    return _with_register(name, "machine", room, load, parent)


def _with_register(name: str, kind: str, room: str, load: SheddableLoad, parent: Parent) -> Device:
    power, energy = rounded(load.at, 1), rounded(load.energy, 0)
    values = (
        Value("power", "power", power, "W", submeter_of=parent.power),
        Value(
            "energy",
            "energy",
            energy,
            "kWh",
            scale=0.001,
            accumulation="cumulative",
            submeter_of=parent.energy,
        ),
    )
    return _device(name, kind, room, values, {"power": power, "energy": energy}, sheds=load)


def room_climate(name: str, room: str, climate: Climate) -> Device:
    """Make a sensor of temperature, humidity and CO2."""
    values = _climate_values(climate)
    return _device(name, "climate", room, values, {value.tag: value.read for value in values})


def counting_room_climate(name: str, room: str, climate: Climate) -> Device:
    """Make one that counts the people in the room as well."""
    people = rounded(climate.people.at, 0)
    values = (*_climate_values(climate), Value("occupancy", "people", people, data="INTEGER"))
    fields = {value.tag: value.read for value in values}
    return _device(name, "climate", room, values, fields | {"people": lambda time: int(people(time))})


def detecting_room_climate(name: str, room: str, climate: Climate) -> Device:
    """Make one that says whether anyone is in the room."""

    def occupied(time: int) -> bool:
        return climate.people.at(time) >= 1

    values = (*_climate_values(climate), Value("occupancy", "occupied", occupied, data="BOOLEAN"))
    return _device(name, "climate", room, values, {value.tag: value.read for value in values})


def weather_station(name: str, room: str, outdoor: Climate) -> Device:
    """Make a sensor of temperature and humidity in the open."""
    values = _climate_values(outdoor)[:2]
    return _device(name, "climate", room, values, {value.tag: value.read for value in values})


def _climate_values(climate: Climate) -> tuple[Value, ...]:
    return (
        Value("temperature", "temperature", rounded(climate.temperature.at, 2), "degC"),
        Value("humidity", "humidity", rounded(climate.humidity.at, 1), "percent"),
        Value("co2", "co2", rounded(climate.co2.at, 0), "ppm"),
    )


def _device(
    name: str,
    kind: str,
    room: str,
    values: tuple[Value, ...],
    fields: dict[str, Callable[[int], object]],
    *,
    sheds: SheddableLoad | None = None,
) -> Device:
    def answer(time: int) -> Answer:
        return {key: read(time) for key, read in fields.items()}

    return Device(name, kind, room, f"/api/realtime/{name}", answer, values, sheds=sheds)
