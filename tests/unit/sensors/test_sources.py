"""What counts in a group, and what would be counted twice."""

import pytest

from domain.sensors.model import Sensor, SensorId
from domain.sensors.services.sources import Parents, energy_sources, level_sources, parents_of, power_sources
from domain.shared.quantities import Accumulation, Counts, Direction, Quantity
from tests.unit.sensors.samples import ME, definition, sensor, world

REGISTER, DELTA = Accumulation.CUMULATIVE, Accumulation.DELTA
MEAN, STATE = Accumulation.MEAN, Accumulation.INSTANTANEOUS


def energy(sensor_id: str, accumulation: Accumulation = REGISTER, **more: object) -> Sensor:
    wanted = definition(
        sensor_id, quantity=Quantity.ENERGY, unit="kWh", accumulation=accumulation, **_typed(more)
    )
    return sensor(sum(sensor_id.encode()), wanted)


def power(sensor_id: str, accumulation: Accumulation = STATE, **more: object) -> Sensor:
    wanted = definition(sensor_id, accumulation=accumulation, **_typed(more))  # type: ignore[arg-type]  # by name
    return sensor(sum(sensor_id.encode()), wanted)


def _typed(more: dict[str, object]) -> dict[str, object]:
    return {
        {"device": "device_id", "below": "submeter_of"}.get(name, name): one for name, one in more.items()
    }


def counted(*group: Sensor, known: tuple[Sensor, ...] = ()) -> list[str]:
    return [one.sensor_id for one in energy_sources(group, Parents.among([*group, *known]))]


def powers(*group: Sensor, known: tuple[Sensor, ...] = ()) -> list[str]:
    return [one.sensor_id for one in power_sources(group, Parents.among([*group, *known]))]


def test_a_device_has_one_source_and_the_register_is_the_best() -> None:
    kinds = [power("state", device="d"), power("mean", MEAN, device="d")]
    assert counted(*kinds) == ["mean"]
    assert counted(*kinds, energy("delta", DELTA, device="d")) == ["delta"]
    register = energy("register", device="d")
    assert counted(*kinds, energy("delta", DELTA, device="d"), register) == ["register"]
    assert powers(*kinds, register) == ["mean"]


def test_sensors_without_a_device_count_each_for_itself_by_id() -> None:
    assert counted(power("b"), energy("c"), power("a")) == ["a", "b", "c"]


def test_what_yields_no_energy_does_not_count() -> None:
    stored = energy("battery", STATE)
    temperature = sensor(1, definition("t", quantity=Quantity.TEMPERATURE, unit="degC"))
    assert counted(stored, temperature, power("p")) == ["p"]
    group = [stored, energy("r")]
    assert [one.sensor_id for one in level_sources(group, Parents.among(group))] == ["battery", "r"]


def test_a_strip_counts_all_its_sockets() -> None:
    registers = [energy(f"s{n}.energy", device="strip") for n in range(1, 5)]
    states = [power(f"s{n}.power", device="strip") for n in range(1, 5)]
    assert counted(*states, *registers) == [f"s{n}.energy" for n in range(1, 5)]
    assert powers(*states, *registers) == [f"s{n}.power" for n in range(1, 5)]


def test_sockets_below_their_strip_do_not_count_beside_it() -> None:
    total = energy("strip.total", device="strip")
    sockets = [energy(f"s{n}", device="strip", below="strip.total") for n in range(1, 5)]
    assert counted(total, *sockets) == ["strip.total"]
    assert counted(*sockets) == ["s1", "s2", "s3", "s4"]
    # A total that is not asked to count leaves it to the sockets.
    silent = energy("strip.total", device="strip", counts=Counts.FALSE)
    assert counted(silent, *sockets) == ["s1", "s2", "s3", "s4"]


def test_a_strip_with_a_total_in_power_counts_that_before_the_register_of_one_socket() -> None:
    total = power("strip.power", device="strip")
    assert counted(total, energy("s1", device="strip", below="strip.power")) == ["strip.power"]


def test_registers_of_both_directions_count() -> None:
    both = [energy("in", device="m"), energy("out", device="m", direction=Direction.EXPORT)]
    assert counted(*both, power("net", device="m")) == ["in", "out"]


@pytest.mark.parametrize("counts", [Counts.TRUE, Counts.FALSE])
def test_counts_overrides_which_source_it_is(counts: Counts) -> None:
    register = energy("register", device="d", counts=Counts.AUTO if counts is Counts.TRUE else counts)
    state = power("state", device="d", counts=counts if counts is Counts.TRUE else Counts.AUTO)
    assert counted(register, state) == ["state"]


def test_several_may_be_said_to_count_and_none() -> None:
    said = [energy("a", device="d", counts=Counts.TRUE), power("b", device="d", counts=Counts.TRUE)]
    assert counted(*said, energy("c", device="d")) == ["a", "b"]
    assert counted(energy("a", counts=Counts.FALSE)) == []


def test_a_submeter_does_not_count_beside_its_parent() -> None:
    main, child = energy("main"), energy("child", below="main")
    assert counted(main, child) == ["main"]
    assert counted(child, known=(main,)) == ["child"]
    assert counted(child) == ["child"]


def test_saying_that_a_submeter_counts_does_not_count_it_twice() -> None:
    assert counted(energy("main"), energy("child", below="main", counts=Counts.TRUE)) == ["main"]


def test_a_parent_that_does_not_count_takes_nothing_away() -> None:
    main = energy("main", counts=Counts.FALSE)
    assert counted(main, energy("a", below="main"), energy("b", below="main")) == ["a", "b"]
    # Nor does one that has no power to give, in a sum of powers.
    assert powers(energy("main"), power("a", below="main")) == ["a"]


def test_a_parent_counts_by_whichever_sensor_of_its_device() -> None:
    main = [energy("main.energy", device="main", counts=Counts.FALSE), power("main.power", device="main")]
    assert counted(*main, energy("child", below="main.energy")) == ["main.power"]


def test_submeters_of_submeters() -> None:
    main, strip = energy("main"), energy("strip", below="main")
    socket = energy("socket", below="strip")
    assert counted(main, strip, socket) == ["main"]
    assert counted(strip, socket, known=(main,)) == ["strip"]
    assert counted(main, socket, known=(strip,)) == ["main"]
    assert counted(socket, known=(main, strip)) == ["socket"]


def test_submeters_of_submeters_through_devices() -> None:
    main = energy("main", device="main")
    strip = [energy("strip.e", device="strip", below="main"), power("strip.p", device="strip")]
    socket = energy("socket", device="socket", below="strip.p")
    assert counted(main, *strip, socket) == ["main"]
    assert counted(main, socket, known=tuple(strip)) == ["main"]
    assert counted(*strip, socket, known=(main,)) == ["strip.e"]


def test_a_meter_hangs_below_its_parent_even_where_only_one_of_its_sensors_says_so() -> None:
    main = [energy("main.e", device="main"), power("main.p", device="main")]
    child = [energy("child.e", device="child", below="main.e"), power("child.p", device="child")]
    assert counted(*main, *child) == ["main.e"]
    assert powers(*main, *child) == ["main.p"]
    assert powers(main[1], child[1], known=(main[0], child[0])) == ["main.p"]


def test_channels_of_one_logger_hang_where_each_says() -> None:
    main = energy("main")
    channels = [energy("c1", device="logger", below="main"), energy("c2", device="logger")]
    assert counted(main, *channels) == ["c2", "main"]


def test_of_meters_below_each_other_one_counts() -> None:
    a, b, c = energy("a", below="c"), energy("b", below="a"), energy("c", below="b")
    assert counted(a, b, c) == ["a"]
    assert counted(b, c, known=(a,)) == ["b"]
    assert counted(c, b, energy("d", below="c"), known=(a,)) == ["b"]
    inside = [energy("x", device="d", below="y"), energy("y", device="d", below="x")]
    assert counted(*inside) == ["x"]
    assert counted(energy("self", below="self")) == ["self"]


async def test_parents_are_looked_up_as_far_as_they_go() -> None:
    w = world()
    for one in (
        definition("main"),
        definition("strip", submeter_of="main"),
        definition("socket", submeter_of="strip"),
        definition("lost", submeter_of="nobody"),
        definition("round", submeter_of="about"),
        definition("about", submeter_of="round"),
    ):
        await w.sensors.create(one, ME)
    async with w.uow.snapshot() as tx:
        found = await tx.sensors.find([SensorId(one) for one in ("main", "socket", "lost", "round")])
        parents = await parents_of(tx, list(found.values()))
        assert [one.sensor_id for one in power_sources(list(found.values()), parents)] == [
            "lost",
            "main",
            "round",
        ]
    assert parents.above(SensorId("socket")) == ["strip", "main"]
