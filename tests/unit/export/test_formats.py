import pytest

from adapters.export.formats import FileFormats
from domain.sensors.services.buckets import Aggregate
from domain.sensors.table_ports import TableFormat
from domain.shared.errors import InvalidError


def _not_installed(name: str) -> None:
    raise ModuleNotFoundError("No module named 'pyarrow'", name=name)


def test_without_pyarrow_parquet_says_what_to_install_and_csv_needs_nothing() -> None:
    formats = FileFormats()
    formats._load = _not_installed  # type: ignore[assignment]  # what is not installed here
    for ask in (
        lambda form: formats.readings(form, ["kW"]),
        lambda form: formats.buckets(form, ["kW"], list(Aggregate)),
    ):
        with pytest.raises(InvalidError, match=r"energy-dashboard\[parquet\]") as raised:
            ask(TableFormat.PARQUET)
        assert raised.value.code == "parquet_unavailable"
        assert ask(TableFormat.CSV).end()
