from tests.unit.ingestion.documents import codes, device, document, problems

V0 = "/resources/iots/0/values/0"


def part_of(parent: str | None, **fields: object) -> list[dict[str, object]]:
    return [{"type": "power", "tag": "power", "submeter_of": parent, **fields}]


def test_no_sensor_is_a_submeter_of_itself() -> None:
    (problem,) = problems(document(device(values=part_of("AC1.power"))))
    assert (problem.pointer, problem.code) == (f"{V0}/submeter_of", "invalid_submeter")
    own_id = part_of("main", sensor_id="main")
    assert codes(document(device(values=own_id))) == {(f"{V0}/submeter_of", "invalid_submeter")}


def test_submeters_go_in_no_ring() -> None:
    ring = [
        device(name, values=part_of(f"{parent}.power")) for name, parent in zip("ABCD", "BCAA", strict=True)
    ]
    found = problems(document(*ring))
    assert [(one.pointer, one.code) for one in found] == [
        (f"/resources/iots/{number}/values/0/submeter_of", "invalid_submeter") for number in range(3)
    ]
    assert found[1].detail.endswith("as 'B.power' is by way of 'C.power', 'A.power'")
    long = [device(f"D{number}", values=part_of(f"D{(number + 1) % 900}.power")) for number in range(900)]
    told = problems(document(*long))
    assert len(told) == 900
    assert told[0].detail.endswith("'D5.power' and 894 more")


def test_submeters_may_be_part_of_submeters() -> None:
    chain = [device("A", values=part_of("B.power")), device("B", values=part_of("C.power"))]
    assert not problems(document(*chain, device("C", values=part_of("elsewhere"))))
    assert not problems(document(*chain, device("C", values=part_of(None))))
