import re
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from adapters.web import dashboard
from tests.e2e.dashboard.conftest import Product

STATIC = Path(dashboard.__file__).parent / "static"
OWN = [
    path
    for path in STATIC.rglob("*")
    if path.suffix in {".js", ".css", ".html", ".svg"} and "vendor" not in path.parts
]


def test_vendored_files_are_what_their_authors_published() -> None:
    for sums in STATIC.rglob("SHA256SUMS"):
        lines = [line.split() for line in sums.read_text().splitlines()]
        assert {name for _, name in lines} | {"SHA256SUMS"} == {path.name for path in sums.parent.iterdir()}
        for digest, name in lines:
            assert sha256((sums.parent / name).read_bytes()).hexdigest() == digest
        assert "MIT" in (sums.parent / "LICENSE").read_text()


def test_the_page_needs_nothing_from_elsewhere_and_no_inline_code() -> None:
    for path in OWN:
        text = path.read_text(encoding="utf-8")
        links = [
            link for link in re.findall(r"https?://[^\s\"')]+", text) if link != "http://www.w3.org/2000/svg"
        ]
        assert links == [], path
        assert "innerHTML" not in text, path
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=", page) == []


def test_every_file_that_is_named_exists() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    for name in re.findall(r"(?:href|src)=\"dashboard/([^\"]+)\"", page):
        assert (STATIC / name).is_file(), name
    for path in OWN:
        for name in re.findall(r"from \"(\.[^\"]+)\"", path.read_text(encoding="utf-8")):
            assert (path.parent / name).is_file(), (path, name)


async def test_the_files_are_served_with_their_types_and_tags(product: Product) -> None:
    async with httpx.AsyncClient(base_url=product.url) as client:
        page = await client.get("/dashboard")
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'self'" in page.headers["content-security-policy"]
        script = await client.get("/dashboard/main.js")
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        again = await client.get("/dashboard/main.js", headers={"If-None-Match": script.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        vendored = await client.get("/dashboard/vendor/uplot-1.6.32/uPlot.iife.min.js")
        assert "immutable" in vendored.headers["cache-control"]
        slash = await client.get("/dashboard/")
        assert (slash.status_code // 100, slash.headers["location"]) == (3, "../dashboard")


@pytest.mark.parametrize(
    "name",
    [
        "nothing.js",
        "../dashboard.py",
        "..%2fdashboard.py",
        "%2e%2e/dashboard.py",
        "vendor",
        "//etc/passwd",
        "%00",
    ],
)
async def test_nothing_else_is_served(product: Product, name: str) -> None:
    async with httpx.AsyncClient(base_url=product.url) as client:
        answer = await client.get(f"/dashboard/{name}")
    assert answer.status_code in {404, 405}
