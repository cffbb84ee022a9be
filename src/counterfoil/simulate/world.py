"""The state of one simulated election between the ballot boxes and the papers that reach anybody.

boxes (`Country.votes`) -> protocols (`protocol_*`) -> copies of those `received`, and forged ones -> readings;
and beside them what the authority announced (`official_*`) and what voters reported. `problems` changes any of these
and notes what it did.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from counterfoil.simulate.country import COUNTRY, Country, Ints, region_id
from counterfoil.simulate.truth import Planted

Mask = npt.NDArray[np.bool_]
IN_OFFICE, CHALLENGER = 0, 1


@dataclass
class World:
    """Arrays have one row per station, in the order of `Country.stations`."""

    country: Country
    rng: np.random.Generator
    received: Mask
    """A true copy of the protocol came in."""
    protocol_votes: Ints
    protocol_valid: Ints
    """As the clerk wrote it; where it is not the sum of the options, the clerk slipped."""
    protocol_invalid: Ints
    protocol_cast: Ints
    official_votes: Ints
    reports: Ints
    """(stations, options): voters who reported their own ballot."""
    forged: dict[int, Ints] = field(default_factory=dict)
    """Station -> votes on forged copies that were sent in."""
    announced: dict[tuple[str, str], int] = field(default_factory=dict)
    """(area, item) -> figure announced instead of the sum over the stations."""
    used: set[int] = field(default_factory=set)
    """Stations where something was planted: one problem each, so that each finding has one cause."""
    planted: list[Planted] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.country.registered)

    def station(self, position: int) -> str:
        return str(self.country.stations["station"][position])

    def pick(self, number: int, among: Mask) -> list[int]:
        """Up to `number` stations of `among` that carry no problem yet; they are marked as used."""
        free = np.flatnonzero(among)
        free = free[~np.isin(free, np.fromiter(self.used, dtype=np.int64, count=len(self.used)))]
        chosen = sorted(self.rng.choice(free, size=min(number, len(free)), replace=False).tolist())
        self.used.update(chosen)
        return chosen

    def plant(self, problem: str, position: int, code: str | None, option: int | None = None, why: str = "") -> None:
        """Note a problem at a station; one whose copy never came in can't be shown."""
        if code is not None and not self.received[position] and position not in self.forged:
            code, why = None, "no copy of the protocol came in"
        name = None if option is None or code is None else self.country.options[option]
        self.planted.append(Planted(problem, self.station(position), code, name, why))

    def official_areas(self) -> list[tuple[str, str, int]]:
        """(area, item, value) for the country and its regions, with what was announced in place of the sums."""
        rows: list[tuple[str, str, int]] = []
        items = [*self.country.options, "valid", "invalid", "ballots_cast", "registered"]
        valid = self.official_votes.sum(axis=1)
        columns = np.column_stack(
            [
                self.official_votes,
                valid,
                self.protocol_invalid,
                valid + self.protocol_invalid,
                self.country.registered,
            ]
        )
        sums = [(COUNTRY, columns.sum(axis=0))]
        sums += [
            (region_id(r), columns[self.country.region == r].sum(axis=0))
            for r in range(int(self.country.region.max()) + 1)
        ]
        for area, values in sums:
            for item, value in zip(items, values.tolist(), strict=True):
                rows.append((area, item, self.announced.get((area, item), value)))
        return rows


def honest_world(country: Country, rng: np.random.Generator, missing_share: float) -> World:
    """Everybody counts and announces what was in the boxes; clerks slip a little; some copies never come in."""
    protocol_valid = country.votes.sum(axis=1)
    # One clerk in thirty adds up wrongly (17 % of the sheets in Honduras 2025 did not add up); the options stand.
    slips = (rng.random(len(protocol_valid)) < 0.03) & (protocol_valid > 20)
    protocol_valid = protocol_valid - np.where(slips, rng.integers(1, 11, len(protocol_valid)), 0)
    return World(
        country=country,
        rng=rng,
        received=_received(country, rng, missing_share),
        protocol_votes=country.votes.copy(),
        protocol_valid=protocol_valid,
        protocol_invalid=country.invalid.copy(),
        protocol_cast=country.cast,
        official_votes=country.votes.copy(),
        reports=_reports(country, rng),
    )


def _received(country: Country, rng: np.random.Generator, missing_share: float) -> Mask:
    """Copies come in by district: some are well covered, some hardly; about `missing_share` is missing in all."""
    if missing_share <= 0:
        return np.ones(len(country.registered), dtype=np.bool_)
    spread = 6.0
    chance = rng.beta(spread * (1 - missing_share), spread * missing_share, int(country.district.max()) + 1)
    came: Mask = rng.random(len(country.registered)) < chance[country.district]
    return came


def _reports(country: Country, rng: np.random.Generator) -> Ints:
    """Voters report their own ballots, more often in cities and for the challenger; never more than there were."""
    stations, options = country.votes.shape
    eager = np.where(country.stations["kind"].to_numpy() == "village", 0.01, 0.08)
    rate = np.minimum(eager * rng.lognormal(0, 0.5, stations), 0.5)
    bias = np.ones(options)
    bias[0] = 0.1
    drawn: Ints = rng.binomial(country.votes, rate[:, None] * bias).astype(np.int64)
    return drawn
