"""Store windows: one reading of what a sensor's values were over ``[k * period, (k + 1) * period)``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from domain.ingestion.iot_configuration import StoreType, StoreWindow
from domain.shared.time import MICROSECOND

SET_BACK_US: Final = 300_000_000
"""A sample that is older than the last one by more than this shows a clock that was set back."""


@dataclass(frozen=True, slots=True)
class WindowedReading:
    """A window's reading, stamped with the window's start (µs since the epoch)."""

    time_us: int
    value: float


@dataclass(slots=True)
class _Open:
    start: int
    count: int = 0
    mean: float = 0.0
    total: float = 0.0
    lowest: float = float("inf")
    highest: float = float("-inf")
    last: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self.mean += (value - self.mean) / self.count
        self.total += value
        self.lowest = min(self.lowest, value)
        self.highest = max(self.highest, value)
        self.last = value


_VALUE: Final[Mapping[StoreType, Callable[[_Open], float]]] = {
    StoreType.AVG: lambda window: min(max(window.mean, window.lowest), window.highest),
    StoreType.MIN: lambda window: window.lowest,
    StoreType.MAX: lambda window: window.highest,
    StoreType.LAST: lambda window: window.last,
    StoreType.SUM: lambda window: window.total,
}


class WindowFilling:
    """The open window of one sensor.

    A window closes with the first sample of a later one, or once its time is over (`close`). A sample of
    a window that has been closed is late and is not taken; one that is older by more than five minutes
    shows that the clock was set back: filling starts anew there, and what was stored for that time
    before is corrected by what comes now. A sample with the same time as the one before is the same
    measurement, read again.
    """

    def __init__(self, window: StoreWindow, *, grace_us: int = 0, sample_every_us: int | None = None) -> None:
        """Start with the next whole window.

        Args:
            window: what is stored of which windows.
            grace_us: how long windows stay open after their end by our clock, where a device's own counts.
            sample_every_us: the time between samples. Where the first comes later than this into its
                window, the window was seen in part only and yields nothing, which shows as coverage.

        """
        self.window = window
        self._value = _VALUE[window.type]
        self._period = window.period // MICROSECOND
        self._grace = grace_us
        self._sample_every = sample_every_us
        self._whole_from: int | None = None
        self._open: _Open | None = None
        self._closed_until: int | None = None
        self._last_time: int | None = None

    def add(self, time_us: int, value: float) -> tuple[list[WindowedReading], bool]:
        """Take a sample; return the readings of windows that it closes, and whether it was taken."""
        start = time_us - time_us % self._period
        closed: list[WindowedReading] = []
        if time_us == self._last_time:
            return closed, True
        if self._whole_from is None:
            seen_late = self._sample_every is not None and time_us - start > self._sample_every
            self._whole_from = start + self._period if seen_late else start
        if start < self._whole_from and (self._last_time is None or time_us >= self._last_time - SET_BACK_US):
            self._last_time = time_us
            return closed, True
        if self._last_time is not None and time_us < self._last_time - SET_BACK_US:
            closed.extend(self._close())
            self._closed_until = None
            self._whole_from = start
        elif self._closed_until is not None and start < self._closed_until:
            return closed, False
        if self._open is not None and start > self._open.start:
            closed.extend(self._close())
        elif self._open is not None and start < self._open.start:
            return closed, False
        if self._open is None:
            self._open = _Open(start)
        self._open.add(value)
        self._last_time = time_us
        return closed, True

    def close(self, now_us: int) -> list[WindowedReading]:
        """Return the reading of the open window if its time is over."""
        if self._open is None or now_us < self._open.start + self._period + self._grace:
            return []
        return self._close()

    def _close(self) -> list[WindowedReading]:
        if self._open is None:
            return []
        reading = WindowedReading(self._open.start, self._value(self._open))
        self._closed_until = self._open.start + self._period
        self._open = None
        return [reading]
