"""One subscription: what it asks for, and up to where each of its topics was sent."""

from collections.abc import Iterable, Mapping

from domain.operations.model import Topic
from domain.sensors.services.live import Selection


class Subscription:
    """The state of one subscription of one socket.

    A topic is either *replayed* (its stored events are being sent; live ones are only taken note of, since
    they are stored too) or *live*. It becomes live at a moment when everything that was noted has been
    sent, so that between the two nothing is missing and nothing comes twice.
    """

    def __init__(self, subscription_id: str | int, topics: Iterable[Topic], selection: Selection) -> None:
        self.subscription_id = subscription_id
        self.topics = tuple(dict.fromkeys(topics))
        self.selection = selection
        self._sent: dict[Topic, int] = dict.fromkeys(self.topics, 0)
        self._noted: dict[Topic, int] = dict.fromkeys(self.topics, 0)
        self._live: set[Topic] = set()

    def begin(self, topic: Topic, after: int) -> None:
        """Begin with the event after ``after``; live ones are taken note of from now on."""
        self._live.discard(topic)
        self._sent[topic] = after

    def sent(self, topic: Topic) -> int:
        """Return the seq up to which the topic was sent."""
        return self._sent[topic]

    def noted(self, topic: Topic) -> int:
        """Return the seq of the newest live event that was not sent since the topic is replayed."""
        return self._noted[topic]

    def positions(self) -> Mapping[Topic, int]:
        """Return the seq up to which each topic was sent."""
        return dict(self._sent)

    def replayed(self, topic: Topic, seq: int) -> None:
        """Take note that the stored events up to ``seq`` were sent, or are not kept any more."""
        self._sent[topic] = max(self._sent[topic], seq)

    def go_live(self, topic: Topic) -> bool:
        """Make the topic live if all that was noted has been sent; return whether it is."""
        if self._sent[topic] >= self._noted[topic]:
            self._live.add(topic)
        return topic in self._live

    def takes(self, topic: Topic, seq: int) -> bool:
        """Take note of a live event; return whether it is to be sent now."""
        if topic not in self._live:
            self._noted[topic] = max(self._noted[topic], seq)
            return False
        if seq <= self._sent[topic]:
            return False
        self._sent[topic] = seq
        return True
