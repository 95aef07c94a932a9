from datetime import timedelta

import pytest

from domain.shared.quantities import Accumulation, Direction, Quantity
from tests.unit.ingestion.meter_files.reading import FORMATS, read

ROWS = ["2024-07-10 00:15;1", "2024-07-10 00:30;2", "2024-07-10 00:45;3"]


def test_what_holds_where_a_file_says_nothing() -> None:
    sensor = read(ROWS).sensor
    assert (sensor.quantity, sensor.unit, sensor.accumulation, sensor.direction, sensor.resolution) == (
        Quantity.ENERGY,
        "kWh",
        Accumulation.DELTA,
        Direction.IMPORT,
        timedelta(minutes=15),
    )


def test_everything_that_can_be_said() -> None:
    found = read(
        [
            "# METER: PT 0002",
            "#unit = Wh",
            "# Timezone: Europe/Madrid;;;",
            "## resolution: PT1H",
            '# quantity: "energy"',
            "t;a",
            "# accumulation: Cumulative",
            "",
            "# direction: export",
            "# timestamps: start",
            "# weather: fine",
            "# unit:",
            *ROWS,
            "# unit: MWh",
        ]
    )
    sensor = found.sensor
    assert (sensor.sensor_id, sensor.name, sensor.device_id) == ("PT_0002", "PT 0002", "PT_0002")
    assert (sensor.quantity, sensor.unit, sensor.accumulation, sensor.direction, sensor.resolution) == (
        Quantity.ENERGY,
        "Wh",
        Accumulation.CUMULATIVE,
        Direction.EXPORT,
        timedelta(hours=1),
    )
    assert (found.times[0], found.rejects) == ("2024-07-09T22:15:00Z", [])


@pytest.mark.parametrize(
    ("metadata", "quantity", "unit", "accumulation"),
    [
        (["unit: kW"], Quantity.POWER, "kW", Accumulation.MEAN),
        (["unit: MWh"], Quantity.ENERGY, "MWh", Accumulation.DELTA),
        (["unit: °C"], Quantity.TEMPERATURE, "°C", Accumulation.INSTANTANEOUS),
        (["unit: ppm"], Quantity.CO2, "ppm", Accumulation.INSTANTANEOUS),
        (["unit: kvarh"], Quantity.REACTIVE_ENERGY, "kvarh", Accumulation.DELTA),
        (["unit: %"], Quantity.HUMIDITY, "%", Accumulation.INSTANTANEOUS),
        (["quantity: power"], Quantity.POWER, "kW", Accumulation.MEAN),
        (["quantity: Power", "unit: W"], Quantity.POWER, "W", Accumulation.MEAN),
        (["unit: W", "accumulation: instantaneous"], Quantity.POWER, "W", Accumulation.INSTANTANEOUS),
        (["quantity: energy", "accumulation: cumulative"], Quantity.ENERGY, "kWh", Accumulation.CUMULATIVE),
        (["quantity: other", "unit: m3"], Quantity.OTHER, "m3", Accumulation.INSTANTANEOUS),
    ],
)
def test_quantity_unit_and_accumulation_go_together(
    metadata: list[str], quantity: Quantity, unit: str, accumulation: Accumulation
) -> None:
    sensor = read([f"# {line}" for line in metadata] + ROWS).sensor
    assert (sensor.quantity, sensor.unit, sensor.accumulation) == (quantity, unit, accumulation)


@pytest.mark.parametrize(
    ("metadata", "allowed"),
    [
        ("unit: furlong", "kWh"),
        ("quantity: heat", "power, energy"),
        ("timezone: Lisbon", "Europe/Lisbon"),
        ("timezone: ../../etc/passwd", "Europe/Lisbon"),
        ("timezone: Europe", "Europe/Lisbon"),
        ("resolution: 15", "PT15M"),
        ("resolution: P1M", "fixed length"),
        ("resolution: PT0S", "PT15M"),
        ("resolution: 20 years", "PT15M"),
        ("resolution: 999999999 h", "10 years"),
        ("accumulation: total", "instantaneous, mean, delta, cumulative"),
        ("direction: both", "import, export"),
        ("timestamps: middle", "start, end"),
    ],
)
def test_metadata_that_cannot_be_meant(metadata: str, allowed: str) -> None:
    error = read(["# made by x", f"# {metadata}", *ROWS]).error
    assert error is not None
    assert error[0] == "invalid_metadata"
    assert error[1].startswith("line 2: ")
    assert allowed in error[1]


def test_a_unit_of_another_quantity() -> None:
    error = read(["# unit: kW", "# quantity: energy", *ROWS]).error
    assert error is not None
    assert error[0] == "invalid_metadata"
    assert error[1].startswith("line 1: unit 'kW'")


@pytest.mark.parametrize(
    ("written", "resolution"),
    [
        ("PT30M", timedelta(minutes=30)),
        ("pt5m", timedelta(minutes=5)),
        ("15 min", timedelta(minutes=15)),
        ("1h", timedelta(hours=1)),
        ("1 Hour", timedelta(hours=1)),
        ("30 s", timedelta(seconds=30)),
        ("P1D", timedelta(days=1)),
        ("1 day", timedelta(days=1)),
    ],
)
def test_resolutions(written: str, resolution: timedelta) -> None:
    assert read([f"# resolution: {written}", *ROWS]).sensor.resolution == resolution


@pytest.mark.parametrize(
    ("clocks", "resolution"),
    [
        (["00:00", "01:00", "02:00", "05:00"], timedelta(hours=1)),
        (["02:00", "01:00", "00:00"], timedelta(hours=1)),
        (["00:00"], timedelta(minutes=15)),
        (["00:00", "00:30", "01:30"], timedelta(minutes=30)),
        (["00:00", "00:00"], timedelta(minutes=15)),
        (["00:00:00", "00:00:10", "00:00:20"], timedelta(seconds=10)),
    ],
)
def test_the_resolution_is_the_most_common_step(clocks: list[str], resolution: timedelta) -> None:
    assert read([f"2024-01-10 {clock};1" for clock in clocks]).sensor.resolution == resolution


def test_a_step_that_nothing_tells_is_assumed() -> None:
    one, two = ["2024-01-10 00:00;1"], ["2024-01-10 00:00;1", "2024-01-10 01:00;1"]
    assert [read(rows).sensor.resolution_is_assumed for rows in (one, two)] == [True, False]
    assert not read(["# resolution: PT15M", *one]).sensor.resolution_is_assumed


def test_what_a_file_says_itself_is_told() -> None:
    row = "2024-01-10 00:00;1"
    assert read(["# unit: kWh", row]).sensor.stated == frozenset()
    said = ["# accumulation: delta", "# direction: export", "# resolution: PT1H"]
    assert read([*said, row]).sensor.stated == {"accumulation", "direction", "resolution"}


def test_each_meter_has_its_own_step() -> None:
    hourly = [f"2024-01-10 {hour:02}:00;A;1" for hour in range(5)]
    half = [f"2024-01-10 {at // 2:02}:{at % 2 * 30:02};B;1" for at in range(9)]
    found = read(["t;cpe;v", *hourly, *half, "2024-01-10 00:00;C;1"])
    assert {key: one.resolution for key, one in found.sensors.items()} == {
        "A": timedelta(hours=1),
        "B": timedelta(minutes=30),
        "C": timedelta(minutes=30),  # that of most, as long as it has but one row
    }


def test_steps_are_those_of_one_meter() -> None:
    rows = [f"2024-01-10 {hour:02}:00;{meter};1" for hour in range(5) for meter in ("A", "B", "C")]
    assert {one.resolution for one in read(["t;cpe;v", *rows]).sensors.values()} == {timedelta(hours=1)}


@pytest.mark.parametrize(
    ("path", "meter"),
    [
        ("/site/PT01_2024.sgl_v2", "PT01"),
        ("/site/PT01_2024_01.SLG_V2", "PT01"),
        ("/site/a/2024.sgl_v2", "a"),
        ("/site/a/2024.csv", "a"),
        ("/2024.csv", "2024"),
        ("2024.sgl_v2", "2024"),
        ("/site/_2024.csv", "site"),
        ("/PT 01 (old)_x.csv", "PT_01__old_"),
        ("/get_2024.csv", "get_"),
        ("/.csv", ".csv"),
    ],
)
def test_the_meter_of_a_file_that_names_none(path: str, meter: str) -> None:
    found = read(ROWS, path)
    assert list(found.series) == [meter]
    assert FORMATS.name_meter(path) == meter
    assert [chunk.by_name for chunk in found.chunks] == [True]


@pytest.mark.parametrize("name", ["meter", "CPE", "Device_Id"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_column_that_names_the_meter(name: str, place: int) -> None:
    lines = [["t", "v"], ["2024-01-10 00:00", "1"], ["2024-01-10 00:00", "2"], ["2024-01-10 00:15", "3"]]
    for line, meter in zip(lines, [name, "A", "B 2", ""], strict=True):
        line.insert(place, meter)
    found = read(";".join(line) for line in lines)
    assert found.series == {"A": [1], "B_2": [2]}
    assert {one.device_id for one in found.sensors.values()} == {"A", "B_2"}
    assert found.rejects == [(4, "missing_column")]
    assert [chunk.by_name for chunk in found.chunks] == [False]


def test_metadata_name_the_meter_before_anything_else() -> None:
    found = read(["# meter: M", "t;cpe;v", "2024-01-10 00:00;A;1", "2024-01-10 00:15;;2"])
    assert found.series == {"M": [1, 2]}
    assert [chunk.by_name for chunk in found.chunks] == [False]


def test_long_names_are_cut_and_stay_apart() -> None:
    rows = [f"2024-01-10 00:00;{'x' * 200}{end};1" for end in "ab"]
    sensors = list(read(["t;meter;v", *rows]).sensors)
    assert [len(one) for one in sensors] == [128, 128]
    assert sensors[0] != sensors[1]
