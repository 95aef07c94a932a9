import re

from tests.unit.architecture.sources import DOMAIN_MODULES, PACKAGES, ROOT, python_files

VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "manager", "managers", "impl", "misc"}


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    vague = [
        str(file.relative_to(ROOT))
        for file in python_files(*PACKAGES, "tests")
        for part in file.relative_to(ROOT).with_suffix("").parts
        if VAGUE & set(part.split("_"))
    ]
    assert not vague


def test_domain_modules_are_laid_out_alike() -> None:
    for module in DOMAIN_MODULES:
        folder = ROOT / "domain" / module
        names = {path.name for path in folder.iterdir()} - {"__pycache__", "__init__.py"}
        if not names:
            continue  # a module whose time has not come
        assert names >= {"model.py", "events.py", "errors.py", "ports.py"}, module
        assert ("service.py" in names) != ("services" in names), module


def test_every_domain_module_is_known_here() -> None:
    found = {path.name for path in (ROOT / "domain").iterdir() if path.is_dir()} - {"__pycache__", "shared"}
    assert found == set(DOMAIN_MODULES)


def test_migrations_are_one_chain_of_one_schema_each() -> None:
    files = sorted((ROOT / "migrations" / "versions").glob("*.py"))
    assert files
    previous = None
    for file in files:
        named = re.fullmatch(r"(\d{4})_(ops|sensors|ingestion|demand_response)(_\w+)?", file.stem)
        assert named, f"{file.name}: NNNN_<schema>[_<what>].py"
        text = file.read_text(encoding="utf-8")
        assert f'revision = "{named[1]}"' in text
        assert f"down_revision = {previous!r}".replace("'", '"') in text
        others = {"ops", "sensors", "ingestion", "demand_response"} - {named[2], "ops"}
        made = set(re.findall(r'schema="(\w+)"|CREATE TABLE (\w+)\.|CREATE SCHEMA (\w+)', text))
        assert not {schema for found in made for schema in found} & others, file.name
        assert "def downgrade() -> None:\n    pass" not in text
        previous = named[1]
