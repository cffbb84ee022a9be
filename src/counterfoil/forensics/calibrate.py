"""How often does each test stand out in clean elections, and how often where something was planted?

A level means nothing until it was tried on elections in which nothing happened. Here they are simulated on the same
stations as the election at hand, in three ways, and in the first of them anomalies of growing size are planted
(`clean_elections`).

A rate comes with its 95 % interval (Clopper and Pearson). Textbook readings that are *not* used stand beside, to show
why. For descriptions the middle 95 % of their figure in clean elections is given; for the slow ones (Klimek's fit,
Rozenas' density) over `thorough_replicates` elections of their own.

Each kind of election, and each size of each anomaly, is one task with a generator of its own: the figures do not depend
on how many processes or machines share them (`spread`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from counterfoil.forensics.association import Correlation, Sobyanin
from counterfoil.forensics.battery import TESTS, Answer, Progress, Test, ask
from counterfoil.forensics.clean_elections import CLEAN, PLANTED, clean_election, planted
from counterfoil.forensics.clean_peak import CleanPeak
from counterfoil.forensics.digits import LastDigit, SecondDigit
from counterfoil.forensics.fingerprint import Fingerprint, VoteRate
from counterfoil.forensics.kernel import Kernel
from counterfoil.forensics.klimek import KlimekFirstStage, KlimekFit
from counterfoil.forensics.levels import FAMILY, LEVELS, holm, stands_out
from counterfoil.forensics.results import Result, plain
from counterfoil.forensics.spikes import Spikes
from counterfoil.forensics.spread import spread
from counterfoil.forensics.stations import Stations
from counterfoil.forensics.swapped import Swapped
from counterfoil.primitives.errors import InputError

SIZES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
"""Parts of the stations in which something is planted."""
WORTH = 0.2
"""Smallest power that a row of the printed table is worth."""
ANY = "any figure of the family"
_Figures = dict[tuple[str, str], list[float]]
"""Figures of descriptions, by test and by what the figure is."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`hits` of `replicates` with the 95 % interval of Clopper and Pearson."""

    hits: int
    replicates: int

    @property
    def value(self) -> float:
        return self.hits / self.replicates if self.replicates else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        k, n = self.hits, self.replicates
        low = float(stats.beta.ppf(0.025, k, n - k + 1)) if k else 0.0
        high = float(stats.beta.ppf(0.975, k + 1, n - k)) if k < n else 1.0
        return low, high


@dataclass(frozen=True, slots=True)
class FalseAlarm:
    """`reading`: what counts as an alarm. `used`: whether any level of ours rests on it. `nominal`: promised rate."""

    clean: str
    test: str
    reading: str
    used: bool
    nominal: float
    rate: Rate


@dataclass(frozen=True, slots=True)
class Power:
    """How often a test over the whole gives an alarm where `size` of the stations were changed.

    `reading`: "stands out", or for descriptions "outside the clean range" of these very stations (5 % in clean ones).
    """

    planted: str
    size: float
    test: str
    reading: str
    rate: Rate


@dataclass(frozen=True, slots=True)
class CleanRange:
    """The middle 95 % and the median of a description's figure in clean elections, and how many of them had one."""

    clean: str
    test: str
    figure: str
    low: float
    median: float
    high: float
    observed: float | None
    answers: int
    replicates: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything measured on the stations of one election."""

    stations: int
    areas: int
    replicates: int
    power_replicates: int
    seed: int
    false_alarms: tuple[FalseAlarm, ...]
    power: tuple[Power, ...]
    ranges: tuple[CleanRange, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, rates with their intervals."""

        def rate(r: Rate) -> dict[str, Any]:
            return {"hits": r.hits, "replicates": r.replicates, "rate": plain(r.value), "interval": list(r.interval)}

        return {
            **{k: getattr(self, k) for k in ("stations", "areas", "replicates", "power_replicates", "seed")},
            "family_level": FAMILY,
            "false_alarms": [
                {
                    "clean": f.clean,
                    "test": f.test,
                    "reading": f.reading,
                    "used": f.used,
                    "nominal": f.nominal,
                    **rate(f.rate),
                }
                for f in self.false_alarms
            ],
            "power": [
                {"planted": p.planted, "size": p.size, "test": p.test, "reading": p.reading, **rate(p.rate)}
                for p in self.power
            ],
            "ranges": [plain(r) for r in self.ranges],
        }


def alarms(table: Stations) -> tuple[dict[str, Answer], set[str], bool]:
    """The tests with a level: their answers over the whole, which stand out there, and whether any does, areas too."""
    tested = [t for t in TESTS if t.key in LEVELS]
    keyed = [(t.key, ask(t, table)) for t in tested]
    if table.area is not None and len(table.area_names) > 1:
        for index in range(len(table.area_names)):
            part = table.in_area(index)
            keyed += [(t.key, ask(t, part)) for t in tested if t.by_area]
    members = [(i, answer.p) for i, (_, answer) in enumerate(keyed) if answer.p is not None]
    adjusted = dict(zip([i for i, _ in members], holm([p for _, p in members]), strict=True))
    out = [stands_out(key, adjusted.get(i), answer.z) for i, (key, answer) in enumerate(keyed)]
    whole = {key for (key, _), marked in zip(keyed[: len(tested)], out, strict=False) if marked}
    return dict(keyed[: len(tested)]), whole, any(out)


def _textbook(result: Result) -> Iterator[tuple[str, bool]]:
    """Readings found in textbooks and papers that no level of ours rests on, at a nominal 1 %."""
    match result:
        case LastDigit(textbook_p=p):
            yield "last digits uniform, p <= .01", p <= 0.01
        case SecondDigit(textbook_p=p):
            yield "second digits after Benford, p <= .01", p <= 0.01
        case Correlation(p=p, pearson=r):
            yield "correlation above 0, p <= .01", p <= 0.01 and r > 0
        case Sobyanin(z=z):
            yield "slope above share, z >= 2.33", z >= 2.33
        case _:
            return


def _described(result: Result) -> tuple[str, float] | None:  # noqa: PLR0911 - one figure per test
    """The figure of a description, comparable between elections."""
    match result:
        case Correlation(pearson=r):
            return "correlation", r
        case Sobyanin(excess_slope=excess):
            return "slope less share", excess
        case CleanPeak(estimate=estimate, leader_votes=votes):
            return "votes out of proportion, part of the leader's", estimate.votes / max(votes, 1)
        case KlimekFirstStage(nu=nu):
            return "first peak of the share", nu
        case Kernel(share=share):
            return "share at the middle of the cloud, percent", float(share)
        case VoteRate(skewness=skewness):
            return "skewness", skewness
        case SecondDigit(z_mean=z):
            return "z of the mean second digit", z
        case Fingerprint(both_above_95=corner, sample=sample):
            return "part of stations with turnout and share of at least 95 percent", corner / max(sample.used, 1)
        case KlimekFit(best=best):
            return "stations of the incremental kind, percent", 100 * best.incremental
        case Spikes(excess=excess):
            return "stations in excess at coarse shares, percent", excess
        case Swapped(found=found):
            return "stations that fit only turned round", float(len(found))
        case _:
            return None


def _quiet(what: str, done: int, of: int) -> None:
    """A progress that nobody watches."""


def calibrate(
    table: Stations,
    *,
    replicates: int = 400,
    power_replicates: int | None = None,
    thorough_replicates: int = 0,
    seed: int = 1,
    workers: int | None = 1,
    scheduler: str | None = None,
    progress: Progress = _quiet,
) -> Calibration:
    """False-alarm rates, clean ranges and power on the stations of one election.

    Args:
        table: the stations; their figures give turnout and share of the simulated elections.
        replicates: clean elections of each kind.
        power_replicates: elections per anomaly and size; None: a tenth of `replicates`, at least 10.
        thorough_replicates: clean elections of each kind for the slow tests; each takes seconds.
        seed: of everything drawn.
        workers: processes on this machine; None: one per core.
        scheduler: address of a Dask scheduler in their place (`spread`); then `workers` is None.

    Raises:
        InputError: fewer than one replicate, or columns missing.
        Refusal: the scheduler cannot be used.
    """
    if replicates < 1:
        raise InputError("replicates", expected="at least 1", found=str(replicates))
    powered = max(10, replicates // 10) if power_replicates is None else power_replicates
    table.four()  # refuses here, and not in another process

    def run(function: Callable[[_Task, np.random.Generator], _Done], tasks: list[_Task], what: str) -> list[_Done]:
        return spread(
            function,
            tasks,
            workers=workers,
            scheduler=scheduler,
            progress=lambda done, of: progress(what, done, of),
            seed=seed,
        )

    clean = [_Task(table, (seed, at), replicates, kind) for at, kind in enumerate(CLEAN)]
    done = run(_clean, clean, "kinds of clean elections")
    if thorough_replicates:
        slow = [_Task(table, (seed, 50 + at), thorough_replicates, kind) for at, kind in enumerate(CLEAN)]
        done += run(_thorough, slow, "kinds of clean elections, slow tests")
    ranges = tuple(r for part in done for r in part.ranges)
    described = {
        r.test: (r.low, r.high)
        for r in done[0].ranges
        if _answered(r.answers, replicates)  # a range from fewer is a range of exceptions
    }
    changed = [
        _Task(table, (seed, 100 + at, step), powered, CLEAN[0], what, size, described)
        for at, what in enumerate(PLANTED)
        if what != "swapped" or table.runner_up is not None
        for step, size in enumerate(SIZES)
    ]
    return Calibration(
        stations=table.size,
        areas=len(table.area_names),
        replicates=replicates,
        power_replicates=powered,
        seed=seed,
        false_alarms=tuple(f for part in done for f in part.false_alarms),
        power=tuple(p for part in run(_planted, changed, "anomalies by size") for p in part.power),
        ranges=ranges,
    )


@dataclass(frozen=True, slots=True)
class _Task:
    """One stream of elections. `described`: for planted ones the clean range of each description."""

    table: Stations
    stream: tuple[int, ...]
    replicates: int
    kind: str
    planted: str = ""
    size: float = 0.0
    described: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Done:
    false_alarms: tuple[FalseAlarm, ...] = ()
    ranges: tuple[CleanRange, ...] = ()
    power: tuple[Power, ...] = ()


def _clean(task: _Task, _of_the_place: np.random.Generator) -> _Done:
    """False alarms of every level, and the range of every quick description, in one kind of clean election."""
    stream = np.random.default_rng(task.stream)
    described = [t for t in TESTS if t.key not in LEVELS and not t.thorough]
    counted = _Counts()
    figures: _Figures = {}
    for _ in range(task.replicates):
        election = clean_election(task.table, task.kind, stream)
        answers, whole, anything = alarms(election)
        counted.add(ANY, "stands out", FAMILY, anything, used=True)
        for key, answer in answers.items():
            _levelled(counted, key, answer, key in whole)
        for test in described:
            _descriptive(counted, figures, test, ask(test, election))
    return _Done(tuple(counted.rows(task.kind)), _ranges(task, figures))


def _thorough(task: _Task, _of_the_place: np.random.Generator) -> _Done:
    """The ranges of the slow descriptions."""
    stream = np.random.default_rng(task.stream)
    figures: _Figures = {}
    for _ in range(task.replicates):
        election = clean_election(task.table, task.kind, stream)
        for test in TESTS:
            if test.thorough:
                _descriptive(_Counts(), figures, test, ask(test, election))
    return _Done(ranges=_ranges(task, figures))


def _planted(task: _Task, _of_the_place: np.random.Generator) -> _Done:
    """How often each test shows one size of one anomaly."""
    stream = np.random.default_rng(task.stream)
    tests = [t for t in TESTS if t.key in task.described]
    hits: dict[tuple[str, str], list[bool]] = {}
    for _ in range(task.replicates):
        election = planted(clean_election(task.table, task.kind, stream), task.planted, task.size, stream)
        answers, whole, anything = alarms(election)
        for key in answers:
            hits.setdefault((key, "stands out"), []).append(key in whole)
        hits.setdefault((ANY, "stands out"), []).append(anything)
        for test in tests:
            answer = ask(test, election)
            found = None if answer.result is None else _described(answer.result)
            if found is not None:
                low, high = task.described[test.key]
                hits.setdefault((test.key, "outside the clean range"), []).append(not low <= found[1] <= high)
    return _Done(
        power=tuple(
            Power(task.planted, task.size, key, reading, Rate(sum(h), len(h))) for (key, reading), h in hits.items()
        )
    )


class _Counts:
    """Alarms by (test, reading)."""

    def __init__(self) -> None:
        self._hits: dict[tuple[str, str, bool, float], list[bool]] = {}

    def add(self, test: str, reading: str, nominal: float, alarm: bool, *, used: bool) -> None:
        self._hits.setdefault((test, reading, used, nominal), []).append(alarm)

    def rows(self, kind: str) -> list[FalseAlarm]:
        return [
            FalseAlarm(kind, test, reading, used, nominal, Rate(sum(hits), len(hits)))
            for (test, reading, used, nominal), hits in self._hits.items()
        ]


def _levelled(counted: _Counts, key: str, answer: Answer, marked: bool) -> None:
    if answer.result is None or answer.p is None:
        return
    counted.add(key, "p <= .05", 0.05, answer.p <= 0.05, used=True)
    counted.add(key, "p <= .01", 0.01, answer.p <= 0.01, used=True)
    counted.add(key, "stands out", FAMILY, marked, used=True)
    for reading, alarm in _textbook(answer.result):
        counted.add(key, reading, 0.01, alarm, used=False)


def _descriptive(counted: _Counts, figures: _Figures, test: Test, answer: Answer) -> None:
    if answer.result is None:
        return
    for reading, alarm in _textbook(answer.result):
        counted.add(test.key, reading, 0.01, alarm, used=False)
    found = _described(answer.result)
    if found is not None and math.isfinite(found[1]):
        figures.setdefault((test.key, found[0]), []).append(found[1])


def _observed(table: Stations, key: str) -> float | None:
    answer = ask(next(t for t in TESTS if t.key == key), table)
    found = None if answer.result is None else _described(answer.result)
    return None if found is None else found[1]


def _ranges(task: _Task, figures: _Figures) -> tuple[CleanRange, ...]:
    found = []
    for (key, figure), values in figures.items():
        low, median, high = (float(x) for x in np.quantile(values, (0.025, 0.5, 0.975)))
        observed = _observed(task.table, key)
        found.append(CleanRange(task.kind, key, figure, low, median, high, observed, len(values), task.replicates))
    return tuple(found)


def _answered(answers: int, of: int) -> bool:
    """Whether a test answered in at least half of the elections."""
    return 2 * answers >= of


def lines(found: Calibration) -> Iterator[str]:
    """The calibration as Markdown tables, for a terminal and for the docs."""
    yield f"Stations: {found.stations:,}, areas: {found.areas}, seed {found.seed}."
    yield ""
    yield f"False alarms in {found.replicates:,} clean elections of each kind, with 95 % intervals:"
    yield ""
    yield "| test | reading | nominal | " + " | ".join(CLEAN) + " |"
    yield "| --- | --- | --- |" + " --- |" * len(CLEAN)
    grouped: dict[tuple[bool, str, str, float], dict[str, Rate]] = {}
    for f in found.false_alarms:
        grouped.setdefault((not f.used, f.test, f.reading, f.nominal), {})[f.clean] = f.rate
    for (unused, test, reading, nominal), by_kind in sorted(grouped.items(), key=lambda item: item[0][0]):
        shown = " | ".join(_rate(by_kind[kind]) if kind in by_kind else "" for kind in CLEAN)
        promised = f"{'at most ' if reading == 'stands out' else ''}{nominal:.0%}"
        yield f"| {test} | {reading}{' (not used)' if unused else ''} | {promised} | {shown} |"
    yield ""
    yield f"Power over {found.power_replicates:,} elections of each size, without rows that never reach {WORTH:.0%}:"
    yield ""
    yield "| planted | test | reading | " + " | ".join(f"{size:.0%}" for size in SIZES) + " |"
    yield "| --- | --- | --- |" + " --- |" * len(SIZES)
    rows: dict[tuple[str, str, str], dict[float, Rate]] = {}
    for p in found.power:
        rows.setdefault((p.planted, p.test, p.reading), {})[p.size] = p.rate
    for names, by_size in rows.items():
        if max(rate.value for rate in by_size.values()) >= WORTH:
            shown = " | ".join(f"{by_size[size].value:.0%}" if size in by_size else "" for size in SIZES)
            yield f"| {' | '.join(names)} | {shown} |"
    yield ""
    yield "Descriptions that answer in at least half of the clean elections, the middle 95 % of their figure there:"
    yield ""
    yield "| test | figure | clean | from | median | to | here |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for r in found.ranges:
        if not _answered(r.answers, r.replicates):
            continue
        here = "" if r.observed is None else f"{r.observed:.3f}"
        yield f"| {r.test} | {r.figure} | {r.clean} | {r.low:.3f} | {r.median:.3f} | {r.high:.3f} | {here} |"


def _rate(rate: Rate) -> str:
    low, high = rate.interval
    return f"{100 * rate.value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
