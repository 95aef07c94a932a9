"""What energy cost, and what it emitted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import fsum
from typing import Final, Self

from domain.sensors.services.tariff_prices import price_spans
from domain.sensors.tariffs import Rate, Tariff

_GRAMS_A_KILOGRAM: Final = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketCost:
    """The cost of a bucket's energy, in the currency of the tariff, and its CO2 in kg.

    Both are sums over the energy that is known and has a price (a CO2 factor), and None where there is none
    of that, never 0. ``unpriced_kwh`` and ``co2_unknown_kwh`` say how much known energy they leave out,
    import and export alike counted as positive: 0 where nothing is left out, None where no energy is known.
    """

    cost: float | None
    co2_kg: float | None
    unpriced_kwh: float | None
    co2_unknown_kwh: float | None


@dataclass(frozen=True, slots=True)
class CostPlan:
    """Buckets cut where prices change, to be used for any number of series.

    ``edges`` are the edges of buckets and prices together, as UTC: energy is needed of each of the
    intervals between them, of which ``rates`` has the rate. ``parts`` says which intervals make up each
    bucket.
    """

    edges: tuple[datetime, ...]
    rates: tuple[Rate | None, ...]
    parts: tuple[range, ...]

    @classmethod
    def of(cls, tariff: Tariff, buckets: Sequence[datetime]) -> Self:
        """Return the plan for buckets between these edges, which ascend.

        Raises:
            InvalidError: ``too_many_buckets``, ``out_of_calendar``.

        """
        if not buckets:
            return cls((), (), ())
        spans = price_spans(tariff, buckets[0], buckets[-1])
        edges = sorted({*buckets, *(span.start for span in spans)})
        place = {edge: number for number, edge in enumerate(edges)}
        rates: list[Rate | None] = []
        for span in spans:
            rates.extend([span.rate] * (place[span.end] - place[span.start]))
        parts = tuple(range(place[start], place[end]) for start, end in pairwise(buckets))
        return cls(tuple(edges), tuple(rates), parts)

    def costs(self, energies: Sequence[float | None]) -> list[BucketCost]:
        """Return the cost of each bucket.

        Args:
            energies: kWh of each interval between `edges` (export negative), None where it is not known.

        """
        if len(energies) != len(self.rates):
            raise ValueError(f"{len(self.rates)} intervals, but {len(energies)} energies")
        return [self._cost(part, energies) for part in self.parts]

    def _cost(self, part: range, energies: Sequence[float | None]) -> BucketCost:
        amounts: list[float] = []
        grams: list[float] = []
        unpriced: list[float] = []
        without_factor: list[float] = []
        known = False
        for interval in part:
            kwh = energies[interval]
            if kwh is None:
                continue
            known = True
            rate = self.rates[interval]
            if rate is None:
                unpriced.append(abs(kwh))
            else:
                amounts.append(kwh * rate.price_per_kwh)
            if rate is None or rate.co2_g_per_kwh is None:
                without_factor.append(abs(kwh))
            else:
                grams.append(kwh * rate.co2_g_per_kwh)
        emitted = _total(grams)
        return BucketCost(
            cost=_total(amounts),
            co2_kg=None if emitted is None else emitted / _GRAMS_A_KILOGRAM,
            unpriced_kwh=fsum(unpriced) if known else None,
            co2_unknown_kwh=fsum(without_factor) if known else None,
        )


def _total(amounts: Sequence[float]) -> float | None:
    # Adding 0 makes an export of nothing cost 0 rather than -0.
    return fsum(amounts) + 0.0 if amounts else None
