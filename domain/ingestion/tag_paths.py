"""Dotted paths into a JSON answer."""

from dataclasses import dataclass

from domain.ingestion.errors import ValueRefusedError

MAX_LENGTH = 512
_INDEX_DIGITS = 9


def _split(text: str) -> list[str]:
    segments: list[str] = []
    current: list[str] = []
    characters = iter(text)
    for character in characters:
        if character == ".":
            segments.append("".join(current))
            current.clear()
        elif character == "\\":
            escaped = next(characters, "")
            current.append(escaped if escaped in {".", "\\"} and escaped else f"\\{escaped}")
        else:
            current.append(character)
    segments.append("".join(current))
    return segments


@dataclass(frozen=True, slots=True)
class TagPath:
    """Where a value stands: each segment is the key of an object or the index of a list.

    Written with dots; a dot inside a key is written with a backslash before it, a backslash as two.
    """

    text: str
    segments: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "TagPath":
        """Return the path that the text writes.

        Raises:
            ValueError: it is empty, too long, or has an empty segment.

        """
        if not 1 <= len(text) <= MAX_LENGTH:
            raise ValueError(f"a tag needs 1 to {MAX_LENGTH} characters")
        segments = tuple(_split(text))
        if "" in segments:
            raise ValueError("a tag has no empty segments: write a dot that belongs to a key as \\.")
        return cls(text, segments)

    @classmethod
    def of(cls, segments: tuple[str, ...]) -> "TagPath":
        """Return the path with these segments, written so that it reads back the same."""
        escaped = (segment.replace("\\", "\\\\").replace(".", "\\.") for segment in segments)
        return cls(".".join(escaped), segments)

    def find(self, document: object) -> object:
        """Return what stands there.

        Raises:
            ValueRefusedError: ``missing``, saying how far the path led.

        """
        place = document
        for number, segment in enumerate(self.segments):
            if isinstance(place, dict):
                if segment not in place:
                    raise self._missing(number)
                place = place[segment]
            elif isinstance(place, list):
                place = self._element(place, segment, number)
            else:
                raise self._missing(number)
        return place

    def _element(self, place: "list[object]", segment: str, number: int) -> object:
        is_index = segment.isascii() and segment.isdigit() and len(segment) <= _INDEX_DIGITS
        if not is_index or int(segment) >= len(place):
            raise self._missing(number)
        return place[int(segment)]

    def _missing(self, number: int) -> ValueRefusedError:
        there = TagPath.of(self.segments[:number]).text if number else "the answer"
        return ValueRefusedError("missing", f"{self.text}: {there} has no {self.segments[number]!r}")
