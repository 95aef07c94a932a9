"""Shelly: Gen1 EM (`/status`, lists) and Gen2 to Gen4 (`/rpc/Shelly.GetStatus`, keys with a colon)."""

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from adapters.simulator.curves import Curve, Metered
from adapters.simulator.device import Answer, Device, Parent, Value, rounded
from adapters.simulator.local_days import SECOND, ZONE

_MINUTE = 60 * SECOND
_ON_WATTS = 0.05


@dataclass(frozen=True, slots=True)
class Channel:
    """A circuit or outlet and what hangs on it."""

    name: str
    load: Metered


def em(
    name: str, room: str, channels: tuple[Channel, ...], voltage: Curve, parent: Parent, prefix: str
) -> Device:
    """Make an energy meter of the first generation: W, and Wh registers, one list item a clamp."""

    def answer(time: int) -> Answer:
        relay: Answer = {
            "ison": False,
            "has_timer": False,
            "timer_started": 0,
            "timer_duration": 0,
            "timer_remaining": 0,
            "overpower": False,
            "is_valid": True,
            "source": "http",
        }
        return {"relays": [relay], "emeters": [_emeter(channel, voltage, time) for channel in channels]}

    values = tuple(
        value
        for index, channel in enumerate(channels)
        for value in _values(
            channel,
            f"emeters.{index}.power",
            f"emeters.{index}.total",
            (2, 1),
            f"{prefix}.{channel.name}",
            parent,
        )
    )
    return Device(name, "circuit", room, "/status", answer, values)


def switches(
    name: str, kind: str, room: str, channels: tuple[Channel, ...], voltage: Curve, parent: Parent
) -> Device:
    """Make a plug, strip or relay of the later generations: one component a switch."""

    def answer(time: int) -> Answer:
        components = {
            f"switch:{index}": _switch(index, channel, voltage, time)
            for index, channel in enumerate(channels)
        }
        local = datetime.fromtimestamp(time // SECOND, ZONE)
        offset = local.utcoffset()
        system = {
            "mac": "AABBCCDDEEFF",
            "time": f"{local:%H:%M}",
            "unixtime": time // SECOND,
            "utc_offset": int(offset.total_seconds()) if offset else 0,
        }
        return {"ble": {}, "cloud": {"connected": False}, **components, "sys": system}

    values = tuple(
        value
        for index, channel in enumerate(channels)
        for value in _values(
            channel,
            f"switch:{index}.apower",
            f"switch:{index}.aenergy.total",
            (1, 3),
            f"{name}.{channel.name}" if len(channels) > 1 else None,
            parent,
        )
    )
    return Device(name, kind, room, "/rpc/Shelly.GetStatus", answer, values)


def _values(
    channel: Channel,
    power_tag: str,
    energy_tag: str,
    digits: tuple[int, int],
    stem: str | None,
    parent: Parent,
) -> tuple[Value, Value]:
    return (
        Value(
            "power",
            power_tag,
            rounded(channel.load.at, digits[0]),
            "W",
            sensor_id=stem and f"{stem}.power",
            submeter_of=parent.power,
        ),
        Value(
            "energy",
            energy_tag,
            rounded(channel.load.energy, digits[1]),
            "Wh",
            accumulation="cumulative",
            sensor_id=stem and f"{stem}.energy",
            submeter_of=parent.energy,
        ),
    )


def _emeter(channel: Channel, voltage: Curve, time: int) -> Answer:
    return {
        "power": round(channel.load.at(time), 2),
        "reactive": 0,
        "voltage": round(voltage.at(time), 2),
        "is_valid": True,
        "total": round(channel.load.energy(time), 1),
        "total_returned": 0,
    }


def _switch(index: int, channel: Channel, voltage: Curve, time: int) -> Answer:
    watts, volts = round(channel.load.at(time), 1), round(voltage.at(time), 1)
    minute = time // _MINUTE * _MINUTE
    totals = [channel.load.energy(minute - ago * _MINUTE) for ago in range(4)]
    by_minute = [round(1000 * (later - earlier), 3) for later, earlier in pairwise(totals)]
    return {
        "id": index,
        "source": "init",
        "output": watts > _ON_WATTS,
        "apower": watts,
        "voltage": volts,
        "freq": 50.0,
        "current": round(watts / volts, 3),
        "aenergy": {
            "total": round(channel.load.energy(time), 3),
            "by_minute": by_minute,
            "minute_ts": minute // SECOND,
        },
        "ret_aenergy": {"total": 0.0, "by_minute": [0.0, 0.0, 0.0], "minute_ts": minute // SECOND},
    }
