"""Checking, beside a plain reading of the rules row by row."""

import math
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sensors.model import QualityCode, Sensor, Source
from domain.sensors.services.checking import Checked, Checking, Submission
from domain.shared.errors import InvalidError, Problem
from domain.shared.quantities import Quantity
from tests.unit.sensors.samples import NOW, NOW_US, SECOND_US, UNITS, definition, rules, sensor

SOURCE = Source("test")
SENSORS: dict[str, Sensor] = {
    one.sensor_id: one
    for one in (
        sensor(7, definition("watts", unit="W", min_value=-100.0, max_value=5000.0)),
        sensor(3, definition("plain"), version=4),
        sensor(5, definition("warm", quantity=Quantity.TEMPERATURE, unit="degF", max_value=212.0)),
        sensor(9, definition("odd", quantity=Quantity.OTHER, unit="widgets", min_value=0.0)),
    )
}


def check(submission: Submission) -> Checked:
    return Checking(submission, rules(*SENSORS.values()), UNITS, NOW).run(SOURCE)


def rows_of(checked: Checked) -> list[tuple[int, int, float, int]]:
    batch = checked.batch
    return [
        (run.key, batch.times_us[row], batch.values[row], batch.qualities[row])
        for run in batch.runs
        for row in range(run.start, run.stop)
    ]


@dataclass
class Naive:
    """The rules, one row after the other."""

    stored: dict[tuple[int, int], tuple[int, float, int]] = field(default_factory=dict)
    refused: Counter[tuple[int, str]] = field(default_factory=Counter)
    given: dict[int, int] = field(default_factory=dict)
    repeated: int = 0

    def take(self, sent: Submission) -> None:
        for row, (sensor_id, time, value) in enumerate(
            zip(sent.sensor_ids, sent.times_us, sent.values, strict=True)
        ):
            unit = None if sent.units is None else sent.units[row]
            unit = sent.unit_of.get(sensor_id) if unit is None else unit
            quality = None if sent.qualities is None else sent.qualities[row]
            self.take_row(row, sensor_id, time, value, unit, quality)

    def take_row(
        self,
        row: int,
        sensor_id: str,
        time: int,
        value: float,
        unit: str | None,
        quality: QualityCode | None,
    ) -> None:
        known = SENSORS.get(sensor_id)
        if known is None:
            self.refused[row, "unknown_sensor" if sensor_id == "nobody" else "invalid_id"] += 1
            return
        canonical = self.canonical(known, value, unit)
        if canonical is None:
            self.refused[row, "unit_mismatch"] += 1
        elif time < 0:
            self.refused[row, "too_old"] += 1
        elif time > NOW_US + 300 * SECOND_US:
            self.refused[row, "in_future"] += 1
        elif not math.isfinite(canonical) or abs(canonical) > 1e100:
            self.refused[row, "not_a_number"] += 1
        else:
            self.keep(row, known, time, canonical, quality or QualityCode.OK)

    def canonical(self, known: Sensor, value: float, unit: str | None) -> float | None:
        if unit is None or unit == known.definition.unit:
            return known.conversion.to_canonical(value)
        if known.definition.quantity is Quantity.OTHER:
            return None
        try:
            return UNITS.conversion(unit, known.definition.quantity).to_canonical(value)
        except InvalidError:
            return None

    def keep(self, row: int, known: Sensor, time: int, value: float, given: QualityCode) -> None:
        quality = given
        lowest, highest = known.definition.min_value, known.definition.max_value
        if lowest is not None and value < known.conversion.to_canonical(lowest):
            quality = QualityCode.BAD
        if highest is not None and value > known.conversion.to_canonical(highest):
            quality = QualityCode.BAD
        place = (known.key, time)
        if place in self.stored:
            earlier, old_value, _ = self.stored[place]
            if (old_value, self.given[earlier]) == (value, given):
                self.repeated += 1
            else:
                self.refused[earlier, "duplicate_in_batch"] += 1
        self.stored[place] = (row, value, quality)
        self.given[row] = given


_TIMES = st.one_of(
    st.integers(0, 3).map(lambda n: NOW_US - n * SECOND_US),
    st.sampled_from([-1, 0, NOW_US + 300 * SECOND_US, NOW_US + 300 * SECOND_US + 1, -(10**17)]),
)
_VALUES = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 212.0, 5000.0, 1e308, math.inf, -math.inf, math.nan]),
    st.floats(-1e4, 1e4),
)
_UNITS = st.sampled_from(["W", "kW", "MW", "degC", "K", "widgets", "var", "no unit"])
_UNIT_OF = st.dictionaries(st.sampled_from([*SENSORS, "nobody"]), _UNITS)
_ROWS = st.lists(
    st.tuples(
        st.sampled_from([*SENSORS, "nobody", "no body"]),
        _TIMES,
        _VALUES,
        st.none() | _UNITS,
        st.sampled_from([None, *QualityCode]),
    ),
    max_size=30,
)


def _submission(
    rows: list[tuple[str, int, float, str | None, QualityCode | None]],
    units: bool,
    qualities: bool,
    unit_of: dict[str, str] | None = None,
) -> Submission:
    return Submission(
        sensor_ids=[row[0] for row in rows],
        times_us=[row[1] for row in rows],
        values=[row[2] for row in rows],
        units=[row[3] for row in rows] if units else None,
        qualities=[row[4] for row in rows] if qualities else None,
        unit_of=unit_of or {},
        sensor_faults={"no body": Problem("/sensor_id", "invalid_id", "no space")},
    )


@given(rows=_ROWS, units=st.booleans(), qualities=st.booleans(), unit_of=_UNIT_OF)
def test_checking_is_the_rules_row_by_row(
    rows: list[tuple[str, int, float, str | None, QualityCode | None]],
    units: bool,
    qualities: bool,
    unit_of: dict[str, str],
) -> None:
    submission = _submission(rows, units, qualities, unit_of)
    naive = Naive()
    naive.take(submission)
    checked = check(submission)
    assert rows_of(checked) == [
        (key, time, *naive.stored[key, time][1:]) for key, time in sorted(naive.stored)
    ]
    assert Counter((one.index, one.code) for one in checked.rejected) == naive.refused
    assert checked.repeated == naive.repeated
    # Every row is accounted for, once.
    assert len(rows) == len(checked.batch) + len(checked.rejected) + checked.repeated


@given(rows=_ROWS)
def test_batches_are_well_formed(
    rows: list[tuple[str, int, float, str | None, QualityCode | None]],
) -> None:
    batch = check(_submission(rows, units=False, qualities=False)).batch
    assert [run.start for run in batch.runs] == [0, *[run.stop for run in batch.runs]][: len(batch.runs)]
    assert (
        (batch.runs[-1].stop if batch.runs else 0) == len(batch) == len(batch.values) == len(batch.qualities)
    )
    assert [run.key for run in batch.runs] == sorted({run.key for run in batch.runs})
    by_key = {one.key: one for one in SENSORS.values()}
    for run in batch.runs:
        assert (run.version, run.source) == (by_key[run.key].version, SOURCE)
        times = list(batch.times_us[run.start : run.stop])
        assert times == sorted(set(times))


def test_a_clean_submission_is_not_looked_at_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Checking) -> None:
        raise AssertionError

    monkeypatch.setattr(Checking, "_accepted_one_by_one", refuse)
    count = 50
    checked = check(
        Submission(
            sensor_ids=["watts", "plain"] * count,
            times_us=[NOW_US - row * SECOND_US for row in range(2 * count)],
            values=[float(row) for row in range(2 * count)],
            unit_of={"watts": "kW", "plain": "kW"},
        )
    )
    assert len(checked.batch) == 2 * count
    assert rows_of(checked)[count][2] == 2.0 * count - 2.0


def test_values_outside_the_bounds_are_kept_as_bad() -> None:
    checked = check(
        Submission(
            sensor_ids=["watts"] * 4,
            times_us=[NOW_US + row for row in range(4)],
            values=[-100.0, -100.1, 5000.0, 5000.1],
        )
    )
    assert list(checked.batch.qualities) == [0, QualityCode.BAD, 0, QualityCode.BAD]
    assert list(checked.batch.values) == pytest.approx([-0.1, -0.1001, 5.0, 5.0001])


def test_units_of_readings_are_converted_one_by_one() -> None:
    checked = check(
        Submission(
            sensor_ids=["watts"] * 3,
            times_us=[NOW_US, NOW_US + 1, NOW_US + 2],
            values=[1000.0, 1.0, 0.001],
            units=[None, "kW", "MW"],
        )
    )
    assert list(checked.batch.values) == pytest.approx([1.0, 1.0, 1.0])


def test_what_no_quantity_is_would_make_sums_overflow() -> None:
    checked = check(
        Submission(
            sensor_ids=["plain"] * 3, times_us=[NOW_US, NOW_US + 1, NOW_US + 2], values=[1e308, 1e100, -1e101]
        )
    )
    assert list(checked.batch.values) == [1e100]
    assert [(one.index, one.code) for one in checked.rejected] == [(0, "not_a_number"), (2, "not_a_number")]


def test_what_is_refused_can_be_kept_whatever_it_holds() -> None:
    hostile = "x\0" * 10_000
    checked = check(
        Submission(sensor_ids=[hostile, "watts"], times_us=[NOW_US, -(10**17)], values=[1.0, math.nan])
    )
    unknown, old = checked.rejected
    assert (unknown.code, old.code) == ("unknown_sensor", "too_old")
    assert len(unknown.sensor_id) <= 200
    assert len(unknown.detail) <= 500
    assert "\0" not in unknown.sensor_id + unknown.detail
    assert old.time == f"{-(10**17)} µs"


def test_places_in_the_request_are_kept() -> None:
    checked = check(
        Submission(
            sensor_ids=["nobody", "plain", "nobody"],
            times_us=[NOW_US] * 3,
            values=[1.0] * 3,
            indexes=[4, 5, 9],
        )
    )
    assert [one.index for one in checked.rejected] == [4, 9]
