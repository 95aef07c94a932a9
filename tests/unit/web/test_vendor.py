from hashlib import sha256
from pathlib import Path

import adapters.web

VENDOR = Path(adapters.web.__file__).parent / "vendor"


def test_vendored_files_are_what_their_makers_published() -> None:
    folder = VENDOR / "swagger-ui"
    lines = [line.split() for line in (folder / "SHA256SUMS").read_text().splitlines()]
    sums = {name: checksum for checksum, name in lines}
    assert sums.keys() >= {"swagger-ui-bundle.js", "swagger-ui.css", "LICENSE"}
    for name, expected in sums.items():
        assert sha256((folder / name).read_bytes()).hexdigest() == expected, name
    assert "5.35.0" in (folder / "README.md").read_text()


def test_the_page_names_no_other_host() -> None:
    for name in ("index.html", "start.js"):
        assert "://" not in (VENDOR / "swagger-ui" / name).read_text()
