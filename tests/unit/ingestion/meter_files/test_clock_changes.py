"""Lisbon's clock went from 01:00 to 02:00 on 2024-03-31, and from 02:00 to 01:00 on 2024-10-27."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.unit.ingestion.meter_files.reading import read

QUARTERS = ("00", "15", "30", "45")
AUTUMN = [f"2024-10-27 {hour}:{minute}" for hour in ("00", "01", "01", "02") for minute in QUARTERS]
AUTUMN_UTC = [
    f"2024-10-{'26T23' if hour == 0 else f'27T0{hour - 1}'}:{minute}:00Z"
    for hour in range(4)
    for minute in QUARTERS
]


def rows(times: list[str], meter: str = "") -> list[str]:
    return [f"{time};{meter}{at}" for at, time in enumerate(times)]


def test_the_repeated_hour_is_told_apart_by_order() -> None:
    found = read(rows(AUTUMN))
    assert (found.times, found.rejects) == (AUTUMN_UTC, [])


def test_so_it_is_in_files_that_descend() -> None:
    found = read(rows(AUTUMN[::-1]))
    assert (found.times, found.rejects) == (AUTUMN_UTC[::-1], [])


def test_so_it_is_for_each_meter() -> None:
    lines = [f"{time};{meter};1" for time in AUTUMN for meter in "AB"]
    found = read(["t;meter;v", *lines])
    assert found.times == [time for time in AUTUMN_UTC for _ in "AB"]
    one_by_one = [f"{time};{meter};1" for meter in "AB" for time in AUTUMN]
    assert read(["t;meter;v", *one_by_one]).times == [*AUTUMN_UTC, *AUTUMN_UTC]


def test_hourly_values() -> None:
    found = read(rows([f"27/10/2024 {hour}:00" for hour in ("00", "01", "01", "02")]))
    assert found.times == AUTUMN_UTC[::4]


def test_a_series_that_stands_there_twice() -> None:
    assert read(rows([*AUTUMN, *AUTUMN])).times == [*AUTUMN_UTC, *AUTUMN_UTC]


def test_a_file_that_holds_the_hour_once_is_read_as_its_first_pass() -> None:
    times = AUTUMN[:8] + AUTUMN[12:]
    assert read(rows(times)).times == AUTUMN_UTC[:8] + AUTUMN_UTC[12:]


@pytest.mark.parametrize("doubled", [4, 5, 7, 8, 11])
@pytest.mark.parametrize("way", [1, -1])
def test_a_line_that_stands_there_twice_is_no_second_pass(doubled: int, way: int) -> None:
    times, instants = AUTUMN[::way], AUTUMN_UTC[::way]
    twice = [*times[: doubled + 1], *times[doubled:]]
    assert read(rows(twice)).times == [*instants[: doubled + 1], *instants[doubled:]]


def test_offsets_leave_no_doubt() -> None:
    times = ["2024-10-27T01:30+00:00", "2024-10-27T01:30+01:00", "2024-03-31T01:30Z"]
    assert read(rows(times)).times == ["2024-10-27T01:30:00Z", "2024-10-27T00:30:00Z", "2024-03-31T01:30:00Z"]


def test_the_skipped_hour_is_a_reject() -> None:
    found = read(rows([f"2024-03-31 {clock}" for clock in ("00:45", "01:00", "01:59:59", "02:00")]))
    assert found.times == ["2024-03-31T00:45:00Z", "2024-03-31T01:00:00Z"]
    assert found.rejects == [(2, "nonexistent_local_time"), (3, "nonexistent_local_time")]


def test_the_hour_is_told_apart_over_the_border_of_chunks() -> None:
    before = [f"2024-10-01 {at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}" for at in range(10_000 - 10)]
    found = read(rows([*before, *AUTUMN]))
    assert len(found.chunks) == 2
    assert len(found.chunks[1].batch) == 6
    assert found.times[-16:] == AUTUMN_UTC


@pytest.mark.parametrize("zone", ["Europe/Lisbon", "Atlantic/Azores", "America/Havana", "Asia/Beirut"])
def test_each_zone_has_its_own_changes(zone: str) -> None:
    """Some change at midnight, so that the day before ends, or the next begins, with a doubt."""
    start = datetime(2021, 3, 1)  # noqa: DTZ001 - what clocks show
    times = [f"{start + timedelta(minutes=30 * at):%Y-%m-%d %H:%M}" for at in range(48 * 270)]
    at_once = read(rows(times), zone=ZoneInfo(zone))
    # Two spaces are not read fast.
    each = read(rows([time.replace(" ", "  ") for time in times]), zone=ZoneInfo(zone))
    assert at_once.times == each.times
    assert at_once.rejects == each.rejects


def test_the_end_of_an_interval_is_resolved_and_then_led_back() -> None:
    ends = [*AUTUMN[1:], "2024-10-27 03:00"]
    assert read(["# timestamps: end", *rows(ends)]).times == AUTUMN_UTC
    assert read(["# timestamps: end", "# unit: kW", *rows(ends)]).times == AUTUMN_UTC
    said = ["# timestamps: end", "# resolution: PT15M"]
    assert read([*said, *rows(["2024-03-31 02:00"])]).times == ["2024-03-31T00:45:00Z"]


@pytest.mark.parametrize("accumulation", ["cumulative", "instantaneous"])
def test_what_covers_no_interval_is_not_led_back(accumulation: str) -> None:
    found = read(["# timestamps: end", f"# accumulation: {accumulation}", *rows(AUTUMN)])
    assert found.times == AUTUMN_UTC


@pytest.mark.parametrize("resolution", [[], ["# resolution: P1D"], ["# resolution: 1 day"]])
def test_days_are_led_back_by_the_calendar(resolution: list[str]) -> None:
    lines = rows(["26/10/2024 24:00", "27/10/2024 24:00", "28/10/2024 24:00"])
    found = read(["# timestamps: end", *resolution, *lines])
    assert found.times == ["2024-10-25T23:00:00Z", "2024-10-26T23:00:00Z", "2024-10-28T00:00:00Z"]


@pytest.mark.parametrize(
    "lines",
    [
        ["2024-01-10 01:00;1"],
        ["2024-01-10 01:00;1", "2024-01-10 02:00;1"],
        ["2024-01-10 01:00;1", "2024-01-10 02:00;1", "2024-01-10 02:30;1"],
    ],
)
def test_ends_are_not_led_back_by_a_guess(lines: list[str]) -> None:
    """Once the file has grown the guess could be another one, and every value stand there twice."""
    found = read(["# timestamps: end", *lines])
    assert found.error is not None
    assert (found.error[0], found.times) == ("resolution_needed", [])


def test_nor_where_meters_differ() -> None:
    hourly = [f"2024-01-10 {hour:02}:00;A;1" for hour in range(5)]
    half = [f"2024-01-10 {at // 2:02}:{at % 2 * 30:02};B;1" for at in range(9)]
    found = read(["# timestamps: end", "t;cpe;v", *hourly, *half])
    assert found.error is not None
    assert found.error[0] == "resolution_needed"


def test_ends_are_led_back_by_what_the_file_says() -> None:
    found = read(["# timestamps: end", "# resolution: PT1H", *rows(["2024-01-10 01:00"])])
    assert found.times == ["2024-01-10T00:00:00Z"]
