"""Text from outside, as PostgreSQL can keep it."""

from typing import Final

_LONGEST: Final = 500


def storable(sent: str, longest: int | None = _LONGEST) -> str:
    """Return what was sent without NUL and halves of surrogate pairs, cut to ``longest`` characters."""
    kept = sent[:longest].replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return kept.encode("utf-8", "replace").decode("utf-8")
