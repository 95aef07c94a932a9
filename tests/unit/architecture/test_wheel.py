"""What is installed where the project is no folder of sources: a container, for one."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.unit.architecture.sources import PACKAGES, ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(  # noqa: S603 - the build backend of the lock
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def test_every_file_of_the_packages_is_in_it(installed: Path) -> None:
    def files(root: Path) -> set[str]:
        return {
            file.relative_to(root).as_posix()
            for package in PACKAGES
            for file in (root / package).rglob("*")
            if file.is_file() and "__pycache__" not in file.parts
        }

    assert files(installed) == files(ROOT)
    assert {path.name for path in installed.iterdir()} - set(PACKAGES) == {
        path.name for path in installed.glob("*.dist-info")
    }


def test_it_runs_from_there(installed: Path, tmp_path: Path) -> None:
    code = (
        "import sys, app.cli as cli; sys.stderr.write(cli.__file__); sys.exit(cli.main(['migrate', '--sql']))"
    )
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert str(installed) in done.stderr
    assert "CREATE TABLE ops.outbox" in done.stdout
