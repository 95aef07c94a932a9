import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from domain.demand_response.services.scheduler_loop import SchedulerLoop
from domain.operations.model import Role
from tests.e2e.dashboard.conftest import Product, Seen

pytestmark = pytest.mark.browser

DR = "/demand-response"
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
HTTP = {
    "kind": "http",
    "reduce": {"method": "POST", "url": "http://127.0.0.1:9/less"},
    "restore": {"method": "POST", "url": "http://127.0.0.1:9/more"},
}
OUTSIDE = """() => [...document.querySelectorAll('#demand-card *, #dr-tile *, dialog[open] *')]
  .filter(one => one.offsetParent && !one.closest('.table, .away, .uplot, thead'))
  .filter(one => one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML)"""


class Site:
    """A site whose devices can shed, laid out over the API."""

    def __init__(self, product: Product, key: str) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        self._client = httpx.AsyncClient(base_url=f"{product.url}/api/v1", headers=headers, timeout=30)
        self.product = product
        self.key = key

    async def call(self, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401
        answer = await self._client.request(method, path, **options)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def device(self, device_id: str, kw: float | None = None, **fields: object) -> None:
        """Let there be a device that is metered; it draws so much now."""
        await self.product.sensor(f"{device_id}.power", name=f"{device_id} power")
        if kw is not None:
            await self.product.write(f"{device_id}.power", kw)
        await self.call(
            "PUT", f"{DR}/devices/{device_id}", json={"power_sensor_id": f"{device_id}.power", **fields}
        )

    async def device_with_history(self, device_id: str, event: datetime) -> None:
        """Let a device draw 3 kW for six weeks, 1 kW in an event's hour and 4 kW for half an hour after."""
        sensor = {
            "sensor_id": f"{device_id}.power",
            "name": device_id,
            "quantity": "power",
            "unit": "kW",
            "accumulation": "mean",
            "resolution": "PT15M",
        }
        await self.call("POST", "/sensors", json=sensor)
        first = event - timedelta(days=42)
        count = int((datetime.now(UTC) - QUARTER - first) / QUARTER)
        times = [first + QUARTER * number for number in range(count)]

        def drawn(time: datetime) -> float:
            if event <= time < event + HOUR:
                return 1.0
            return 4.0 if event + HOUR <= time < event + HOUR * 1.5 else 3.0

        columns = {
            "sensor_id": f"{device_id}.power",
            "times": [one.isoformat() for one in times],
            "values": [drawn(one) for one in times],
        }
        await self.call("POST", "/data/readings", json=columns)
        await self.call("PUT", f"{DR}/devices/{device_id}", json={"power_sensor_id": f"{device_id}.power"})

    async def event(self, **fields: object) -> Any:  # noqa: ANN401
        """Let there be an event, in an hour unless it says another start."""
        start = datetime.now(UTC).replace(second=0, microsecond=0) + HOUR
        body = {
            "event_name": "Evening peak",
            "signal": {"type": "LOAD_REDUCTION", "value": 2},
            "start": start.isoformat(),
            "duration": "PT1H",
            **fields,
        }
        return await self.call("POST", f"{DR}/events", json=body)

    async def close(self) -> None:
        await self._client.aclose()


@pytest.fixture
async def site(product: Product) -> AsyncIterator[Site]:
    site = Site(product, await product.key())
    yield site
    await site.close()


@pytest.fixture
async def scheduler(product: Product) -> AsyncIterator[None]:
    loop: SchedulerLoop = await product.container.get(SchedulerLoop)
    running = asyncio.create_task(loop())
    yield
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def opened(page: Page, product: Product, role: Role = Role.OPERATOR) -> None:
    await page.goto(f"{product.url}/dashboard#key={await product.key(role)}")
    await expect(page.locator("#connection")).to_have_text("Live")


def figure(dialog: Locator, name: str) -> Locator:
    return (
        dialog.locator(".figures div", has=dialog.page.locator(f"dt:text-is('{name}')")).locator("dd").first
    )


async def test_nothing_there_is_said_in_words(product: Product, page: Page, seen: Seen) -> None:
    await opened(page, product)
    await expect(page.locator("#dr-events")).to_contain_text("No event yet")
    await expect(page.locator("#dr-devices")).to_contain_text("control.demandresponse")
    await expect(page.locator("#dr-count")).to_have_text("No event")
    await expect(page.locator("#dr-hint")).to_have_text("no device can take part yet")
    await expect(page.locator("#reduce-load")).to_be_disabled()
    assert seen.complaints == []


async def test_what_can_be_shed_is_shown_by_device_and_hour(site: Site, page: Page, seen: Seen) -> None:
    await site.device("boiler", 3.0, min_power_kw=1, max_duration="PT2H")
    await site.device("oven", 1.5)
    await site.device("blind")
    await opened(page, site.product)
    await expect(page.locator("#shed-now")).to_have_text("3.50")
    await expect(page.locator("#shed-hint")).to_have_text("by 2 of 3 devices")
    await expect(page.locator("#dr-hint")).to_have_text("3.50 kW can be shed now")
    await expect(page.locator("#dr-devices .value")).to_have_text(["2.00 kW", "1.50 kW", "0.00 kW"])
    rows = page.locator("#dr-devices .row")
    await expect(rows.nth(0)).to_contain_text("For 2 h at most, switched by hand")
    await expect(rows.nth(2).locator(".limit")).to_have_text("Its power sensor has no reading")
    await expect(page.locator("#dr-hours .hour")).to_have_count(24)
    await rows.nth(1).click()
    await expect(rows.nth(1)).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#dr-hours-title")).to_have_text("Next 24 hours, oven")
    await expect(page.locator("#dr-hours")).to_have_attribute("aria-label", re.compile("by oven"))
    assert seen.complaints == []


@pytest.mark.usefixtures("scheduler")
async def test_a_reduction_is_planned_done_and_watched(site: Site, page: Page, seen: Seen) -> None:
    await site.device("boiler", 3.0, min_power_kw=1, priority=0, control=HTTP)
    await site.device("oven", 1.5, priority=1)
    await site.device("blind")
    await opened(page, site.product)
    await page.locator("#reduce-load").click()
    form = page.locator("#reduce-dialog")
    await expect(page.locator("#reduce-kw")).to_be_focused()
    await expect(form).to_contain_text("3.50 kW can be shed now")
    await page.keyboard.type("5")
    await page.keyboard.press("Enter")
    outcome = page.locator("#reduce-outcome")
    await expect(outcome).to_contain_text("3.50 kW of 5.00 kW: 1.50 kW cannot be found.")
    await expect(outcome.locator(".load .name")).to_have_text(["boiler", "oven"])
    await outcome.locator("summary").click()
    await expect(outcome).to_contain_text("Its power sensor has no reading")
    assert (await site.call("GET", f"{DR}/events"))["total"] == 0

    await page.locator("#reduce-kw").fill("2.5")  # another wish is another plan
    await expect(outcome).to_be_empty()
    await form.get_by_role("button", name="1 h").click()
    await page.locator("#reduce-plan").click()
    await expect(outcome.locator(".load .value")).to_have_text(["2.00 kW", "0.50 kW"])
    await form.get_by_role("button", name="Reduce 2.50 kW from now on, for 1 h").click()

    dialog = page.locator("#dr-dialog")
    await expect(form).to_be_hidden()
    await expect(dialog.locator("h2")).to_have_text("Load reduction of 2.5 kW")
    await expect(dialog.locator(".dr-head .chip")).to_have_text("active")
    await expect(figure(dialog, "Target")).to_have_text("2.50 kW less")
    await expect(figure(dialog, "Committed")).to_have_text("2.50 kW")
    commands = dialog.locator(".dr-commands tbody tr")
    await expect(commands.filter(has_text="boiler")).to_contain_text("taken")
    await expect(commands.filter(has_text="oven")).to_contain_text("by hand")
    await expect(dialog.locator(".dr-report")).to_contain_text("It runs.")
    await dialog.get_by_role("button", name="Close").click()

    row = page.locator(".dr-event")
    await expect(row).to_have_attribute("data-state", "active")
    await expect(row.locator(".number")).to_contain_text(["2.50 kW", "2.50 kW"])
    await expect(page.locator("#dr-tile")).to_have_attribute("data-state", "active")
    await expect(page.locator("#dr-count")).to_have_text("1 active")
    await expect(page.locator("#dr-devices .serves").first).to_have_text("Serves Load reduction of 2.5 kW")
    feed = page.locator("#event-list")
    await expect(feed).to_contain_text("Load reduction of 2.5 kW began.")
    await expect(feed).to_contain_text("boiler and oven take part in Load reduction of 2.5 kW.")
    await expect(feed).to_contain_text("boiler was told to shed 2.00 kW (Load reduction of 2.5 kW).")
    await expect(feed).to_contain_text("oven is to be told to shed 0.50 kW by hand")
    assert seen.complaints == []


@pytest.mark.usefixtures("scheduler")
async def test_a_running_event_is_cancelled_with_a_reason(site: Site, page: Page, seen: Seen) -> None:
    await site.device("boiler", 3.0, control=HTTP)
    await site.call("POST", f"{DR}/load-reduction", json={"target_kw": 2.5, "duration": "PT1H"})
    await opened(page, site.product)
    row = page.locator(".dr-event[data-state=active]")
    dialog = page.locator("#dr-dialog")
    commands = dialog.locator(".dr-commands tbody tr")
    await row.focus()
    await page.keyboard.press("Enter")
    await dialog.get_by_role("button", name="Cancel the event").click()
    await page.keyboard.type("rain")
    await dialog.get_by_role("button", name="Let it go on").click()
    await dialog.get_by_role("button", name="Cancel the event").click()
    await page.keyboard.type("the oven is needed")
    await page.keyboard.press("Enter")
    await expect(dialog.locator(".dr-head .chip")).to_have_text("cancelled")
    await expect(dialog.locator(".dr-notes")).to_contain_text("Cancelled by browser")
    await expect(dialog.locator(".dr-notes")).to_contain_text("the oven is needed")
    await expect(dialog.locator(".dr-notes")).to_contain_text("too short to be measured")
    await expect(dialog.get_by_role("button", name="Cancel the event")).to_have_count(0)
    await expect(commands.filter(has_text="Come back")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    row = page.locator(".dr-event[data-state=cancelled]")
    await expect(row.locator(".why")).to_have_text("Cancelled: the oven is needed")
    await expect(page.locator("#event-list")).to_contain_text(
        "Load reduction of 2.5 kW was cancelled: the oven is needed."
    )
    assert seen.complaints == []


async def test_a_later_reduction_for_some_devices_is_scheduled(site: Site, page: Page) -> None:
    await site.device("boiler", 3.0)
    await site.device("oven", 1.5)
    await opened(page, site.product)
    await page.locator("#reduce-load").click()
    await page.get_by_role("button", name="all of it").click()
    await expect(page.locator("#reduce-kw")).to_have_value("4.5")
    await page.locator("#reduce-kw").fill("1")
    await page.locator("label:has(input[value=at])").click()
    await expect(page.locator("#reduce-time")).not_to_have_value("")
    await page.locator("#reduce-only summary").click()
    await page.locator("#reduce-devices label", has_text="oven").click()
    await page.locator("#reduce-plan").click()
    await expect(page.locator("#reduce-outcome .load .name")).to_have_text(["oven"])
    await page.locator("#reduce-do").click()
    await expect(page.locator("#dr-dialog .dr-head .chip")).to_have_text("scheduled")
    await expect(page.locator("#dr-dialog .dr-invitations tbody tr")).to_have_count(1)

    await page.keyboard.press("Escape")
    await page.locator("#reduce-load").click()
    await page.locator("#reduce-kw").fill("1")
    await page.locator("label:has(input[value=at])").click()
    await page.locator("#reduce-time").fill("2020-01-01T12:00")
    await page.locator("#reduce-plan").click()
    await expect(page.locator("#reduce-outcome").get_by_role("alert")).to_be_visible()
    await expect(page.locator("#reduce-do")).to_have_count(0)


@pytest.mark.usefixtures("scheduler")
async def test_people_answer_invitations_and_rules_are_named(site: Site, page: Page) -> None:
    await site.device("boiler", 3.0)
    await site.device("oven", 1.5)
    await site.call("PUT", f"{DR}/auto-response/boiler", json={"enabled": True, "max_duration": "PT2H"})
    await site.event()
    await opened(page, site.product)
    await page.locator(".dr-event").click()
    dialog = page.locator("#dr-dialog")
    boiler, oven = (dialog.locator(".dr-invitations tr", has_text=name) for name in ("boiler", "oven"))
    await expect(oven).to_contain_text("no answer yet")
    await oven.get_by_role("button", name="Take part: oven").click()
    await expect(oven.locator(".chip")).to_have_text("takes part")
    await expect(oven).to_contain_text("browser")
    loop: SchedulerLoop = await site.product.container.get(SchedulerLoop)
    await loop._scheduler._answers()
    await expect(boiler.locator(".chip")).to_have_text("takes part")
    await expect(boiler).to_contain_text("its own rule")
    await boiler.get_by_role("button", name="Stay out: boiler").click()
    await expect(boiler.locator(".chip")).to_have_text("stays out")
    await expect(boiler).not_to_contain_text("its own rule")
    await page.keyboard.press("Escape")
    await expect(page.locator("#event-list")).to_contain_text("boiler and oven were invited to Evening peak.")
    await expect(page.locator("#event-list")).to_contain_text("boiler stays out of Evening peak.")


async def test_the_report_shows_what_it_rests_on(site: Site, page: Page, seen: Seen) -> None:
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=26)
    for name in ("boiler", "oven"):
        await site.device_with_history(name, start)
    await site.event(event_name="Yesterday", start=start.isoformat(), recovery_period="PT30M")
    await opened(page, site.product)
    row = page.locator(".dr-event")
    await expect(row).to_have_attribute("data-state", "completed")
    await expect(row.locator(".cell").last).to_contain_text("Measured")
    await expect(row.locator(".number").last).to_have_text("4.00 kW")
    await row.click()
    dialog = page.locator("#dr-dialog")
    await expect(figure(dialog, "Reduction")).to_have_text("4.00 kW")
    await expect(figure(dialog, "Energy")).to_have_text("4.00 kWh")
    await expect(figure(dialog, "Rebound")).to_have_text("1.00 kWh")
    await expect(dialog.locator(".report-words")).to_contain_text("4.00 kW less than usual on average.")
    await expect(dialog.locator(".report-plot canvas")).to_be_visible()
    await dialog.locator("label", has_text="oven").click()
    await expect(dialog.locator(".report-plot")).to_have_attribute("aria-label", re.compile("load of oven"))
    await dialog.get_by_text("The same as a table").click()
    await expect(dialog.locator(".report-table tbody tr")).to_have_count(6)
    await expect(dialog.locator(".report-table tbody tr").first).to_contain_text("3.00 kW1.00 kW2.00 kW")
    await expect(dialog.locator(".report-evidence")).to_contain_text("10 of 10")
    evidence = dialog.locator(".evidence", has_text="boiler")
    await evidence.locator("summary").click()
    for name in ("Days used", "Left out", "Adjustment", "Factor", "Coverage"):
        await expect(evidence.locator("dt", has_text=name)).to_be_visible()
    await expect(evidence).to_contain_text("times 1.00")
    async with page.expect_download() as waiting:
        await dialog.get_by_role("button", name="CSV").click()
    downloaded = await (await waiting.value).path()
    assert "boiler" in downloaded.read_text()
    assert seen.complaints == []


async def test_what_cannot_be_measured_is_said_kindly(site: Site, page: Page, seen: Seen) -> None:
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=26)
    await site.device("boiler", 3.0)
    await site.event(start=start.isoformat())
    await opened(page, site.product)
    row = page.locator(".dr-event")
    await expect(row.locator(".number").last).to_have_text("not measurable")
    await row.click()
    words = page.locator("#dr-dialog .report-words")
    await expect(words).to_contain_text(
        "There is not enough to measure it by: there are too few comparable days"
    )
    await expect(page.locator("#dr-dialog .report-plot")).to_be_hidden()
    assert seen.complaints == []


async def test_an_event_that_nobody_was_told_of_says_why(site: Site, page: Page) -> None:
    await site.device("boiler", 3.0)
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=50)
    await site.event(start=start.isoformat())
    await opened(page, site.product)
    await expect(page.locator(".dr-event .fault")).to_contain_text(
        "No device was told: it should have started"
    )
    await page.locator(".dr-event").click()
    await expect(page.locator("#dr-dialog .note.warn")).to_contain_text("No device was told")
    await expect(page.locator("#dr-dialog .report-words")).to_contain_text("there is nothing to measure")


async def test_a_draft_is_published_and_news_come_live(site: Site, page: Page) -> None:
    await site.device("boiler", 3.0)
    await opened(page, site.product)
    await expect(page.locator("#dr-events")).to_contain_text("No event yet")
    await site.event(draft=True, signal={"type": "PRICE", "value": 0.4, "unit": "EUR/kWh"})
    row = page.locator(".dr-event")
    await expect(row).to_have_attribute("data-state", "draft")
    await expect(row.locator(".number").first).to_have_text("0.40 EUR/kWh")
    await row.click()
    await page.locator("#dr-dialog").get_by_role("button", name="Publish").click()
    await expect(page.locator("#dr-dialog .dr-head .chip")).to_have_text("scheduled")
    await page.keyboard.press("Escape")
    await expect(row).to_have_attribute("data-state", "far")
    await expect(page.locator("#dr-count")).to_have_text("1 upcoming")
    await expect(page.locator("#event-list")).to_contain_text("Evening peak was scheduled.")


async def test_a_viewer_sees_all_and_can_press_nothing(site: Site, page: Page) -> None:
    await site.device("boiler", 3.0)
    await site.event()
    await opened(page, site.product, Role.VIEWER)
    await expect(page.locator("#demand-look")).to_be_visible()
    await expect(page.locator("#reduce-load")).to_be_disabled()
    await page.locator(".dr-event").click()
    dialog = page.locator("#dr-dialog")
    await expect(dialog.locator(".dr-invitations tbody tr")).to_have_count(1)
    await expect(dialog.get_by_role("button")).to_have_count(1)  # it can be closed
    await expect(page.locator("#notice")).to_be_hidden()


async def test_more_of_the_past_is_shown_when_asked_for(site: Site, page: Page) -> None:
    await site.device("boiler", 3.0)
    for days in range(2, 9):
        start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=days)
        await site.event(event_name=f"{days} days ago", start=start.isoformat())
    await opened(page, site.product)
    await expect(page.locator(".dr-event .name")).to_have_text([f"{days} days ago" for days in range(2, 7)])
    await page.locator("#more-dr").click()
    await expect(page.locator(".dr-event")).to_have_count(7)
    await expect(page.locator("#more-dr")).to_be_hidden()


@pytest.mark.parametrize("width", [320, 420, 800, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_every_width(site: Site, page: Page, width: int, scheme: str) -> None:
    if scheme == "dark":
        await page.emulate_media(color_scheme="dark")
    await page.set_viewport_size({"width": width, "height": 800})
    long = "a-name-without-any-place-to-break-" * 3
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=26)
    await site.device_with_history("boiler", start)
    await site.device(long, 3.0)
    await site.event(event_name=long, start=start.isoformat(), recovery_period="PT30M")
    await site.event(event_name=long, targets={"device_ids": [long]})
    await opened(page, site.product)
    await page.locator(".dr-event").first.wait_for()
    for row in ("[data-state=far]", "[data-state=completed]"):
        await page.locator(f".dr-event{row}").click()
        await page.locator("#dr-dialog .dr-history").wait_for()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.evaluate(OUTSIDE) == []
        await page.keyboard.press("Escape")
    await page.locator("#reduce-load").click()
    await page.locator("#reduce-kw").fill("9")
    await page.locator("#reduce-plan").click()
    await page.locator("#reduce-do").wait_for()
    assert await page.evaluate(OUTSIDE) == []
