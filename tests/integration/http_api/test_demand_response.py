from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.http_api.conftest import Caller
from tests.integration.http_api.dr_site import DR, NOBODY, device, event, key_of, places, until, written

ALWAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
HOUR = timedelta(hours=1)
# Not so soon that the rule makes an event while a test runs.
IN_THREE_DAYS = ALWAYS[(datetime.now(UTC) + timedelta(days=3)).weekday()]
RULE = {
    "days": [IN_THREE_DAYS],
    "at": "18:30",
    "duration": "PT2H",
    "signal": {"type": "SIMPLE", "value": 1},
}


async def test_a_program_from_its_first_to_its_last_day(call: Caller) -> None:
    fields = {
        "program_name": "Summer",
        "description": "hot\nevenings",
        "baseline_method": "high_5_of_10",
        "payload_descriptors": [{"payload_type": "PRICE", "currency": "EUR"}],
        "rule": {**RULE, "ahead": "PT12H", "targets": {"labels": {"circuit": "hvac"}}},
    }
    made = await call("POST", f"{DR}/programs", 201, json=fields)
    assert {name: made[name] for name in ("program_name", "name", "baseline_method", "description")} == {
        "program_name": "Summer",
        "name": "Summer",
        "baseline_method": "high_5_of_10",
        "description": "hot\nevenings",
    }
    assert made["payload_descriptors"] == [{"payload_type": "PRICE", "units": None, "currency": "EUR"}]
    assert made["rule"] == {
        **RULE,
        "signal": {"type": "SIMPLE", "value": 1.0, "unit": None},
        "targets": {"device_ids": None, "room_names": None, "labels": {"circuit": "hvac"}},
        "ahead": "PT12H",
        "notification_period": None,
        "ramp_up_period": "PT0S",
        "recovery_period": "PT0S",
        "randomize_start": "PT0S",
        "priority": None,
    }
    at = f"{DR}/programs/{made['program_id']}"
    assert await call("GET", at) == made
    assert (await call("POST", f"{DR}/programs", 409, json={"name": "Summer"}))["code"] == "program_exists"
    changed = await call("PUT", at, json={"name": "Winter", "rule": made["rule"]})
    assert (changed["name"], changed["baseline_method"], changed["rule"]) == (
        "Winter",
        "10_of_10",
        made["rule"],
    )
    await call("PUT", at, json={"name": "Winter", "program_id": made["program_id"]})
    listed = await call("GET", f"{DR}/programs")
    assert ([one["name"] for one in listed["items"]], listed["total"]) == (["Winter"], 1)
    await call("DELETE", at, 204)
    for method, body in (("GET", None), ("DELETE", None), ("PUT", {"name": "x"})):
        assert (await call(method, at, 404, json=body))["code"] == "unknown_program"


LOUD = {"type": "SIMPLE", "value": 4}
NO_PROGRAMS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "/program_name", "required"),
    ({"program_name": " "}, "/program_name", "required"),
    ({"program_name": "a", "name": "b"}, "/name", "contradiction"),
    ({"name": "a", "baseline_method": "best"}, "/baseline_method", "not_allowed"),
    ({"name": "a", "program_id": NOBODY}, "/program_id", "unknown_field"),
    ({"name": "a", "colour": "red"}, "/colour", "unknown_field"),
    ({"name": "a", "rule": {**RULE, "days": []}}, "/rule/days", "invalid_value"),
    ({"name": "a", "rule": {**RULE, "at": "24:00"}}, "/rule/at", "wrong_format"),
    ({"name": "a", "rule": {**RULE, "duration": "PT0S"}}, "/rule/duration", "end_before_start"),
    ({"name": "a", "rule": {**RULE, "duration": "P2D"}}, "/rule/duration", "too_long"),
    ({"name": "a", "rule": {**RULE, "ahead": "PT0S"}}, "/rule/ahead", "invalid_duration"),
    ({"name": "a", "rule": {**RULE, "signal": LOUD}}, "/rule/signal/value", "invalid_value"),
]  # fmt: skip


async def test_what_no_program_can_be(call: Caller) -> None:
    for fields, pointer, code in NO_PROGRAMS:
        assert (pointer, code) in places(await call("POST", f"{DR}/programs", 422, json=fields))


async def test_a_program_whose_events_are_not_over_stays(call: Caller) -> None:
    await device(call, "d")
    program = (await call("POST", f"{DR}/programs", 201, json={"name": "p"}))["program_id"]
    made = await call("POST", f"{DR}/events", 201, json=event(program_id=program))
    refused = await call("DELETE", f"{DR}/programs/{program}", 409)
    assert refused["code"] == "program_has_events"
    await call("POST", f"{DR}/events/{made['event_id']}/cancel")
    await call("DELETE", f"{DR}/programs/{program}", 204)
    assert (await call("GET", f"{DR}/events/{made['event_id']}"))["program_id"] == program


async def test_an_event_from_its_draft_to_its_cancellation(call: Caller) -> None:
    await device(call, "d", labels={"circuit": "hvac"})
    await device(call, "e")
    body = event(
        signal={"type": "PRICE", "value": 0.4, "unit": "EUR/kWh"},
        ramp_up_period="PT10M",
        recovery_period="PT1H",
        priority=1,
        targets={"labels": {"circuit": "hvac"}},
        test_event=True,
        draft=True,
    )
    draft = await call("POST", f"{DR}/events", 201, json=body)
    at = f"{DR}/events/{draft['event_id']}"
    start = datetime.fromisoformat(str(body["start"]))
    shown = {
        name: draft[name] for name in ("status", "start", "end", "duration", "ramp_up_period", "priority")
    }
    assert shown == {
        "status": "draft",
        "start": start.isoformat(),
        "end": (start + HOUR).isoformat(),
        "duration": "PT1H",
        "ramp_up_period": "PT10M",
        "priority": 1,
    }
    assert (draft["notification_period"], draft["test_event"], draft["invitations"]) == (None, True, [])
    assert draft["targets"] == {"device_ids": None, "room_names": None, "labels": {"circuit": "hvac"}}

    published = await call("POST", f"{at}/publish")
    assert published["status"] == "far"
    assert [(one["device_id"], one["status"]) for one in published["invitations"]] == [("d", "invited")]
    assert (await call("POST", f"{at}/publish", 409))["code"] == "already_published"

    cancelled = await call("POST", f"{at}/cancel", json={"reason": "rain"})
    assert [(one["status"], one["reason"]) for one in cancelled["history"]] == [
        ("draft", None),
        ("far", None),
        ("cancelled", "rain"),
    ]
    assert cancelled["history"][-1]["by"] == cancelled["created_by"]
    assert (cancelled["commands"], cancelled["assignments"], cancelled["missed"]) == ([], [], None)
    for move in ("publish", "cancel"):
        assert (await call("POST", f"{at}/{move}", 409))["code"] == "event_cancelled"
    assert await call("GET", at) == cancelled


async def test_events_are_found_by_status_program_and_time(call: Caller) -> None:
    await device(call, "d")
    program = (await call("POST", f"{DR}/programs", 201, json={"name": "p"}))["program_id"]
    first = await call("POST", f"{DR}/events", 201, json=event(program_id=program))
    later = await call("POST", f"{DR}/events", 201, json=event(start=written(5 * HOUR), draft=True))
    past = await call("POST", f"{DR}/events", 201, json=event(start=written(-5 * HOUR)))
    assert (past["status"], past["dispatched"]) == ("completed", False)

    async def found(**asked: object) -> list[str]:
        listed = await call("GET", f"{DR}/events", params=asked)
        assert listed["total"] == len(listed["items"])
        return [one["event_id"] for one in listed["items"]]

    assert await found() == [later["event_id"], first["event_id"], past["event_id"]]
    assert await found(status="draft") == [later["event_id"]]
    assert await found(status=["far", "completed"]) == [first["event_id"], past["event_id"]]
    assert await found(program_id=program) == [first["event_id"]]
    assert await found(**{"from": written(timedelta()), "to": written(3 * HOUR)}) == [first["event_id"]]
    paged = await call("GET", f"{DR}/events", params={"limit": 1, "offset": 1})
    assert ([one["event_id"] for one in paged["items"]], paged["total"]) == ([first["event_id"]], 3)
    assert "commands" not in paged["items"][0]
    backwards = {"from": written(HOUR), "to": written(-HOUR)}
    refused = await call("GET", f"{DR}/events", 422, params=backwards)
    assert places(refused) == [("/query/to", "end_before_start")]
    assert places(await call("GET", f"{DR}/events", 422, params={"status": "soon"})) == [
        ("/query/status", "not_allowed")
    ]
    await call("GET", f"{DR}/events", 422, params={"limit": 0})


NO_EVENTS: list[tuple[dict[str, Any], str, str]] = [
    ({"event_name": ""}, "/event_name", "required"),
    ({"signal": {"type": "LOAD_REDUCTION", "value": -2}}, "/signal/value", "invalid_value"),
    ({"signal": {"type": "LOAD_REDUCTION", "value": 0}}, "/signal/value", "invalid_value"),
    ({"signal": {"type": "LOAD_REDUCTION", "value": 1, "unit": "W"}}, "/signal/unit", "unit_mismatch"),
    ({"signal": {"type": "IMPORT_CAPACITY_LIMIT", "value": -1}}, "/signal/value", "invalid_value"),
    ({"signal": {"type": "IMPORT_CAPACITY_LIMIT", "value": 1}}, "/targets", "no_site_meter"),
    ({"signal": {"type": "SHOUT", "value": 1}}, "/signal/type", "not_allowed"),
    ({"signal": {"type": "SIMPLE"}}, "/signal/value", "required"),
    ({"signal": {"type": "SIMPLE", "value": "1"}}, "/signal/value", "wrong_type"),
    ({"signal": {"type": "SIMPLE", "value": 1, "unit": "kW"}}, "/signal/unit", "unit_mismatch"),
    ({"signal": {"type": "PRICE", "value": 1, "unit": "kW"}}, "/signal/unit", "unit_mismatch"),
    ({"draft": "true"}, "/draft", "wrong_type"),
    ({"duration": "PT0S"}, "/duration", "end_before_start"),
    ({"duration": "-PT1H"}, "/duration", "invalid_duration"),
    ({"duration": 3600}, "/duration", "invalid_duration"),
    ({"duration": "P1M"}, "/duration", "invalid_duration"),
    ({"duration": "P1DT1S"}, "/duration", "too_long"),
    ({"end": "2099-01-01T00:00:00Z"}, "/end", "unknown_field"),
    ({"start": "2099-01-01T00:00:00"}, "/start", "naive_timestamp"),
    ({"start": "9999-12-31T23:59:59Z"}, "/start", "out_of_calendar"),
    ({"start": "0001-01-01T00:00:00Z"}, "/start", "out_of_calendar"),
    ({"start": written(-2 * HOUR), "duration": "PT4H"}, "/start", "began_too_long_ago"),
    ({"targets": {"device_ids": ["nobody"]}}, "/targets/device_ids/0", "unknown_device"),
    ({"targets": {"device_ids": ["d", "nobody"]}}, "/targets/device_ids/1", "unknown_device"),
    ({"targets": {"device_ids": []}}, "/targets/device_ids", "invalid_value"),
    ({"targets": {"room_names": ["nowhere"]}}, "/targets", "no_matching_devices"),
    ({"targets": {"device_ids": ["d"], "labels": {"a": "b"}}}, "/targets", "no_matching_devices"),
    ({"targets": {"devices": ["d"]}}, "/targets/devices", "unknown_field"),
    ({"priority": -1}, "/priority", "invalid_value"),
    ({"ramp_up_period": "P2D"}, "/ramp_up_period", "invalid_value"),
    ({"notification_period": "soon"}, "/notification_period", "invalid_duration"),
    ({"program_id": NOBODY}, "/program_id", "unknown_program"),
    ({"program_id": "p"}, "/program_id", "wrong_format"),
]


async def test_what_no_event_can_be(call: Caller) -> None:
    await device(call, "d")
    for fields, pointer, code in NO_EVENTS:
        found = places(await call("POST", f"{DR}/events", 422, json=event(**fields)))
        assert (pointer, code) in found
    assert (await call("GET", f"{DR}/events"))["total"] == 0


async def test_the_same_event_posted_twice_is_one(call: Caller) -> None:
    await device(call, "d")
    once = {"Idempotency-Key": "e-1"}
    body = event()
    first = await call("POST", f"{DR}/events", 201, json=body, headers=once)
    assert await call("POST", f"{DR}/events", 201, json=body, headers=once) == first
    assert (await call("GET", f"{DR}/events"))["total"] == 1
    other = await call("POST", f"{DR}/events", 422, json=event(priority=3), headers=once)
    assert other["code"] == "idempotency_key_reused"


async def test_invitations_are_answered_by_people(call: Caller) -> None:
    await device(call, "d")
    await device(call, "e")
    made = await call("POST", f"{DR}/events", 201, json=event())
    invited = {one["device_id"]: one for one in made["invitations"]}
    first = f"{DR}/invitations/{invited['d']['invitation_id']}"
    assert await call("GET", first) == invited["d"]
    assert (invited["d"]["status"], invited["d"]["answer_until"]) == ("invited", made["start"])

    body = {"response": "opt_in", "committed_kw": 1.5, "reason": "glad to"}
    answered = await call("POST", f"{first}/answer", json=body)
    assert {name: answered[name] for name in ("status", "answered_by", "rule", "committed_kw", "reason")} == {
        "status": "opt_in",
        "answered_by": "person",
        "rule": None,
        "committed_kw": 1.5,
        "reason": "glad to",
    }
    assert answered["actor"] == made["created_by"]
    listed = await call("GET", f"{DR}/invitations", params={"status": "opt_in"})
    assert (listed["items"], listed["total"]) == ([answered], 1)
    of_event = await call("GET", f"{DR}/invitations", params={"event_id": made["event_id"], "device_id": "e"})
    assert [one["device_id"] for one in of_event["items"]] == ["e"]

    out = await call("POST", f"{first}/answer", json={"response": "opt_out"})
    assert (out["status"], out["committed_kw"]) == ("opt_out", None)
    for wrong, place, code in (
        ({"response": "perhaps"}, "/response", "not_allowed"),
        ({"response": "opt_in", "committed_kw": -1}, "/committed_kw", "invalid_value"),
        ({}, "/response", "required"),
    ):
        assert places(await call("POST", f"{first}/answer", 422, json=wrong)) == [(place, code)]
    await call("POST", f"{DR}/events/{made['event_id']}/cancel")
    late = await call("POST", f"{first}/answer", 409, json={"response": "opt_in"})
    assert late["code"] == "event_cancelled"


async def test_what_is_not_there_is_404(call: Caller) -> None:
    for method, path, code, body in (
        ("GET", f"events/{NOBODY}", "unknown_event", None),
        ("GET", f"events/{NOBODY}/performance", "unknown_event", None),
        ("GET", f"events/{NOBODY}/performance/versions", "unknown_event", None),
        ("POST", f"events/{NOBODY}/publish", "unknown_event", None),
        ("POST", f"events/{NOBODY}/cancel", "unknown_event", None),
        ("GET", f"programs/{NOBODY}", "unknown_program", None),
        ("GET", f"invitations/{NOBODY}", "unknown_invitation", None),
        ("POST", f"invitations/{NOBODY}/answer", "unknown_invitation", {"response": "opt_in"}),
        ("GET", "devices/nobody", "unknown_device", None),
        ("DELETE", "devices/nobody", "unknown_device", None),
        ("GET", "devices/nobody/flexibility", "unknown_device", None),
        ("GET", "auto-response/nobody", "unknown_device", None),
        ("PUT", "auto-response/nobody", "unknown_device", {"enabled": True}),
        ("DELETE", "auto-response/nobody", "unknown_device", None),
        ("GET", "events/7", "not_found", None),
    ):
        assert (await call(method, f"{DR}/{path}", 404, json=body))["code"] == code, path


async def test_rules_of_all_and_of_one(call: Caller) -> None:
    await device(call, "d")
    never = await call("GET", f"{DR}/auto-response")
    assert never == {
        "rule": "default",
        "enabled": False,
        "min_notice": "PT0S",
        "max_duration": None,
        "max_events_per_day": None,
        "min_price": None,
        "hours": None,
        "keep_comfort": True,
        "decision": "opt_in",
    }
    given = {name: value for name, value in never.items() if name != "rule"} | {
        "enabled": True,
        "min_notice": "PT15M",
        "max_duration": "PT2H",
        "max_events_per_day": 2,
        "min_price": -0.1,
        "hours": [{"days": ALWAYS, "from": "22:00", "to": "06:00"}],
        "decision": "opt_out",
    }
    assert await call("PUT", f"{DR}/auto-response", json=given) == {**given, "rule": "default"}
    assert await call("GET", f"{DR}/auto-response/d") == {**given, "rule": "default"}
    own = await call("PUT", f"{DR}/auto-response/d", json={"enabled": False})
    assert own == {**never, "rule": "device:d"}
    assert await call("GET", f"{DR}/auto-response/d") == own
    await call("DELETE", f"{DR}/auto-response/d", 204)
    assert (await call("GET", f"{DR}/auto-response/d"))["rule"] == "default"
    never = {"days": [], "from": "01:00", "to": "02:00"}
    for wrong, place, code in (
        ({}, "/enabled", "required"),
        ({"enabled": True, "max_events_per_day": -1}, "/max_events_per_day", "invalid_value"),
        ({"enabled": True, "max_events_per_day": 10**12}, "/max_events_per_day", "out_of_range"),
        ({"enabled": True, "max_duration": "PT0S"}, "/max_duration", "invalid_duration"),
        ({"enabled": 1}, "/enabled", "wrong_type"),
        ({"enabled": True, "decision": "maybe"}, "/decision", "not_allowed"),
        ({"enabled": True, "hours": [{**never, "from": "1:00"}]}, "/hours/0/from", "wrong_format"),
        ({"enabled": True, "hours": [never]}, "/hours/0/days", "invalid_value"),
    ):  # fmt: skip
        assert (place, code) in places(await call("PUT", f"{DR}/auto-response/d", 422, json=wrong))


async def test_a_reduction_is_planned_and_then_done(call: Caller) -> None:
    await device(call, "first", 3, priority=0, min_power_kw=1)
    await device(call, "second", 2, priority=1)
    await device(call, "blind", None)
    body = {"target_kw": 3, "duration": "PT15M", "dry_run": True}
    plan = await call("POST", f"{DR}/load-reduction", json=body)
    assert plan["devices"] == [
        {"device_id": "first", "reduction_kw": 2.0},
        {"device_id": "second", "reduction_kw": 1.0},
    ]
    assert (plan["total_kw"], plan["shortfall_kw"], plan["event_id"], plan["dry_run"]) == (
        3.0,
        0.0,
        None,
        True,
    )
    assert [(one["device_id"], one["code"]) for one in plan["left_out"]] == [("blind", "stale")]
    assert plan["left_out"][0]["reason"] == "its power sensor has no reading"
    assert (await call("GET", f"{DR}/events"))["total"] == 0

    done = await call("POST", f"{DR}/load-reduction", 201, json={**body, "target_kw": 9, "dry_run": False})
    assert (done["total_kw"], done["shortfall_kw"]) == (4.0, 5.0)
    made = await call("GET", f"{DR}/events/{done['event_id']}")
    assert (made["origin"], made["signal"]) == (
        "load_reduction",
        {"type": "LOAD_REDUCTION", "value": 9.0, "unit": "kW"},
    )
    assert {(one["device_id"], one["status"], one["committed_kw"]) for one in made["invitations"]} == {
        ("first", "opt_in", 2.0),
        ("second", "opt_in", 2.0),
    }
    assert made["left_out"][0]["device_id"] == "blind"

    again = await call("POST", f"{DR}/load-reduction", json={**body, "dry_run": False})
    assert (again["event_id"], again["total_kw"], again["shortfall_kw"]) == (None, 0.0, 3.0)
    assert {one["device_id"]: one["code"] for one in again["left_out"]} == {
        "first": "serves_another",
        "second": "serves_another",
        "blind": "stale",
    }

    nobody = {**body, "targets": {"device_ids": ["blind"]}, "dry_run": False}
    assert (await call("POST", f"{DR}/load-reduction", json=nobody))["event_id"] is None
    for wrong, place, code in (
        ({"target_kw": -1}, "/target_kw", "invalid_value"),
        ({"duration": "PT0S"}, "/duration", "end_before_start"),
        ({"start": written(-3 * HOUR)}, "/start", "in_past"),
        ({"start": written(-2 * HOUR), "duration": "PT4H"}, "/start", "began_too_long_ago"),
        ({"start": "9999-12-31T23:59:59Z"}, "/start", "out_of_calendar"),
        ({"targets": {"device_ids": ["nobody"]}}, "/targets/device_ids/0", "unknown_device"),
        ({"targets": {"labels": {"no": "such"}}}, "/targets", "no_matching_devices"),
        ({"target_kw": None}, "/target_kw", "wrong_type"),
        ({"target_kw": "1"}, "/target_kw", "wrong_type"),
        ({"dry_run": "false"}, "/dry_run", "wrong_type"),
        ({"dry_run": 0}, "/dry_run", "wrong_type"),
    ):
        refused = await call("POST", f"{DR}/load-reduction", 422, json={**body, **wrong})
        assert (place, code) in places(refused)


async def test_who_may_do_what(call: Caller) -> None:
    await device(call, "d")
    viewer, operator = await key_of(call, "viewer"), await key_of(call, "operator")
    made = await call("POST", f"{DR}/events", 201, json=event(), headers=operator)
    at, invited = f"{DR}/events/{made['event_id']}", made["invitations"][0]["invitation_id"]
    program = (await call("POST", f"{DR}/programs", 201, json={"name": "p"}, headers=operator))["program_id"]
    reduction = {"target_kw": 1, "duration": "PT1H", "dry_run": True}
    for path in ("programs", "events", "invitations", "devices", "flexibility", "auto-response"):
        await call("GET", f"{DR}/{path}", headers=viewer)
    writes: list[tuple[str, str, Any]] = [
        ("POST", f"{DR}/programs", {"name": "q"}),
        ("PUT", f"{DR}/programs/{program}", {"name": "q"}),
        ("POST", f"{DR}/events", event()),
        ("POST", f"{at}/publish", None),
        ("POST", f"{at}/cancel", None),
        ("POST", f"{DR}/invitations/{invited}/answer", {"response": "opt_in"}),
        ("PUT", f"{DR}/devices/d", {"power_sensor_id": "d.power"}),
        ("PUT", f"{DR}/auto-response", {"enabled": True}),
        ("PUT", f"{DR}/auto-response/d", {"enabled": True}),
        ("DELETE", f"{DR}/auto-response/d", None),
        ("POST", f"{DR}/load-reduction", reduction),
    ]
    for method, path, body in writes:
        refused = await call(method, path, 403, json=body, headers=viewer)
        assert refused["code"] == "forbidden", path
        answer = await call.client.request(method, f"/api/v1{path}", json=body, headers=operator)
        assert answer.status_code != 403, path
    for path in ("devices/d", f"programs/{program}"):
        assert (await call("DELETE", f"{DR}/{path}", 403, headers=operator))["code"] == "forbidden"
    nobody = {"Authorization": "Bearer wrong"}
    assert (await call("GET", f"{DR}/events", 401, headers=nobody))["code"] == "invalid_api_key"


async def test_what_was_done_is_in_the_audit(call: Caller) -> None:
    await device(call, "d")
    made = await call("POST", f"{DR}/events", 201, json=event())
    invited = made["invitations"][0]["invitation_id"]
    await call("POST", f"{DR}/invitations/{invited}/answer", json={"response": "opt_out"})
    await call("POST", f"{DR}/events/{made['event_id']}/cancel")
    actions = [one["action"] for one in (await call("GET", "/audit"))["items"]]
    assert actions[:4] == [
        "EventStatusChanged",
        "InvitationAnswered",
        "EventStatusChanged",
        "DrDeviceRegistered",
    ]


async def test_an_event_begins_at_once_and_tells_people_what_to_switch(call: Caller) -> None:
    await device(call, "d", 3)
    started = await call("POST", f"{DR}/load-reduction", 201, json={"target_kw": 1, "duration": "PT10M"})
    at = f"{DR}/events/{started['event_id']}"
    found = await until(call, at, lambda one: bool(one["commands"]))
    assert (found["status"], found["dispatched"]) == ("active", True)
    command = found["commands"][0]
    assert {name: command[name] for name in ("device_id", "kind", "status", "attempts", "reduction_kw")} == {
        "device_id": "d",
        "kind": "reduce",
        "status": "manual",
        "attempts": 0,
        "reduction_kw": 1.0,
    }
    assert (found["assignments"][0]["device_id"], found["assignments"][0]["asked_kw"]) == ("d", 1.0)
    serving = await call("DELETE", f"{DR}/devices/d", 409)
    assert serving["code"] == "device_is_serving"
    cancelled = await call("POST", f"{at}/cancel", json={})
    assert cancelled["status"] == "cancelled"
    assert [one["kind"] for one in cancelled["commands"]] == ["reduce", "restore"]
    assert cancelled["assignments"][0]["end_reason"] == "event_cancelled"
    now = datetime.now(UTC)
    assert datetime.fromisoformat(cancelled["history"][-1]["at"]) <= now
