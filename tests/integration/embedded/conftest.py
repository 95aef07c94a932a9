import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.embedded import EmbeddedPostgres
from tests.integration.embedded.processes import copy_folder


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder to copy: a first start is a second of work."""
    folder = tmp_path_factory.mktemp("made-once") / "data"
    with EmbeddedPostgres(folder):
        pass
    yield folder
    shutil.rmtree(folder.parent)


@pytest.fixture
def new_folder(tmp_path: Path) -> Iterator[Path]:
    """The path of a folder that is not there yet."""
    yield tmp_path / "data"
    # pytest keeps the folders of three runs; these hold 70 MB each.
    for path in tmp_path.iterdir():
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def folder(new_folder: Path, made_once: Path) -> Path:
    """A folder whose server has been started and stopped before."""
    copy_folder(made_once, new_folder)
    return new_folder


@pytest.fixture
def postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    embedded = EmbeddedPostgres(folder)
    yield embedded
    embedded.stop()


@pytest.fixture
def first(new_folder: Path) -> Iterator[EmbeddedPostgres]:
    """One that has never been started."""
    embedded = EmbeddedPostgres(new_folder)
    yield embedded
    embedded.stop()


@pytest.fixture(scope="module")
def shared_url(tmp_path_factory: pytest.TempPathFactory, made_once: Path) -> Iterator[str]:
    """A server for tests that only look at it."""
    copy = tmp_path_factory.mktemp("shared") / "data"
    copy_folder(made_once, copy)
    with EmbeddedPostgres(copy) as url:
        yield url
    shutil.rmtree(copy.parent)
