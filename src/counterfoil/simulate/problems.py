"""What can be wrong with an election and its count, planted on purpose; each function notes what it did.

Nothing here says who would do such a thing or why: a swapped column is a swapped column. Each station carries one
problem at most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np

from counterfoil.simulate.country import COUNTRY, Ints, region_id
from counterfoil.simulate.truth import Planted
from counterfoil.simulate.world import CHALLENGER, IN_OFFICE, World

Problem = Callable[[World], None]


def per_kind(world: World) -> int:
    """Stations per kind of problem: one in forty, 3 to 200."""
    return int(np.clip(world.size // 40, 3, 200))


def rounded_up(world: World) -> None:
    """The country's announced figures are computed back from shares with one decimal, the one in office rounded up."""
    total = int(world.official_votes.sum())
    tenths = np.floor(world.official_votes.sum(axis=0) * 1000 / total).astype(np.int64)
    gain = 60
    tenths[IN_OFFICE] += gain
    tenths[CHALLENGER] = max(tenths[CHALLENGER] - gain, 1)
    tenths[IN_OFFICE] += 1000 - int(tenths.sum())
    for option, share in zip(world.country.options, tenths.tolist(), strict=True):
        world.announced[COUNTRY, option] = (total * share + 500) // 1000
    world.announced[COUNTRY, "valid"] = total
    # Whether it can be told from chance is a matter of size: (1001 / T)^(options - 1), see tally.backsolve.
    chance = Fraction(1001, total) ** (len(world.country.options) - 1)
    shown = chance <= Fraction(1, 1_000_000)
    why = "" if shown else "with so few votes and options any counts may look like that by chance"
    world.planted.append(Planted("rounded_up", COUNTRY, "backsolved-total" if shown else None, None, why))


def columns_swapped(world: World) -> None:
    """The authority's figures of a station have the columns of two options exchanged."""
    votes = world.protocol_votes
    for i in world.pick(per_kind(world), np.abs(votes[:, IN_OFFICE] - votes[:, CHALLENGER]) > 5):
        world.official_votes[i, [IN_OFFICE, CHALLENGER]] = votes[i, [CHALLENGER, IN_OFFICE]]
        world.plant("columns_swapped", i, "columns-swapped")


def digits_transposed(world: World) -> None:
    """Two neighbouring digits of one of the authority's figures changed places."""
    for i in world.pick(per_kind(world), world.protocol_votes.max(axis=1) >= 12):
        figures = [
            (option, place)
            for option, value in enumerate(world.protocol_votes[i].tolist())
            for place in range(len(str(value)) - 1)
            if str(value)[place] != str(value)[place + 1] and not (place == 0 and str(value)[1] == "0")
        ]
        if not figures:
            continue
        option, place = figures[int(world.rng.integers(len(figures)))]
        text = str(int(world.protocol_votes[i, option]))
        moved = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        world.official_votes[i, option] = int(moved)
        world.plant("digits_transposed", i, "digits-transposed")


def stuffed(world: World) -> None:
    """Ballots and figures added at the station, above it, and in ways that leave no trace on paper."""
    _over_register(world)
    _moved_votes(world)
    _consistent(world)
    _official_raised(world)
    _region_lowered(world)


def _over_register(world: World) -> None:
    """More ballots in the box than voters on the list."""
    for i in world.pick(per_kind(world), world.country.registered > 100):
        extra = int(world.country.registered[i] - world.protocol_cast[i] + world.rng.integers(5, 60))
        _add_ballots(world, i, extra)
        world.plant("stuffed_over_register", i, "turnout-over-register")


def _moved_votes(world: World) -> None:
    """Votes moved from one column to another before the protocol was signed, where many voters reported theirs."""
    eager = world.protocol_votes[:, CHALLENGER] >= 60
    for i in world.pick(per_kind(world), eager):
        true = int(world.protocol_votes[i, CHALLENGER])
        moved = int(true * world.rng.uniform(0.4, 0.7))
        world.reports[i, CHALLENGER] = int(true * world.rng.uniform(0.7, 0.95))
        for votes in (world.protocol_votes, world.official_votes):
            votes[i, CHALLENGER] -= moved
            votes[i, IN_OFFICE] += moved
        world.plant("votes_moved", i, "reports-exceed-protocol", CHALLENGER)


def _consistent(world: World) -> None:
    """Ballots added within the register: box, protocol and announcement agree."""
    room = world.country.registered - world.protocol_cast
    for i in world.pick(per_kind(world), room > 30):
        _add_ballots(world, i, int(world.rng.integers(10, int(room[i]))))
        world.plant("stuffed_within_register", i, None, why="every paper agrees with every other")


def _add_ballots(world: World, i: int, extra: int) -> None:
    world.protocol_votes[i, IN_OFFICE] += extra
    world.official_votes[i, IN_OFFICE] += extra
    world.protocol_valid[i] += extra
    world.protocol_cast[i] += extra


def _official_raised(world: World) -> None:
    """The authority's figure for a station is higher than its protocol."""
    for i in world.pick(per_kind(world), world.protocol_votes[:, IN_OFFICE] >= 10):
        was = int(world.protocol_votes[i, IN_OFFICE])
        world.official_votes[i, IN_OFFICE] = was * 10 if was < 30 else was + 3 * len(str(was)) + 101
        world.plant("official_raised", i, "official-differs")


def _region_lowered(world: World) -> None:
    """A region's announced figure for the challenger is below what its own copies add up to already.

    What follows from it is noted by `consequences`.
    """
    country = world.country
    usable = world.received & ~np.isin(np.arange(world.size), list(world.forged))
    counted = np.bincount(country.region, weights=np.where(usable, world.protocol_votes[:, CHALLENGER], 0))
    region = int(np.argmax(counted))
    inside = country.region == region
    held = int(world.official_votes[inside, CHALLENGER].sum())
    lowered = int(counted[region] * 0.8)
    area = region_id(region)
    world.announced[area, country.options[CHALLENGER]] = lowered
    world.announced[area, country.options[IN_OFFICE]] = (
        int(world.official_votes[inside, IN_OFFICE].sum()) + held - lowered
    )


def missing_areas(world: World) -> None:
    """Nothing comes in from a quarter of the districts. Honest otherwise: a gap is no finding."""
    districts = int(world.country.district.max()) + 1
    silent = world.rng.choice(districts, size=max(1, districts // 4), replace=False)
    world.received &= ~np.isin(world.country.district, silent)


def selective_collection(world: World) -> None:
    """Copies come in where the challenger did well. Honest otherwise: the shares counted are far from the truth."""
    valid = np.maximum(world.protocol_votes.sum(axis=1), 1)
    share = world.protocol_votes[:, CHALLENGER] / valid
    chance = 1 / (1 + np.exp(-25 * (share - np.quantile(share, 0.7))))
    world.received = world.rng.random(world.size) < chance


def flooded_with_fakes(world: World) -> None:
    """Forged copies that differ from the true ones, and some of stations of which no true copy came in."""
    for i in world.pick(per_kind(world), world.received):
        world.forged[i] = _forgery(world, i)
        world.plant("forged_beside_true", i, "copies-differ")
    for i in world.pick(max(2, per_kind(world) // 3), ~world.received & (world.protocol_votes.sum(axis=1) > 30)):
        world.forged[i] = _forgery(world, i)
        world.plant("forged_alone", i, "official-differs")


def _forgery(world: World, i: int) -> Ints:
    """The one in office loses most votes to the challenger; the sum stays right, as a forger would have it."""
    forged: Ints = world.protocol_votes[i].copy()
    moved = int(forged[IN_OFFICE] * 0.6) + 7
    # Exchanged digits (a multiple of 9) or columns by accident: then the finding would rightly have another name.
    while moved % 9 == 0 or moved == forged[IN_OFFICE] - forged[CHALLENGER]:
        moved += 1
    forged[IN_OFFICE] = max(forged[IN_OFFICE] - moved, 0)
    forged[CHALLENGER] += world.protocol_votes[i].sum() - forged.sum()
    return forged


def consequences(world: World, votes: Ints) -> None:
    """Findings by addition that must follow, worked out here from the arrays and not by the tally.

    `votes` (stations, options) is what a faultless count arrives at. An announced figure below its sum, or above what
    is left for it in the announced total, must be shown wherever it stands.
    """
    official = {(area, item): value for area, item, value in world.official_areas()}
    country = world.country
    areas = [(COUNTRY, votes.sum(axis=0))]
    areas += [(region_id(r), votes[country.region == r].sum(axis=0)) for r in range(int(country.region.max()) + 1)]
    for area, counted in areas:
        room = official[area, "valid"] - int(counted.sum())
        for option, votes_of in zip(country.options, counted.tolist(), strict=True):
            announced = official[area, option]
            if votes_of > announced:
                world.planted.append(Planted("announced_below_the_copies", area, "part-exceeds-whole", option))
            if 0 <= room < announced - votes_of:
                world.planted.append(Planted("announced_beyond_the_room", area, "bound-excludes-official", option))


def mixed(world: World) -> None:
    """Everything at once."""
    for problem in (
        missing_areas, flooded_with_fakes, stuffed, columns_swapped, digits_transposed, rounded_up,
    ):  # fmt: skip
        problem(world)


def honest(world: World) -> None:
    """Nothing is planted."""


SCENARIOS: Mapping[str, Problem] = {
    "honest": honest,
    "rounded-up": rounded_up,
    "stuffed": stuffed,
    "columns-swapped": columns_swapped,
    "digits-transposed": digits_transposed,
    "missing-areas": missing_areas,
    "selective-collection": selective_collection,
    "flooded-with-fakes": flooded_with_fakes,
    "mixed": mixed,
}
