"""From readings as they were sent to a batch that can be stored, and what was refused.

This is on the path of every reading: each step looks at whole columns, and at single rows only where
something in a column is wrong.
"""

import math
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from operator import itemgetter, le, lt
from types import MappingProxyType
from typing import Final

from domain.sensors.covering import Level
from domain.sensors.errors import unit_mismatch
from domain.sensors.model import QualityCode, ReadingBatch, Rejected, Sensor, SensorKey, SensorRun, Source
from domain.sensors.ports import UnitCatalog
from domain.sensors.services.refusals import refused, written
from domain.sensors.services.rules import Rule
from domain.shared.columns import Integers
from domain.shared.errors import InvalidError, Problem
from domain.shared.quantities import Quantity, UnitConversion
from domain.shared.time import to_microseconds

_MOST: Final = 1e100
MAX_AHEAD: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Readings as they were sent, as columns of equal length, in the order of the request.

    ``times_us`` are µs since the epoch; ``values`` are in ``units`` where given, else in the unit that
    ``unit_of`` says of their sensor, else in the sensor's own; ``indexes`` are the places in the request,
    where some rows could not be read at all; ``sensor_faults`` says why sensors take none of these readings:
    they cannot be registered, or mean something else.
    """

    sensor_ids: Sequence[str]
    times_us: Sequence[int]
    values: Sequence[float]
    units: Sequence[str | None] | None = None
    qualities: Sequence[QualityCode | None] | None = None
    indexes: Sequence[int] | None = None
    unit_of: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    sensor_faults: Mapping[str, Problem] = field(default_factory=lambda: MappingProxyType({}))
    unreadable: Sequence[Rejected] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """A batch that can be stored, what was refused, and how many rows only said the same twice."""

    batch: ReadingBatch
    rejected: list[Rejected]
    repeated: int


_KEY: Final = itemgetter(0)


@dataclass(slots=True)
class _Columns:
    """Accepted readings; ``rows`` are their places in the submission, values are canonical."""

    rows: Sequence[int]
    rules: Sequence[Rule]
    times: Sequence[int]
    values: Sequence[float]

    def at(self, places: Sequence[int]) -> "_Columns":
        """Return those at these places, in this order."""
        if len(places) == 1:  # of a single place there would be no sequence
            (at,) = places
            return _Columns([self.rows[at]], [self.rules[at]], [self.times[at]], [self.values[at]])
        chosen = itemgetter(*places)
        return _Columns(chosen(self.rows), chosen(self.rules), chosen(self.times), chosen(self.values))


@dataclass(slots=True)
class Checking:
    """One check of one submission."""

    submission: Submission
    rules: Mapping[str, Rule]
    units: UnitCatalog
    now: datetime
    sealed: Collection[tuple[SensorKey, int]] = ()
    """Quarter-hours of which only the sums are left."""
    rejected: list[Rejected] = field(default_factory=list)
    repeated: int = 0

    def __post_init__(self) -> None:
        faults = self.submission.sensor_faults
        if faults:
            self.rules = {one: rule for one, rule in self.rules.items() if one not in faults}

    def run(self, source: Source) -> Checked:
        """Return the batch and what was refused."""
        self.rejected.extend(self.submission.unreadable)
        columns = _in_order(self._accepted() or self._accepted_one_by_one())
        runs = _runs(columns.rules, source)
        if len(runs) < len(columns.rows) and not all(
            _ascends(columns.times[run.start : run.stop], lt) for run in runs
        ):
            columns = self._distinct(columns)
            runs = _runs(columns.rules, source)
        batch = ReadingBatch(
            runs=runs,
            times_us=array("q", columns.times),
            values=array("d", columns.values),
            qualities=self._qualities(columns, runs),
        )
        return Checked(batch, self.rejected, self.repeated)

    def _accepted(self) -> _Columns | None:
        """Return all rows, or None where one of them has to be looked at by itself."""
        sent = self.submission
        if sent.units is not None or self.sealed or not sent.times_us:
            return None
        if min(sent.times_us) < 0 or max(sent.times_us) > self._latest():
            return None
        try:
            known = self._rules_in_units()
            conversions = {known[one][2:4] for one in set(sent.sensor_ids)}
            rules = list(map(known.__getitem__, sent.sensor_ids))
        except (KeyError, InvalidError):
            return None
        if len(conversions) == 1:
            [(factor, offset)] = conversions
            values = [factor * value + offset for value in sent.values]
        else:
            values = [
                factor * value + offset
                for (_, _, factor, offset, _, _, _), value in zip(rules, sent.values, strict=True)
            ]
        # A sum is finite only if every summand is; one that overflows is looked at row by row.
        if not math.isfinite(sum(values)) or max(values) > _MOST or min(values) < -_MOST:
            return None
        return _Columns(range(len(values)), rules, sent.times_us, values)

    def _rules_in_units(self) -> Mapping[str, Rule]:
        """Return the rules for values in the units that are said of whole sensors.

        Raises:
            KeyError: the sensor of a row does not exist.
            InvalidError: ``unit_mismatch``.

        """
        differing: dict[str, Rule] = {}
        for one, unit in self.submission.unit_of.items():
            rule = self.rules.get(one)
            if rule is not None and unit != rule.sensor.definition.unit:
                conversion = self._conversion(unit, rule.sensor.definition.quantity)
                differing[one] = rule._replace(factor=conversion.factor, offset=conversion.offset)
        if not differing:
            return self.rules
        return {one: differing.get(one) or self.rules[one] for one in set(self.submission.sensor_ids)}

    def _accepted_one_by_one(self) -> _Columns:
        sent, latest = self.submission, self._latest()
        columns = _Columns(rows := [], rules := [], times := [], values := [])
        for row, (one, time) in enumerate(zip(sent.sensor_ids, sent.times_us, strict=True)):
            rule = self.rules.get(one)
            value = None if rule is None else self._canonical(row, rule.sensor)
            if rule is None:
                self._reject_row_of(row, one)
            elif value is None:
                continue  # refused already
            elif time < 0:
                self._reject(row, "too_old", "the time lies before 1970")
            elif time > latest:
                self._reject(row, "in_future", "the time lies over 5 minutes ahead of the server's clock")
            elif (rule.key, time // Level.QUARTER_HOUR.length_us) in self.sealed:
                detail = "the readings of this time were removed, and their sums are final"
                self._reject(row, "beyond_retention", detail)
            elif not math.isfinite(value):
                self._reject(row, "not_a_number", "the value is not a finite number")
            elif abs(value) > _MOST:
                self._reject(row, "not_a_number", f"no quantity is beyond {_MOST:g}; sums would overflow")
            else:
                rows.append(row)
                rules.append(rule)
                times.append(time)
                values.append(value)
        return columns

    def _canonical(self, row: int, sensor: Sensor) -> float | None:
        unit = self._unit(row)
        try:
            conversion = (
                sensor.conversion
                if unit is None or unit == sensor.definition.unit
                else self._conversion(unit, sensor.definition.quantity)
            )
        except InvalidError as error:
            self._reject(row, error.code, error.detail)
            return None
        return conversion.to_canonical(self.submission.values[row])

    def _unit(self, row: int) -> str | None:
        sent = self.submission
        unit = None if sent.units is None else sent.units[row]
        return sent.unit_of.get(sent.sensor_ids[row]) if unit is None else unit

    def _conversion(self, unit: str, quantity: Quantity) -> UnitConversion:
        if quantity is Quantity.OTHER:
            raise unit_mismatch(unit, quantity)  # what its own unit is, nobody knows
        return self.units.conversion(unit, quantity)

    def _distinct(self, columns: _Columns) -> _Columns:
        """Return of each sensor and time the row that was sent last; rows are in order."""
        rules, times = columns.rules, columns.times
        kept: list[int] = []
        for place, (rule, time) in enumerate(zip(rules, times, strict=True)):
            if kept and (rules[kept[-1]].key, times[kept[-1]]) == (rule.key, time):
                self._replaced(columns, kept.pop(), place)
            kept.append(place)
        return columns.at(kept)

    def _replaced(self, columns: _Columns, earlier: int, later: int) -> None:
        given = self.submission.qualities
        (first, last) = columns.rows[earlier], columns.rows[later]
        same_quality = given is None or (given[first] or QualityCode.OK) == (given[last] or QualityCode.OK)
        if same_quality and columns.values[earlier] == columns.values[later]:
            self.repeated += 1
        else:
            detail = "a later row has this sensor and time: that one stands"
            self._reject(first, "duplicate_in_batch", detail)

    def _qualities(self, columns: _Columns, runs: Sequence[SensorRun]) -> Integers:
        given = self.submission.qualities
        if given is None:
            qualities = array("b", bytes(len(columns.rows)))
        else:
            qualities = array("b", [given[row] or QualityCode.OK for row in columns.rows])
        if not runs or _all_within([columns.rules[run.start] for run in runs], columns.values):
            return qualities
        within = [
            lowest <= value <= highest
            for (_, _, _, _, lowest, highest, _), value in zip(columns.rules, columns.values, strict=True)
        ]
        if not all(within):
            for place, good in enumerate(within):
                if not good:
                    qualities[place] = QualityCode.BAD
        return qualities

    def _latest(self) -> int:
        return to_microseconds(self.now + MAX_AHEAD)

    def _reject_row_of(self, row: int, sensor_id: str) -> None:
        fault = self.submission.sensor_faults.get(sensor_id)
        if fault is None:
            self._reject(row, "unknown_sensor", f"there is no sensor {sensor_id!r}")
        else:
            self._reject(row, fault.code, fault.detail)

    def _reject(self, row: int, code: str, detail: str) -> None:
        sent = self.submission
        self.rejected.append(
            refused(
                row if sent.indexes is None else sent.indexes[row],
                sent.sensor_ids[row],
                code,
                detail,
                time=written(sent.times_us[row]),
                value=repr(sent.values[row]),
                unit=self._unit(row),
            )
        )


def _in_order(columns: _Columns) -> _Columns:
    """Return the rows by key and time, those of one key and time as they were sent."""
    rules = columns.rules
    in_time = _ascends(columns.times, le)
    if in_time and (not rules or rules.count(rules[0]) == len(rules)):
        return columns
    keys = list(map(_KEY, rules))
    if in_time and _ascends(keys, le):
        return columns
    order: Sequence[int] = range(len(keys))
    if not in_time:
        order = sorted(order, key=columns.times.__getitem__)
    return columns.at(sorted(order, key=keys.__getitem__))


def _ascends(numbers: Sequence[int], follows: Callable[[int, int], bool]) -> bool:
    return all(map(follows, numbers, islice(numbers, 1, None)))


def _all_within(rules: Sequence[Rule], values: Sequence[float]) -> bool:
    """Return whether the values are surely good, each for every sensor."""
    lowest, highest = max(rule.lowest for rule in rules), min(rule.highest for rule in rules)
    return lowest <= min(values) and max(values) <= highest


def _runs(rules: Sequence[Rule], source: Source) -> list[SensorRun]:
    runs: list[SensorRun] = []
    start = 0
    # The rows of a sensor lie together, so that counting them tells where they end.
    for key, count in Counter(map(_KEY, rules)).items():
        runs.append(SensorRun(key, rules[start].version, source, start, start + count))
        start += count
    return runs
