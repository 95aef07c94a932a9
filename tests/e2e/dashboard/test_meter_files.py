import json
import re
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Page, Route, expect

from domain.ingestion.events import ScanProgressed
from domain.ingestion.ports import IngestionUnitOfWork
from domain.operations.model import Role
from domain.shared.events import EventId
from domain.shared.ports import Clock
from tests.e2e.dashboard.conftest import Product, Seen

pytestmark = pytest.mark.browser

GOOD = b"# meter: M1\n# unit: kWh\n2026-01-05T00:00:00+00:00;1,5\n2026-01-05T01:00:00+00:00;2,5\n"
PARTLY = GOOD.replace(b"M1", b"M2") + b"2026-01-05T02:00:00+00:00;<b>x\n"
SERVER: dict[str, Any] = {
    "source_id": "ftp",
    "kind": "ftp",
    "name": "ftp://meters.example.com/data",
    "status": "online",
    "next": None,
}


async def opened(page: Page, product: Product, role: Role = Role.ADMIN) -> str:
    key = await product.key(role)
    await page.goto(f"{product.url}/dashboard#key={key}")
    await expect(page.locator("#connection")).to_have_text("Live")
    return key


async def uploaded(product: Product, key: str, name: str, content: bytes, collection: str = "/") -> None:
    async with httpx.AsyncClient(base_url=product.url, headers={"Authorization": f"Bearer {key}"}) as client:
        answer = await client.post(
            "/api/v1/ingestion/files", files={"file": (name, content)}, params={"collection": collection}
        )
        assert answer.status_code == 201, answer.text


async def has_server(page: Page) -> None:
    """Let the page see an FTP server, which this product has not."""

    async def sources(route: Route) -> None:
        await route.fulfill(json={"items": [SERVER], "total": 1, "limit": 1, "offset": 0})

    await page.route("**/ingestion/sources?**", sources)


def chosen(name: str, content: bytes) -> Any:  # noqa: ANN401 - as Playwright takes it
    return {"name": name, "mimeType": "text/plain", "buffer": content}


async def test_nothing_there_is_said_in_words(product: Product, page: Page, seen: Seen) -> None:
    await opened(page, product)
    await expect(page.locator("#file-list")).to_contain_text("No meter files yet")
    await expect(page.locator("#collection-list")).to_contain_text("None yet")
    await expect(page.locator("#ftp-about")).to_contain_text("FTP_SA4CPS_HOST")
    await expect(page.locator("#scan-now")).to_be_disabled()
    assert seen.complaints == []


async def test_what_is_in_a_file_is_shown_before_it_is_stored(
    product: Product, page: Page, seen: Seen
) -> None:
    await opened(page, product)
    await page.locator("#upload-collection").fill("campus/north")
    await page.locator("#upload-file").set_input_files([chosen("partly.sgl_v2", PARTLY)])
    upload = page.locator(".upload")
    await expect(upload.locator(".figures dd")).to_have_text(["3", "2", "0", "0", "1"])
    await expect(upload).to_contain_text("1 meter: M2")
    await upload.locator("summary").click()
    await expect(upload.locator(".rejects code")).to_contain_text("<b>x")
    await expect(page.locator("#file-list")).to_contain_text("No meter files yet")

    await upload.get_by_role("button", name="Store it").click()
    await expect(upload).to_contain_text("Stored: 2 new values, 1 refused.")
    await expect(page.locator("#file-list .name")).to_have_text(["/campus/north/partly.sgl_v2"])
    await expect(page.locator("#file-list .chip")).to_have_text(["partial"])
    await expect(page.locator("#collection-list .name")).to_have_text(["campus/north"])
    await expect(page.locator("#event-list")).to_contain_text("/campus/north/partly.sgl_v2 was read")

    await upload.get_by_role("button", name="Open").click()
    dialog = page.locator("#file-dialog")
    await expect(dialog.locator("h2")).to_have_text("/campus/north/partly.sgl_v2")
    await expect(dialog.locator(".figures dd")).to_have_text(["3", "2", "0", "0", "1"])
    await expect(dialog.locator(".rejects td").first).to_have_text("5")
    await dialog.get_by_role("button", name="Read again").click()
    await expect(dialog.locator(".chip")).to_have_text("waiting")
    await expect(dialog.get_by_role("button", name="Will be read")).to_be_disabled()
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_be_hidden()
    assert seen.complaints == []


async def test_a_file_can_be_dropped_and_one_that_is_none_is_told(product: Product, page: Page) -> None:
    await opened(page, product)
    drop = """([name, text]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([text], name));
      const drop = document.getElementById("drop");
      for (const kind of ["dragenter", "dragover", "drop"])
        drop.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }"""
    await page.evaluate(drop, ["dropped.sgl_v2", GOOD.decode()])
    await expect(page.locator(".upload .figures dd").nth(1)).to_have_text("2")
    await page.evaluate(drop, ["photo.png", "x"])
    refused = page.locator(".upload").first
    await expect(refused.get_by_role("alert")).to_contain_text("no meter file by its name")
    await refused.get_by_role("button", name="Discard").click()
    await expect(page.locator(".upload")).to_have_count(1)
    await page.evaluate(drop, ["zipped.csv", "PK\u0003\u0004\u0000" * 100])
    unread = page.locator(".upload").first
    await expect(unread.get_by_role("alert")).to_be_visible()
    await expect(unread.get_by_role("button", name="Store it")).to_have_count(0)


async def test_files_are_filtered_by_status_and_collection(product: Product, page: Page) -> None:
    key = await opened(page, product)
    await uploaded(product, key, "one.sgl_v2", GOOD, "north")
    await uploaded(product, key, "two.sgl_v2", PARTLY, "south")
    await uploaded(product, key, "three.sgl_v2", b"nothing")
    names = page.locator("#file-list .name")  # they come by themselves: nobody reloads the page
    await expect(names).to_have_text(["/three.sgl_v2", "/south/two.sgl_v2", "/north/one.sgl_v2"])
    await page.locator("#files-status").select_option("partial")
    await expect(names).to_have_text(["/south/two.sgl_v2"])
    await page.locator("#files-status").select_option("duplicate")
    await expect(page.locator("#file-list")).to_have_text("No file is like that.")
    await page.locator("#files-status").select_option("")
    await page.locator("#collection-list button", has_text="north").click()
    await expect(names).to_have_text(["/north/one.sgl_v2"])
    await expect(page.locator("#files-collection")).to_have_value("north")
    await page.locator("#files-collection").select_option("/")
    await expect(names).to_have_text(["/three.sgl_v2"])
    await expect(page.locator("#file-list .chip")).to_have_text(["failed"])


async def test_ten_files_are_shown_and_more_when_asked_for(product: Product, page: Page) -> None:
    key = await opened(page, product)
    for number in range(12):
        await uploaded(product, key, f"{number}.sgl_v2", GOOD.replace(b"M1", b"M%d" % number))
    await expect(page.locator("#files-count")).to_have_text("12 files")
    await expect(page.locator("#file-list li")).to_have_count(10)
    await page.locator("#more-files").click()
    await expect(page.locator("#file-list li")).to_have_count(12)
    await expect(page.locator("#more-files")).to_be_hidden()


async def test_a_running_scan_is_followed_live(product: Product, page: Page) -> None:
    await has_server(page)
    await opened(page, product)
    await expect(page.locator("#ftp-about")).to_contain_text("ftp://meters.example.com/data · online")
    await expect(page.locator("#scan")).to_be_hidden()
    uow: IngestionUnitOfWork = await product.container.get(IngestionUnitOfWork)
    clock: Clock = await product.container.get(Clock)
    scan_id = uuid4()

    async def progress(status: str, **fields: Any) -> None:  # noqa: ANN401 - fields by name
        facts = {
            "folders": 3,
            "files_seen": 10,
            "files_done": 0,
            "files_skipped": 4,
            "bytes_done": 0,
            "bytes_total": 0,
            "current_file": None,
            **fields,
        }
        async with uow.begin() as tx:
            tx.events.add(
                ScanProgressed(
                    event_id=EventId(uuid4()),
                    occurred_at=clock.now(),
                    scan_id=scan_id,
                    status=status,
                    **facts,
                )
            )

    await progress("running")
    await expect(page.locator("#scan-what")).to_have_text("Looking through 3 folders: 10 files so far")
    await expect(page.locator("#scan-now")).to_be_disabled()
    await progress(
        "running", bytes_total=4_000_000, bytes_done=1_000_000, files_done=2, current_file="/a.csv"
    )
    await expect(page.locator("#scan-what")).to_contain_text("1.0 MB of 4.0 MB")
    await expect(page.locator("#scan-what")).to_contain_text("/a.csv")
    assert await page.locator("#scan-bar").evaluate("bar => bar.position") == 0.25
    await progress("completed", files_done=6)
    await expect(page.locator("#scan")).to_be_hidden()
    await expect(page.locator("#event-list")).to_contain_text(
        "The FTP server was scanned: 6 files read of 10."
    )
    await expect(page.locator("#event-list li")).to_have_count(1)
    await expect(page.locator("#scan-now")).to_be_enabled()


async def test_a_key_that_may_only_look_is_told_so(product: Product, page: Page) -> None:
    await has_server(page)
    await opened(page, product, Role.VIEWER)
    await page.locator("#scan-now").click()
    await expect(page.locator("#ftp-error")).to_contain_text("only look")
    await page.locator("#upload-file").set_input_files([chosen("a.sgl_v2", GOOD)])
    await expect(page.locator(".upload").get_by_role("alert")).to_contain_text("only look")
    await expect(page.locator("#notice")).to_be_hidden()


@pytest.mark.parametrize("width", [320, 375, 800, 1280])
async def test_it_fits_every_width(product: Product, page: Page, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    await has_server(page)
    key = await opened(page, product)
    await uploaded(product, key, "a-name-without-any-place-to-break-" * 4 + ".csv", PARTLY, "folder" * 30)
    await page.locator("#upload-file").set_input_files([chosen("b" * 100 + ".sgl_v2", PARTLY)])
    await page.locator(".upload .figures").wait_for()
    await page.locator("#file-list button").click()
    await page.locator("#file-dialog .rejects").wait_for()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    outside = await page.evaluate(
        "[...document.querySelectorAll('#files-card *, #file-dialog *')].filter(one => one.offsetParent"
        " && !one.closest('.rejects, .away') && one.getBoundingClientRect().right > innerWidth + 1)"
        ".map(one => one.outerHTML)"
    )
    assert outside == []


async def test_the_configuration_is_checked_put_in_force_and_restored(
    product: Product, page: Page, seen: Seen
) -> None:
    await opened(page, product)
    await page.locator("#configure").click()
    text = page.locator("#configuration-text")
    outcome = page.locator("#configuration-outcome")

    async def written(name: str, tag: str) -> None:
        device = {"name": name, "uri": "http://127.0.0.1:9/", "values": [{"type": "power", tag: "p"}]}
        await text.fill(json.dumps({"resources": {"monitoring_period": 60, "iots": [device]}}))

    await expect(page.locator("#configuration-about")).not_to_have_text("Loading")
    await written("AC1", "tagg")
    await page.locator("#configuration-check").click()
    await expect(outcome).to_contain_text("/resources/iots/0/values/0")
    await written("AC1", "tag")
    await page.locator("#configuration-check").click()
    await expect(outcome).to_contain_text("Nothing is wrong with it. It would have 1 device: 1 new (AC1).")
    await page.locator("#configuration-apply").click()
    await expect(outcome).to_contain_text("is in force, with 1 device: 1 new (AC1).")
    await written("AC2", "tag")
    await page.locator("#configuration-apply").click()
    await expect(outcome).to_contain_text("1 new (AC2), 1 gone (AC1)")
    await page.locator("#configuration-versions").get_by_role("button").first.click()
    await expect(outcome).to_contain_text("1 new (AC1), 1 gone (AC2)")
    await expect(text).to_have_value(re.compile("AC1"))
    await expect(page.locator("#configuration-versions li").first).to_contain_text("restored from")
    await page.keyboard.press("Escape")
    await expect(page.locator("#configuration-dialog")).to_be_hidden()
    assert seen.complaints == []
