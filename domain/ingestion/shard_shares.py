"""How shards are shared out among workers."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.ingestion.model import WorkerId


@dataclass(frozen=True, slots=True)
class Shares:
    """What one worker does with the shards."""

    kept: Sequence[int]
    given_up: Sequence[int]
    taken: Sequence[int]


def share_out(worker: WorkerId, alive: int, shards: Sequence[tuple[int, WorkerId | None]]) -> Shares:
    """Return what the worker keeps, gives up and takes, so that it comes to its share, rounded up.

    ``shards`` says who holds each, None where nobody does; ``alive`` counts the workers, this one too.
    """
    share = -(-len(shards) // max(1, alive))
    own = [shard for shard, holder in shards if holder == worker]
    free = [shard for shard, holder in shards if holder is None]
    return Shares(kept=own[:share], given_up=own[share:], taken=free[: max(0, share - len(own))])
