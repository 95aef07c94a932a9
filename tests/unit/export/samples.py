from array import array
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from domain.sensors.model import ReadingColumns, SensorId
from domain.sensors.services.buckets import Aggregate, Bucket
from domain.sensors.table_ports import ReadingRows
from domain.shared.quantities import Quality

LISBON = ZoneInfo("Europe/Lisbon")
# From 1900 to 2200, in µs.
TIMES_US = st.integers(-2_208_988_800_000_000, 7_258_118_400_000_000)
VALUES = st.floats(allow_nan=False, allow_infinity=False)

READINGS = st.lists(
    st.tuples(TIMES_US, VALUES, st.integers(0, 2)), max_size=40, unique_by=lambda row: row[0]
).map(sorted)


def rows_of(
    readings: Sequence[tuple[int, float, int]], sensor_id: str = "AC1.power", unit: str = "kW"
) -> ReadingRows:
    times, values, qualities = zip(*readings, strict=True) if readings else ((), (), ())
    columns = ReadingColumns(array("q", times), array("d", values), array("b", qualities))
    return ReadingRows(SensorId(sensor_id), unit, columns)


def bucket(hour: int, *, value: float | None = 1.5, expected: int | None = 4) -> Bucket:
    """Return an hour of the night in which the clocks of Lisbon are put back."""
    start = datetime(2026, 10, 25, tzinfo=ZoneInfo("UTC")) + timedelta(hours=hour)
    aggregates = dict.fromkeys(Aggregate, value) | {Aggregate.COUNT: 0 if value is None else 4}
    return Bucket(
        start=start.astimezone(LISBON),
        end=(start + timedelta(hours=1)).astimezone(LISBON),
        aggregates=aggregates,
        expected=expected,
        actual=0 if value is None else 4,
        coverage=0.0 if value is None else 1.0,
        quality=Quality.MISSING if value is None else Quality.OK,
        settled=True,
    )
