"""The command ``bench``: measurements that are part of the sources, not of what is installed."""

import argparse
import sys
from importlib import import_module, util
from pathlib import Path
from typing import Final

from app.settings import Settings

BENCHMARKS: Final = ("write", "read", "files", "polling", "growth", "memory")
_ROOT: Final = Path(__file__).parents[1]
_MISSING: Final = (
    "the benchmarks are part of the sources and not of this installation. In a clone: "
    "`make .venv/runs`, then `.venv/bin/energy-dashboard bench`"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe what the command takes."""
    parser.description = (
        "Measure writing, reading, growth and memory beside raw COPY and plain SQL, on an embedded server or "
        "on new databases of a server (--database-url, its superuser's)."
    )
    parser.add_argument("--quick", action="store_true", help="little data: under a minute")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, help="these (default: all)")
    parser.add_argument("--readings", type=int, metavar="N", help="where growth ends (default 20,000,000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to keep the results")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="where to draw them (needs matplotlib)")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="a Markdown file to write the tables into")


def bench(settings: Settings, given: argparse.Namespace) -> int:
    """Run the benchmarks of the checkout."""
    if not (_ROOT / "tests" / "benchmarks" / "command.py").is_file():
        sys.stderr.write(f"energy-dashboard: {_MISSING}\n")
        return 1
    if util.find_spec("tests") is None:
        sys.path.append(str(_ROOT))
    # By name: no package of the product imports its tests.
    code: int = import_module("tests.benchmarks.command").run(settings.database_url, given)
    return code
