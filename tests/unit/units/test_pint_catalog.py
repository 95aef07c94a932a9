import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.units.pint_catalog import PintUnitCatalog
from domain.shared.errors import InvalidError
from domain.shared.quantities import CANONICAL_UNITS, Quantity

CATALOG = PintUnitCatalog()


@pytest.mark.parametrize(
    ("unit", "quantity", "value", "canonical"),
    [
        ("W", Quantity.POWER, 1500, 1.5),
        ("MW", Quantity.POWER, 2, 2000),
        ("J/s", Quantity.POWER, 1000, 1),
        ("Wh", Quantity.ENERGY, 250, 0.25),
        ("MJ", Quantity.ENERGY, 3.6, 1),
        ("kW*h", Quantity.ENERGY, 7, 7),
        ("VA", Quantity.APPARENT_POWER, 10, 0.01),
        ("KVA", Quantity.APPARENT_POWER, 10, 10),
        ("MVA", Quantity.APPARENT_POWER, 1, 1000),
        ("var", Quantity.REACTIVE_POWER, 500, 0.5),
        ("kVAr", Quantity.REACTIVE_POWER, 3, 3),
        ("MVAR", Quantity.REACTIVE_POWER, 3, 3000),
        ("varh", Quantity.REACTIVE_ENERGY, 1000, 1),
        ("kvarh", Quantity.REACTIVE_ENERGY, 4, 4),
        ("K", Quantity.TEMPERATURE, 273.15, 0),
        ("degF", Quantity.TEMPERATURE, 212, 100),
        ("°F", Quantity.TEMPERATURE, 32, 0),
        ("°C", Quantity.TEMPERATURE, 21.5, 21.5),
        ("%", Quantity.HUMIDITY, 45, 45),
        ("1", Quantity.HUMIDITY, 0.45, 45),
        ("lux", Quantity.ILLUMINANCE, 300, 300),
        ("mV", Quantity.VOLTAGE, 230_000, 230),
        ("mA", Quantity.CURRENT, 500, 0.5),
        ("kHz", Quantity.FREQUENCY, 0.05, 50),
        ("%", Quantity.POWER_FACTOR, 95, 0.95),
        ("people", Quantity.OCCUPANCY, 12, 12),
        ("widgets", Quantity.OTHER, 5, 5),
    ],
)
def test_values_become_canonical_and_back(
    unit: str, quantity: Quantity, value: float, canonical: float
) -> None:
    conversion = CATALOG.conversion(unit, quantity)
    assert conversion.to_canonical(value) == pytest.approx(canonical, rel=1e-12, abs=1e-9)
    assert conversion.from_canonical(canonical) == pytest.approx(value, rel=1e-12, abs=1e-9)
    assert CATALOG.fault(quantity, unit) is None


@pytest.mark.parametrize(
    ("unit", "quantity"),
    [
        ("kWh", Quantity.POWER),
        ("W", Quantity.ENERGY),
        ("W", Quantity.REACTIVE_POWER),
        ("W", Quantity.APPARENT_POWER),
        ("var", Quantity.POWER),
        ("VA", Quantity.POWER),
        ("var", Quantity.APPARENT_POWER),
        ("varh", Quantity.REACTIVE_POWER),
        ("VAh", Quantity.APPARENT_POWER),
        ("degC", Quantity.HUMIDITY),
        ("chairs", Quantity.OCCUPANCY),
        ("", Quantity.POWER),
        ("no such unit", Quantity.POWER),
        ("9**9**9", Quantity.POWER),
        ("W" * 1000, Quantity.POWER),
        ("__class__", Quantity.POWER),
        ("W; import os", Quantity.POWER),
    ],
)
def test_other_dimensions_and_nonsense_are_refused(unit: str, quantity: Quantity) -> None:
    with pytest.raises(InvalidError) as refused:
        CATALOG.conversion(unit, quantity)
    assert refused.value.code == "unit_mismatch"
    assert len(refused.value.detail) < 200
    assert CATALOG.fault(quantity, unit) == refused.value.detail


@pytest.mark.parametrize("quantity", list(Quantity))
def test_the_canonical_unit_changes_nothing(quantity: Quantity) -> None:
    assert CATALOG.conversion(CANONICAL_UNITS[quantity], quantity).is_identity


def test_plain_factors_stay_plain() -> None:
    assert CATALOG.conversion("W", Quantity.POWER).factor == 0.001
    assert CATALOG.conversion("Wh", Quantity.ENERGY).factor == 0.001
    assert CATALOG.conversion("K", Quantity.TEMPERATURE).offset == -273.15


@given(unit=st.text(max_size=80), quantity=st.sampled_from(Quantity))
def test_any_text_is_a_unit_or_refused(unit: str, quantity: Quantity) -> None:
    try:
        conversion = CATALOG.conversion(unit, quantity)
    except InvalidError as refused:
        assert refused.code == "unit_mismatch"  # noqa: PT017 - either is right
    else:
        assert conversion.factor != 0
