from hypothesis import given
from hypothesis import strategies as st

from adapters.websocket.subscription import Subscription
from domain.operations.model import Topic
from domain.sensors.services.live import Selection

TOPIC = Topic.ENERGY_DATA


@given(
    steps=st.lists(st.sampled_from(["publish", "hand_out", "read"]), max_size=60),
    before=st.integers(0, 5),
    since=st.integers(0, 5),
    page=st.integers(1, 4),
)
def test_replay_and_live_together_give_each_event_once_in_order(
    steps: list[str], before: int, since: int, page: int
) -> None:
    """Whatever the order in which events are stored, handed out live and read for the replay."""
    stored, handed_out, sent = before, before, []
    since = min(since, before)
    subscription = Subscription("s", [TOPIC], Selection())
    subscription.begin(TOPIC, since)
    live = False

    def read() -> bool:
        noted = subscription.noted(TOPIC)
        entries = range(subscription.sent(TOPIC) + 1, min(stored, subscription.sent(TOPIC) + page) + 1)
        for seq in entries:
            sent.append(seq)
            subscription.replayed(TOPIC, seq)
        if len(entries) < page:
            subscription.replayed(TOPIC, noted)
            return subscription.go_live(TOPIC)
        return False

    for step in [*steps, *["hand_out"] * 60, *["read"] * 60]:
        if step == "publish":
            stored += 1
        elif step == "hand_out" and handed_out < stored:
            handed_out += 1
            if subscription.takes(TOPIC, handed_out):
                sent.append(handed_out)
        elif step == "read" and not live:
            live = read()
    assert live
    assert sent == list(range(since + 1, stored + 1))


def test_a_topic_named_twice_is_one() -> None:
    subscription = Subscription("s", [TOPIC, TOPIC, Topic.DR_EVENTS], Selection())
    assert subscription.topics == (TOPIC, Topic.DR_EVENTS)
    assert subscription.positions() == {TOPIC: 0, Topic.DR_EVENTS: 0}
