"""The finite mixture on a seeded sample of a real election: `python -m benchmarks.forensics_mixture`.

Prints one Markdown row: CPU seconds, likelihoods worked out, R-hat, effective sizes, and the rate beside that of the
same model in JAGS (docs/methods/forensics-mixture.md says how that was run): of the whole run, and of its chains alone,
since JAGS is counted without its adaptation and burn-in. `--stations 0` takes a whole national election; `--progress`
writes each step with its seconds to standard error.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time

import numpy as np
from tests.forensics.data import russia

from counterfoil.forensics import mixture
from counterfoil.forensics.mixture_sampler import CHAINS_START

JAGS_CPU_S, JAGS_EFFECTIVE, JAGS_EFFECTIVE_PI = 146.8, 1.9, 130.0
"""2,000 draws of model qbl on 1,000 stations of Russia 2018, smallest effective sizes (of all figures, of pi)."""


class _Steps(logging.Handler):
    """The sampler's steps with seconds by the clock and of processors; `search_cpu`: those before its chains."""

    def __init__(self, shown: bool) -> None:
        super().__init__()
        self._shown, self._wall, self._cpu = shown, time.perf_counter(), time.process_time()
        self.search_cpu = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        cpu = time.process_time() - self._cpu
        if record.msg == CHAINS_START:
            self.search_cpu = cpu
        if self._shown:
            wall = time.perf_counter() - self._wall
            print(f"{wall:8.1f} s, cpu {cpu:8.1f} s: {record.getMessage()}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forensics_mixture", description=__doc__)
    parser.add_argument("--year", type=int, default=2018)
    parser.add_argument("--stations", type=int, default=1000, help="drawn at random; 0 takes all")
    parser.add_argument("--model", choices=("bl", "qbl"), default="qbl")
    parser.add_argument("--draws", type=int, default=1000, help="per chain")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--progress", action="store_true")
    arguments = parser.parse_args()
    all_of = russia(arguments.year).usual()
    size = all_of.registered.size
    chosen = np.sort(np.random.default_rng(2018).choice(size, arguments.stations or size, replace=False))
    keep = np.zeros(size, dtype=np.bool_)
    keep[chosen] = True
    n, _, cast, leader = all_of.where(keep)
    mixture(n[:50], cast[:50], leader[:50], model=arguments.model, draws=20, sweeps=4)  # compiles
    steps = _Steps(arguments.progress)
    logging.getLogger("counterfoil.forensics").addHandler(steps)
    logging.getLogger("counterfoil.forensics").setLevel(logging.INFO)
    wall, cpu = time.perf_counter(), time.process_time()
    fit = mixture(n, cast, leader, model=arguments.model, draws=arguments.draws, threads=arguments.threads)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    pi_effective = min(e.effective for e in fit.pi)
    beside = "- | - | -"
    if (arguments.year, arguments.model, arguments.stations) == (2018, "qbl", 1000):  # what JAGS was run on
        slowest, of_pi = JAGS_EFFECTIVE / JAGS_CPU_S, JAGS_EFFECTIVE_PI / JAGS_CPU_S
        alone = pi_effective / (cpu - steps.search_cpu) / of_pi
        beside = f"{fit.effective / cpu / slowest:.1f} | {pi_effective / cpu / of_pi:.2f} | {alone:.1f}"
    print(
        "| model | stations | wall s | cpu s | of them search | evaluations | R-hat | effective | of pi | "
        "per cpu s/JAGS | of pi/JAGS | of pi/JAGS, chains alone |"
    )
    print("| --- |" + " ---: |" * 11)
    print(
        f"| {fit.model} | {fit.sample.used:,} | {wall:.1f} | {cpu:.1f} | {steps.search_cpu:.1f} | "
        f"{fit.evaluations:,} | {fit.rhat:.3f} | {fit.effective:.0f} | {pi_effective:.0f} | {beside} |"
    )
    for estimate in fit.pi + fit.parameters:
        print(
            f"{estimate.name}: {estimate.median:.4f} ({estimate.low:.4f} to {estimate.high:.4f}), "
            f"R-hat {estimate.rhat:.3f}, effective {estimate.effective:.0f}"
        )


if __name__ == "__main__":
    main()
