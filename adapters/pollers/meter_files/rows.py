"""Rows of data, one by one: whatever they look like."""

from adapters.pollers.meter_files.fields import is_silent, number_of, shown, split_fields
from adapters.pollers.meter_files.instants import Instants, SkippedTimeError
from adapters.pollers.meter_files.layout import Layout, rejected, too_long
from adapters.pollers.meter_files.lines import MAX_LINE_BYTES
from adapters.pollers.meter_files.readings import GatheredReadings
from adapters.pollers.meter_files.sensors import MAX_SENSORS, FileSensors, Meter
from adapters.pollers.meter_files.times import InvalidTimeError, parse_time


class RowReader:
    """Reads a line, says what is wrong with it, and takes what is right."""

    def __init__(self, layout: Layout, sensors: FileSensors, instants: Instants, meter: str | None) -> None:
        """Read lines of this layout; ``meter`` is whose they are where no column says so."""
        self._layout = layout
        self._sensors = sensors
        self._instants = instants
        self._meter = meter
        needed = [layout.time_at]
        needed += [at for at in (layout.clock_at, None if meter else layout.meter_at) if at is not None]
        self._needed = max(*needed, layout.values_at[0])

    def read(self, number: int, line: str, size: int, into: GatheredReadings) -> None:
        """Read the next line."""
        if size > MAX_LINE_BYTES:
            into.data_lines += 1
            into.rejected.append(too_long(number, line, size))
            return
        if is_silent(line, self._layout.separator):
            return
        into.data_lines += 1
        fields = split_fields(line, self._layout.separator)
        fault = self._fault(fields)
        if fault is not None:
            into.rejected.append(rejected(number, line, *fault))
            return
        text = self._layout.time_of(fields)
        written = self._meter or fields[self._layout.meter_at or 0]
        try:
            meter = self._sensors.by_spelling.get(written)
            if meter is None:
                # A line that has no time must not make a meter known.
                parse_time(text)
                meter = self._sensors.meter(written)
            if meter is None:
                detail = f"the file has more than {MAX_SENSORS} sensors"
                into.rejected.append(rejected(number, line, "too_many_sensors", detail))
                return
            time_us = self._instants.instant(text, meter.meter_id, meter.step)
        except InvalidTimeError as error:
            into.rejected.append(rejected(number, line, "invalid_timestamp", f"{shown(text)}: {error}"))
        except SkippedTimeError as error:
            into.rejected.append(rejected(number, line, "nonexistent_local_time", f"{shown(text)}: {error}"))
        else:
            self._values(number, line, fields, meter, time_us, into)

    def _fault(self, fields: list[str]) -> tuple[str, str] | None:
        """Return what makes a line unfit as a whole."""
        layout, count = self._layout, len(fields)
        if count <= self._needed:
            return "missing_column", f"it has {count} of {layout.width} columns"
        if not (self._meter or fields[layout.meter_at or 0]):
            return "missing_column", "it names no meter"
        if (count > layout.width or layout.empty_at) and any(
            fields[at] for at in (*layout.empty_at, *range(layout.width, count)) if at < count
        ):
            return (
                "too_many_fields",
                f"it has more fields than the {layout.width - len(layout.empty_at)} columns",
            )
        return None

    def _values(
        self, number: int, line: str, fields: list[str], meter: Meter, time_us: int, into: GatheredReadings
    ) -> None:
        layout = self._layout
        is_readable = False
        for at, name, sensor_id in zip(layout.values_at, layout.names, meter.sensor_ids, strict=True):
            text = fields[at] if at < len(fields) else ""
            if not text:
                is_readable = True
                continue
            value = number_of(text, decimal_comma=layout.decimal_comma)
            if value is None:
                detail = f"column {shown(name)}: {shown(text)} is not a number"
                into.rejected.append(rejected(number, line, "not_a_number", detail))
                continue
            is_readable = True
            into.sensor_ids.append(sensor_id)
            into.times_us.append(time_us)
            into.values.append(value)
            into.line_numbers.append(number)
        into.readable_lines += is_readable
