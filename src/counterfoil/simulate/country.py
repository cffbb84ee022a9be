"""A made-up country that votes: territory, registers, turnout and votes, vectorised, from one seeded generator.

Votes are over-dispersed the way real ones are: each region leans, villages lean more, and stations scatter around both
(Dirichlet-multinomial). Option 0 is the one in office, option 1 the one who challenges; neither is built to win.
Leaves out everything that can go wrong afterwards (`problems`) and who typed what (`readers`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

COUNTRY = "XX"
OPTIONS = ("ada", "bob", "cyd", "dee", "eva", "fay", "gus", "hal", "ivy", "jon")
KINDS = ("city", "town", "village")
_REGISTER_MEDIAN = np.array([1_300.0, 850.0, 330.0])
"""Registered voters of a typical station by kind; Belarus 2020 and Venezuela 2024 lie between 300 and 2,500."""
_TURNOUT = np.array([0.62, 0.66, 0.72])
_REGION_CONCENTRATION = 90.0
_STATION_CONCENTRATION = 70.0
"""A Dirichlet with this total spreads a share of one half by about 6 points between stations of one district."""


@dataclass(frozen=True)
class Country:
    """`n` stations in order of id, `k` options. All arrays have one row per station."""

    options: tuple[str, ...]
    areas: pl.DataFrame
    """area, parent, name, kind, deadline: the country, then regions, then districts."""
    stations: pl.DataFrame
    """station, area (district), name, kind, registered, latitude, longitude, stratum (region), cluster (school)."""
    region: Ints
    district: Ints
    """Position of the station's district among all districts."""
    registered: Ints
    invalid: Ints
    votes: Ints
    """(n, k): ballots as they lay in the box."""

    @property
    def ids(self) -> list[str]:
        return self.stations["station"].to_list()

    @property
    def cast(self) -> Ints:
        total: Ints = self.votes.sum(axis=1) + self.invalid
        return total


def option_ids(count: int) -> tuple[str, ...]:
    """Ids of `count` options: the ten names, then option11, option12, ..."""
    return tuple(OPTIONS[i] if i < len(OPTIONS) else f"option{i + 1}" for i in range(count))


def make_country(rng: np.random.Generator, stations: int, options: int) -> Country:
    """A country of `stations` stations that has voted on `options` options."""
    regions = int(np.clip(round(stations / 100), 3, 25))
    districts = regions * int(np.clip(round(stations / regions / 25), 2, 40))
    district = np.sort(rng.integers(0, districts, stations)).astype(np.int64)
    region = district * regions // districts
    # A district has a character (urban or not); its stations mostly follow it.
    urban = rng.beta(0.8, 0.8, districts)[district]
    draw = rng.random(stations)
    kind = np.where(draw < urban * 0.7, 0, np.where(draw < 0.3 + urban * 0.65, 1, 2))
    registered = np.clip(_REGISTER_MEDIAN[kind] * rng.lognormal(0.0, 0.35, stations), 40, 3_000).astype(np.int64)
    turnout = np.clip(_TURNOUT[kind] + rng.normal(0, 0.04, regions)[region] + rng.normal(0, 0.06, stations), 0.05, 0.97)
    cast = rng.binomial(registered, turnout).astype(np.int64)
    invalid = rng.binomial(cast, 0.018).astype(np.int64)
    votes = _votes(rng, cast - invalid, region, kind, options)
    names = _names(region, district, regions, districts)
    return Country(
        options=option_ids(options),
        areas=_areas(regions, districts),
        stations=_stations(rng, names, region, district, kind, registered, regions),
        region=region,
        district=district,
        registered=registered,
        invalid=invalid,
        votes=votes,
    )


def _votes(rng: np.random.Generator, valid: Ints, region: Ints, kind: Ints, options: int) -> Ints:
    national = _national(options)
    by_region = rng.dirichlet(national * _REGION_CONCENTRATION, int(region.max()) + 1)
    lean = np.ones((len(KINDS), options))
    lean[0, 0], lean[2, 0] = 0.85, 1.25  # cities lean from, villages to the one in office
    if options > 1:
        lean[0, 1], lean[2, 1] = 1.2, 0.8
    alpha = by_region[region] * lean[kind]
    alpha *= _STATION_CONCENTRATION / alpha.sum(axis=1, keepdims=True)
    shares = rng.standard_gamma(np.maximum(alpha, 1e-3))
    shares /= shares.sum(axis=1, keepdims=True)
    drawn: Ints = rng.multinomial(valid, shares).astype(np.int64)
    return drawn


def _national(options: int) -> Floats:
    weights = np.array([0.44, 0.41, *(0.15 / 2**i for i in range(1, max(options - 1, 1)))])[:options]
    national = np.maximum(weights, 0.002)
    shares: Floats = national / national.sum()
    return shares


def _names(region: Ints, district: Ints, regions: int, districts: int) -> list[str]:
    per_region = districts // regions
    start = np.searchsorted(district, district, side="left")
    number = np.arange(len(district)) - start + 1
    return [
        f"R{r + 1:02}-{d % per_region + 1:02}-{s:04}"
        for r, d, s in zip(region.tolist(), district.tolist(), number.tolist(), strict=True)
    ]


def region_id(position: int) -> str:
    return f"R{position + 1:02}"


def district_id(position: int, per_region: int) -> str:
    return f"{region_id(position // per_region)}-{position % per_region + 1:02}"


def _areas(regions: int, districts: int) -> pl.DataFrame:
    per_region = districts // regions
    rows: list[tuple[str, str | None, str, str, str]] = [(COUNTRY, None, "Exampleland", "country", "2026-03-11")]
    rows += [(region_id(r), COUNTRY, f"Region {r + 1}", "region", "2026-03-06") for r in range(regions)]
    rows += [
        (district_id(d, per_region), region_id(d // per_region), f"District {d + 1}", "district", "2026-03-04")
        for d in range(districts)
    ]
    return pl.DataFrame(rows, schema=["area", "parent", "name", "kind", "deadline"], orient="row")


def _stations(
    rng: np.random.Generator,
    names: list[str],
    region: Ints,
    district: Ints,
    kind: Ints,
    registered: Ints,
    regions: int,
) -> pl.DataFrame:
    across = int(np.ceil(np.sqrt(regions)))
    places = rng.normal(0, 0.35, (int(district.max()) + 1, 2))
    latitude = 50 + (region // across) * 1.5 + places[district, 0] + rng.normal(0, 0.08, len(names))
    longitude = 20 + (region % across) * 2.0 + places[district, 1] + rng.normal(0, 0.08, len(names))
    school = np.cumsum(np.append(True, (np.diff(district) > 0) | (rng.random(len(names) - 1) < 0.45)))
    return pl.DataFrame(
        {
            "station": names,
            "area": pl.Series(names).str.slice(0, 6),
            "name": "Station " + pl.Series(names),
            "kind": pl.Series(kind).replace_strict(dict(enumerate(KINDS)), return_dtype=pl.String),
            "registered": registered,
            "latitude": pl.Series(latitude).round(4),
            "longitude": pl.Series(longitude).round(4),
            "stratum": pl.Series(names).str.slice(0, 3),
            "cluster": "school" + pl.Series(school).cast(pl.String),
        }
    )
