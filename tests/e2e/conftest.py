import shutil
from collections.abc import Iterator

import pytest

from tests.e2e.programs import Demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo for tests that look at it, and add to it what no other one minds."""
    folder = tmp_path_factory.mktemp("demo")
    with Demo(folder / "data") as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)
