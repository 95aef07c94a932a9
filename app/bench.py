"""The command ``bench``: measurements that are part of the sources, not of what is installed."""

import argparse
import sys
from importlib import import_module, util
from pathlib import Path
from types import ModuleType
from typing import Final

from app.settings import Settings

_ROOT: Final = Path(__file__).parents[1]
_MISSING: Final = (
    "the benchmarks are part of the sources and not of this installation. In a clone: "
    "make run ARGS=--help, then .venv/bin/energy-dashboard bench"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe what the command takes, where there is anything to run."""
    parser.description = (
        "Measure writing, reading, growth and memory beside raw COPY and plain SQL, on an embedded server or "
        "on new databases of a server (--database-url, its superuser's)."
    )
    command = _command()
    if command is not None:
        command.add_arguments(parser)


def bench(settings: Settings, given: argparse.Namespace) -> int:
    """Run the benchmarks of the checkout."""
    command = _command()
    if command is None:
        sys.stderr.write(f"energy-dashboard: {_MISSING}\n")
        return 1
    code: int = command.run(settings.database_url, given)
    return code


def _command() -> ModuleType | None:
    """Return the module of the checkout that this package lies in, if it lies in one."""
    if not (_ROOT / "tests" / "benchmarks" / "command.py").is_file():
        return None
    if util.find_spec("tests") is None:
        sys.path.append(str(_ROOT))
    return import_module("tests.benchmarks.command")
