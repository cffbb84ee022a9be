"""A whole count of a simulated election: made, counted, published, and set beside what was planted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from counterfoil.publish.assemble import Progress, silent
from counterfoil.simulate.election import write_election
from counterfoil.simulate.truth import Score, Truth, score
from counterfoil.workflow.count import CountResult, count

NIGHT_AFTER = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
"""The made-up election is on 1 March 2026; a demo counts on the evening after, whatever the clock says."""


@dataclass(frozen=True)
class Demo:
    truth: Truth
    score: Score
    result: CountResult


def demo(
    to: Path,
    *,
    scenario: str = "mixed",
    seed: int = 1,
    stations: int = 600,
    progress: Progress = silent,
) -> Demo:
    """Simulate into `to/election`, publish to `to/site`, write the truth to `to/truth.json`.

    Raises:
        InputError: unknown scenario, or `to/election` holds something.
    """
    progress("simulate", 0, 0)
    truth = write_election(scenario, seed=seed, to=to / "election", stations=stations)
    truth.save(to / "truth.json")
    result = count(to / "election", to / "site", now=NIGHT_AFTER, progress=progress)
    return Demo(truth, score(truth, result.results), result)
