"""Devices: what they can do, how they are told, and that no secret in that is ever shown."""

from typing import Any

from tests.integration.http_api.conftest import Caller
from tests.integration.http_api.dr_site import DR, device, key_of, places, until

SECRET = "s3cret-of-the-heat-pump"
REQUEST: dict[str, Any] = {
    "method": "POST",
    "url": "http://127.0.0.1:9/limit",
    "headers": {"X-Api-Key": SECRET, "Accept": "application/json"},
    "body": {"limit": "{target_kw}", "event": "{event_id}"},
}
HTTP: dict[str, Any] = {
    "kind": "http",
    "reduce": REQUEST,
    "restore": {"method": "DELETE", "url": "http://127.0.0.1:9/limit"},
}
SHOWN: dict[str, Any] = {
    "kind": "http",
    "reduce": {
        **REQUEST,
        "headers": {"Accept": "application/json", "X-Api-Key": "***"},
        "auth": None,
        "timeout": "PT5S",
        "verify_tls": True,
    },
    "restore": {
        "method": "DELETE",
        "url": "http://127.0.0.1:9/limit",
        "headers": None,
        "body": None,
        "auth": None,
        "timeout": "PT5S",
        "verify_tls": True,
    },
}
AT = f"{DR}/devices/heat-pump"
PROFILE: dict[str, Any] = {"power_sensor_id": "heat-pump.power"}


async def test_a_device_from_its_profile_to_its_end(call: Caller) -> None:
    await call.sensor("site")
    fields: dict[str, Any] = {
        "site_meter_id": "site",
        "room_name": "Lab 1",
        "labels": {"circuit": "hvac"},
        "controllable": True,
        "min_power_kw": 0.5,
        "max_reduction_kw": 2.0,
        "max_duration": "PT2H",
        "min_rest": "PT30M",
        "max_events_per_day": 2,
        "availability": [{"days": ["mon", "fri"], "from": "08:00", "to": "24:00"}],
        "ramp_seconds": 60.0,
        "priority": 0,
    }
    made = await device(call, "heat-pump", **fields)
    assert {name: made[name] for name in fields} == fields
    assert (made["control"], made["origin"], made["control_origin"]) == ({"kind": "none"}, "api", "api")
    assert await call("GET", AT) == made
    # What is not said is not so; only the control stays as it was.
    plain = await call("PUT", AT, json={**PROFILE, "device_id": "heat-pump", "control": HTTP})
    assert (plain["control"], plain["min_rest"], plain["availability"]) == (SHOWN, "PT0S", None)
    assert (await call("PUT", AT, json=PROFILE))["control"] == SHOWN
    listed = await call("GET", f"{DR}/devices")
    assert ([one["device_id"] for one in listed["items"]], listed["total"]) == (["heat-pump"], 1)
    await call("DELETE", AT, 204)
    await call("GET", AT, 404)


async def test_secrets_are_kept_and_never_shown(call: Caller) -> None:
    await device(call, "heat-pump", control=HTTP)
    for path in (AT, f"{DR}/devices", "/audit"):
        assert SECRET not in str(await call("GET", path)), path
    # As it was shown, it can be sent back: the value is kept, also beside another body.
    shown = (await call("GET", AT))["control"]
    assert shown == SHOWN
    await call("PUT", AT, json={**PROFILE, "control": shown})
    other = {**shown, "reduce": {**shown["reduce"], "body": "limit={target_kw}"}}
    changed = (await call("PUT", AT, json={**PROFILE, "control": other}))["control"]
    assert (changed["reduce"]["body"], changed["reduce"]["headers"]) == (
        "limit={target_kw}",
        SHOWN["reduce"]["headers"],
    )
    # But never for another server than it was for, nor for a header that was not there.
    for change, header in (
        ({"url": "http://127.0.0.2:9/limit"}, "X-Api-Key"),
        ({"url": "http://127.0.0.1:10/limit"}, "X-Api-Key"),
        ({"headers": {"X-Other": "***"}}, "X-Other"),
    ):
        moved = {**shown, "reduce": {**shown["reduce"], **change}}
        refused = await call("PUT", AT, 422, json={**PROFILE, "control": moved})
        assert places(refused) == [(f"/control/reduce/headers/{header}", "hidden_value")]


async def test_a_body_is_shown_as_it_will_be_sent(call: Caller) -> None:
    await device(call, "heat-pump")
    for body, headers, shown, shown_headers in (
        ({"kw": [1, 2.5, None]}, None, {"kw": [1, 2.5, None]}, None),
        ("kw={reduction_kw}", None, "kw={reduction_kw}", None),
        ('{"kw":1}', {"content-type": "application/json"}, {"kw": 1}, None),
        (
            '{"kw":{target_kw}}',
            {"Content-Type": "application/json"},
            '{"kw":{target_kw}}',
            "application/json",
        ),
        ({"kw": 10**30}, None, {"kw": 1e30}, None),
        (0, None, 0, None),
        ({"on": False}, {"Content-Type": "application/x+json"}, '{"on":false}', "application/x+json"),
    ):
        request = {"method": "PUT", "url": "http://127.0.0.1:9/", "headers": headers, "body": body}
        control = {"kind": "http", "reduce": request, "restore": request}
        answer = (await call("PUT", AT, json={**PROFILE, "control": control}))["control"]
        assert answer["reduce"]["body"] == shown
        expected = None if shown_headers is None else {"Content-Type": shown_headers}
        assert answer["reduce"]["headers"] == expected
        again = await call("PUT", AT, json={**PROFILE, "control": answer})
        assert again["control"] == answer
        packed = await call.client.get(f"/api/v1{AT}", headers={"Accept": "application/msgpack"})
        assert packed.status_code == 200


def reduce(**change: object) -> dict[str, Any]:
    """Return a control with another request that reduces."""
    return {**HTTP, "reduce": {**REQUEST, **change}}


ELSEWHERE = {**REQUEST, "url": "http://203.0.113.9/limit"}
NO_HOURS = {"days": [], "from": "08:00", "to": "09:00"}
NO_CONTROLS: list[tuple[dict[str, Any], str, str]] = [
    ({"kind": "radio"}, "/control/kind", "wrong_format"),
    ({"kind": "http", "reduce": REQUEST}, "/control/restore", "required"),
    ({"kind": "none", "reduce": REQUEST}, "/control/reduce", "unknown_field"),
    (reduce(url="http://192.88.99.1/x"), "/control/reduce/url", "host_not_allowed"),
    ({**HTTP, "restore": ELSEWHERE}, "/control/restore/url", "host_not_allowed"),
    (reduce(url="ftp://127.0.0.1/x"), "/control/reduce/url", "invalid_url"),
    (reduce(url="http://[::1"), "/control/reduce/url", "invalid_url"),
    (reduce(url="http://me:pw@127.0.0.1/"), "/control/reduce/url", "invalid_url"),
    (reduce(url="http://127.0.0.1/?token=abc123"), "/control/reduce/url", "secret_shown"),
    (reduce(body={"password": "abc"}), "/control/reduce/body", "secret_shown"),
    (reduce(body="password=abc"), "/control/reduce/body", "secret_shown"),
    (reduce(headers={"Host": "x"}), "/control/reduce/headers/Host", "invalid_value"),
    (reduce(method="BREW"), "/control/reduce/method", "not_allowed"),
    (reduce(timeout="PT1H"), "/control/reduce/timeout", "invalid_value"),
    (
        reduce(auth={"type": "bearer", "env": "DATABASE_URL"}),
        "/control/reduce/auth/env",
        "reserved_env",
    ),
    (
        reduce(auth={"type": "bearer", "token": "abc", "env": "A"}),
        "/control/reduce/auth/token",
        "unknown_field",
    ),
]  # fmt: skip
NO_PROFILES: list[tuple[dict[str, Any], str, str]] = [
    ({"power_sensor_id": "nothing"}, "/power_sensor_id", "unknown_sensor"),
    ({"site_meter_id": "nothing"}, "/site_meter_id", "unknown_sensor"),
    ({"power_sensor_id": "warmth"}, "/power_sensor_id", "unknown_sensor"),
    ({"power_sensor_id": None}, "/power_sensor_id", "wrong_type"),
    ({"min_power_kw": -1}, "/min_power_kw", "invalid_value"),
    ({"max_reduction_kw": -0.1}, "/max_reduction_kw", "invalid_value"),
    ({"max_duration": "PT0S"}, "/max_duration", "invalid_duration"),
    ({"max_duration": "P99999W"}, "/max_duration", "invalid_value"),
    ({"min_rest": "P30D"}, "/min_rest", "invalid_value"),
    ({"max_events_per_day": -1}, "/max_events_per_day", "invalid_value"),
    ({"ramp_seconds": -5}, "/ramp_seconds", "invalid_value"),
    ({"priority": -1}, "/priority", "invalid_value"),
    ({"availability": [NO_HOURS]}, "/availability/0/days", "invalid_value"),
    ({"availability": [{"days": ["mon"], "from": "08:00"}]}, "/availability/0/to", "required"),
    ({"room_name": "a/b"}, "/room_name", "invalid_id"),
    ({"labels": {"password": "abc"}}, "/labels/password", "secret_shown"),
    ({"device_id": "other"}, "/device_id", "immutable"),
    ({"colour": "red"}, "/colour", "unknown_field"),
]  # fmt: skip


async def test_what_no_device_can_be(call: Caller) -> None:
    await device(call, "heat-pump")
    await call.sensor("warmth", quantity="temperature", unit="degC")
    before = await call("GET", AT)
    controls = [({"control": control}, place, code) for control, place, code in NO_CONTROLS]
    for fields, place, code in [*NO_PROFILES, *controls]:
        found = places(await call("PUT", AT, 422, json={**PROFILE, **fields}))
        assert (place, code) in found, fields
    refused = await call("PUT", f"{DR}/devices/a%20b", 422, json=PROFILE)
    assert places(refused) == [("/device_id", "invalid_id")]
    assert await call("GET", AT) == before


async def test_where_commands_go_only_an_admin_says(call: Caller) -> None:
    await device(call, "heat-pump", control=HTTP)
    operator = await key_of(call, "operator")
    # All else is an operator's, with the control as it is shown or without.
    calm = await call("PUT", AT, json={**PROFILE, "min_power_kw": 1, "control": SHOWN}, headers=operator)
    assert (calm["min_power_kw"], calm["control"]) == (1.0, SHOWN)
    await call("PUT", AT, json=PROFILE, headers=operator)
    new = {"power_sensor_id": "heat-pump.power", "control": {"kind": "none"}}
    await call("PUT", f"{DR}/devices/new", 201, json=new, headers=operator)
    elsewhere = {**SHOWN, "restore": {**SHOWN["restore"], "url": "http://127.0.0.1:10/"}}
    for control in (elsewhere, {"kind": "none"}):
        body = {**PROFILE, "control": control}
        assert (await call("PUT", AT, 403, json=body, headers=operator))["code"] == "forbidden"
    assert (await call("GET", AT))["control"] == SHOWN


async def test_what_can_be_shed_and_why_not(call: Caller) -> None:
    await device(call, "heat-pump", 3.0, min_power_kw=1)
    await device(call, "idle", None, controllable=False)
    found = await call("GET", f"{DR}/devices/heat-pump/flexibility")
    assert found.keys() == {"device_id", "now_kw", "limits", "hours", "evidence"}
    assert (found["now_kw"], found["limits"], len(found["hours"])) == (2.0, [], 24)
    assert found["evidence"]["power_kw"] == 3.0
    assert 0 <= found["evidence"]["age_seconds"] < 60
    assert found["evidence"].keys() == {"power_kw", "age_seconds", "p10", "p50", "p90", "delivered_ratio"}

    listed = await call("GET", f"{DR}/flexibility")
    assert ([one["device_id"] for one in listed["items"]], listed["total"]) == (["heat-pump", "idle"], 2)
    idle = listed["items"][1]
    assert (idle["now_kw"], [one["code"] for one in idle["limits"]]) == (0.0, ["not_controllable", "stale"])
    assert all(limit["detail"] for limit in idle["limits"])


async def test_a_device_that_cannot_be_told_is_seen(call: Caller) -> None:
    # Nothing listens at its address.
    await device(call, "heat-pump", 3.0, control=HTTP)
    asked = {"target_kw": 2, "duration": "PT10M"}
    done = await call("POST", f"{DR}/load-reduction", 201, json=asked)
    at = f"{DR}/events/{done['event_id']}"
    found = await until(call, at, lambda one: any(each["detail"] for each in one["commands"]))
    [command] = found["commands"]
    assert (command["kind"], command["status"], command["reduction_kw"], command["target_kw"]) == (
        "reduce",
        "pending",
        2.0,
        1.0,
    )
    assert command["attempts"] >= 1
    assert command["code"] == "connection_refused"
    assert command["time"] is not None
    assert SECRET not in str(found)
    assert (await call("POST", f"{at}/cancel"))["status"] == "cancelled"
