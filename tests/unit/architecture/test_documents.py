"""What the documents claim that can be compared with the program."""

import argparse
import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # only read here

from app.cli import _parser
from app.settings import VARIABLES, variables_table
from tests.unit.architecture.sources import ROOT, committed_files

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [file for file in committed_files() if file.suffix == ".md" and "vendor" not in file.parts]


def blocks(language: str, text: str = README) -> list[str]:
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return found


def test_the_readme_has_the_table_of_variables_as_the_program_prints_it() -> None:
    table = README.split("<!-- variables:")[1].split("-->\n")[1].split("\n<!--")[0]
    assert table == variables_table(), "put in what `energy-dashboard variables` prints"
    # A table is one only where each row has its three cells.
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in table.splitlines())


def test_the_sample_environment_has_every_variable_and_changes_none() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    commented = {line[1:].split("=")[0] for line in lines if re.match(r"#[A-Z_0-9]+=", line)}
    assert commented - {"LISTEN"} == {variable.name for variable in VARIABLES}
    assert {line for line in lines if line and not line.startswith("#")} == {
        "POSTGRES_PASSWORD=",
        "SERVICE_PASSWORD=",
    }
    for line in lines:
        if re.match(r"#[A-Z_0-9]+=.", line):
            name, shown = line[1:].split("=", 1)
            assert name == "LISTEN" or shown in {one.shown for one in VARIABLES if one.name == name}, line


def test_compose_asks_for_nothing_that_the_sample_environment_lacks() -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    sample = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert all(f"{name}=" in sample for name in re.findall(r"\$\{([A-Z0-9_]+)", text))
    compose = yaml.safe_load(text)
    assert set(compose["services"]) == {"database", "migrate", "app", "redis"}
    assert compose["services"]["redis"]["profiles"] == ["redis"]
    variables = {variable.name for variable in VARIABLES}
    assert set(compose["services"]["app"]["environment"]) <= variables
    for service in compose["services"].values():
        assert "latest" not in service["image"]
        assert (
            not any("PASSWORD" in str(one) and "$" not in str(one) for one in service["environment"].values())
            if ("environment" in service)
            else True
        )


def test_every_command_is_in_the_readme() -> None:
    documented = set(
        re.findall(r"^\| `energy-dashboard (\w+(?: (?:create|list|revoke))?)", README, re.MULTILINE)
    )
    assert documented == set(commands(_parser()))


def commands(parser: argparse.ArgumentParser) -> list[str]:
    found: list[str] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, one in action.choices.items():
                found += [f"{name} {further}" for further in commands(one)] or [name]
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target:
            assert (document.parent / target).exists(), target
    for anchor in re.findall(r"\]\(#([^)]+)\)", text):
        headings = {
            re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-")
            for line in text.splitlines()
            if line.startswith("#")
        }
        assert anchor in headings, anchor


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_files_that_a_document_names_are_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = re.findall(r"`((?:app|adapters|domain|migrations|tests|config|docs)/[\w./-]+)`", text)
    absent = [name for name in named if "0005" not in name and not (ROOT / name).exists()]
    assert not absent


def test_the_example_in_memory_works(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = [block for block in blocks("python") if "MemoryDatabase" in block]
    exec(compile(example, "README.md", "exec"), {"__name__": "readme"})  # noqa: S102 - our own
    (promised,) = re.findall(r"# (\[.*\])$", example, re.MULTILINE)
    assert capsys.readouterr().out.strip() == promised


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    here = "" if ROOT.parent == Path("/") else f"|{re.escape(str(ROOT.parent))}/"
    home = re.compile(r"(?<![\w.])/(?:root|home/\w+)/\w|/tmp/(?!bash)\w+" + here)
    told = [
        f"{file.relative_to(ROOT)}: {found[0]}"
        for file in committed_files()
        if "vendor" not in file.parts and file != Path(__file__).resolve()
        for found in [home.search(file.read_text(encoding="utf-8", errors="ignore"))]
        if found
    ]
    assert not told
