"""A simulated device: where it answers, what it answers, and what the poller is to read from that."""

from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.simulator.shedding import SheddableLoad

Answer = dict[str, object]
Reading = Callable[[int], float | None]

COMMANDS = ("reduce", "restore")
"""What a device that sheds can be told, each by POST to a path of that name below its own."""


@dataclass(frozen=True, slots=True)
class Parent:
    """The sensors of the meter that a device stands behind."""

    power: str
    energy: str


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an answer; `read` gives what stands there, in the device's own unit and rounding."""

    quantity: str
    tag: str
    read: Reading = lambda _time: None
    unit: str | None = None
    data: str = "DOUBLE"
    scale: float | None = None
    accumulation: str | None = None
    direction: str | None = None
    sensor_id: str | None = None
    submeter_of: str | None = None

    @property
    def is_numeric(self) -> bool:
        """Whether it is stored as a reading."""
        return self.data != "STRING"


@dataclass(frozen=True, slots=True)
class Device:
    """A device under its own path; one that ``sheds`` can be told to, under `COMMANDS` beside it."""

    name: str
    kind: str
    room: str | None
    path: str
    answer: Callable[[int], Answer]
    values: tuple[Value, ...]
    query: str = ""
    sheds: SheddableLoad | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        """The first segment of its path, since all devices share one port."""
        return self.name.replace(" ", "-").lower()

    @property
    def uri(self) -> str:
        """Path and query below the address of the building."""
        return f"/{self.slug}{self.path}" + (f"?{self.query}" if self.query else "")

    def command_path(self, command: str) -> str:
        """Where it takes a command, below the address of the building."""
        return f"/{self.slug}/control/{command}"

    def sensor_id(self, value: Value) -> str:
        """Name the sensor as the poller does."""
        return value.sensor_id or f"{self.name}.{value.quantity}".replace(" ", "_")


def rounded(read: Callable[[int], float], digits: int, factor: float = 1.0) -> Callable[[int], float]:
    """Give a reading with as many digits as the device shows."""
    return lambda time: round(read(time) * factor, digits)
