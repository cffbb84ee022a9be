"""The finite mixture on a seeded sample of a real election: `python -m benchmarks.forensics_mixture`.

Prints one Markdown row: CPU seconds, likelihoods worked out, R-hat, effective sizes, and the rate beside that of the
same model in JAGS (docs/methods/forensics-mixture.md says how that was run). `--stations 0` takes a whole national
election (half an hour of one core); `--progress` writes each step with its seconds to standard error.
"""

from __future__ import annotations

import argparse
import logging
import time

import numpy as np
from tests.forensics.data import russia

from counterfoil.forensics import mixture

JAGS_CPU_S, JAGS_EFFECTIVE, JAGS_EFFECTIVE_PI = 146.8, 1.9, 130.0
"""2,000 draws of model qbl on 1,000 stations of Russia 2018, smallest effective sizes (of all figures, of pi)."""


class _Timed(logging.Formatter):
    """Seconds by the clock and of processors since it was made, and the message."""

    def __init__(self) -> None:
        super().__init__()
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def format(self, record: logging.LogRecord) -> str:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return f"{wall:8.1f} s, cpu {cpu:8.1f} s: {record.getMessage()}"


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
    if arguments.progress:
        handler = logging.StreamHandler()
        handler.setFormatter(_Timed())
        logging.getLogger("counterfoil.forensics").addHandler(handler)
        logging.getLogger("counterfoil.forensics").setLevel(logging.INFO)
    wall, cpu = time.perf_counter(), time.process_time()
    fit = mixture(n, cast, leader, model=arguments.model, draws=arguments.draws, threads=arguments.threads)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    pi_effective = min(e.effective for e in fit.pi)
    beside = "- | -"
    if (arguments.year, arguments.model, arguments.stations) == (2018, "qbl", 1000):  # what JAGS was run on
        ours = (
            fit.effective / cpu / (JAGS_EFFECTIVE / JAGS_CPU_S),
            pi_effective / cpu / (JAGS_EFFECTIVE_PI / JAGS_CPU_S),
        )
        beside = f"{ours[0]:.1f} | {ours[1]:.2f}"
    print(
        "| model | stations | wall s | cpu s | evaluations | R-hat | effective | of pi | per cpu s/JAGS | of pi/JAGS |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    print(
        f"| {fit.model} | {fit.sample.used:,} | {wall:.1f} | {cpu:.1f} | {fit.evaluations:,} | {fit.rhat:.3f} | "
        f"{fit.effective:.0f} | {pi_effective:.0f} | {beside} |"
    )
    for estimate in fit.pi + fit.parameters:
        print(
            f"{estimate.name}: {estimate.median:.4f} ({estimate.low:.4f} to {estimate.high:.4f}), "
            f"R-hat {estimate.rhat:.3f}, effective {estimate.effective:.0f}"
        )


if __name__ == "__main__":
    main()
