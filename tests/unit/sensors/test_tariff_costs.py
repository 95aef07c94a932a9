"""What energy cost, against a plain reckoning of each interval."""

import math
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.sensors.services.calendar import bucket_edges
from domain.sensors.services.tariff_costs import BucketCost, CostPlan
from domain.sensors.services.tariff_prices import rate_at
from domain.sensors.tariffs import Rate, Tariff, TariffName, TariffPeriod
from domain.shared.periods import parse_period
from domain.shared.weeks import Weekday

ALWAYS = frozenset(Weekday)
LISBON = "Europe/Lisbon"


def utc(day: int, hour: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def tariff(*periods: tuple[int, int, float, float | None], zone: str = "UTC") -> Tariff:
    return Tariff(
        name=TariffName("t"),
        currency="EUR",
        timezone=zone,
        valid_from=datetime(1970, 1, 1, tzinfo=UTC),
        periods=tuple(
            TariffPeriod(days=ALWAYS, from_minute=start * 60, to_minute=end * 60, rate=Rate(price, co2))
            for start, end, price, co2 in periods
        ),
    )


def cost(energies: list[float | None], *periods: tuple[int, int, float, float | None]) -> BucketCost:
    """Return the cost of the 2nd of March, cut at the prices."""
    (found,) = CostPlan.of(tariff(*periods), [utc(2), utc(3)]).costs(energies)
    return found


def test_energy_is_priced_where_it_falls() -> None:
    found = cost([1.0, 2.0, 4.0], (8, 22, 0.5, 100), (22, 8, 0.25, 400))
    assert found == BucketCost(
        cost=0.25 + 1.0 + 1.0, co2_kg=0.4 + 0.2 + 1.6, unpriced_kwh=0, co2_unknown_kwh=0
    )


def test_what_is_not_known_is_left_out_and_never_0() -> None:
    prices = ((8, 22, 0.5, 100.0), (22, 8, 0.25, 400.0))
    assert cost([None, 2.0, None], *prices) == BucketCost(
        cost=1.0, co2_kg=0.2, unpriced_kwh=0, co2_unknown_kwh=0
    )
    assert cost([None, None, None], *prices) == BucketCost(
        cost=None, co2_kg=None, unpriced_kwh=None, co2_unknown_kwh=None
    )


def test_what_has_no_price_is_said_to_have_none() -> None:
    assert cost([1.0, 2.0, 4.0], (8, 22, 0.5, None)) == BucketCost(
        cost=1.0, co2_kg=None, unpriced_kwh=5, co2_unknown_kwh=7
    )
    assert cost([1.0, None, 4.0], (8, 22, 0.5, 100)) == BucketCost(
        cost=None, co2_kg=None, unpriced_kwh=5, co2_unknown_kwh=5
    )
    # Import and export must not hide each other.
    assert cost([1.0, 0.0, -1.0], (8, 22, 0.5, 100)) == BucketCost(
        cost=0, co2_kg=0, unpriced_kwh=2, co2_unknown_kwh=2
    )


def test_export_earns_and_negative_prices_turn_that_round() -> None:
    found = cost([-1.0, -2.0, 4.0], (8, 22, 0.5, 100), (22, 8, -0.25, None))
    assert found == BucketCost(cost=0.25 - 1.0 - 1.0, co2_kg=-0.2, unpriced_kwh=0, co2_unknown_kwh=5)


def test_no_energy_costs_plainly_nothing() -> None:
    found = cost([0.0, 0.0, 0.0], (8, 22, -0.5, 100), (22, 8, -0.25, 0))
    assert found.cost == 0
    assert found.co2_kg == 0
    assert math.copysign(1, found.cost) == 1


def test_days_of_23_and_25_hours_are_paid_as_long_as_they_are() -> None:
    night_and_day = tariff((22, 8, 1, None), (8, 22, 2, None), zone=LISBON)
    for start, hours in ((utc(29, 0), 23), (utc(24, 23, month=10), 25)):
        end = start + timedelta(hours=hours)
        plan = CostPlan.of(night_and_day, [start, end])
        # One kW all day long.
        energies = [(b - a) / timedelta(hours=1) for a, b in zip(plan.edges, plan.edges[1:], strict=False)]
        (found,) = plan.costs(energies)
        assert found.cost == (hours - 14) * 1 + 14 * 2


def test_no_buckets_cost_nothing() -> None:
    assert CostPlan.of(tariff((0, 24, 1, None)), []).costs([]) == []
    assert CostPlan.of(tariff((0, 24, 1, None)), [utc(1)]).costs([]) == []


def test_as_many_energies_as_intervals_are_needed() -> None:
    with pytest.raises(ValueError, match="1 intervals, but 2 energies"):
        CostPlan.of(tariff((0, 24, 1, None)), [utc(1), utc(2)]).costs([1.0, 2.0])


@given(
    zone=st.sampled_from([LISBON, "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana"]),
    start=st.integers(-72, 24).map(lambda hours: utc(29) + timedelta(hours=hours)),
    hours=st.integers(1, 100),
    resolution=st.sampled_from(["PT15M", "PT1H", "PT7H", "P1D", "P1W"]),
    numbers=st.randoms(use_true_random=False),
)
@settings(deadline=None, max_examples=60)
def test_costs_are_what_a_plain_reckoning_gives(
    zone: str, start: datetime, hours: int, resolution: str, numbers: Random
) -> None:
    made = tariff((22, 3, -0.1, 50), (3, 9, 0.2, None), (9, 17, 0.3, 300), zone=zone)
    buckets = bucket_edges(start, start + timedelta(hours=hours), parse_period(resolution), ZoneInfo(LISBON))
    plan = CostPlan.of(made, buckets)
    energies = [None if numbers.random() < 0.2 else numbers.uniform(-5, 20) for _ in plan.rates]
    found = plan.costs(energies)
    assert [number for part in plan.parts for number in part] == list(range(len(energies)))
    for bucket, since, until in zip(found, buckets[:-1], buckets[1:], strict=True):
        amount, grams, unpriced, known = 0.0, 0.0, 0.0, 0
        priced = factored = 0
        for edge, kwh in zip(plan.edges[:-1], energies, strict=True):
            if not since <= edge < until or kwh is None:
                continue
            known += 1
            rate = rate_at(made, edge)
            if rate is None:
                unpriced += abs(kwh)
                continue
            priced += 1
            amount += kwh * rate.price_per_kwh
            if rate.co2_g_per_kwh is not None:
                factored += 1
                grams += kwh * rate.co2_g_per_kwh
        assert bucket.cost == (pytest.approx(amount) if priced else None)
        assert bucket.co2_kg == (pytest.approx(grams / 1000) if factored else None)
        assert bucket.unpriced_kwh == (pytest.approx(unpriced) if known else None)
