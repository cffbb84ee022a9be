"""A simulated election as a folder that can be counted like any other, and the truth about it beside.

    truth = write_election("columns-swapped", seed=7, to=Path("somewhere/election"))
    truth.save(Path("somewhere/truth.json"))        # never inside the folder

* One seed decides everything: the same arguments give the same bytes.
* The folder has areas, stations, what was typed (transcripts and decisions; with `bulk` one table of readings), voters'
  reports, and the authority's figures by country, region and station.
* The form's checks are notes where clerks slip (sums) and `check` where a paper contradicts itself or the register.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from counterfoil.election.definition import SampleDesign
from counterfoil.primitives.errors import InputError
from counterfoil.record.state import STATION_SCHEMA
from counterfoil.simulate.country import COUNTRY, Country, Ints, district_id, make_country
from counterfoil.simulate.problems import SCENARIOS, consequences
from counterfoil.simulate.readers import FIGURES, Transcripts, figures, outcome, type_copies
from counterfoil.simulate.truth import SAME_ERROR, Planted, Truth, Typing
from counterfoil.simulate.world import World, honest_world
from counterfoil.tally.sampling import draw

CONTEST = "president"
ANNOUNCED_AT = "2026-03-02T09:00Z"
MISREAD_THERE = "two persons made the same typing error at this station"
SOURCE = {"name": "Simulated: no such election was held"}


def write_election(
    scenario: str,
    *,
    seed: int,
    to: Path,
    stations: int = 600,
    options: int = 4,
    missing_share: float = 0.3,
    bulk: bool = False,
    sample: SampleDesign | None = None,
) -> Truth:
    """Write the folder `to` (new or empty) and return the truth.

    Args:
        scenario: one of `SCENARIOS`.
        seed: decides everything that is drawn.
        stations: 20 or more.
        options: 2 or more.
        missing_share: share of the stations whose copy never comes in, 0 to below 1.
        bulk: one table of readings agreed elsewhere, without typing errors, instead of copies and persons: for sizes
            from 100,000 stations on.
        sample: declare this quick count; then copies come in from its stations only, but for `missing_share` of them.

    Raises:
        InputError: unknown scenario, a number out of range, or something stands in `to` already.
    """
    _check(scenario, stations, options, missing_share, bulk, to)
    rng = np.random.Generator(np.random.PCG64(seed))
    country = make_country(rng, stations, options)
    world = honest_world(country, rng, missing_share if sample is None else 0.0)
    if sample is not None:
        _observe_sample(world, sample, missing_share)
    SCENARIOS[scenario](world)
    typed = None if bulk else type_copies(world)
    votes = _faultless(world, typed)
    consequences(world, votes)
    _write(world, typed, sample, f"seed {seed}", to)
    return _truth(world, typed, votes, scenario, seed)


def _check(scenario: str, stations: int, options: int, missing_share: float, bulk: bool, to: Path) -> None:
    if scenario not in SCENARIOS:
        raise InputError(
            "scenario", expected="one of " + ", ".join(SCENARIOS), found=repr(scenario), code="unknown-scenario"
        )
    if stations < 20 or options < 2 or not 0 <= missing_share < 1:
        raise InputError(
            "simulate",
            expected="at least 20 stations, 2 options and a missing share of 0 to below 1",
            found=f"{stations} stations, {options} options, missing share {missing_share}",
            code="bad-simulation",
        )
    if bulk and scenario in ("flooded-with-fakes", "mixed"):
        raise InputError(
            "simulate",
            expected="copies and readers for forged copies",
            found=f"bulk with {scenario}",
            do="leave bulk out",
            code="bad-simulation",
        )
    if to.exists() and any(to.iterdir()):
        raise InputError(str(to), expected="a new or empty folder", found="files in it", code="folder-not-empty")


def _observe_sample(world: World, sample: SampleDesign, missing_share: float) -> None:
    """Only drawn stations are observed; a few of them stay away by chance."""
    table = world.country.stations.with_columns(
        pl.lit(None, dtype=kind).alias(name)
        for name, kind in STATION_SCHEMA.items()
        if name not in world.country.stations.columns
    )
    drawn = np.isin(np.array(world.country.ids), np.array(draw(table, sample)))
    world.received = drawn & (world.rng.random(world.size) >= missing_share)


def definition(country: Country, title: str, sample: SampleDesign | None = None) -> dict[str, Any]:
    """`election.yaml` of a simulated election as plain data, without `tables` and `entries`."""
    options = country.options
    plain: dict[str, Any] = {
        "counterfoil": 1,
        "id": "simulated-2026",
        "title": f"Simulated election ({title})",
        "country": COUNTRY,
        "date": "2026-03-01",
        "contests": [
            {
                "id": CONTEST,
                "title": "President of Exampleland",
                "form": "protocol",
                "base": {"kind": "valid", "official": "valid"},
                "options": [{"id": o, "name": o.capitalize()} for o in options],
                "roles": {name: name for name in FIGURES},
            }
        ],
        "forms": [
            {
                "id": "protocol",
                "fields": [*({"id": f, "kind": "total"} for f in FIGURES), *({"id": o} for o in options)],
                "checks": [
                    {"id": "sum", "rule": " + ".join(options) + " == valid", "code": "sum-mismatch"},
                    {"id": "cast", "rule": "valid + invalid == ballots_cast", "code": "sum-mismatch"},
                    {
                        "id": "valid-within-cast",
                        "rule": "valid <= ballots_cast",
                        "code": "votes-over-ballots",
                        "severity": "check",
                    },
                    {
                        "id": "turnout",
                        "rule": "ballots_cast <= registered",
                        "code": "turnout-over-register",
                        "severity": "check",
                    },
                ],
            }
        ],
    }
    if sample is not None:
        plain["sample"] = {
            key: value
            for key in ("design", "seed", "size", "stratum", "cluster")
            if (value := getattr(sample, key)) is not None
        }
    return plain


def _write(world: World, typed: Transcripts | None, sample: SampleDesign | None, title: str, to: Path) -> None:
    country = world.country
    official = {"contest": CONTEST, "snapshot": "final", "announced_at": ANNOUNCED_AT, "source": SOURCE}
    tables: list[dict[str, Any]] = [
        {"kind": "areas", "file": "areas.csv", "source": SOURCE},
        {"kind": "stations", "file": "stations.csv", "source": SOURCE},
        {"kind": "official", "file": "official-areas.csv", "unit": "area", **official},
        {"kind": "official", "file": "official-stations.csv", "unit": "station", **official},
        {"kind": "reports", "file": "reports.csv", "contest": CONTEST, "source": SOURCE},
    ]
    plain = definition(country, title, sample)
    to.mkdir(parents=True, exist_ok=True)
    country.areas.write_csv(to / "areas.csv")
    country.stations.write_csv(to / "stations.csv")
    pl.DataFrame(world.official_areas(), schema=["area", "item", "value"], orient="row").write_csv(
        to / "official-areas.csv"
    )
    _wide(country, world.official_votes).write_csv(to / "official-stations.csv")
    _reports(world).write_csv(to / "reports.csv")
    if typed is None:
        tables.append({"kind": "readings", "file": "readings.csv", "contest": CONTEST, "source": SOURCE})
        readings = _wide(country, figures(world), [*FIGURES, *country.options])
        readings.filter(pl.Series(world.received)).write_csv(to / "readings.csv")
    else:
        plain["entries"] = [{"kind": "transcripts", "file": "transcripts.csv"}]
        typed.transcripts.write_csv(to / "transcripts.csv")
        if typed.decisions.height:
            plain["entries"].append({"kind": "decisions", "file": "decisions.csv"})
            typed.decisions.write_csv(to / "decisions.csv")
    text = yaml.safe_dump({**plain, "tables": tables}, sort_keys=False, allow_unicode=True, width=110)
    (to / "election.yaml").write_text(text, encoding="utf-8")


def _wide(country: Country, values: Any, names: list[str] | None = None) -> pl.DataFrame:
    columns = names or list(country.options)
    return pl.DataFrame({"station": country.stations["station"]}).with_columns(
        pl.Series(name, values[:, i]) for i, name in enumerate(columns)
    )


def _reports(world: World) -> pl.DataFrame:
    wide = _wide(world.country, world.reports)
    long = wide.unpivot(index="station", variable_name="option", value_name="reports")
    return long.filter(pl.col("reports") > 0).sort("station", "option")


def _faultless(world: World, typed: Transcripts | None) -> Ints:
    """(stations, options): what a faultless count makes of what was typed; notes where two persons erred alike."""
    if typed is None:
        counted: Ints = np.where(world.received[:, None], world.protocol_votes, 0)
        return counted
    result = outcome(world, typed)
    for station, code in result.misread.items():
        where = world.station(station)
        why = "" if code else "two persons made the same error in a figure that nothing else states"
        # What was planted at such a station may now show as something else, or not at all.
        world.planted = [p if p.where != where else replace(p, code=None, why_not=MISREAD_THERE) for p in world.planted]
        world.planted.append(Planted(SAME_ERROR, where, code or None, None, why))
    return result.votes


def _truth(world: World, typed: Transcripts | None, votes: Ints, scenario: str, seed: int) -> Truth:
    country = world.country
    districts = int(country.district.max()) + 1
    per_region = districts // (int(country.region.max()) + 1)
    covered = set(country.district[world.received].tolist())
    ids = np.array(country.ids)

    def by_option(values: Any) -> dict[str, int]:
        return dict(zip(country.options, values.sum(axis=0).tolist(), strict=True))

    return Truth(
        scenario=scenario,
        seed=seed,
        stations=world.size,
        received=tuple(ids[world.received].tolist()),
        without_copies=tuple(
            district_id(d, per_region) for d in sorted(set(country.district.tolist())) if d not in covered
        ),
        ballots=by_option(country.votes),
        protocols=by_option(world.protocol_votes),
        readable=by_option(votes),
        planted=tuple(sorted(world.planted, key=lambda p: (p.problem, p.where, p.option or ""))),
        typing=typed.typing if typed else Typing(),
    )
