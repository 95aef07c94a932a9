"""What a day looks like by the clock on the wall: one figure for each slot of five minutes."""

from dataclasses import dataclass
from itertools import pairwise

from adapters.simulator.local_days import SLOTS_PER_DAY, LocalDay

_SLOTS_PER_HOUR = SLOTS_PER_DAY // 24


@dataclass(frozen=True, slots=True)
class Profile:
    """Shares of the full amount on working days and days of rest, for each slot and the midnight after."""

    working: tuple[float, ...]
    resting: tuple[float, ...]

    def of(self, day: LocalDay) -> list[float]:
        """Give the share at each knot of this day."""
        shares = self.working if day.working else self.resting
        return [shares[slot] for slot in day.slots]

    def lagged(self, hours: float) -> "Profile":
        """Give the profile of what follows this one slowly, as CO2 follows people."""
        return Profile(_lagged(self.working, hours), _lagged(self.resting, hours))


def profile(working: str, resting: str) -> Profile:
    """Draw straight lines between points `hour=share`; the first and the last one hold on to midnight."""
    return Profile(_shares(working), _shares(resting))


def _shares(text: str) -> tuple[float, ...]:
    points = [
        (float(hour), float(share)) for hour, _, share in (point.partition("=") for point in text.split())
    ]
    points = [(0.0, points[0][1]), *points, (24.0, points[-1][1])]
    shares = []
    for (hour, share), (next_hour, next_share) in pairwise(points):
        slots = range(round(hour * _SLOTS_PER_HOUR), round(next_hour * _SLOTS_PER_HOUR))
        shares += [share + (next_share - share) * (slot - slots.start) / len(slots) for slot in slots]
    return (*shares, points[-1][1])


def _lagged(shares: tuple[float, ...], hours: float) -> tuple[float, ...]:
    gain = 1 / (1 + hours * _SLOTS_PER_HOUR)
    level = shares[0]
    # Twice round, so that the evening's remainder is there in the small hours.
    for share in shares:
        level += gain * (share - level)
    lagged = []
    for share in shares[:SLOTS_PER_DAY]:
        lagged.append(level)
        level += gain * (share - level)
    return (*lagged, lagged[0])


ALWAYS = profile("0=1", "0=1")
OFFICE = profile(
    "7=0.1 8.5=0.5 9.5=1 12.5=0.95 13.5=0.65 14.5=1 17.5=0.9 19=0.3 20.5=0.1", "10=0.1 11=0.14 16=0.14 17=0.1"
)
LIGHTS = profile("6.5=0.04 8=0.9 10=1 12=0.8 15=0.8 17=1 18.5=0.8 20.5=0.04", "0=0.04")
HALLWAY = profile("6=0.25 7.5=1 19.5=1 21=0.25", "0=0.25")
AIR_CONDITIONING = profile("6.5=0.03 7.5=0.8 10=0.7 13=0.85 15.5=1 18=0.75 19=0.2 20=0.03", "0=0.03")
COOLING = profile("1=0.75 6=0.7 15=1 20=0.85 23=0.75", "1=0.75 6=0.7 15=1 20=0.85 23=0.75")
VENTILATION = profile("6=0.55 8=1 18.5=1 20=0.55", "0=0.55")
COOKING = profile("10.5=0 11.5=0.7 12.5=1 14=0.8 15.5=0.3 17=0", "0=0")
COFFEE = profile("7.5=0.02 9=1 10.5=0.6 13=0.8 14=1 16=0.5 18.5=0.02", "0=0.02")
HOT_WATER = profile("5=0.1 6=1 8=0.7 12=0.5 14=1 16=0.3 20=0.1", "0=0.1")
CARS = profile("8.5=0.001 9.25=1 12=1 12.75=0.001 13.75=0.001 14.25=0.8 16=0.6 17=0.001", "0=0.001")
CHARGE = profile("11.5=0 12=1 14=1 15=0", "11.5=0 12=1 14=1 15=0")
DISCHARGE = profile("18.5=0 19=1 20.5=1 21.5=0", "18.5=0 19=1 20.5=1 21.5=0")
PEOPLE = profile("7.5=0 9.5=0.9 12.5=1 13.25=0.45 14.25=0.95 17=0.9 18.5=0.15 20=0", "0=0")
MEETINGS = profile("9=0 9.25=0.8 11=1 12.5=0.6 13=0 14=0 14.25=1 16=0.7 17.5=0.4 18=0", "0=0")
MEALS = profile("8=0 9=0.25 12=0.3 12.75=1 13.75=0.9 14.75=0.15 17=0.1 18=0", "0=0")
