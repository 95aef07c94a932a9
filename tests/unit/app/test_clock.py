import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from app.clock import RandomIds, SystemClock


def test_the_clock_is_aware_and_right() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(datetime.now(UTC) - now) < timedelta(seconds=5)


def test_ids_are_version_7_and_later_ones_sort_after_earlier_ones() -> None:
    ids = RandomIds()
    before = time.time_ns() // 1_000_000
    made = [ids.new() for _ in range(10_000)]
    assert made == sorted(set(made))
    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}
    assert before <= made[0].int >> 80 <= made[-1].int >> 80 <= time.time_ns() // 1_000_000 + 10


def test_ids_grow_where_the_clock_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = RandomIds()
    first = ids.new()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert first < ids.new() < ids.new()


def test_threads_get_different_ids() -> None:
    ids = RandomIds()
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: ids.new(), range(4000)))
    assert len(set(made)) == 4000


def test_secrets_hold_256_bits_of_url_safe_text() -> None:
    ids = RandomIds()
    assert len(ids.secret()) == 43
    assert ids.secret() != ids.secret()
    assert ids.secret().replace("-", "").replace("_", "").isalnum()
