from typing import Any

import pytest

from tests.integration.http_api.conftest import Caller

ALWAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
NIGHT = {"days": ALWAYS, "from": "22:00", "to": "08:00", "price_per_kwh": -0.05, "co2_g_per_kwh": 40}
DAY = {"days": ALWAYS, "from": "08:00", "to": "22:00", "price_per_kwh": 0.2}
HOME = {
    "currency": "EUR",
    "timezone": "Europe/Lisbon",
    "valid_from": "2026-07-01",
    "valid_until": "2027-01-01T00:00:00+01:00",
    "periods": [NIGHT, DAY],
}


async def test_a_tariff_from_its_first_to_its_last_day(call: Caller) -> None:
    made = await call("PUT", "/tariffs/Tarifa%20bi-hor%C3%A1ria", 201, json=HOME)
    assert made == {
        "name": "Tarifa bi-horária",
        "currency": "EUR",
        "timezone": "Europe/Lisbon",
        "valid_from": "2026-06-30T23:00:00+00:00",
        "valid_until": "2026-12-31T23:00:00+00:00",
        "periods": [NIGHT, {**DAY, "co2_g_per_kwh": None}],
    }
    assert await call("GET", "/tariffs/Tarifa%20bi-hor%C3%A1ria") == made
    # What was answered can be sent as it is.
    assert await call("PUT", "/tariffs/Tarifa%20bi-hor%C3%A1ria", json=made) == made
    flat = {**made, "valid_until": None, "periods": [{**DAY, "from": "00:00", "to": "24:00"}]}
    changed = await call("PUT", "/tariffs/Tarifa%20bi-hor%C3%A1ria", json=flat)
    assert changed["periods"][0]["to"] == "24:00"
    await call("PUT", "/tariffs/a", 201, json=HOME)
    listed = await call("GET", "/tariffs", params={"limit": 1})
    assert ([one["name"] for one in listed["items"]], listed["total"]) == (["Tarifa bi-horária"], 2)
    assert listed["items"] == [changed]
    await call("DELETE", "/tariffs/a", 204)
    for method in ("GET", "DELETE"):
        assert (await call(method, "/tariffs/a", 404))["code"] == "unknown_tariff"
    audit = await call("GET", "/audit")
    assert [entry["action"] for entry in audit["items"] if entry["action"].startswith("Tariff")] == [
        "TariffDeleted",
        "TariffCreated",
        "TariffChanged",
        "TariffCreated",
    ]


@pytest.mark.parametrize(
    ("written", "answered"),
    [
        ("2026-03-29", "2026-03-29T00:00:00+00:00"),
        ("2026-03-30", "2026-03-29T23:00:00+00:00"),
        ("2026-03-30T00:00:00Z", "2026-03-30T00:00:00+00:00"),
        (1774828800, "2026-03-30T00:00:00+00:00"),
    ],
)
async def test_days_and_moments_are_answered_alike(call: Caller, written: object, answered: str) -> None:
    made = await call("PUT", "/tariffs/a", 201, json={**HOME, "valid_from": written})
    assert made["valid_from"] == answered


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"currency": "XYZ"}, "/currency", "unknown_currency"),
        ({"currency": 1}, "/currency", "wrong_type"),
        ({"timezone": "Mars/Base"}, "/timezone", "unknown_timezone"),
        ({"valid_from": "2026-02-30"}, "/valid_from", "invalid_timestamp"),
        ({"valid_from": "2026-02-03T00:00:00"}, "/valid_from", "naive_timestamp"),
        ({"valid_from": "soon"}, "/valid_from", "invalid_timestamp"),
        ({"valid_from": "0001-01-01"}, "/valid_from", "out_of_range"),
        ({"valid_from": "0001-01-01", "timezone": "Asia/Tokyo"}, "/valid_from", "invalid_timestamp"),
        ({"valid_from": None}, "/valid_from", "wrong_type"),
        ({"valid_until": "2026-07-01"}, "/valid_until", "end_before_start"),
        ({"valid_until": 1e300}, "/valid_until", "invalid_timestamp"),
        ({"name": "b"}, "/name", "immutable"),
        ({"colour": "red"}, "/colour", "unknown_field"),
        ({"periods": []}, "/periods", "invalid_value"),
        ({"periods": [DAY] * 201}, "/periods", "invalid_value"),
        ({"periods": [DAY, DAY]}, "/periods/1", "overlapping_periods"),
        ({"periods": [NIGHT, {**DAY, "from": "07:59"}]}, "/periods/1", "overlapping_periods"),
        ({"periods": [{**DAY, "days": []}]}, "/periods/0/days", "invalid_value"),
        ({"periods": [{**DAY, "days": ["monday"]}]}, "/periods/0/days/0", "not_allowed"),
        ({"periods": [{**DAY, "from": "24:00"}]}, "/periods/0/from", "wrong_format"),
        ({"periods": [{**DAY, "from": "8:00"}]}, "/periods/0/from", "wrong_format"),
        ({"periods": [{**DAY, "to": "24:01"}]}, "/periods/0/to", "wrong_format"),
        ({"periods": [{**DAY, "to": "22:00\n"}]}, "/periods/0/to", "wrong_format"),
        ({"periods": [{**DAY, "to": "08:00"}]}, "/periods/0/to", "invalid_value"),
        ({"periods": [{**DAY, "price_per_kwh": None}]}, "/periods/0/price_per_kwh", "wrong_type"),
        ({"periods": [{**DAY, "price_per_kwh": 1e10}]}, "/periods/0/price_per_kwh", "invalid_value"),
        ({"periods": [{**DAY, "co2_g_per_kwh": -1}]}, "/periods/0/co2_g_per_kwh", "invalid_value"),
        ({"periods": [{"days": ALWAYS, "from": "08:00", "price_per_kwh": 1}]}, "/periods/0/to", "required"),
    ],
)
async def test_each_fault_is_named_by_its_place(
    call: Caller, fields: dict[str, Any], pointer: str, code: str
) -> None:
    problem = await call("PUT", "/tariffs/a", 422, json={**HOME, **fields})
    assert {"pointer": pointer, "code": code} in [
        {"pointer": one["pointer"], "code": one["code"]} for one in problem["errors"]
    ]
    await call("GET", "/tariffs/a", 404)


async def test_all_faults_are_named_at_once(call: Caller) -> None:
    wrong = {**HOME, "currency": "X", "timezone": "X", "periods": [DAY, DAY]}
    problem = await call("PUT", "/tariffs/names", 422, json=wrong)
    assert [one["pointer"] for one in problem["errors"]] == ["/name", "/currency", "/timezone", "/periods/1"]


@pytest.mark.parametrize(("price", "status"), [("NaN", 400), ("Infinity", 400), ("1e999", 422)])
async def test_numbers_that_are_none_are_refused(call: Caller, price: str, status: int) -> None:
    body = (
        '{"currency":"EUR","timezone":"UTC","valid_from":"2026-01-01","periods":'
        f'[{{"days":["mon"],"from":"00:00","to":"24:00","price_per_kwh":{price}}}]}}'
    )
    await call("PUT", "/tariffs/a", status, content=body, headers={"Content-Type": "application/json"})


async def test_only_admins_set_tariffs(call: Caller) -> None:
    await call("PUT", "/tariffs/a", 201, json=HOME)
    for role in ("viewer", "operator"):
        made = await call("POST", "/api-keys", 201, json={"name": role, "role": role})
        headers = {"Authorization": f"Bearer {made['key']}"}
        assert (await call("GET", "/tariffs", headers=headers))["total"] == 1
        assert (await call("GET", "/tariffs/a", headers=headers))["name"] == "a"
        await call("PUT", "/tariffs/a", 403, json=HOME, headers=headers)
        await call("DELETE", "/tariffs/a", 403, headers=headers)
    await call("GET", "/tariffs", 401, headers={"Authorization": "Bearer x"})
