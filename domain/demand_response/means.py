"""The mean, where there is one."""

from collections.abc import Iterable
from math import fsum


def mean(values: Iterable[float]) -> float | None:
    """Return the mean, rounded once and so the same in any order; None of no values."""
    found = list(values)
    return fsum(found) / len(found) if found else None
