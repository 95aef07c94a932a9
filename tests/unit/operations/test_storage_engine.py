import pytest

from domain.operations.storage_engine import StorageEngine


@pytest.mark.parametrize(
    ("version", "old"),
    [
        ("2.26.2", True),
        ("2.9.3", True),
        ("2.26", True),
        ("2.26.2-dev", True),
        ("2.26.3", False),
        ("2.27.0", False),
        ("2.29.2-dev", False),
        ("3.0.0", False),
        ("", False),
    ],
)
def test_a_timescaledb_that_buckets_wrongly_is_warned_of(version: str, old: bool) -> None:
    warning = StorageEngine("timescaledb", version).warning
    assert (warning is not None) == old
    if warning is not None:
        assert version in warning
        assert "2.26.3" in warning


def test_other_engines_are_well() -> None:
    assert StorageEngine("postgresql", "16.1").warning is None
