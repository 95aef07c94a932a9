"""Buckets as they are answered."""

from collections.abc import Collection

import msgspec

from adapters.web.times import Instant
from domain.sensors.services.buckets import Aggregate, Bucket
from domain.shared.quantities import Quality


class BucketAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One bucket ``[start, end)``, its times with the offset that is in force there."""

    start: Instant
    end: Instant
    mean: float | msgspec.UnsetType | None = msgspec.UNSET
    min: float | msgspec.UnsetType | None = msgspec.UNSET
    max: float | msgspec.UnsetType | None = msgspec.UNSET
    sum: float | msgspec.UnsetType | None = msgspec.UNSET
    count: int | msgspec.UnsetType | None = msgspec.UNSET
    first: float | msgspec.UnsetType | None = msgspec.UNSET
    last: float | msgspec.UnsetType | None = msgspec.UNSET
    energy: float | msgspec.UnsetType | None = msgspec.UNSET
    expected: int | None
    actual: int
    coverage: float
    quality: Quality
    settled: bool
    reason: str | msgspec.UnsetType = msgspec.UNSET


class BucketsAnswer(msgspec.Struct, kw_only=True):
    """Readings in buckets, in this unit; their ``energy`` is in ``energy_unit``."""

    unit: str
    energy_unit: str
    buckets: list[BucketAnswer]


def bucket_answer(bucket: Bucket, aggregates: Collection[Aggregate]) -> BucketAnswer:
    """Return the bucket with these of its aggregates."""
    return BucketAnswer(**bucket_fields(bucket, aggregates))  # type: ignore[arg-type]  # fields by name


def bucket_fields(bucket: Bucket, aggregates: Collection[Aggregate]) -> dict[str, object]:
    """Return what every answer says of a bucket, with these of its aggregates."""
    return {
        "start": Instant.of(bucket.start),
        "end": Instant.of(bucket.end),
        "expected": bucket.expected,
        "actual": bucket.actual,
        "coverage": bucket.coverage,
        "quality": bucket.quality,
        "settled": bucket.settled,
        "reason": msgspec.UNSET if bucket.reason is None else bucket.reason,
        **{one.value: bucket.aggregates[one] for one in aggregates},
    }
