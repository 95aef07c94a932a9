"""What stands in buckets without data."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Final, TypeVar

from domain.sensors.services.buckets import Aggregate, Bucket, has_data
from domain.shared.quantities import Quality


class Fill(StrEnum):
    """What becomes of empty buckets: left out, kept as null, or filled and marked as estimates."""

    NONE = "none"
    NULL = "null"
    PREVIOUS = "previous"
    LINEAR = "linear"


_FILLED: Final = (Aggregate.MEAN, Aggregate.MIN, Aggregate.MAX, Aggregate.FIRST, Aggregate.LAST)
"""States can be guessed from those around them; amounts and counts of readings cannot."""

AnyBucket = TypeVar("AnyBucket", bound=Bucket)


def filled(buckets: Sequence[AnyBucket], how: Fill, now: datetime) -> list[AnyBucket]:
    """Return the buckets as they were asked for.

    A filled figure makes its bucket `ESTIMATED`; the coverage stays what readings account for. What has not
    begun by ``now`` is not guessed, nor is what cannot be answered any more.
    """
    if how is Fill.NONE:
        return [bucket for bucket in buckets if has_data(bucket)]
    result = list(buckets)
    if how is Fill.NULL:
        return result
    for aggregate in _FILLED:
        known = [
            number for number, bucket in enumerate(result) if bucket.aggregates.get(aggregate) is not None
        ]
        for before, after in pairwise([*known, len(result)]):
            _fill_between(result, aggregate, before, after, how, now)
    return result


def _fill_between(
    buckets: list[AnyBucket], aggregate: Aggregate, before: int, after: int, how: Fill, now: datetime
) -> None:
    start = buckets[before].aggregates[aggregate]
    end = buckets[after].aggregates[aggregate] if after < len(buckets) else None
    if start is None or (how is Fill.LINEAR and end is None):
        return
    for number in range(before + 1, after):
        bucket = buckets[number]
        if aggregate not in bucket.aggregates or bucket.reason is not None or bucket.start >= now:
            continue
        value = start
        if how is Fill.LINEAR and end is not None:
            origin = _middle(buckets[before])
            share = (_middle(bucket) - origin) / (_middle(buckets[after]) - origin)
            value = start + (end - start) * share
        buckets[number] = replace(
            bucket, aggregates={**bucket.aggregates, aggregate: value}, quality=Quality.ESTIMATED
        )


def _middle(bucket: Bucket) -> float:
    # As timestamps: between times of one zone Python counts by the clock on the wall.
    return (bucket.start.timestamp() + bucket.end.timestamp()) / 2
