"""Fronius Symo: `GetPowerFlowRealtimeData.fcgi` of the Solar API."""

from datetime import datetime

from adapters.simulator.building import Building
from adapters.simulator.device import Answer, Device, Parent, Value, rounded
from adapters.simulator.local_days import SECOND, ZONE, microseconds

_AWAKE_WATTS = 1.0


def inverter(name: str, room: str, building: Building, parent: Parent) -> Device:
    """Make an inverter that asks the meter at the grid as well."""
    pv, grid = building.pv, building.grid

    def generated(time: int) -> float | None:
        watts = pv.at(time)
        return round(watts, 2) if watts >= _AWAKE_WATTS else None

    total = rounded(pv.energy, 1)

    def answer(time: int) -> Answer:
        today = building.calendar.day_of(time)
        new_year = datetime(today.date.year, 1, 1, tzinfo=ZONE)
        power, bought = generated(time), round(grid.at(time), 2)
        used = bought + (power or 0.0)
        energies: Answer = {
            "E_Day": round(total(time) - total(today.start), 1),
            "E_Total": total(time),
            "E_Year": round(total(time) - total(microseconds(new_year)), 1),
        }
        site: Answer = energies | {
            "Meter_Location": "grid",
            "Mode": "meter",
            "P_Akku": None,
            "P_Grid": bought,
            "P_Load": -round(used, 2),
            "P_PV": power,
            "rel_Autonomy": 100 * (power or 0.0) / used,
            "rel_SelfConsumption": None if power is None else 100,
        }
        inverters = {"1": {"DT": 121, **energies, "P": power or 0}}
        return {
            "Body": {"Data": {"Inverters": inverters, "Site": site, "Version": "12"}},
            "Head": {
                "RequestArguments": {},
                "Status": {"Code": 0, "Reason": "", "UserMessage": ""},
                "Timestamp": datetime.fromtimestamp(time // SECOND, ZONE).isoformat(),
            },
        }

    return Device(
        name,
        "inverter",
        room,
        "/solar_api/v1/GetPowerFlowRealtimeData.fcgi",
        answer,
        (
            Value(
                "power",
                "Body.Data.Site.P_PV",
                generated,
                "W",
                scale=-1,
                submeter_of=parent.power,
            ),
            Value(
                "energy",
                "Body.Data.Site.E_Total",
                total,
                "Wh",
                accumulation="cumulative",
                direction="export",
                submeter_of=parent.energy,
            ),
        ),
    )
