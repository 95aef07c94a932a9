"""The product's own files, as they stand in the folder."""

import ast
import os
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[3]
PACKAGES = ("app", "adapters", "domain", "migrations")
DOMAIN_MODULES = ("demand_response", "ingestion", "operations", "sensors")


def python_files(*packages: str) -> list[Path]:
    found = [file for package in packages for file in sorted((ROOT / package).rglob("*.py"))]
    assert found
    return found


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def where(file: Path, node: ast.AST | None = None) -> str:
    line = getattr(node, "lineno", None)
    return f"{file.relative_to(ROOT)}" + (f":{line}" if line else "")


def imported_names(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Yield what a file imports; ``from a import b`` as ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


@cache
def modules(*packages: str) -> tuple[ModuleType, ...]:
    names = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in python_files(*packages)
    ]
    return tuple(import_module(name) for name in names)


def classes(*packages: str) -> list[type]:
    """Return every class that the packages define."""
    return [
        item
        for module in modules(*packages)
        for item in vars(module).values()
        if isinstance(item, type) and item.__module__ == module.__name__
    ]


def committed_files() -> list[Path]:
    """Return the files of the project, without what is made from them (caches, environments, builds)."""
    found = []
    for folder, names, files in os.walk(ROOT):
        here = Path(folder)
        names[:] = [name for name in names if name == ".ci" or not _is_made(here / name)]
        found += [here / name for name in files if not name.endswith(".pyc") and name != ".env"]
    return sorted(found)


def _is_made(folder: Path) -> bool:
    at_the_top = folder.parent == ROOT and folder.name in {"build", "dist", "data"}
    return folder.name.startswith(".") or folder.name == "__pycache__" or at_the_top
