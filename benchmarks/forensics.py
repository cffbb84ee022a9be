"""`python -m benchmarks.forensics [--skip-published]`: each forensic test beside the implementation it repeats.

Prints a Markdown table of CPU seconds (of all threads) and wall seconds, best of three, on real elections (Russia
2018 and 2021, Venezuela 2024) read from the shared data beside the project. The reference column is the CPU time of
the published implementation, measured on one core of an AMD EPYC (Zen 3) with Python 3.11 and numpy 2.4, R 4.2 for
`spikes`.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable

import numpy as np
from tests.forensics.data import russia, russia_table, venezuela_table

from counterfoil import forensics
from counterfoil.forensics.arrays import Ints

Case = tuple[str, Callable[[], object], float | None, str]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forensics", description=__doc__)
    parser.add_argument("--skip-published", action="store_true", help="leave out the seeded recipe (11 s each)")
    arguments = parser.parse_args()
    print(f"Python {platform.python_version()}, numpy {np.__version__}, {platform.machine()}.\n")
    print("| what | case | CPU s | wall s | reference s | times | reference |")
    print("| --- | --- | ---: | ---: | ---: | ---: | --- |")
    for title, cases in (
        ("integer percentages", integers(arguments.skip_published)),
        ("description", descriptions()),
        ("models", models()),
        ("audits", audits()),
    ):
        for what, work, reference, origin in cases:
            cpu, wall = best(work, 1 if "published" in what else 3)
            times = "" if reference is None else f"{reference / cpu:,.0f}"
            shown = "" if reference is None else f"{reference:g}"
            print(f"| {what} | {title} | {cpu:.4g} | {wall:.4g} | {shown} | {times} | {origin} |", flush=True)


def best(work: Callable[[], object], runs: int) -> tuple[float, float]:
    """Smallest CPU and wall seconds; one run before is not counted where there are several (it compiles)."""
    if runs > 1:
        work()
    cpu, wall = [], []
    for _ in range(runs):
        c, w = time.process_time(), time.perf_counter()
        work()
        cpu.append(time.process_time() - c)
        wall.append(time.perf_counter() - w)
    return min(cpu), min(wall)


def integers(skip_published: bool) -> list[Case]:
    first, second = russia(2018), russia(2021)

    def quantiles() -> object:
        result = forensics.integer_percentages(*first)
        return [c.quantile_999 for c in (result.either, result.share, result.turnout)]

    cases: list[Case] = [
        ("exact, Russia 2018", lambda: forensics.integer_percentages(*first), 152, "notebook, 1,000 replicates"),
        ("exact, Russia 2021", lambda: forensics.integer_percentages(*second), 133, "notebook, 1,000 replicates"),
        ("exact with three 99.9 % quantiles, 2018", quantiles, 152, "notebook, 1,000 replicates"),
    ]
    if not skip_published:
        for year, columns, reference in ((2018, first, 152), (2021, second, 133)):
            work = _published(columns)
            cases.append((f"published recipe, Russia {year}, equal bits", work, reference, "notebook"))
    return cases


def _published(columns: tuple[Ints, ...]) -> Callable[[], object]:
    return lambda: forensics.integer_percentages_published(*columns)


def descriptions() -> list[Case]:
    c, table = russia(2018), russia_table(2021)
    parties = {name: table[name].to_numpy() for name in table.columns if name[:1].isdigit()}
    commission = (table["region"] + " / " + table["oik"] + " / " + table["tik"]).to_numpy().astype(str)
    return [
        ("correlation, 2018", lambda: forensics.turnout_share_correlation(*c), None, ""),
        ("Sobyanin, 2018", lambda: forensics.sobyanin(*c), None, ""),
        ("fingerprint, 2018", lambda: forensics.fingerprint(*c), None, ""),
        ("last digits with exact null, 2018", lambda: forensics.last_digit(c.leader), None, ""),
        ("second digits with exact null, 2018", lambda: forensics.second_digit(c.leader), None, ""),
        ("kernel with bootstrap, 2018", lambda: forensics.kernel(*c), None, ""),
        ("Kireev, 96,325 x 14", lambda: forensics.kireev(parties, commission), 35.7, "notebook"),
    ]


def models() -> list[Case]:
    first, second = russia(2018), russia(2021)
    usual = first.usual()
    part = tuple(column[:66_111] for column in (usual.registered, usual.cast, usual.leader))
    return [
        ("clean peak, 2018", lambda: forensics.clean_peak(*first), None, ""),
        ("Klimek first stage, 2021", lambda: forensics.klimek_first_stage(*second), 2.9, "notebook"),
        ("Klimek fit with bootstrap, 2021", lambda: forensics.klimek_fit(*second), 1273, "EFToolkit, 480 simulations"),
        ("spikes with fit, 66,111 stations", lambda: forensics.spikes(*part), 168, "R package, without its fit"),
    ]


def audits() -> list[Case]:
    table = venezuela_table()
    options = ["EG", "NM", "LM", "JABE", "JOBR", "AE", "CF", "DC", "EM", "BERA"]
    votes = {o: table[o].to_numpy() for o in options}
    ballots = (table["VOTOS_VALIDOS"] + table["VOTOS_NULOS"]).to_numpy()
    audit = forensics.macro(votes, ballots)
    drawn = forensics.draw(audit, "2024-07-28", 11)
    audited = [(b, {o: int(votes[o][b]) for o in options}) for b in drawn]
    cases: list[Case] = [
        ("MACRO total and draws, Venezuela", lambda: forensics.macro(votes, ballots), 1.06, "Arlo compute_U, sizes"),
        ("draw of 11 batches, Venezuela", lambda: forensics.draw(audit, "2024-07-28", 11), 0.82, "Arlo"),
        ("MACRO risk, Venezuela", lambda: forensics.macro(votes, ballots, audited=audited), 0.39, "Arlo compute_risk"),
    ]
    stream = np.random.default_rng(1)
    for size, reference in ((1_000, 0.002), (10_000, 0.011), (100_000, 0.103), (1_000_000, 1.02)):
        x = stream.integers(0, 2, size).astype(np.float64)
        cases.append((f"ALPHA, {size:,} draws", _alpha(x), reference, "SHANGRLA alpha_mart"))
    return cases


def _alpha(x: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Callable[[], object]:
    return lambda: forensics.alpha(x, eta=0.55)


if __name__ == "__main__":
    main()
