"""Tasmota: `Status 8` of energy plugs, and `Status 10` of older firmware, which sends numbers as text."""

from datetime import datetime

from adapters.simulator.building import Building
from adapters.simulator.climate import Climate
from adapters.simulator.curves import Metered
from adapters.simulator.device import Answer, Device, Parent, Value, rounded
from adapters.simulator.local_days import SECOND, ZONE
from adapters.simulator.shedding import SheddableLoad


def plug(
    name: str,
    kind: str,
    room: str,
    load: Metered,
    building: Building,
    parent: Parent,
    *,
    sheds: SheddableLoad | None = None,
) -> Device:
    """Make a plug that measures whole watts, and kWh since it was installed."""
    power, total = rounded(load.at, 0), rounded(load.energy, 3, 0.001)
    voltage = rounded(building.voltage.at, 0)

    def answer(time: int) -> Answer:
        midnight = building.calendar.day_of(time).start
        day_before = building.calendar.day_of(midnight - 1).start
        energy: Answer = {
            "TotalStartTime": "2020-01-01T00:00:00",
            "Total": total(time),
            "Yesterday": round(total(midnight) - total(day_before), 3),
            "Today": round(total(time) - total(midnight), 3),
            "Power": int(power(time)),
            "ApparentPower": int(power(time)),
            "ReactivePower": 0,
            "Factor": 1.0,
            "Voltage": int(voltage(time)),
            "Current": round(power(time) / voltage(time), 3),
        }
        return {"StatusSNS": {"Time": _local(time), "ENERGY": energy}}

    return Device(
        name,
        kind,
        room,
        "/cm",
        answer,
        (
            Value("power", "StatusSNS.ENERGY.Power", power, "W", submeter_of=parent.power),
            Value(
                "energy",
                "StatusSNS.ENERGY.Total",
                total,
                "kWh",
                accumulation="cumulative",
                submeter_of=parent.energy,
            ),
            Value("voltage", "StatusSNS.ENERGY.Voltage", voltage, "V", "INTEGER"),
        ),
        query="cmnd=Status%208",
        sheds=sheds,
    )


def dht22(name: str, room: str, climate: Climate) -> Device:
    """Make a sensor of temperature and humidity."""
    temperature, humidity = rounded(climate.temperature.at, 1), rounded(climate.humidity.at, 1)

    def answer(time: int) -> Answer:
        texts = {"Temperature": str(temperature(time)), "Humidity": str(humidity(time))}
        return {"StatusSNS": {"Time": _local(time), "DHT": texts, "TempUnit": "C"}}

    return Device(
        name,
        "climate",
        room,
        "/cm",
        answer,
        (
            Value("temperature", "StatusSNS.DHT.Temperature", temperature, "degC"),
            Value("humidity", "StatusSNS.DHT.Humidity", humidity, "percent"),
        ),
        query="cmnd=Status%2010",
    )


def _local(time: int) -> str:
    return datetime.fromtimestamp(time // SECOND, ZONE).replace(tzinfo=None).isoformat()
