"""Noise that is a pure function of a key and an index, so that any instant can be asked for by itself."""

from functools import cache
from hashlib import blake2b

_MASK = (1 << 64) - 1


def key_of(*parts: object) -> int:
    """Derive a key that is the same in every process, which `hash` of a text is not."""
    digest = blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest)


def white(key: int, index: int) -> float:
    """Give the value in [-1, 1) that belongs to this index (splitmix64)."""
    z = (key + index * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((z ^ (z >> 31)) >> 11) / (1 << 52) - 1


def chance(key: int, index: int) -> float:
    """Give the value in [0, 1) that belongs to this index."""
    return (white(key, index) + 1) / 2


def smooth(key: int, indices: range, span: int) -> list[float]:
    """Give values in [-1, 1] that change gently: one anchor in every `span` indices, eased in between."""
    first = indices.start // span
    anchors = [white(key, anchor) for anchor in range(first, indices.stop // span + 2)]
    weights = _eased(span)
    values = []
    for index in indices:
        anchor, step = divmod(index, span)
        before = anchors[anchor - first]
        values.append(before + (anchors[anchor - first + 1] - before) * weights[step])
    return values


@cache
def _eased(span: int) -> tuple[float, ...]:
    return tuple((step / span) ** 2 * (3 - 2 * step / span) for step in range(span))
