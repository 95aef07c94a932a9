import pytest

from adapters.web.limits import Buckets, CallLimit, Rate, SignInLimit
from domain.shared.errors import TooManyRequestsError


class Watch:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_a_bucket_gives_its_count_at_once_and_then_refills() -> None:
    watch = Watch()
    buckets = Buckets(Rate(3, 60), watch)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, pytest.approx(20)]
    assert buckets.take("b") == 0
    watch.time += 19.9
    assert buckets.take("a") == pytest.approx(0.1)
    watch.time += 0.2
    assert buckets.take("a") == 0
    watch.time += 10_000
    assert [buckets.take("a") == 0 for _ in range(4)] == [True, True, True, False]


def test_buckets_are_bounded() -> None:
    buckets = Buckets(Rate(1, 60), Watch())
    for number in range(20_000):
        buckets.take(str(number))
    assert len(buckets._levels) == 10_000
    assert buckets.take("19999") > 0
    assert buckets.take("0") == 0


def test_a_key_may_call_without_end_where_no_rate_is_set() -> None:
    limit = CallLimit(None)
    for _ in range(1000):
        limit.count("a")


def test_a_key_is_held_up_at_its_rate() -> None:
    limit = CallLimit(Rate(1, 3600))
    limit.count("a")
    with pytest.raises(TooManyRequestsError) as refused:
        limit.count("a")
    assert refused.value.code == "rate_limited"
    assert 3590 < refused.value.retry_after_seconds <= 3600


def test_wrong_keys_close_the_door_of_their_address_but_not_for_those_inside() -> None:
    limit = SignInLimit(Rate(2, 60))
    limit.succeeded("right")
    for _ in range(2):
        limit.check("10.0.0.1", "wrong")
        limit.failed("10.0.0.1", "wrong")
    with pytest.raises(TooManyRequestsError):
        limit.check("10.0.0.1", "another")
    limit.check("10.0.0.1", "right")
    limit.check("10.0.0.2", "another")
    limit.failed("10.0.0.2", "right")
    with pytest.raises(TooManyRequestsError):
        limit.check("10.0.0.1", "right")


def test_an_ipv6_client_cannot_walk_through_its_network() -> None:
    limit = SignInLimit(Rate(1, 60))
    limit.failed("2001:db8::1", "wrong")
    with pytest.raises(TooManyRequestsError):
        limit.check("2001:db8::2%eth0", "other")
    limit.check("2001:db8:0:1::1", "other")
    limit.failed("nonsense:", "x")
