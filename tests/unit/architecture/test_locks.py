"""The locks, checked without a network: what pyproject.toml asks for, no more and no less, with checksums."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.unit.architecture.sources import ROOT, committed_files

LOCKS = ("requirements.lock", "requirements-dev.lock")
# What would tie an installation to one place: registries and their file servers.
REGISTRY = re.compile(
    r"pypi\.org|pythonhosted|npmjs|unpkg|jsdelivr|cdnjs|(?<!no-emit)-index-url|--find-links"
)


def pins(lock: str) -> dict[str, Requirement]:
    found: dict[str, Requirement] = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / lock).read_text(encoding="utf-8")):
        if entry.startswith("#"):
            continue
        line = entry.split("\\\n")[0].strip()
        requirement = Requirement(line)
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), line
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), f"{line} has no checksum"
        name = canonicalize_name(requirement.name)
        # Some are locked once for older Pythons and once for newer ones: here it is the one for this Python.
        if name not in found or requirement.marker is None or requirement.marker.evaluate():
            found[name] = requirement
    assert found
    return found


def wanted(extras: set[str]) -> dict[str, set[str]]:
    """Return what the project needs here, directly and by way of others, each with its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    texts = list(project["project"]["dependencies"])
    for extra in extras:
        texts += project["project"]["optional-dependencies"][extra]
    found: dict[str, set[str]] = {}
    queue = [Requirement(text) for text in texts]
    while queue:
        one = queue.pop()
        if one.marker is not None and not one.marker.evaluate():
            continue
        name = canonicalize_name(one.name)
        if name in found and one.extras <= found[name]:
            continue
        found[name] = found.get(name, set()) | one.extras
        for text in requires(name) or []:
            further = Requirement(text)
            if further.marker is None or any(
                further.marker.evaluate({**default_environment(), "extra": extra})  # type: ignore[dict-item]  # as packaging does
                for extra in {"", *found[name]}
            ):
                further.marker = None
                queue.append(further)
    return found


@pytest.mark.parametrize(
    ("lock", "extras"), [(LOCKS[0], {"build", "parquet"}), (LOCKS[1], {"build", "parquet", "bench", "test"})]
)
def test_the_lock_is_what_the_project_asks_for(lock: str, extras: set[str]) -> None:
    here = {name for name, pin in pins(lock).items() if pin.marker is None or pin.marker.evaluate()}
    needed = set(wanted(extras))
    assert here == needed, "run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_pinned_versions_are_those_that_are_allowed(lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = pins(lock)
    asked = [Requirement(text) for text in project["dependencies"]]
    for extra in ("build", "parquet", "bench", "test"):
        if extra in {"build", "parquet"} or lock == LOCKS[1]:
            asked += [Requirement(text) for text in project["optional-dependencies"][extra]]
    for one in asked:
        version = str(locked[canonicalize_name(one.name)].specifier).removeprefix("==")
        assert version in one.specifier, f"{one}: {version} is locked; run `make lock`"


def test_what_runs_is_what_is_tested() -> None:
    run, test = pins(LOCKS[0]), pins(LOCKS[1])
    assert {name: str(test[name].specifier) for name in run} == {
        name: str(pin.specifier) for name, pin in run.items()
    }


def test_the_build_backend_is_locked_with_the_rest() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(project["build-system"]["requires"]) <= set(
        project["project"]["optional-dependencies"]["build"]
    )


def test_no_file_names_a_registrys_host() -> None:
    me = Path(__file__).resolve()
    named = [
        f"{file.relative_to(ROOT)}: {found[0]}"
        for file in committed_files()
        if file != me and "vendor" not in file.parts
        for found in [REGISTRY.search(file.read_text(encoding="utf-8", errors="ignore"))]
        if found
    ]
    assert not named


def test_vendored_files_are_those_of_their_makers() -> None:
    """Each folder in ``vendor`` lists the checksum of every file in it that is not our own."""
    from hashlib import sha256  # noqa: PLC0415 - here only

    folders = [path for path in ROOT.glob("adapters/web/**/vendor/*") if path.is_dir()]
    assert folders
    for folder in folders:
        lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
        sums = {name: checksum for checksum, name in (line.split(maxsplit=1) for line in lines)}
        assert sums
        for name, checksum in sums.items():
            assert sha256((folder / name.lstrip("*")).read_bytes()).hexdigest() == checksum, folder / name
        bundled = {
            path.name
            for path in folder.iterdir()
            if path.name.endswith((".min.js", "-bundle.js", ".min.css"))
        }
        assert bundled <= {name.lstrip("*") for name in sums}, folder
