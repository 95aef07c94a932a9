import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.architecture.sources import (
    DOMAIN_MODULES,
    PACKAGES,
    ROOT,
    imported_names,
    python_files,
    tree_of,
    where,
)

# What of the standard library gives another answer at each call.
UNREPEATABLE = {
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "os.urandom",
    "random",
    "secrets",
    "time",
    "uuid.uuid1",
    "uuid.uuid3",
    "uuid.uuid4",
    "uuid.uuid5",
    "uuid.uuid6",
    "uuid.uuid7",
    "uuid.uuid8",
}


def test_the_contracts_between_packages_are_kept() -> None:
    # In a process of its own: import-linter silences the loggers of the one that it runs in.
    program = str(Path(sys.executable).with_name("lint-imports"))
    ran = subprocess.run(  # noqa: S603 - a program of our own
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout


def test_the_domain_imports_the_standard_library_only() -> None:
    allowed = set(sys.stdlib_module_names) | {"domain"}
    foreign = [
        f"{where(file, node)} {name}"
        for file in python_files("domain")
        for node, name in imported_names(tree_of(file))
        if name.split(".")[0] not in allowed
    ]
    assert not foreign


def test_domain_modules_never_import_each_other() -> None:
    crossed = [
        f"{where(file, node)} {name}"
        for module in DOMAIN_MODULES
        for file in python_files(f"domain/{module}")
        for node, name in imported_names(tree_of(file))
        if name.startswith("domain.") and name.split(".")[1] not in {module, "shared"}
    ]
    assert not crossed


def test_time_ids_and_chance_come_from_ports() -> None:
    broken = [
        f"{where(file, node)} {name}"
        for file in python_files("domain")
        for node, name in unrepeatable(tree_of(file))
    ]
    assert not broken


@pytest.mark.parametrize(
    "code",
    [
        "import random",
        "from uuid import uuid4",
        "import uuid\nuuid.uuid4()",
        "from time import monotonic",
        "from datetime import datetime\ndatetime.now()",
        "import datetime as dt\ndt.datetime.now(dt.UTC)",
        "from datetime import date as day\nday.today()",
        "import os\nos.urandom(4)",
    ],
)
def test_the_rule_on_time_ids_and_chance_finds_what_breaks_it(code: str) -> None:
    assert list(unrepeatable(ast.parse(code)))


def unrepeatable(tree: ast.Module) -> list[tuple[ast.AST, str]]:
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name.split(".")[0]: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    used = [(node, _dotted(node, names)) for node in ast.walk(tree)]
    imported = [*imported_names(tree)]
    return [
        (node, name)
        for node, name in [*used, *imported]
        if name in UNREPEATABLE or name.split(".")[0] in UNREPEATABLE
    ]


def _dotted(node: ast.AST, names: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        of = _dotted(node.value, names)
        return of and f"{of}.{node.attr}"
    return names.get(node.id, "") if isinstance(node, ast.Name) else ""


def test_annotations_are_there_at_run_time() -> None:
    hidden = [
        f"{where(file, node)} {name}"
        for file in python_files(*PACKAGES, "tests")
        for node, name in imported_names(tree_of(file))
        if name in {"typing.TYPE_CHECKING", "__future__.annotations"}
    ]
    hidden += [
        where(file, node)
        for file in python_files(*PACKAGES, "tests")
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Attribute) and node.attr == "TYPE_CHECKING"
    ]
    assert not hidden, "dishka and msgspec read annotations at run time"


def test_only_the_unit_of_work_takes_a_modules_role() -> None:
    takers = {
        file.relative_to(ROOT).as_posix()
        for file in python_files("app", "adapters", "domain")
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "SET LOCAL ROLE" in node.value
        if not node.value.startswith("Connections to one database")
    }
    # app/storage.py reads the revision before there is a pool.
    assert takers <= {"adapters/timescale/database.py", "app/storage.py"}
