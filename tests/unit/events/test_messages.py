import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.events.messages import Published, Woken, parse, published, woken
from domain.operations.model import FeedEntry, Topic
from tests.unit.events.samples import TIME, happened


def test_references_are_small_whatever_was_published() -> None:
    entries = [
        FeedEntry(topic=topic, seq=seq, time=TIME, event=happened(seq))
        for seq in range(10**12, 10**12 + 1000)
        for topic in Topic
    ]
    text = published("p" * 36, entries)
    assert len(text) < 400
    assert parse(text) == Published("p" * 36, dict.fromkeys(Topic, 10**12 + 999))
    assert "dr_events:1000000000000-1000000000999" in text


def test_the_word_that_there_is_work() -> None:
    assert parse(woken("abc")) == Woken("abc")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "woken",
        "published",
        "published p energy_data",
        "published p energy_data:1",
        "published p energy_data:1-",
        "published p energy_data:1-x",
        "published p energy_data:1-" + "9" * 5000,
        "published p energy_data:1-\u0662",
        "published p secrets:1-2",
        "DROP TABLE x",
    ],
)
def test_what_is_no_message_is_none(text: str) -> None:
    assert parse(text) is None


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    parse(text)
    parse(f"published p {text}")
