"""What processes tell each other: small references, never the events themselves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from domain.operations.model import FeedEntry, Topic

_WOKEN: Final = "woken"
_PUBLISHED: Final = "published"
_MAX_DIGITS: Final = 18
_TOPICS: Final = {topic.value: topic for topic in Topic}


@dataclass(frozen=True, slots=True)
class Woken:
    """A process committed events: the relay, wherever it is, has work."""

    process: str


@dataclass(frozen=True, slots=True)
class Published:
    """A process published events: the last seq of each topic (the range names the first one too)."""

    process: str
    upto: Mapping[Topic, int]


def woken(process: str) -> str:
    """Return the message that the relay has work."""
    return f"{_WOKEN} {process}"


def published(process: str, entries: Iterable[FeedEntry]) -> str:
    """Return the message that these entries are in the feed: at most one reference a topic."""
    by_topic = sorted(entries, key=lambda entry: (entry.topic, entry.seq))
    references = [_PUBLISHED, process]
    for topic, group in groupby(by_topic, key=lambda entry: entry.topic):
        seqs = [entry.seq for entry in group]
        references.append(f"{topic}:{seqs[0]}-{seqs[-1]}")
    return " ".join(references)


def parse(text: str) -> Woken | Published | None:
    """Return the message, None where it is none: anyone who may log in to the database can send here."""
    words = text.split(" ")
    match words:
        case [word, process] if word == _WOKEN:
            return Woken(process)
        case [word, process, *references] if word == _PUBLISHED:
            upto: dict[Topic, int] = {}
            for reference in references:
                name, _, seqs = reference.partition(":")
                topic, last = _TOPICS.get(name), seqs.partition("-")[2]
                if topic is None or not (last.isascii() and last.isdigit() and len(last) <= _MAX_DIGITS):
                    return None
                upto[topic] = int(last)
            return Published(process, upto)
    return None
