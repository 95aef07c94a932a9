import pytest

from tests.unit.ingestion.meter_files.reading import FORMATS, LISBON, read


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("2024-01-10T00:15", "2024-01-10T00:15:00Z"),
        ("2024-01-10 00:15", "2024-01-10T00:15:00Z"),
        ("2024-01-10T00:15:30", "2024-01-10T00:15:30Z"),
        ("2024-01-10T00:15:30.999", "2024-01-10T00:15:30Z"),
        ("2024-01-10T00:15:30.1234567", "2024-01-10T00:15:30Z"),
        ("2024-01-10T00:15Z", "2024-01-10T00:15:00Z"),
        ("2024-07-10T00:15Z", "2024-07-10T00:15:00Z"),
        ("2024-07-10T00:15:00+02:00", "2024-07-09T22:15:00Z"),
        ("2024-07-10 00:15:00 -0330", "2024-07-10T03:45:00Z"),
        ("2024-07-10T00:15+02", "2024-07-09T22:15:00Z"),
        ("20240710T001500", "2024-07-09T23:15:00Z"),
        ("20240710T0015Z", "2024-07-10T00:15:00Z"),
        ("2024-07-10T00:15", "2024-07-09T23:15:00Z"),
        ("2024/07/10 00:15", "2024-07-09T23:15:00Z"),
        ("2024/07/10 00:15:20", "2024-07-09T23:15:20Z"),
        ("2024/7/10 0:15", "2024-07-09T23:15:00Z"),
        ("10/07/2024 00:15", "2024-07-09T23:15:00Z"),
        ("10/07/2024 00:15:20", "2024-07-09T23:15:20Z"),
        ("3/7/2024 9:15", "2024-07-03T08:15:00Z"),
        ("2024-07-10", "2024-07-09T23:00:00Z"),
        ("10/07/2024", "2024-07-09T23:00:00Z"),
        ("2024-07-10 24:00", "2024-07-10T23:00:00Z"),
        ("31/12/2024 24:00:00", "2025-01-01T00:00:00Z"),
        (" 2024-07-10 00:15 ", "2024-07-09T23:15:00Z"),
    ],
)
def test_notations_of_times(written: str, time: str) -> None:
    found = read(f"{written};1.5\n")
    assert (found.times, found.values, found.rejects) == ([time], [1.5], [])
    # The same where many rows are read at once.
    assert set(read(f"{written};1.5\n" * 300).times) == {time}


def test_fractions_of_a_second_are_kept() -> None:
    (reading,) = read("2024-01-10T00:15:30,25;1\n").readings
    assert reading[1].microsecond == 250_000


@pytest.mark.parametrize(
    "written",
    [
        "2024-13-01 00:00",
        "2024-02-30 00:00",
        "31/02/2024 00:00",
        "12/31/2024 00:00",
        "2024-01-01 24:01",
        "2024-01-01 25:00",
        "2024-01-01 00:60",
        "2024-01-01 00:00:60",
        "2024-01-01 00:00+25:00",
        "2024-01-01 00",
        "2024-01-01x00:00",
        "2024-1-1 00:00",
        "2024.01.01 00:00",
        "20240101",
        "2024-W01-1T00:00",
        "1704067200",
        "0001-01-01 00:00",
        "9999-12-31 24:00",
        "٢٠٢٤-01-01 00:00",
        "2024-01-01 00:00 00:00",
        "",
        "?",
    ],
)
def test_what_is_no_time(written: str) -> None:
    found = read(["2024-01-01 00:00;1", f"{written};2", "2024-01-01 00:30;3"])
    assert (found.values, found.rejects) == ([1, 3], [(2, "invalid_timestamp")])


def test_date_and_time_in_two_columns() -> None:
    found = read(["Data;Hora;kWh", "10/07/2024;00:15;1,5", "10/07/2024;24:00;2", "11/07/2024;;3"])
    assert found.times == ["2024-07-09T23:15:00Z", "2024-07-10T23:00:00Z"]
    assert (found.series, found.rejects) == ({"PT01": [1.5, 2]}, [(4, "invalid_timestamp")])
    assert read(["2024-07-10,00:15:00,1.5"] * 100).times == ["2024-07-09T23:15:00Z"] * 100


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("2024-01-01 00:00;1.5;2", [1.5, 2]),
        ("2024-01-01 00:00;1,5;2", [1.5, 2]),
        ("2024-01-01 00:00\t1,5\t2", [1.5, 2]),
        ("2024-01-01 00:00,1.5,2", [1.5, 2]),
        ('2024-01-01 00:00;"1,5";"2"', [1.5, 2]),
        ('"2024-01-01 00:00","1.5", "2"', [1.5, 2]),
        (" 2024-01-01 00:00 ; 1.5 ; 2 ", [1.5, 2]),
        ("2024-01-01 00:00;-1.5;+2", [-1.5, 2]),
        ("2024-01-01 00:00;.5;2.", [0.5, 2]),
        ("2024-01-01 00:00;1e3;2,5E-1", [1000, 0.25]),
    ],
)
def test_separators_and_numbers(line: str, values: list[float]) -> None:
    assert read(line).values == values
    assert read([line] * 300).values == values * 300


@pytest.mark.parametrize(
    "written",
    ["x", "nan", "inf", "-Infinity", "1e999", "1_000", "1.234,5", "1 000", "0x10", "\u0661", "--1", "1-"],
)
def test_what_is_no_number(written: str) -> None:
    lines = ["2024-01-01 00:00;1", f"2024-01-01 00:15;{written}", "2024-01-01 00:30;3"]
    found = read(lines)
    assert (found.values, found.rejects) == ([1, 3], [(2, "not_a_number")])
    (reject,) = found.chunks[0].rejected
    assert reject.text == lines[1]
    assert "column '1'" in reject.detail


def test_a_decimal_comma_between_commas_is_no_number() -> None:
    found = read(["t,a", "2024-01-01 00:00,1", '2024-01-01 00:15,"1,5"', "2024-01-01 00:30,1,5"])
    assert (found.values, found.rejects) == ([1], [(3, "not_a_number"), (4, "too_many_fields")])


def test_each_bad_value_is_a_reject_and_the_others_stand() -> None:
    found = read(["t;a;b;c", "2024-01-01 00:00;1;x;3", "2024-01-01 00:15;y;z;6"])
    assert found.series == {"PT01.a": [1], "PT01.c": [3, 6]}
    assert found.rejects == [(2, "not_a_number"), (3, "not_a_number"), (3, "not_a_number")]


def test_an_empty_field_stores_nothing() -> None:
    found = read(
        ["t;a;b", "2024-01-01 00:00;;2", "2024-01-01 00:15;1;", "2024-01-01 00:30;3", "2024-01-01 00:45;;"]
    )
    assert found.series == {"PT01.b": [2], "PT01.a": [1, 3]}
    assert (found.rejects, list(found.chunks[0].line_numbers)) == ([], [2, 3, 4])
    # Not even a sensor where a whole column is empty.
    assert list(read(["t;a;b"] + ["2024-01-01 00:00;;2"] * 100).sensors) == ["PT01.b"]


def test_a_line_that_lacks_columns() -> None:
    lines = ["2024-01-01 00:00;1", "2024-01-01 00:15", "2", "2024-01-01 00:30;3", "2024-01-01 00:45,4"]
    found = read(lines)
    assert (found.values, found.rejects) == ([1, 3], [(at, "missing_column") for at in (2, 3, 5)])


def test_a_line_with_more_fields_than_columns_is_not_guessed_at() -> None:
    found = read(["t;a", "2024-01-01 00:00;1", "2024-01-01 00:15;2;3", "2024-01-01 00:30;4;;"])
    assert (found.values, found.rejects) == ([1, 4], [(3, "too_many_fields")])


def test_separators_at_the_end_of_each_line_are_no_column() -> None:
    found = read(["t;a;", "2024-01-01 00:00;1;", "2024-01-01 00:15;2;", "2024-01-01 00:30;2;9", ";;"])
    assert (found.series, found.rejects) == ({"PT01": [1, 2]}, [(4, "too_many_fields")])
    assert read(["2024-01-01 00:00;1;", "2024-01-01 00:15;2;"]).series == {"PT01": [1, 2]}
    # A column that is filled only later is one.
    assert read(["2024-01-01 00:00;1;", "2024-01-01 00:15;2;3"]).series == {"PT01.1": [1, 2], "PT01.2": [3]}


def test_a_header_names_the_series() -> None:
    found = read(["time;A+ (kWh);A-;", "2024-01-01 00:00;1;2;"])
    assert found.series == {"PT01.A___kWh_": [1], "PT01.A-": [2]}
    assert [one.name for one in found.sensors.values()] == ["PT01 A+ (kWh)", "PT01 A-"]
    assert {one.device_id for one in found.sensors.values()} == {"PT01"}


def test_columns_without_a_name_are_numbered() -> None:
    assert read("2024-01-01 00:00;1;2").series == {"PT01.1": [1], "PT01.2": [2]}
    assert read(["t;;b", "2024-01-01 00:00;1;2"]).series == {"PT01.1": [1], "PT01.b": [2]}


def test_names_that_come_to_the_same_id_stay_apart() -> None:
    found = read(["t;a b;a_b;a?b", "2024-01-01 00:00;1;2;3"])
    assert found.series == {"PT01.a_b": [1], "PT01.a_b_2": [2], "PT01.a_b_3": [3]}


def test_a_single_column_is_the_meter_itself() -> None:
    found = read(["t;consumo", "2024-01-01 00:00;1"])
    assert (found.sensor.sensor_id, found.sensor.name, found.sensor.device_id) == ("PT01", "PT01", "PT01")


def test_titles_before_the_header_are_rejects() -> None:
    found = read(["Meter report", "Report;2024", "time;a;b", "x;y;z", "2024-01-01 00:00;1;2"])
    assert found.series == {"PT01.a": [1], "PT01.b": [2]}
    assert found.rejects == [(1, "missing_column"), (2, "invalid_timestamp"), (4, "invalid_timestamp")]


def test_comments_and_empty_lines_say_nothing() -> None:
    found = read(
        ["# made by x", "", "#", "   ", "2024-01-01 00:00;1", "  # so;it;goes", "", ";", "2024-01-01 00:15;2"]
    )
    assert (found.values, found.rejects) == ([1, 2], [])
    (chunk,) = found.chunks
    assert (list(chunk.line_numbers), chunk.lines, chunk.first_line) == ([5, 9], 9, 1)


def test_crlf_and_a_missing_last_line_end() -> None:
    content = b"t;a\r\n2024-01-01 00:00;1\r\n2024-01-01 00:15;x\r\n2024-01-01 00:30;3"
    found = read(content)
    assert (found.values, found.rejects) == ([1, 3], [(3, "not_a_number")])
    (chunk,) = found.chunks
    assert chunk.texts[2] == chunk.rejected[0].text == "2024-01-01 00:15;x"
    assert chunk.end_offset == len(content)


def test_a_byte_order_mark_is_passed_over() -> None:
    found = read("\ufeff2024-01-01 00:00;1\n")
    assert (found.values, found.rejects, found.chunks[0].end_offset) == ([1], [], 22)


def test_text_is_utf8_up_to_the_first_line_that_is_not() -> None:
    head, row = "tempo;potência\n", "2024-01-01 00:00;1\n"
    assert read(head + row + row.replace("1\n", "2\n")).sensor.sensor_id == "PT01"
    names = [
        next(iter(read(text).sensors.values())).name
        for text in ((f"{head[:-1]};b\n{row}").encode(), (f"{head[:-1]};b\n{row}").encode("latin-1"))
    ]
    assert names == ["PT01 potência", "PT01 potência"]
    mixed = "tempo;potência;b\n".encode() + f"{row}é\n".encode("latin-1") + "ã\n".encode()
    found = read(mixed)
    assert found.chunks[0].texts == ["tempo;potência;b", "2024-01-01 00:00;1", "é", "Ã£"]


def test_which_files_are_meter_files() -> None:
    names = ["a.sgl_v2", "A.SLG_V2", "/x/b.Csv", "c.txt", ".csv/readme", "csv", "a.sgl_v3"]
    assert [FORMATS.reads(name) for name in names] == [True, True, True, False, False, False, False]
    assert LISBON.key == "Europe/Lisbon"


def test_another_format_is_refused() -> None:
    found = read("2024-01-01 00:00;1", "/x/PT01_a.xml")
    assert found.error is not None
    assert found.error[0] == "unknown_format"
    assert ".sgl_v2, .slg_v2, .csv" in found.error[1]


def test_csv_is_read_by_the_same_grammar() -> None:
    text = ["# unit: kW", "time,value", "2024-01-01T00:00:00-06:00,0.29", "2024-01-01T01:00:00-06:00,1.47"]
    assert read(text, "/site/PT01_x.csv").chunks == read(text, "/site/PT01_x.sgl_v2").chunks
    assert read(text, "/site/PT01_x.csv").times == ["2024-01-01T06:00:00Z", "2024-01-01T07:00:00Z"]


def test_the_same_time_twice_is_left_to_the_store() -> None:
    assert read(["2024-01-01 00:00;1", "2024-01-01 00:00;2"]).values == [1, 2]
