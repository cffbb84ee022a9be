"""Every test that the columns at hand allow, on one election: over the whole, by area, and on placebos.

    table = stations(registered=n, given=g, cast=r, leader=a, others={"bob": b}, areas=regions)
    for outcome in battery(table).outcomes: print(outcome.summary())

* A test gives a result or its refusal with the reason; none is left out silently.
* All p-values, of the whole and of every area, are one family and adjusted by Holm's method (`levels`); what stands out
  after that is marked. Tests without a calibrated level are descriptions and never stand out.
* Beside each test stand placebos, the same test where nothing was done: the same stations counted once more by chance
  (`redrawn`), the runner-up in the leader's place, and the stations the runner-up won.
* Exploratory: a test chosen after the figures were seen proves nothing. Nothing here is an accusation.

The finite mixture runs on a sample of stations and only when asked for: it takes minutes. The batch comparison needs
hand counts of drawn batches, which no table of results holds, so it is always listed as not run. The scans of
commissions, machines, late stations and earlier elections run where their columns are there (`battery_scans`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from counterfoil.forensics import battery_scans as scans
from counterfoil.forensics.arrays import Ints
from counterfoil.forensics.association import CORRELATION, SOBYANIN, Sobyanin, sobyanin, turnout_share_correlation
from counterfoil.forensics.backsolved import METHOD as BACK_SOLVED
from counterfoil.forensics.backsolved import back_solved
from counterfoil.forensics.clean_peak import METHOD as CLEAN_PEAK
from counterfoil.forensics.clean_peak import clean_peak
from counterfoil.forensics.commissions import MachineCounts
from counterfoil.forensics.digits import LAST, SECOND, LastDigit, SecondDigit, last_digit, second_digit
from counterfoil.forensics.fingerprint import METHOD as FINGERPRINT
from counterfoil.forensics.fingerprint import VOTE_RATE, fingerprint, vote_rate
from counterfoil.forensics.integers import METHOD as INTEGERS
from counterfoil.forensics.integers import IntegerPercentages, integer_percentages
from counterfoil.forensics.kernel import METHOD as KERNEL
from counterfoil.forensics.kernel import kernel
from counterfoil.forensics.klimek import FIRST_STAGE, FIT, klimek_first_stage, klimek_fit
from counterfoil.forensics.late_count import LateShift
from counterfoil.forensics.levels import FAMILY, LEVELS, holm, stands_out
from counterfoil.forensics.results import Method, Result, plain
from counterfoil.forensics.spikes import METHOD as SPIKES
from counterfoil.forensics.spikes import Spikes, spikes
from counterfoil.forensics.stations import NEEDED, Stations
from counterfoil.primitives.errors import InputError, Refusal

SEED = 20120901
"""Of the redrawn placebo; fixed, so that the same table gives the same figures everywhere."""
LEAST_VARIANCE = 100
"""Of the ballots around the turnout of a station, for their last digit to be free of the list's: a spread of ten."""
LARGEST_FOR_EXACT_P = 200_000
"""Above this number of stations the exact tail takes minutes; z is then normal to many digits."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Test:
    """One entry of the battery. `figures`: the p-value and z of a result, None where it has none."""

    key: str
    method: Method
    needs: tuple[str, ...]
    run: Callable[[Stations], Result]
    figures: Callable[[Any], tuple[float | None, float | None]] = lambda result: (None, None)
    by_area: bool = False
    on_option: bool = True
    """Whether it looks at the leader's votes, so that the runner-up can be put in that place."""
    thorough: bool = False
    """Takes seconds rather than milliseconds: run only when asked for, with one placebo."""
    runner_up_figures: Callable[[Any], tuple[float | None, float | None]] | None = None
    """The figures that belong to the option alone, where `figures` also holds what all options share (turnout)."""


def _areas_of(table: Stations) -> Ints | None:
    return table.area if table.area is not None and len(table.area_names) > 1 else None


def _integer_figures(result: IntegerPercentages) -> tuple[float | None, float | None]:
    z = result.either.z
    exact = result.sample.used <= LARGEST_FOR_EXACT_P
    return (result.either.p if exact else 0.5 * math.erfc(z / math.sqrt(2))), (z if math.isfinite(z) else None)


def _integer_share_figures(result: IntegerPercentages) -> tuple[float | None, float | None]:
    z = result.share.z
    exact = result.sample.used <= LARGEST_FOR_EXACT_P
    return (result.share.p if exact else 0.5 * math.erfc(z / math.sqrt(2))), (z if math.isfinite(z) else None)


def _last_figures(result: LastDigit) -> tuple[float | None, float | None]:
    return result.p, None


def _slope_figures(result: Sobyanin) -> tuple[float | None, float | None]:
    return None, result.z if math.isfinite(result.z) else None


def _second_figures(result: SecondDigit) -> tuple[float | None, float | None]:
    return None, result.z_mean if math.isfinite(result.z_mean) else None


def _spike_figures(result: Spikes) -> tuple[float | None, float | None]:
    return None, result.z if math.isfinite(result.z) else None


def _machine_figures(result: MachineCounts) -> tuple[float | None, float | None]:
    return None, result.z if math.isfinite(result.z) else None


def _late_figures(result: LateShift) -> tuple[float | None, float | None]:
    z = (result.change or result.adjusted).z
    return None, z if math.isfinite(z) else None


def _ballot_digits(table: Stations) -> LastDigit:
    """Last digits of the ballots where turnout leaves them room: binomial variance around it of at least 100.

    Near full turnout the ballots take over the digits of the voters' list, and lists are rounded: on the stations of
    Russia 2018 one clean election in seven came out below p = .05 before this rule.
    """
    registered, given = table.registered, table.given
    if registered is None or given is None:
        raise InputError("registered, given", expected="both columns", found="one of them")
    free = given * (registered - given) >= LEAST_VARIANCE * registered
    result = last_digit(given[free])
    left_out = {"too_little_spread": int(np.count_nonzero(~free)), **result.sample.excluded}
    return replace(result, sample=replace(result.sample, excluded=left_out))


def _totals_back_solved(table: Stations) -> Result:
    """The sums over all stations at hand, as if they had been announced with the sum of ballots cast."""
    if table.cast is None:
        raise InputError("cast", expected="ballots cast", found="none")
    sums = {name: int(column.sum()) for name, column in {table.leader_name: table.leader, **table.others}.items()}
    return back_solved(sums, int(table.cast.sum()))


TESTS: tuple[Test, ...] = (
    Test(
        "integer-percentages",
        INTEGERS,
        NEEDED,
        lambda t: integer_percentages(*t.four()),
        _integer_figures,
        by_area=True,
        runner_up_figures=_integer_share_figures,
    ),
    Test("last-digits", LAST, ("leader",), lambda t: last_digit(t.leader), _last_figures, by_area=True),
    Test(
        "last-digits-turnout",
        replace(LAST, name="Last digits of the ballots"),
        ("registered", "given"),
        _ballot_digits,
        _last_figures,
        by_area=True,
        on_option=False,
    ),
    Test("fingerprint", FINGERPRINT, NEEDED, lambda t: fingerprint(*t.four())),
    Test(
        "correlation",
        CORRELATION,
        NEEDED,
        lambda t: turnout_share_correlation(*t.four(), areas=_areas_of(t)),
        by_area=True,
    ),
    Test(
        "sobyanin",
        SOBYANIN,
        NEEDED,
        lambda t: sobyanin(*t.four(), areas=_areas_of(t)),
        _slope_figures,
        by_area=True,
    ),
    Test("clean-peak", CLEAN_PEAK, NEEDED, lambda t: clean_peak(*t.four())),
    Test("klimek-first-stage", FIRST_STAGE, NEEDED, lambda t: klimek_first_stage(*t.four())),
    Test("kernel", KERNEL, NEEDED, lambda t: kernel(*t.four())),
    Test("vote-rate", VOTE_RATE, ("registered", "leader"), lambda t: vote_rate(t.four()[0], t.leader)),
    Test("second-digits", SECOND, ("leader",), lambda t: second_digit(t.leader), _second_figures),
    Test(
        "klimek-fit",
        FIT,
        NEEDED,
        lambda t: klimek_fit(*t.four()),
        thorough=True,
    ),
    Test(
        "spikes",
        SPIKES,
        ("registered", "cast", "leader"),
        lambda t: spikes(t.four()[0], t.four()[2], t.leader),
        _spike_figures,
        thorough=True,
    ),
    Test("back-solved", BACK_SOLVED, ("cast",), _totals_back_solved, on_option=False),
    Test("swapped", scans.SWAPPED, ("runner_up",), scans.swapped, on_option=False),
    Test("kireev", scans.KIREEV, ("commission",), scans.sparse_zeros, on_option=False),
    Test(
        "machine-counted",
        scans.MACHINES,
        ("registered", "commission", "machine"),
        scans.machines,
        _machine_figures,
    ),
    Test("late-count", scans.LATE, ("cast", "late"), scans.late, _late_figures),
    Test("flows", scans.FLOWS, ("previous",), scans.flows_between, on_option=False),
    Test("mixture", scans.MIXTURE, ("registered", "cast", "leader"), scans.mixture_not_asked, on_option=False),
    Test("batch-audit", scans.BATCHES, ("cast", "leader"), scans.not_recounted, on_option=False),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One run of one test: a result, or why there is none."""

    result: Result | None
    refusal: str | None
    """One sentence; None where there is a result."""
    refusal_code: str | None
    p: float | None
    z: float | None

    @property
    def used(self) -> int | None:
        return None if self.result is None else self.result.sample.used


@dataclass(frozen=True, slots=True)
class Outcome:
    """A test over the whole election. `placebos`: the same test by kind (`redrawn`, `runner-up`, `lost`)."""

    test: Test
    answer: Answer
    adjusted_p: float | None
    stands_out: bool
    placebos: Mapping[str, Answer]

    @property
    def described_only(self) -> bool:
        return self.test.key not in LEVELS

    def summary(self) -> str:
        """A paragraph that may be quoted."""
        if self.answer.result is None:
            return f"{self.test.method.name}: no answer. {self.answer.refusal}"
        name = self.test.method.name
        text = f"{name}{self.answer.result.summary().removeprefix(self.answer.result.method.name)}"
        if self.adjusted_p is None:
            return f"{text} A description: no level for it holds in every clean election."
        state = "stands out beyond" if self.stands_out else "does not stand out at"
        return (
            f"{text} After adjusting for all tests and areas looked at, p is {self.adjusted_p:.2g}: the figure {state} "
            f"the family-wise level of {FAMILY:.0%}. Exploratory."
        )


@dataclass(frozen=True, slots=True)
class AreaOutcome:
    """A test in one area."""

    area: str
    test: str
    answer: Answer
    adjusted_p: float | None
    stands_out: bool


@dataclass(frozen=True)
class Battery:
    """All of it. `family`: how many p-values were adjusted together. `seed`: of the redrawn placebo."""

    stations: Stations
    outcomes: tuple[Outcome, ...]
    areas: tuple[AreaOutcome, ...]
    family: int
    seed: int

    def outcome(self, key: str) -> Outcome:
        return next(o for o in self.outcomes if o.test.key == key)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        table = self.stations
        return {
            "stations": table.size,
            "leader": table.leader_name,
            "runner_up": table.runner_up,
            "columns": [name for name in NEEDED if name not in table.lacks(NEEDED)],
            "given_is_cast": table.given_is_cast,
            "areas": list(table.area_names),
            "level": FAMILY,
            "family": self.family,
            "seed": self.seed,
            "tests": [
                {
                    "test": o.test.key,
                    "description_only": o.described_only,
                    **_plain_answer(o.answer),
                    "adjusted_p": plain(o.adjusted_p),
                    "stands_out": o.stands_out,
                    "summary": o.summary(),
                    "result": None if o.answer.result is None else o.answer.result.to_dict(),
                    "placebos": {name: _plain_answer(answer) for name, answer in o.placebos.items()},
                }
                for o in self.outcomes
            ],
            "by_area": [
                {
                    "area": a.area,
                    "test": a.test,
                    **_plain_answer(a.answer),
                    "adjusted_p": plain(a.adjusted_p),
                    "stands_out": a.stands_out,
                }
                for a in self.areas
            ],
        }


def _plain_answer(answer: Answer) -> dict[str, Any]:
    return {
        "stations_used": answer.used,
        "p": plain(answer.p),
        "z": plain(answer.z),
        "refusal": answer.refusal,
        "refusal_code": answer.refusal_code,
    }


def ask(test: Test, table: Stations) -> Answer:
    """One test on one table: its result, or the reason for none."""
    lacking = table.lacks(test.needs)
    if lacking:
        return _refused(f"{test.method.name}: expected the columns {', '.join(lacking)}, found none.", "no-column")
    try:
        result = test.run(table)
        p, z = test.figures(result)
    except (Refusal, InputError) as error:
        return _refused(str(error), error.code)
    return Answer(result, None, None, p, z)


def _refused(message: str, code: str) -> Answer:
    return Answer(None, message, code, None, None)


def redrawn(table: Stations, seed: int = SEED) -> Stations:
    """The same stations counted once more: each figure binomial around its own rate.

    Ballots given ~ Bin(registered, given/registered), ballots cast keep their distance from given, votes ~ Bin(cast,
    votes/cast) one option after the other. NumPy's legacy generator, whose stream is frozen.
    """
    stream = np.random.RandomState(seed)  # the newer generators may change their stream between versions
    given, cast = table.given, table.cast
    if table.registered is not None and given is not None:
        possible = (table.registered > 0) & (given <= table.registered)
        again = _binomial(stream, table.registered, given, possible)
        if cast is not None:
            cast = np.maximum(again - (given - cast), 0)
        given = again
    if cast is None or table.cast is None:
        return replace(table, given=given, leader=stream.poisson(table.leader).astype(np.int64))
    left, left_before = cast, table.cast
    drawn: dict[str, Ints] = {}
    for name, votes in {table.leader_name: table.leader, **table.others}.items():
        possible = (left_before > 0) & (votes <= left_before)
        ratio = np.divide(votes, left_before, out=np.zeros(votes.size), where=possible)
        draw = stream.binomial(np.maximum(left, 0), ratio).astype(np.int64)
        drawn[name] = np.where(possible, draw, votes)
        left, left_before = left - drawn[name], left_before - votes
    leader = drawn.pop(table.leader_name)
    return replace(table, given=given, cast=cast, leader=leader, others=drawn)


def _binomial(stream: np.random.RandomState, n: Ints, k: Ints, possible: np.ndarray[Any, np.dtype[np.bool_]]) -> Ints:
    ratio = np.divide(k, n, out=np.zeros(n.size), where=possible)
    drawn: Ints = np.where(possible, stream.binomial(n, ratio), k).astype(np.int64)
    return drawn


def _quiet(what: str, done: int, of: int) -> None:
    """A progress that nobody watches."""


def battery(
    table: Stations,
    *,
    seed: int = SEED,
    by_area: bool = True,
    thorough: bool = False,
    mixture_stations: int | None = None,
    progress: Progress = _quiet,
) -> Battery:
    """Runs every test, over the whole, by area and on the placebos, and adjusts all p-values together.

    Args:
        table: the columns at hand (`stations.stations`).
        seed: of the redrawn placebo.
        by_area: whether areas are looked at one by one, where they are known.
        thorough: also the tests that take seconds (the fit of Klimek's model, Rozenas' density).
        mixture_stations: how many stations, drawn with `seed`, the finite mixture is fitted on; None: it is not run.
    """
    others = _placebo_tables(table, seed)
    found: list[tuple[Test, Answer, dict[str, Answer]]] = []
    chosen = [test for test in TESTS if thorough or not test.thorough]
    for done, test in enumerate(chosen):
        progress(test.method.name, done, len(chosen))
        if test.key == "mixture" and mixture_stations is not None:
            asked = replace(test, run=scans.mixture_of(mixture_stations, seed))
            found.append((asked, ask(asked, table), {}))
            continue
        answer = ask(test, table)
        placebos = {
            kind: ask(_for_placebo(test, kind), other)
            for kind, other in others.items()
            if answer.result is not None and _fits(test, kind)
        }
        found.append((test, answer, placebos))
    in_areas: list[tuple[str, str, Answer]] = []
    if by_area and _areas_of(table) is not None:
        for index, name in enumerate(table.area_names):
            progress("areas", index, len(table.area_names))
            part = table.in_area(index)
            in_areas += [(name, test.key, ask(test, part)) for test in TESTS if test.by_area]
    keyed = [(test.key, answer) for test, answer, _ in found] + [(key, answer) for _, key, answer in in_areas]
    members = [i for i, (key, answer) in enumerate(keyed) if key in LEVELS and answer.p is not None]
    adjusted: dict[int, float] = dict(zip(members, holm([float(keyed[i][1].p or 0.0) for i in members]), strict=True))
    return Battery(
        stations=table,
        outcomes=tuple(
            Outcome(test, answer, adjusted.get(i), stands_out(test.key, adjusted.get(i), answer.z), placebos)
            for i, (test, answer, placebos) in enumerate(found)
        ),
        areas=tuple(
            AreaOutcome(area, key, answer, adjusted.get(i), stands_out(key, adjusted.get(i), answer.z))
            for i, (area, key, answer) in enumerate(in_areas, len(found))
        ),
        family=len(members),
        seed=seed,
    )


def _fits(test: Test, kind: str) -> bool:
    return kind == "redrawn" or (not test.thorough and (test.on_option or kind != "runner-up"))


def _for_placebo(test: Test, kind: str) -> Test:
    if kind == "runner-up" and test.runner_up_figures is not None:
        return replace(test, figures=test.runner_up_figures)
    return test


def _placebo_tables(table: Stations, seed: int) -> dict[str, Stations]:
    tables = {"redrawn": redrawn(table, seed)}
    if table.runner_up is not None:
        tables["runner-up"] = table.tested_on(table.runner_up)
    lost = table.lost()
    if lost is not None:
        tables["lost"] = lost
    return tables
