"""Randomness for rhythms and pauses."""

import random

from domain.ingestion.ports import Jitter


class RandomJitter(Jitter):
    """Random enough to keep devices from being asked in step."""

    def fraction(self) -> float:
        return random.random()  # noqa: S311 - guards nothing
