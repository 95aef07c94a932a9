"""What holds for any file."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from unittest.mock import patch
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.pollers.meter_files import regular_rows
from adapters.pollers.meter_files.regular_rows import BulkReader, IrregularError
from tests.unit.ingestion.meter_files.reading import LISBON, Read, read, read_blocks

NOTATIONS = [
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y{separator}%H:%M",
    "%Y%m%dT%H%M%S",
]
SPRING = datetime(2024, 3, 30, 12, tzinfo=UTC)
AUTUMN = datetime(2024, 10, 26, 12, tzinfo=UTC)
ZONES = ["Europe/Lisbon", "America/Havana", "Asia/Kathmandu"]
VALUES = st.floats(-1e9, 1e9, allow_nan=False).map(lambda value: round(value, 3))


def slowly(content: bytes, zone: ZoneInfo = LISBON) -> Read:
    with patch.object(BulkReader, "_read_alike", side_effect=IrregularError):
        return read(content, zone=zone)


@settings(max_examples=60, deadline=None)
@given(
    start=st.sampled_from([SPRING, AUTUMN]),
    step=st.sampled_from([5, 15, 30, 60]),
    values=st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=150),
    notation=st.sampled_from(NOTATIONS),
    separator=st.sampled_from([";", "\t", ","]),
    with_offset=st.booleans(),
    descending=st.booleans(),
    ends=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "latin-1"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    header=st.booleans(),
    meters=st.sampled_from([(), ("A",), ("A", "B")]),
)
def test_what_was_written_is_read(
    *,
    start: datetime,
    step: int,
    values: list[tuple[float, float]],
    notation: str,
    separator: str,
    with_offset: bool,
    descending: bool,
    ends: bool,
    encoding: str,
    line_end: str,
    header: bool,
    meters: tuple[str, ...],
) -> None:
    header = header or bool(meters)
    written = [(start + timedelta(minutes=step * at), pair) for at, pair in enumerate(values)]
    if descending:
        written.reverse()
    lines = [
        f"# timestamps: {'end' if ends else 'start'}",
        "# resolução é dita abaixo",
        f"# resolution: {step} min",
    ]
    if header:
        lines.append(
            separator.join(
                [*(["data", "hora"] if "{" in notation else ["t"]), *(["cpe"] if meters else []), "a", "b"]
            )
        )
    for time, pair in written:
        local = (time + timedelta(minutes=step if ends else 0)).astimezone(LISBON)
        text = local.strftime(notation.format(separator=separator) + ("%z" if with_offset else ""))
        for meter in meters or ("",):
            numbers = [str(value) if separator == "," else str(value).replace(".", ",") for value in pair]
            lines.append(separator.join([text, *([meter] if meter else []), *numbers]))
    found = read((line_end.join(lines) + line_end).encode(encoding))
    columns = ("a", "b") if header else ("1", "2")
    assert found.rejects == []
    assert found.readings == [
        (f"{meter}.{column}", time, value)
        for time, pair in written
        for meter in meters or ("PT01",)
        for column, value in zip(columns, pair, strict=True)
    ]


IRREGULAR = st.sampled_from(
    [
        "",
        "# a comment",
        "# unit: kW",
        ";;;",
        "x",
        "2024-10-27 01:15;A;1;2",
        "2024-10-27 01:15;B;;2",
        "2024-10-27 00:15; A ;1;2",
        "2024-10-26 13:00:10;A;1;2",
        "2024-10-26 13:00;A;nan;2",
        "2024-10-26 13:00;A;1_0;2",
        "2024-10-26 13:00;A;1,5;2.5",
        "2024-10-26 13:00;A;1\u00a0;2",
        "2024-10-26 13:00;A; ;",
        "2024-10-26 13:00;A;1",
        "2024-10-26 13:00;;1;2",
        "2024-10-26 13:00;C;1;2",
        "2024-10-26 13:00;A;1;2;3",
        "2024-10-26 13:00;A;1;2;",
        '"2024-10-26 13:00";"A";"1";"2"',
        '2024-10-26 13:00;A;"1;2',
        '"2024-10-26 13:00;A;1;2',
        "2024-10-26 13:00Z;A;1;2",
        "2024-10-27T01:30+01:00;B;1;2",
        "26/10/2024 13:00;A;1;2",
        "1/3/2024 1:00;A;1;2",
        "20241026;A;1;2",
        "2024-10-26;A;1;2",
        "2024-10-26 24:00;A;1;2",
        "2024-03-31 01:30;A;1;2",
        "9999-10-26 13:00;A;1;2",
        "2024-10-26 13:00;A;1;" + "2" * 400,
        "2024-10-26 13:00;A;1;2" + " " * 70_000,
        "2024-10-26 13:00;é;1;2",
        "2024-10-26 13:00;A;1\r;2",
        "2024-10-26 13:00;A;1e308;1e308",
    ]
)
RUN = st.tuples(st.integers(0, 40), st.sampled_from(["A", "B"]), st.integers(1, 24))


@settings(max_examples=150, deadline=None)
@given(
    parts=st.lists(st.one_of(RUN, IRREGULAR, IRREGULAR.map(lambda line: f"{line}\n{line}")), max_size=12),
    suffix=st.sampled_from(["", ";"]),
    offset=st.sampled_from(["", "", "Z", "+01:00"]),
    zone=st.sampled_from(ZONES),
    head=st.sampled_from(
        ["t;cpe;v;w", "# timestamps: end\nt;cpe;v;w", "# meter: M\nt;cpe;v;w", "t;cpe;v;w;"]
    ),
    encoding=st.sampled_from(["utf-8", "latin-1"]),
)
def test_many_rows_at_once_come_to_the_same_as_one_by_one(
    *,
    parts: list[tuple[int, str, int] | str],
    suffix: str,
    offset: str,
    zone: str,
    head: str,
    encoding: str,
) -> None:
    lines = [head]
    for part in parts:
        if isinstance(part, str):
            lines.append(part)
            continue
        first, meter, count = part
        for at in range(first, first + count):
            time = AUTUMN.replace(tzinfo=None) + timedelta(minutes=30 * at)
            lines.append(f"{time:%Y-%m-%d %H:%M}{offset};{meter};{at};{at}.5{suffix}")
    content = "\n".join(lines).encode(encoding)
    with patch.object(regular_rows, "_ROWS_AT_ONCE", (16, 4)):
        at_once = read(content, zone=ZoneInfo(zone))
    assert at_once == slowly(content, ZoneInfo(zone))


TEXTS = st.text(alphabet='0123456789-/:;,\t. \n\r"#TtZ+_éxcpemtr=\ufeff', max_size=200)
ANY_BYTES = st.one_of(
    st.binary(max_size=200),
    TEXTS.map(str.encode),
    TEXTS.map(lambda text: b"2024-01-01 00:00;1;2\n" + text.encode("latin-1", "replace")),
)


@settings(max_examples=200, deadline=None)
@given(content=ANY_BYTES, cuts=st.lists(st.integers(0, 220), max_size=8))
def test_any_bytes_are_read_or_refused_however_they_arrive(content: bytes, cuts: list[int]) -> None:
    found = read(content)
    edges = [0, *sorted(cuts), len(content)]
    assert read_blocks(content[a:b] for a, b in pairwise(edges)) == found
    assert slowly(content) == found
    if found.error is None:
        assert found.chunks[-1].end_offset == len(content)
    for chunk in found.chunks:
        assert len(chunk.texts) == chunk.lines
        assert len(chunk.batch.sensor_ids) == len(chunk.batch.values) == len(chunk.line_numbers)
        last_line = chunk.first_line + chunk.lines
        assert all(chunk.first_line <= number < last_line for number in chunk.line_numbers)
        assert all(chunk.first_line <= one.line < last_line for one in chunk.rejected)
        known = {one.sensor_id for one in chunk.batch.registrations}
        assert known == set(chunk.batch.sensor_ids)
