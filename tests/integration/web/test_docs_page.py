"""The page of the API in a browser that reaches this server and nothing else."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from app.asgi import create_app
from app.settings import read_settings
from tests.integration.web.servers import serving
from tests.memory_provider import MemoryProvider

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def test_the_page_shows_the_api_without_the_internet(browser: Browser) -> None:
    app = create_app(read_settings({}, None), MemoryProvider(), background=())
    with serving(app) as (host, port):
        origin = f"http://{host}:{port}"
        page = browser.new_page()
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type == "error" else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{origin}/docs")
        page.wait_for_selector("#operations-tag-API_keys, .opblock", timeout=20_000)
        assert "Energy dashboard" in page.inner_text("#page")
        assert page.locator(".opblock").count() > 5
        assert complaints == []
        assert [url for url in asked if not url.startswith((origin, "data:"))] == []
        page.close()
