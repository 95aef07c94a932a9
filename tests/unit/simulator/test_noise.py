from itertools import pairwise
from statistics import fmean

import pytest

from adapters.simulator.noise import chance, key_of, smooth, white

KEY = key_of(2026, "load", "AC1")


def test_keys_and_values_are_the_same_in_every_process() -> None:
    assert KEY == 1123100887398420276
    assert white(1, 2) == 0.49156351452540226


def test_keys_tell_their_parts_apart() -> None:
    assert len({key_of(1, 23), key_of(12, 3), key_of(123), key_of("1", "2", "3")}) == 4


def test_values_fill_their_range_evenly() -> None:
    values = [white(KEY, index) for index in range(20_000)]
    assert -1 <= min(values) < -0.99 < 0.99 < max(values) < 1
    assert fmean(values) == pytest.approx(0, abs=0.02)
    assert min(chance(KEY, index) for index in range(1000)) >= 0


def test_smooth_noise_takes_small_steps_and_does_not_depend_on_where_it_begins() -> None:
    values = smooth(KEY, range(1000, 2000), span=12)
    assert max(abs(later - earlier) for earlier, later in pairwise(values)) < 0.26
    assert values[500:600] == smooth(KEY, range(1500, 1600), span=12)
