"""What events brought, worked out again by hand from what the JSON and the CSV show."""

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO
from math import sqrt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.integration.http_api.conftest import Caller
from tests.integration.http_api.dr_site import DR, NOBODY, device, event, places, written

LISBON = ZoneInfo("Europe/Lisbon")
QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
SHED_KW = 1.5


def some_days_ago() -> datetime:
    """Return 16:00 (UTC) of a weekday of at least three days ago."""
    moment = (datetime.now(UTC) - 3 * DAY).replace(hour=16, minute=0, second=0, microsecond=0)
    while moment.weekday() > 4:
        moment -= DAY
    return moment


def usual_kw(moment: datetime) -> float:
    """Return a load that differs from day to day and from hour to hour."""
    return 4 + (moment.toordinal() * 7 % 11) / 10 + moment.hour / 20 + moment.minute / 300


async def metered(call: Caller, device_id: str, start: datetime, shed_kw: float = SHED_KW) -> None:
    """Let the device be metered for 30 days: usual but for the hour from ``start`` on, and more after it."""
    sensor_id = f"{device_id}.power"
    await call.sensor(sensor_id, accumulation="mean", resolution="PT15M")
    moment, times, values = start - 30 * DAY, [], []
    while moment < start + 6 * QUARTER * 4:
        kw = usual_kw(moment)
        if start <= moment < start + 4 * QUARTER:
            kw -= shed_kw
        elif start + 4 * QUARTER <= moment < start + 8 * QUARTER:
            kw += 0.4
        times.append(moment.isoformat())
        values.append(kw)
        moment += QUARTER
    await call("POST", "/data/readings", json={"sensor_id": sensor_id, "times": times, "values": values})
    await call("PUT", f"{DR}/devices/{device_id}", 201, json={"power_sensor_id": sensor_id})


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def check_baseline(found: dict[str, Any], keep: int | None = None) -> None:
    """Work a baseline out again from its own evidence."""
    days = found["eligible_days"]
    assert 5 <= len(days) <= 10
    hours = 0.25
    for one in days:
        assert one["energy_kwh"] == pytest.approx(sum(one["window_kw"]) * hours)
    ranked = sorted(days, key=lambda one: (one["energy_kwh"], one["date"]), reverse=True)
    used = [one for one in days if one["used"]]
    assert [one["date"] for one in used] == found["days_used"]
    assert {one["date"] for one in used} == {one["date"] for one in ranked[:keep]}

    adjustment = found["adjustment"]
    start = datetime.fromisoformat(found["window"]["start"])
    assert adjustment["window"] == {
        "start": (start - timedelta(hours=4)).isoformat(),
        "end": (start - timedelta(hours=1)).isoformat(),
    }
    for number, one in enumerate(adjustment["intervals"]):
        assert one["baseline_kw"] == pytest.approx(mean([day["adjustment_kw"][number] for day in used]))
    assert adjustment["mean_baseline_kw"] == pytest.approx(
        mean([one["baseline_kw"] for one in adjustment["intervals"]])
    )
    assert adjustment["mean_actual_kw"] == pytest.approx(
        mean([one["actual_kw"] for one in adjustment["intervals"]])
    )
    if adjustment["kind"] == "multiplicative":
        raw = adjustment["mean_actual_kw"] / adjustment["mean_baseline_kw"]
        assert (adjustment["raw"], adjustment["applied"]) == (
            pytest.approx(raw),
            pytest.approx(min(max(raw, 0.8), 1.2)),
        )
    for number, one in enumerate(found["intervals"]):
        unadjusted = mean([day["window_kw"][number] for day in used])
        assert one["unadjusted_kw"] == pytest.approx(unadjusted)
        applied = adjustment["applied"]
        if adjustment["kind"] == "none":
            assert one["baseline_kw"] == pytest.approx(unadjusted)
        elif adjustment["kind"] == "additive":
            assert one["baseline_kw"] == pytest.approx(unadjusted + applied)
        else:
            assert one["baseline_kw"] == pytest.approx(unadjusted * applied)
        assert one["reduction_kw"] == pytest.approx(one["baseline_kw"] - one["actual_kw"])
    reductions = [one["reduction_kw"] for one in found["intervals"]]
    assert found["reduction_kw"] == pytest.approx(mean(reductions))
    assert found["energy_kwh"] == pytest.approx(sum(reductions) * hours)


async def test_a_baseline_of_a_past_window(call: Caller) -> None:
    start = some_days_ago()
    await metered(call, "d", start)
    asked = {"device_id": "d", "start": start.isoformat(), "duration": "PT1H"}
    found = await call("GET", f"{DR}/baselines", params=asked)
    assert (found["status"], found["method"], found["resolution"]) == ("OK", "10_of_10", "PT15M")
    assert found["timezone"] == "Europe/Lisbon"
    assert found["date"] == start.astimezone(LISBON).date().isoformat()
    assert [one["start"] for one in found["intervals"]] == [
        (start + number * QUARTER).isoformat() for number in range(4)
    ]
    assert [one["actual_kw"] for one in found["intervals"]] == [
        pytest.approx(usual_kw(start + number * QUARTER) - SHED_KW) for number in range(4)
    ]
    check_baseline(found)
    assert all(one.keys() == {"date", "code", "reason"} for one in found["days_excluded"])

    for method, keep in (("high_5_of_10", 5), ("high_4_of_5", 4)):
        for adjustment in ("none", "additive", "multiplicative"):
            also = {**asked, "method": method, "adjustment": adjustment}
            other = await call("GET", f"{DR}/baselines", params=also)
            assert (other["method"], other["adjustment"]["kind"]) == (method, adjustment)
            check_baseline(other, keep)
    finer = await call("GET", f"{DR}/baselines", params={**asked, "resolution": "PT30M"})
    assert (len(finer["intervals"]), finer["resolution"]) == (2, "PT30M")


async def test_a_baseline_without_data_has_no_number(call: Caller) -> None:
    await device(call, "d")
    past = {"device_id": "d", "start": written(-DAY), "duration": "PT1H"}
    found = await call("GET", f"{DR}/baselines", params=past)
    assert (found["status"], found["insufficiency"]) == ("INSUFFICIENT_DATA", "too_few_days")
    assert (found["reduction_kw"], found["energy_kwh"], found["days_used"]) == (None, None, [])
    assert all(one["baseline_kw"] is None for one in found["intervals"])
    coming = await call("GET", f"{DR}/baselines", params={**past, "start": written(DAY)})
    assert (coming["status"], coming["reduction_kw"]) == ("PENDING", None)


async def test_windows_that_no_baseline_has(call: Caller) -> None:
    await device(call, "d")
    asked = {"device_id": "d", "start": written(-DAY), "duration": "PT1H"}
    for change, pointer, code in (
        ({"start": None}, "/query/start", "required"),
        ({"device_id": None}, "/query/device_id", "required"),
        ({"duration": None}, "/query/duration", "required"),
        ({"start": "2026-03-01T00:00:00"}, "/query/start", "naive_timestamp"),
        ({"start": "2026-03-01T00:00:30Z"}, "/query/start", "unaligned_window"),
        ({"start": "0001-01-01T00:00:00Z"}, "/query/start", "out_of_calendar"),
        ({"start": "9999-12-31T23:59:00Z"}, "/query/start", "out_of_calendar"),
        ({"duration": "PT0S"}, "/query/duration", "end_before_start"),
        ({"duration": "P2D"}, "/query/duration", "window_too_long"),
        ({"duration": "PT90S"}, "/query/duration", "unaligned_window"),
        ({"duration": "soon"}, "/query/duration", "invalid_duration"),
        ({"resolution": "PT7M"}, "/query/resolution", "invalid_resolution"),
        ({"resolution": "PT45M"}, "/query/resolution", "invalid_resolution"),
        ({"resolution": "PT1S"}, "/query/resolution", "invalid_resolution"),
        ({"method": "best"}, "/query/method", "not_allowed"),
        ({"adjustment": "much"}, "/query/adjustment", "not_allowed"),
    ):
        wanted = {name: one for name, one in {**asked, **change}.items() if one is not None}
        assert (pointer, code) in places(await call("GET", f"{DR}/baselines", 422, params=wanted)), change
    unknown = await call("GET", f"{DR}/baselines", 404, params={**asked, "device_id": "nobody"})
    assert unknown["code"] == "unknown_device"


async def test_a_method_is_tried_on_days_without_an_event(call: Caller) -> None:
    start = some_days_ago()
    await metered(call, "d", start, shed_kw=0)
    body = {
        "device_id": "d",
        "method": "high_5_of_10",
        "start": (start - 7 * DAY).isoformat(),
        "end": start.isoformat(),
        "window": {"from": "16:00", "to": "18:00"},
    }
    found = await call("POST", f"{DR}/baselines/accuracy", json=body)
    assert (found["method"], found["adjustment"], found["window"]) == (
        "high_5_of_10",
        "multiplicative",
        body["window"],
    )
    days, hours = found["days"], 8
    assert len(days) + len(found["skipped"]) == 7
    assert days
    assert all(one["intervals"] == hours for one in days)
    load = sum(one["load_kw"] for one in days)
    count = hours * len(days)
    assert found["bias"] == pytest.approx(sum(one["error_kw"] for one in days) / load)
    squares = sum(one["squared_error_kw2"] for one in days)
    assert found["cv_rmse"] == pytest.approx(sqrt(squares / count) / (load / count))

    for wrong, pointer, code in (
        ({"end": body["start"]}, "/end", "end_before_start"),
        ({"start": "2020-01-01T00:00:00Z"}, "/end", "too_long"),
        ({"start": "0001-01-01T00:00:00Z"}, "/start", "out_of_calendar"),
        ({"window": {"from": "16:00"}}, "/window/to", "required"),
        ({"window": {"from": "16:00", "to": "25:00"}}, "/window/to", "wrong_format"),
        ({"method": "best"}, "/method", "not_allowed"),
        ({"device_id": None}, "/device_id", "wrong_type"),
    ):
        refused = await call("POST", f"{DR}/baselines/accuracy", 422, json={**body, **wrong})
        assert (pointer, code) in places(refused)
    unknown = {**body, "device_id": "nobody"}
    assert (await call("POST", f"{DR}/baselines/accuracy", 404, json=unknown))["code"] == "unknown_device"


async def test_a_report_can_be_worked_out_again_by_hand(call: Caller) -> None:
    start = some_days_ago()
    await metered(call, "d", start)
    await metered(call, "e", start, shed_kw=0.5)
    program = {"name": "p", "baseline_method": "high_5_of_10"}
    program_id = (await call("POST", f"{DR}/programs", 201, json=program))["program_id"]
    body = event(start=start.isoformat(), program_id=program_id, recovery_period="PT1H")
    made = await call("POST", f"{DR}/events", 201, json=body)
    assert (made["status"], made["dispatched"], made["missed"]) == ("completed", False, None)
    at = f"{DR}/events/{made['event_id']}/performance"

    found = await call("GET", at)
    assert (found["status"], found["method"], found["missing"]) == ("OK", "high_5_of_10", [])
    assert found["window"] == {"start": made["start"], "end": made["end"]}
    devices = {one["device_id"]: one for one in found["devices"]}
    assert list(devices) == ["d", "e"]
    for one in devices.values():
        assert one["status"] == "OK"
        check_baseline(one, 5)
        assert (one["committed_kw"], one["performance"]) == (None, None)
        check_rebound(one)
    for figure in ("reduction_kw", "energy_kwh"):
        assert found[figure] == pytest.approx(sum(one[figure] for one in devices.values()))
        assert found["measured"][figure] == found[figure]
    assert found["rebound_kwh"] == pytest.approx(
        sum(one["rebound"]["energy_kwh"] for one in devices.values())
    )
    assert found["summed"] == ["d", "e"]
    for number, interval in enumerate(found["intervals"]):
        for figure in ("baseline_kw", "unadjusted_kw", "actual_kw", "reduction_kw"):
            each = [one["intervals"][number][figure] for one in devices.values()]
            assert interval[figure] == pytest.approx(sum(each))

    for options in (
        {"params": {"format": "csv"}},
        {"headers": {"Accept": "text/csv"}},
        {"headers": {"Accept": "text/csv, application/json;q=0.5"}},
    ):
        answer = await call.client.get(f"/api/v1{at}", **options)  # type: ignore[arg-type]  # one of each
        assert answer.headers["content-type"].startswith("text/csv")
        assert answer.headers["content-disposition"].endswith(f'event-{made["event_id"]}.csv"')
        check_csv(list(csv.DictReader(StringIO(answer.text))), found)
    as_json = await call.client.get(f"/api/v1{at}", params={"format": "json"}, headers={"Accept": "text/csv"})
    assert as_json.json()["event_id"] == made["event_id"]
    packed = await call.client.get(f"/api/v1{at}", headers={"Accept": "application/msgpack"})
    assert packed.headers["content-type"] == "application/msgpack"


async def test_a_corrected_report_is_another_version(call: Caller) -> None:
    start = some_days_ago()
    await metered(call, "d", start)
    made = await call("POST", f"{DR}/events", 201, json=event(start=start.isoformat()))
    at = f"{DR}/events/{made['event_id']}/performance"
    first = await call("GET", at)
    assert (first["settled"], first["version"]) == (True, 1)
    assert await call("GET", at) == first
    correction = {"sensor_id": "d.power", "time": start.isoformat(), "value": 1.0}
    await call("POST", "/data/readings", json={"readings": [correction]})
    second = await call("GET", at)
    assert (second["version"], second["devices"][0]["intervals"][0]["actual_kw"]) == (2, 1.0)
    assert await call("GET", at, params={"version": 1}) == first
    kept = await call("GET", f"{at}/versions")
    assert [(one["version"], one["status"], one["energy_kwh"]) for one in kept["items"]] == [
        (1, "OK", first["energy_kwh"]),
        (2, "OK", second["energy_kwh"]),
    ]
    assert (await call("GET", f"{at}/versions", params={"offset": 1}))["items"] == kept["items"][1:]
    shown = await call("GET", f"{DR}/events/{made['event_id']}")
    assert shown["reported_version"] == 2
    assert shown["assignments"][0]["delivered_kw"] == pytest.approx(second["reduction_kw"])


def check_rebound(one: dict[str, Any]) -> None:
    """Work the rebound out again from its own evidence, and the event's adjustment."""
    rebound = one["rebound"]
    assert [day["date"] for day in rebound["days"]] == one["days_used"]
    for number, interval in enumerate(rebound["intervals"]):
        unadjusted = mean([day["recovery_kw"][number] for day in rebound["days"]])
        assert interval["unadjusted_kw"] == pytest.approx(unadjusted)
        assert interval["baseline_kw"] == pytest.approx(unadjusted * one["adjustment"]["applied"])
    excess = [max(0.0, each["actual_kw"] - each["baseline_kw"]) for each in rebound["intervals"]]
    assert rebound["energy_kwh"] == pytest.approx(sum(excess) * 0.25)


def check_csv(rows: list[dict[str, str]], found: dict[str, Any]) -> None:
    """Work the report out again from nothing but the table."""

    def part(name: str, device_id: str) -> list[dict[str, str]]:
        return [one for one in rows if (one["part"], one["device_id"]) == (name, device_id)]

    def number(row: dict[str, str], column: str) -> float:
        return float(row[column])

    energy = rebound = 0.0
    for one in found["devices"]:
        name = one["device_id"]
        [summed] = part("device", name)
        loads = part("eligible_load", name)
        used = {row["date"] for row in loads if row["used"] == "true"}
        ranked: dict[str, float] = {}
        for row in loads:
            ranked[row["date"]] = ranked.get(row["date"], 0.0) + number(row, "actual_kw") * 0.25
        for row in part("eligible_day", name):
            assert number(row, "energy_kwh") == pytest.approx(ranked[row["date"]])
        assert used == set(sorted(ranked, key=lambda day: (ranked[day], day))[-5:])

        before = part("eligible_load_before", name)
        starts = {row["start"] for row in part("before", name)}
        baseline = mean([number(row, "actual_kw") for row in before if row["date"] in used])
        assert len(starts) == 12
        actual = mean([number(row, "actual_kw") for row in part("before", name)])
        assert number(summed, "raw") == pytest.approx(actual / baseline)
        factor = min(max(actual / baseline, 0.8), 1.2)
        assert number(summed, "applied") == pytest.approx(factor)

        def expected(row: dict[str, str], loads: list[dict[str, str]], factor: float = factor) -> float:
            same = [one for one in loads if one["start"] == row["start"] and one["used"] == "true"]
            return mean([number(one, "actual_kw") for one in same]) * factor

        intervals = part("interval", name)
        reductions = [expected(row, loads) - number(row, "actual_kw") for row in intervals]
        assert [number(row, "reduction_kw") for row in intervals] == pytest.approx(reductions)
        assert number(summed, "reduction_kw") == pytest.approx(mean(reductions))
        assert number(summed, "energy_kwh") == pytest.approx(sum(reductions) * 0.25)
        after = part("eligible_load_after", name)
        excess = [
            max(0.0, number(row, "actual_kw") - expected(row, after))
            for row in part("recovery_interval", name)
        ]
        assert number(summed, "rebound_kwh") == pytest.approx(sum(excess) * 0.25)
        energy += sum(reductions) * 0.25
        rebound += sum(excess) * 0.25
        assert [row["date"] for row in part("excluded_day", name)] == [
            each["date"] for each in one["days_excluded"]
        ]
    [whole] = part("event", "")
    assert (whole["status"], whole["method"], whole["event_id"]) == (
        "OK",
        "high_5_of_10",
        found["event_id"],
    )
    assert number(whole, "energy_kwh") == pytest.approx(energy)
    assert number(whole, "rebound_kwh") == pytest.approx(rebound)
    assert len(part("summed_interval", "")) == 4


async def test_a_report_without_data_or_before_the_end(call: Caller) -> None:
    await device(call, "d")
    past = await call("POST", f"{DR}/events", 201, json=event(start=written(-DAY)))
    found = await call("GET", f"{DR}/events/{past['event_id']}/performance")
    assert (found["status"], found["reduction_kw"], found["measured"]) == ("INSUFFICIENT_DATA", None, None)
    assert found["missing"] == [
        {"device_id": "d", "status": "INSUFFICIENT_DATA", "insufficiency": "too_few_days"}
    ]
    table = await call.client.get(
        f"/api/v1{DR}/events/{past['event_id']}/performance", params={"format": "csv"}
    )
    rows = list(csv.DictReader(StringIO(table.text)))
    assert [(one["part"], one["code"]) for one in rows[:3]] == [
        ("event", ""),
        ("missing", "too_few_days"),
        ("device", "too_few_days"),
    ]
    coming = await call("POST", f"{DR}/events", 201, json=event())
    at = f"{DR}/events/{coming['event_id']}/performance"
    assert (await call("GET", at))["status"] == "PENDING"
    assert (await call("GET", f"{at}/versions"))["items"] == []
    assert (await call("GET", at, 404, params={"version": 1}))["code"] == "unknown_report"
    assert places(await call("GET", at, 422, params={"version": 0})) == [("/query/version", "out_of_range")]
    assert places(await call("GET", at, 422, params={"format": "pdf"})) == [("/query/format", "not_allowed")]
    await call("GET", f"{DR}/events/{NOBODY}/performance", 404)
    await call("POST", f"{DR}/events/{coming['event_id']}/cancel", 200)
    cancelled = await call("GET", at)
    assert (cancelled["status"], cancelled["insufficiency"]) == ("INSUFFICIENT_DATA", "cancelled")


async def test_a_report_tells_what_another_event_counts_too(call: Caller) -> None:
    start = some_days_ago()
    await metered(call, "d", start)
    first, second = [
        await call("POST", f"{DR}/events", 201, json=event(start=one.isoformat()))
        for one in (start, start + 2 * QUARTER)
    ]
    at = f"{DR}/events/{first['event_id']}/performance"
    found = await call("GET", at)
    assert found["overlaps"] == [
        {"device_id": "d", "event_id": second["event_id"], "start": second["start"], "end": first["end"]}
    ]
    table = await call.client.get(f"/api/v1{at}", params={"format": "csv"})
    [row] = [one for one in csv.DictReader(StringIO(table.text)) if one["part"] == "overlap"]
    assert (row["device_id"], row["event_id"]) == ("d", first["event_id"])
    assert (row["start"], row["end"]) == (second["start"], first["end"])
    assert row["other_event_id"] == second["event_id"]
