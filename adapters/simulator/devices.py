"""What hangs where: the devices of the building, each in the shape of its maker."""

from adapters.simulator.building import Building
from adapters.simulator.device import Device, Parent
from adapters.simulator.shapes import fronius, homewizard, plain, shelly, tasmota
from adapters.simulator.shapes.shelly import Channel

GRID = Parent("grid-meter.power", "grid-meter.energy")
RACKS = Parent("server-room.racks.power", "server-room.racks.energy")


def devices_of(building: Building) -> tuple[Device, ...]:
    """Put up the devices; the meter at the grid belongs to no room, since it measures them all."""
    return (
        homewizard.meter("grid-meter", "meter", None, building.grid, building.voltage),
        fronius.inverter("roof-pv", "Roof", building, GRID),
        homewizard.battery_meter(
            "battery",
            "Basement",
            building.battery,
            building.sheddable["charge"],
            building.discharge,
            building.voltage,
            GRID,
        ),
        *_circuits(building),
        *_single_loads(building),
        *_climates(building),
    )


def _circuits(building: Building) -> tuple[Device, ...]:
    loads, voltage = building.loads, building.voltage
    rack = tuple(Channel(name, loads[name]) for name in ("storage", "compute", "network"))
    kitchen = tuple(Channel(name, loads[name]) for name in ("oven", "fridge", "coffee"))
    server_room = Channel("racks", building.racks), Channel("cooling", loads["server cooling"])
    north = Channel("sockets", loads["north sockets"]), Channel("lights", loads["north lights"])
    south = Channel("sockets", loads["south sockets"]), Channel("lights", loads["south lights"])
    return (
        shelly.em("server-room-em", "Server room", server_room, voltage, GRID, "server-room"),
        shelly.em("office-north-em", "Office North", north, voltage, GRID, "office-north"),
        shelly.em("office-south-em", "Office South", south, voltage, GRID, "office-south"),
        shelly.switches("rack-strip", "plug", "Server room", rack, voltage, RACKS),
        shelly.switches("kitchen", "circuit", "Cafeteria", kitchen, voltage, GRID),
    )


def _single_loads(building: Building) -> tuple[Device, ...]:
    loads, voltage, calendar = building.loads, building.voltage, building.calendar
    sheddable = building.sheddable
    lights = (Channel("lights", loads["hallway lights"]),)
    return (
        plain.air_conditioner("AC1", "Office North", sheddable["AC1"], calendar, GRID),
        plain.air_conditioner("AC2", "Office South", sheddable["AC2"], calendar, GRID),
        plain.air_conditioner("AC3", "Meeting room", sheddable["AC3"], calendar, GRID),
        plain.ev_charger("EV1", "Basement", sheddable["EV1"], GRID),
        plain.machine("Ventilation", "Basement", sheddable["ventilation"], GRID),
        plain.machine("Cold-room", "Cafeteria", sheddable["cold room"], GRID),
        tasmota.plug(
            "Water heater",
            "heater",
            "Basement",
            sheddable["water heater"],
            building,
            GRID,
            sheds=sheddable["water heater"],
        ),
        tasmota.plug("Lab bench", "plug", "Lab", loads["lab bench"], building, GRID),
        homewizard.meter("lab-freezer", "plug", "Lab", loads["freezer"], voltage, GRID),
        shelly.switches("hallway-lights", "lighting", "Hallway", lights, voltage, GRID),
    )


def _climates(building: Building) -> tuple[Device, ...]:
    rooms = building.rooms
    return (
        plain.room_climate("office-north-climate", "Office North", rooms["Office North"]),
        plain.room_climate("office-south-climate", "Office South", rooms["Office South"]),
        plain.counting_room_climate("meeting-room-climate", "Meeting room", rooms["Meeting room"]),
        plain.room_climate("lab-climate", "Lab", rooms["Lab"]),
        plain.detecting_room_climate("cafeteria-climate", "Cafeteria", rooms["Cafeteria"]),
        tasmota.dht22("server-room-climate", "Server room", rooms["Server room"]),
        tasmota.dht22("hallway-climate", "Hallway", rooms["Hallway"]),
        plain.weather_station("weather-station", "Roof", rooms["Roof"]),
    )
