from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from domain.sensors.model import SensorId
from domain.sensors.services.alarms import Alarms
from domain.sensors.services.sensors import Sensors
from domain.shared.events import SYSTEM
from tests.e2e.dashboard.conftest import Product, Seen

pytestmark = pytest.mark.browser


async def test_sensors_that_fall_silent_are_named_and_told_of(
    product: Product, page: Page, seen: Seen
) -> None:
    sensors: Sensors = await product.container.get(Sensors)
    alarms: Alarms = await product.container.get(Alarms)
    for number in range(1, 5):
        await product.sensor(f"oven{number}", name=f"Oven {number}")
        await product.write(f"oven{number}", 1.0)
        # Which it will have exceeded by the next look.
        await sensors.change(SensorId(f"oven{number}"), {"no_data_after": timedelta(microseconds=1)}, SYSTEM)
    await page.goto(f"{product.url}/dashboard#key={await product.key()}")
    await expect(page.locator("#connection")).to_have_text("Live")
    await expect(page.locator("#alarms")).to_be_hidden()
    await alarms.check()
    await expect(page.locator("#alarms")).to_have_text("No data: Oven 4, Oven 3, Oven 2 and 1 more")
    await expect(page.locator("#event-list")).to_contain_text(
        "4 sensors send no data any more: oven1, oven2, oven3 and others."
    )
    await page.locator("#alarms button", has_text="Oven 3").click()
    await expect(page.locator("#chart-title")).to_have_text("Oven 3")
    for number in (1, 2, 4):
        await sensors.change(SensorId(f"oven{number}"), {"no_data_after": None}, SYSTEM)
    await alarms.check()
    await expect(page.locator("#alarms")).to_have_text("No data: Oven 3")
    await expect(page.locator("#event-list")).to_contain_text("oven1, oven2, oven4 send data again.")
    await sensors.change(SensorId("oven3"), {"no_data_after": None}, SYSTEM)
    await alarms.check()
    await expect(page.locator("#alarms")).to_be_hidden()
    assert seen.complaints == []
