"""The neighbours' meter files: one a day and meter, in a folder that a server can show."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from adapters.simulator.local_days import SECOND, ZONE, LocalCalendar, LocalDay
from adapters.simulator.neighbours import NeighbourMeter

QUARTER = 900 * SECOND
_SPOILED_EVERY, _SPOILED = 10, 3
_COPIED_EVERY, _COPIED = 14, 5
_SPOILED_METER = "LIBRARY"
_COPIED_METER = "SCHOOL-MAIN"
_NO_METER_FILE = "neighbours/library/LIBRARY_logo.sgl_v2"
_PICTURE = bytes.fromhex("89504e470d0a1a0a0000000d49484452") + bytes(range(256)) * 8


class MeterFolder:
    """Writes the files, each the same whenever it is written; today's grows with the quarters that are over.

    Some files are as they come in real life: now and then the library's has lines that cannot be read, the
    school's lies there twice, and a picture was put among them under the name of a meter file.
    """

    def __init__(self, folder: Path, meters: tuple[NeighbourMeter, ...]) -> None:
        self._folder = folder
        self._meters = meters
        self._calendar = LocalCalendar()

    def write(self, now: datetime, days: int) -> None:
        """Write the files of so many days before today, and today's so far (blocks the thread)."""
        today = now.astimezone(ZONE).date()
        for ago in range(days, 0, -1):
            self._write_day(today - timedelta(days=ago), now)
        self._write_day(today, now)
        self._put(_NO_METER_FILE, _PICTURE, datetime(2026, 1, 5, 9, 30, tzinfo=UTC))

    def _write_day(self, of: date, now: datetime) -> None:
        day = self._calendar.day(of)
        end = min(day.end, int(now.timestamp()) * SECOND // QUARTER * QUARTER)
        if end <= day.start:
            return
        written = datetime.fromtimestamp(end // SECOND, UTC)
        for meter in self._meters:
            text = "".join(f"{line}\n" for line in self._lines(meter, day, end))
            name = f"{meter.collection}/{meter.meter}_{of:%Y%m%d}"
            self._put(f"{name}.sgl_v2", text.encode(), written)
            is_whole = end == day.end
            if is_whole and meter.meter == _COPIED_METER and of.toordinal() % _COPIED_EVERY == _COPIED:
                self._put(f"{name}_copy.sgl_v2", text.encode(), written)

    def _lines(self, meter: NeighbourMeter, day: LocalDay, end: int) -> Iterator[str]:
        yield f"# meter: {meter.meter}"
        yield from ("# unit: kWh", "# quantity: energy", "# accumulation: delta")
        yield f"# direction: {meter.direction}"
        yield from (f"# timezone: {ZONE.key}", "# resolution: 15 min", "# timestamps: start")
        yield ";".join(("time", *(one.name or "kWh" for one in meter.series)))
        for start in range(day.start, end, QUARTER):
            local = datetime.fromtimestamp(start // SECOND, ZONE)
            energies = (
                one.measured.energy(start + QUARTER) - one.measured.energy(start) for one in meter.series
            )
            values = (f"{max(0.0, energy) / 1000:.4f}".replace(".", ",") for energy in energies)
            yield ";".join((f"{local:%d/%m/%Y %H:%M}", *values))
        if meter.meter == _SPOILED_METER and day.date.toordinal() % _SPOILED_EVERY == _SPOILED:
            yield from (f"{day.date:%d/%m/%Y} 25:99;0,1", f"{day.date:%d/%m/%Y} 12:00;n/a", "battery low")

    def _put(self, name: str, content: bytes, written: datetime) -> None:
        path = self._folder / name
        stamp = written.timestamp()
        try:
            known = path.stat()
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
        else:
            if (known.st_size, known.st_mtime) == (len(content), stamp):
                return
        # Whoever reads meanwhile sees the file as it was or as it is; this name is none of a meter file.
        new = path.with_name(f".{path.name}.new")
        new.write_bytes(content)
        os.utime(new, (stamp, stamp))
        new.replace(path)
