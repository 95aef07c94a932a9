import asyncio
from datetime import timedelta

import pytest
from playwright.async_api import Page, Route, expect

from domain.operations.model import Role
from domain.operations.services.api_keys import ApiKeys
from domain.sensors.model import Comfort, Room, RoomName
from domain.sensors.services.room_metrics import RefreshRoomMetrics
from domain.sensors.services.rooms import Rooms
from domain.shared.events import SYSTEM
from domain.shared.quantities import Accumulation, Quantity
from tests.e2e.dashboard.conftest import Product, Seen

pytestmark = pytest.mark.browser


async def _building(product: Product) -> None:
    await product.sensor("grid", name="Grid", unit="W")
    await product.sensor("oven", name="Oven", room="Kitchen", submeter_of="grid")
    await product.sensor("sun", name="Roof", submeter_of="grid")
    await product.sensor("warmth", Quantity.TEMPERATURE, "degC", name="Kitchen air", room="Kitchen")
    await product.sensor("silent", Quantity.CO2, "ppm", name="Silent one")
    await product.write("grid", 1.0, 2.0, 3.0, 2500.0)
    await product.write("oven", 1.5)
    await product.write("sun", -0.4)
    await product.write("warmth", 21.25)


async def _open(page: Page, product: Product, key: str | None = None) -> None:
    await page.goto(f"{product.url}/dashboard#key={key or await product.key()}")
    await expect(page.locator("#connection")).to_have_text("Live")


async def test_the_key_is_taken_out_of_the_address_and_the_page_shows_what_is_there(
    product: Product, page: Page, seen: Seen
) -> None:
    await _building(product)
    await _open(page, product)
    await expect(page.locator("#power-now")).to_have_text("2.50")
    assert "key=" not in page.url
    assert "key=" not in await page.evaluate("location.href")
    await expect(page.locator("#sensor-list li")).to_have_count(5)
    await expect(page.locator("#count-sensors")).to_have_text("5")
    await expect(page.locator("#hint-sensors")).to_have_text("4 fresh · 1 silent")
    await expect(page.locator(".load .name")).to_have_text(["Oven", "Roof"])
    await expect(page.locator(".load[data-kind=source] .value")).to_have_text("-0.40 kW")
    await expect(page.locator("#room-list")).to_contain_text("21.3 °C")
    await expect(page.locator("#chart-title")).to_have_text("Grid")
    await expect(page.locator("#chart canvas")).to_be_visible()
    await expect(page.locator("#chart-summary")).to_contain_text("kW")
    assert seen.complaints == []
    assert {url.split("/")[2] for url in seen.requests} == {product.url.removeprefix("http://")}
    await page.reload()  # the tab keeps it
    await expect(page.locator("#power-now")).to_have_text("2.50")


async def test_without_a_key_it_asks_and_a_wrong_one_is_told(product: Product, page: Page) -> None:
    await page.goto(f"{product.url}/dashboard")
    await expect(page.locator("#key")).to_be_focused()
    await page.keyboard.type("wrong")
    await page.keyboard.press("Enter")
    await expect(page.locator("#key-error")).to_contain_text("not valid")
    await page.locator("#key").fill(await product.key())
    await page.locator("#key").press("Enter")
    await expect(page.locator("#connection")).to_have_text("Live")
    await page.locator("#sign-out").click()
    await expect(page.locator("#key")).to_be_visible()
    assert await page.evaluate("sessionStorage.getItem('energy-dashboard.key')") is None


async def test_a_viewers_key_sees_all_but_what_it_may_not(product: Product, page: Page) -> None:
    await _building(product)
    await _open(page, product, await product.key(Role.VIEWER))
    await expect(page.locator("#power-now")).to_have_text("2.50")
    await expect(page.locator("#notice")).to_be_hidden()


async def test_a_revoked_key_signs_out(product: Product, page: Page) -> None:
    keys: ApiKeys = await product.container.get(ApiKeys)
    key, secret = await keys.create("short", Role.VIEWER, actor=SYSTEM)
    await _open(page, product, secret)
    await keys.revoke(key.key_id, actor=SYSTEM)
    await expect(page.locator("#key-error")).to_contain_text("not valid")


async def test_readings_new_sensors_and_events_arrive_live(product: Product, page: Page) -> None:
    await _building(product)
    await _open(page, product)
    await expect(page.locator("#power-now")).to_have_text("2.50")
    await product.write("grid", 4200.0)
    await expect(page.locator("#power-now")).to_have_text("4.20", timeout=3000)
    await expect(page.locator("[data-sensor=grid] .value")).to_have_text("4.20 kW")
    await product.sensor("new", name="Newcomer", room="Cellar")
    await expect(page.locator("#event-list")).to_contain_text("Sensor new was added.")
    await expect(page.locator("[data-sensor=new]")).to_be_visible()
    await expect(page.locator("#room-list")).to_contain_text("Cellar")


async def test_after_a_broken_connection_nothing_is_missing(product: Product, page: Page) -> None:
    await _building(product)
    await _open(page, product)
    await page.locator("label:has(input[value=hour])").click()
    await page.locator("label:has(input[value=raw])").click()
    await expect(page.locator("#chart-summary")).to_contain_text("on average")
    await product.drop_sockets()
    await product.write("grid", 7700.0)
    await asyncio.sleep(0.05)
    await product.write("grid", 3300.0)
    await expect(page.locator("#connection")).to_contain_text("trying again")
    await expect(page.locator("#connection")).to_have_text("Live")
    await expect(page.locator("#power-now")).to_have_text("3.30")
    await expect(page.locator("#chart-summary")).to_contain_text("7.70")


async def test_a_service_that_is_away_is_told_kindly_and_what_is_known_stays(
    product: Product, page: Page
) -> None:
    await _building(product)
    await _open(page, product)
    await expect(page.locator("#power-now")).to_have_text("2.50")

    async def refuse(route: Route) -> None:
        await route.abort()

    await page.route("**/api/v1/**", refuse)
    await page.locator("label:has(input[value=week])").click()
    await expect(page.locator("#chart")).to_contain_text("cannot be reached")
    await expect(page.locator("#power-now")).to_have_text("2.50")
    await page.unroute("**/api/v1/**")
    await page.get_by_role("button", name="Try again now").click()
    await expect(page.locator("#chart")).not_to_contain_text("cannot be reached")
    await expect(page.locator("#chart-summary")).to_contain_text("on average")


async def test_it_opens_while_the_api_is_slow_or_faulty(product: Product, page: Page) -> None:
    await _building(product)
    failing = True

    async def fail_at_first(route: Route) -> None:
        if failing:
            await route.fulfill(status=503, body="{}")
        else:
            await asyncio.sleep(0.5)
            await route.continue_()

    await page.route("**/api/v1/**", fail_at_first)
    await page.goto(f"{product.url}/dashboard#key={await product.key()}")
    await expect(page.locator("#notice")).to_contain_text("database is away")
    failing = False
    await expect(page.locator("#power-now")).to_have_text("2.50", timeout=15_000)
    await expect(page.locator("#notice")).to_be_hidden(timeout=15_000)


async def test_of_two_choices_the_later_one_is_shown(product: Product, page: Page) -> None:
    await _building(product)
    await _open(page, product)

    async def slow(route: Route) -> None:
        await asyncio.sleep(1)
        await route.continue_()

    await page.route("**/sensors/oven/data**", slow)
    await page.locator("[data-sensor=oven]").click()
    await page.locator("[data-sensor=warmth]").click()
    await expect(page.locator("#chart-summary")).to_contain_text("°C")
    await asyncio.sleep(1.3)
    await expect(page.locator("#chart-title")).to_have_text("Kitchen air")
    await expect(page.locator("#chart-summary")).to_contain_text("°C")
    assert page.url.endswith("#sensor=warmth")


async def test_searching_and_choosing_by_keyboard(product: Product, page: Page) -> None:
    await _building(product)
    await _open(page, product)
    await page.locator("#search").focus()
    await page.keyboard.type("kitchen")
    await expect(page.locator("#sensors-count")).to_have_text("2 of 5")
    await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowDown")
    await expect(page.locator("[data-sensor=oven]")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#chart-title")).to_have_text("Oven")
    await expect(page.locator("[data-sensor=oven]")).to_have_attribute("aria-current", "true")
    await page.locator("#search").fill("nothing like it")
    await expect(page.locator("#sensor-list")).to_have_text("No sensor matches.")


async def test_names_are_text_and_never_markup(product: Product, page: Page, seen: Seen) -> None:
    evil = "<img src=x onerror=alert(1)>"
    await product.sensor("evil", name=evil, room="<b>Room")
    await product.write("evil", 1.0)
    await _open(page, product)
    await expect(page.locator("[data-sensor=evil] .name")).to_have_text(evil)
    await expect(page.locator("#room-list h3")).to_have_text("<b>Room")
    assert await page.locator("main img").count() == 0
    assert seen.complaints == []


async def test_a_register_is_shown_as_energy(product: Product, page: Page) -> None:
    await product.sensor("meter", Quantity.ENERGY, "kWh", accumulation=Accumulation.CUMULATIVE)
    await product.write("meter", *(100 + number / 10 for number in range(50)))
    await _open(page, product)
    await expect(page.locator("#chart-summary")).to_contain_text("kWh in all")


@pytest.mark.parametrize("width", [320, 390, 800, 1280, 1900])
async def test_it_fits_every_width(product: Product, page: Page, width: int) -> None:
    await _building(product)
    await product.sensor(
        "long", name="a-name-without-any-place-to-break-" * 3, room="Another very long name of a room"
    )
    await product.write("long", 123456.789)
    await page.set_viewport_size({"width": width, "height": 800})
    await _open(page, product)
    await expect(page.locator("#power-now")).to_have_text("123,459")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    outside = await page.evaluate(
        "[...document.querySelectorAll('button, .figure, .value')].filter(one => one.offsetParent"
        " && one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML)"
    )
    assert outside == []


async def test_both_themes_can_be_read_and_are_remembered(product: Product, page: Page) -> None:
    await _building(product)
    await _open(page, product)
    await page.locator("#theme").click()
    await page.locator("#theme").click()
    assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
    await page.reload()
    await expect(page.locator("#connection")).to_have_text("Live")
    assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
    for theme in ("light", "dark"):
        await page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        for text in ("--ink", "--muted", "--accent", "--source", "--bad", "--warn"):
            for ground in ("--card", "--raised", "--ground"):
                assert await page.evaluate(_CONTRAST, [text, ground]) >= 4.5, (theme, text, ground)


async def test_every_control_has_a_name(product: Product, page: Page) -> None:
    await _building(product)
    await _open(page, product)
    await expect(page.locator("#power-now")).to_have_text("2.50")
    unnamed = await page.evaluate(
        "[...document.querySelectorAll('button, input')].filter(one => one.offsetParent"
        " && !(one.innerText?.trim() || one.getAttribute('aria-label') || one.labels?.length))"
        ".map(one => one.outerHTML)"
    )
    assert unnamed == []
    assert await page.locator("h1").count() == 1
    assert await page.evaluate("document.querySelectorAll('[aria-live=assertive]').length") == 0


async def test_a_stale_reading_is_called_stale(product: Product, page: Page) -> None:
    await _building(product)
    await _open(page, product)
    await expect(page.locator("[data-sensor=grid] .dot")).to_have_attribute("data-state", "fresh")
    await page.evaluate(
        "const now = Date.now; Date.now = () => now() + "
        + str(timedelta(minutes=4) // timedelta(milliseconds=1))
    )
    await expect(page.locator("[data-sensor=grid] .dot")).to_have_attribute("data-state", "stale")
    await expect(page.locator("#power-hint")).to_have_text("No fresh reading of power")


_CONTRAST = """([text, ground]) => {
  const style = getComputedStyle(document.documentElement);
  const light = (name) => {
    const parts = style.getPropertyValue(name).trim().slice(1).match(/../g);
    const linear = (part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    const [red, green, blue] = parts.map((part) => linear(parseInt(part, 16) / 255));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [high, low] = [light(text), light(ground)].sort((one, other) => other - one);
  return (high + 0.05) / (low + 0.05);
}"""


async def test_room_cards_show_the_newest_metrics(product: Product, page: Page, seen: Seen) -> None:
    rooms: Rooms = await product.container.get(Rooms)
    lab = Room(room_name=RoomName("Lab"), area_m2=50, capacity=10, comfort=Comfort(temperature_max=22))
    await rooms.create(lab, SYSTEM)
    await product.sensor("oven", room="Lab")
    await product.sensor("main", room="Lab")
    await product.sensor("part", room="Lab", submeter_of="main")
    await product.sensor("air", Quantity.TEMPERATURE, "degC", room="Lab")
    await product.sensor("damp", Quantity.HUMIDITY, "percent", room="Lab")
    await product.sensor("co2", Quantity.CO2, "ppm", room="Lab")
    await product.sensor("silent", Quantity.TEMPERATURE, "degC", room="Cellar")
    for sensor, value in (("oven", 1.5), ("main", 1.0), ("part", 0.5), ("air", 21.0), ("co2", 600.0)):
        await product.write(sensor, *[value] * 90)
    metrics: RefreshRoomMetrics = await product.container.get(RefreshRoomMetrics)
    await metrics.run()
    await _open(page, product)
    card = page.locator(".room", has_text="Lab")
    shown = dict(
        zip(
            await card.locator("dt").all_text_contents(),
            await card.locator("dd").all_text_contents(),
            strict=True,
        )
    )
    shown.pop("As of")
    energy = shown.pop("Energy today")
    assert energy.endswith(" kWh")
    assert shown == {
        "Power": "2.50 kW",
        "Temperature": "21.0 °C",
        "Humidity": "no data",
        "CO₂": "600 ppm",
        "Occupancy": "about 2 people",
        "Comfort": "yes",
    }
    await expect(page.locator(".room", has_text="Cellar")).to_contain_text("no data")
    assert seen.complaints == []
