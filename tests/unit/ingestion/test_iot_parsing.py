import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.ingestion import MemoryUnitCatalog
from domain.ingestion.iot_configuration import AuthType, DataType, StoreType, StoreWindow
from domain.ingestion.iot_parsing import parse_iot_configuration
from domain.shared.errors import InvalidError
from domain.shared.quantities import Accumulation, Counts, Direction
from tests.unit.ingestion.documents import codes, device, document, one, parsed, problems

SAMPLE = Path(__file__).parents[3] / "config" / "iots-right.json"
V0 = "/resources/iots/0/values/0"


def test_the_shape_in_use_is_read_as_it_stands() -> None:
    found = parse_iot_configuration(
        {
            "resources": {
                "monitoring_period": 1,
                "iots": [
                    {
                        "name": "AC1",
                        "type": "hvac",
                        "uri": "http://192.0.2.7/api/realtime/AC1",
                        "values": [{"type": "power", "tag": "power", "data": "DOUBLE"}],
                        "control": {"demandresponse": True},
                        "store": {"period": 10, "type": "avg"},
                    }
                ],
            }
        }
    )
    (ac1,) = found.devices.values()
    assert (ac1.device_id, ac1.period, ac1.control.demand_response) == ("AC1", timedelta(seconds=1), True)
    (power,) = ac1.values
    assert power.window == StoreWindow(StoreType.AVG, timedelta(seconds=10))
    assert power.sensor is not None
    assert (power.sensor.sensor_id, power.sensor.unit) == ("AC1.power", "W")
    assert power.sensor.accumulation is Accumulation.MEAN
    assert power.sensor.resolution == timedelta(seconds=10)


def test_the_sample_is_valid() -> None:
    found = parse_iot_configuration(json.loads(SAMPLE.read_text()), MemoryUnitCatalog())
    assert len(found.devices) == 5
    assert all("192.0.2." in device.request.url for device in found.devices.values())


def test_every_fault_is_told_at_once_with_its_place() -> None:
    bad = document(
        device(period=0, uri="ftp://192.0.2.7/", values=[{"type": "powr", "tag": "a..b", "data": "double"}]),
        device(perid=3, room="a/b", store={"type": "sum", "period": 5}),
        17,
        period=float("nan"),
    )
    assert codes(bad) == {
        ("/resources/monitoring_period", "invalid_period"),
        ("/resources/iots/0/period", "invalid_period"),
        ("/resources/iots/0/uri", "invalid_uri"),
        (f"{V0}/type", "unknown_type"),
        (f"{V0}/tag", "invalid_tag"),
        (f"{V0}/data", "unknown_data"),
        ("/resources/iots/1/name", "duplicate_device"),
        ("/resources/iots/1/perid", "unknown_field"),
        ("/resources/iots/1/room", "invalid_id"),
        ("/resources/iots/1/values/0/type", "store_mismatch"),
        ("/resources/iots/2", "wrong_type"),
    }


def test_unknown_fields_are_told_with_what_was_meant() -> None:
    (problem,) = problems(document(device(timestamptag="x")))
    assert problem.pointer == "/resources/iots/0/timestamptag"
    assert "timestamp_tag" in problem.detail


def test_known_fields_are_told_once_each() -> None:
    (problem,) = problems(document(device(values=[{"type": "power", "tag": "power", "zzz": 1}])))
    _, _, known = problem.detail.partition("known are ")
    names = known.split(", ")
    assert {"type", "counts"} <= set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("port", ["0", "65536", "99999", "http"])
def test_ports_that_there_are_not_are_refused(port: str) -> None:
    url = f"http://127.0.0.1:{port}/"
    (problem,) = problems(document(device(uri=url)))
    assert (problem.pointer, problem.code) == ("/resources/iots/0/uri", "invalid_uri")
    assert problem.detail == "the port in uri has to be a number from 1 to 65535"
    command = {"url": url}
    (problem, _) = problems(document(device(control={"http": {"reduce": command, "restore": command}})))
    assert "the port in url" in problem.detail


@pytest.mark.parametrize("authority", ["127.0.0.1", "127.0.0.1:", "127.0.0.1:1", "[::1]:65535"])
def test_ports_that_there_are_may_stand_or_be_left_out(authority: str) -> None:
    assert not problems(document(device(uri=f"http://{authority}/")))


def test_pointers_are_escaped() -> None:
    (problem,) = problems(document(device(**{"a/b~c": 1})))
    assert problem.pointer == "/resources/iots/0/a~1b~0c"


@pytest.mark.parametrize("given", [None, [], "x", 1, {}, {"resources": None}, {"resources": {"iots": 5}}])
def test_what_is_no_configuration_is_refused(given: object) -> None:
    assert problems(given)


def test_names_become_ids() -> None:
    found = parsed(device("Meeting room AC"))
    (device_id,) = found.devices
    (value,) = found.devices[device_id].values
    assert device_id == "Meeting_room_AC"
    assert value.sensor is not None
    assert (value.sensor.sensor_id, value.sensor.name) == ("Meeting_room_AC.power", "Meeting room AC power")
    assert codes(document(device("A B"), device("A_B"))) == {
        ("/resources/iots/1/name", "duplicate_device"),
        ("/resources/iots/1/values/0/type", "duplicate_sensor"),
    }
    assert codes(document(device("Café"))) == {("/resources/iots/0/name", "invalid_id")}
    assert codes(document(device("get"))) == {("/resources/iots/0/name", "invalid_id")}


def test_two_values_of_a_type_need_a_sensor_id() -> None:
    twice: list[dict[str, Any]] = [{"type": "power", "tag": "a"}, {"type": "power", "tag": "b"}]
    assert codes(document(device(values=twice))) == {("/resources/iots/0/values/1/type", "duplicate_sensor")}
    twice[1]["sensor_id"] = "other.power"
    assert not problems(document(device(values=twice)))
    assert codes(document(device(values=twice), device("B", values=[twice[1]]))) == {
        ("/resources/iots/1/values/0/sensor_id", "duplicate_sensor")
    }


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"headers": {"Authorization": "Bearer x"}}, "headers/Authorization"),
        ({"headers": {"X-API-Key": "x"}}, "headers/X-API-Key"),
        ({"headers": {"Cookie": "x"}}, "headers/Cookie"),
        ({"auth": {"type": "bearer", "env": "A", "token": "s3cret"}}, "auth/token"),
        ({"auth": {"type": "basic", "env": "A", "password": "s3cret"}}, "auth/password"),
        ({"uri": "http://me:s3cret@192.0.2.7/"}, "uri"),
        ({"uri": "http://192.0.2.7/cm?user=admin&password=s3cret"}, "uri"),
        ({"body": {"login": [{"password": "s3cret"}]}, "method": "POST"}, "body/login/0/password"),
    ],
)
def test_secrets_in_the_file_are_refused(fields: dict[str, object], pointer: str) -> None:
    (problem,) = problems(document(device(**fields)))
    assert (problem.pointer, problem.code) == (f"/resources/iots/0/{pointer}", "secret_in_file")
    assert '"env": "NAME"' in problem.detail
    assert "s3cret" not in problem.detail


def test_a_secret_in_place_of_a_variable_is_not_repeated() -> None:
    (problem,) = problems(document(device(auth={"type": "bearer", "env": "s3cret/with=signs"})))
    assert problem.code == "invalid_env"
    assert "s3cret" not in problem.detail


def test_the_products_own_secrets_go_to_no_device() -> None:
    (problem,) = problems(document(device(auth={"type": "bearer", "env": "DATABASE_URL"})))
    assert problem.code == "reserved_env"


def test_auth_comes_from_the_environment() -> None:
    auth = one(auth={"type": "header", "header": "X-Api-Key", "env": "AC_KEY"}).request.auth
    assert auth is not None
    assert (auth.type, auth.env, auth.header) == (AuthType.HEADER, "AC_KEY", "X-Api-Key")


@pytest.mark.parametrize("name", ["Host", "Content-Length", "Transfer-Encoding", "a b", "é"])
def test_headers_that_cut_into_http_are_refused(name: str) -> None:
    assert {code for _, code in codes(document(device(headers={name: "x"})))} == {"invalid_header"}


def test_header_values_hold_no_line_breaks() -> None:
    assert codes(document(device(headers={"X": "a\r\nHost: b"}))) == {
        ("/resources/iots/0/headers/X", "invalid_text")
    }


def test_values_win_over_the_device() -> None:
    found = one(
        unit="kW",
        scale=10,
        offset=1,
        max_gap=30,
        room="Office",
        labels={"floor": "1"},
        store={"type": "avg", "period": 60},
        values=[
            {"type": "power", "tag": "a"},
            {
                "type": "power",
                "tag": "b",
                "sensor_id": "b",
                "name": "B",
                "unit": "W",
                "scale": 0.5,
                "offset": 0,
                "max_gap": 5,
                "store": {"type": "raw"},
                "direction": "export",
                "submeter_of": "main",
                "counts": False,
                "max_power_kw": 4,
                "min_value": 0,
                "max_value": 9,
                "resolution": 15,
            },
        ],
    )
    a, b = found.values
    assert a.sensor is not None
    assert b.sensor is not None
    assert (a.scale, a.offset, a.sensor.unit, a.sensor.max_gap) == (10, 1, "kW", timedelta(seconds=30))
    assert (b.scale, b.offset, b.sensor.unit, b.sensor.max_gap) == (0.5, 0, "W", timedelta(seconds=5))
    assert b.window is None
    assert b.sensor.resolution == timedelta(seconds=15)
    assert (b.sensor.direction, b.sensor.counts, b.sensor.submeter_of) == (
        Direction.EXPORT,
        Counts.FALSE,
        "main",
    )
    assert (a.sensor.room_name, dict(a.sensor.labels)) == ("Office", {"floor": "1"})


@pytest.mark.parametrize(
    ("quantity", "explicit", "store", "accumulation", "kept"),
    [
        ("power", None, None, "instantaneous", None),
        ("power", None, "avg", "mean", "avg"),
        ("power", None, "min", "instantaneous", "min"),
        ("power", None, "max", "instantaneous", "max"),
        ("power", None, "last", "instantaneous", "last"),
        ("power", None, "raw", "instantaneous", None),
        ("power", "mean", "raw", "mean", None),
        ("energy", None, None, "cumulative", None),
        ("energy", None, "avg", "cumulative", "last"),
        ("energy", "cumulative", "last", "cumulative", "last"),
        ("energy", "cumulative", "raw", "cumulative", None),
        ("energy", "delta", "sum", "delta", "sum"),
        ("energy", "delta", "raw", "delta", None),
        ("power", None, "sum", None, None),
        ("energy", "cumulative", "sum", None, None),
        ("energy", "cumulative", "max", None, None),
        ("energy", "delta", "avg", None, None),
        ("power", "mean", "max", None, None),
    ],
)
def test_what_stored_values_stand_for(
    quantity: str, explicit: str | None, store: str | None, accumulation: str | None, kept: str | None
) -> None:
    value: dict[str, object] = {"type": quantity, "tag": "x"}
    if explicit:
        value["accumulation"] = explicit
    fields: dict[str, object] = {"values": [value]}
    if store:
        fields["store"] = {"type": store, "period": 10}
    if accumulation is None:
        assert {code for _, code in codes(document(device(**fields)))} == {"store_mismatch"}
        return
    (found,) = one(**fields).values
    assert found.sensor is not None
    assert found.sensor.accumulation.value == accumulation
    assert (found.window and found.window.type.value) == kept


def test_text_is_shown_whatever_it_is_called() -> None:
    (found,) = one(values=[{"type": "mode", "tag": "m", "data": "STRING"}]).values
    assert (found.sensor, found.data) == (None, DataType.STRING)


def test_units_are_checked() -> None:
    with pytest.raises(InvalidError) as refused:
        parse_iot_configuration(document(device(unit="degC")), MemoryUnitCatalog())
    assert [(one.pointer, one.code) for one in refused.value.problems] == [(f"{V0}/unit", "unit_mismatch")]


def test_controls_are_read() -> None:
    reduce = {"method": "POST", "url": "http://192.0.2.7/reduce", "body": {"kw": "{reduction_kw}"}}
    control = one(control={"http": {"reduce": reduce, "restore": {"url": "http://192.0.2.7/on"}}}).control
    assert control.reduce is not None
    assert control.reduce.body is not None
    assert control.reduce.body.text == '{"kw":"{reduction_kw}"}'
    assert codes(document(device(control={"http": {"reduce": reduce}}))) == {
        ("/resources/iots/0/control/http/restore", "required")
    }


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_DEVICE_FIELDS = [
    *(
        "name",
        "type",
        "uri",
        "values",
        "period",
        "timeout",
        "method",
        "headers",
        "body",
        "auth",
        "verify_tls",
    ),
    *("timestamp_tag", "room", "unit", "scale", "offset", "store", "control", "labels", "max_gap"),
]
_VALUE_FIELDS = [
    *("type", "tag", "data", "sensor_id", "unit", "scale", "offset", "accumulation", "max_gap", "direction"),
    *("submeter_of", "counts", "max_power_kw", "rollover_at", "min_value", "max_value", "name", "resolution"),
    "store",
]


@given(st.dictionaries(st.sampled_from(_DEVICE_FIELDS), json_values, max_size=6), json_values)
def test_whatever_a_device_says_there_is_an_answer(fields: dict[str, object], period: object) -> None:
    for problem in problems(document({**device(), **fields}, period=period)):
        assert problem.pointer.startswith("/")
        assert problem.code
        assert problem.detail


@given(st.dictionaries(st.sampled_from(_VALUE_FIELDS), json_values, max_size=6))
def test_whatever_a_value_says_there_is_an_answer(fields: dict[str, object]) -> None:
    for problem in problems(document(device(values=[{"type": "power", "tag": "x", **fields}]))):
        assert problem.pointer.startswith(V0)
