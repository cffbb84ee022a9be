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
    """`private` holds the election's folder with its keys, and `truth.json`; `result.site` is the publication."""

    private: Path
    truth: Truth
    score: Score
    result: CountResult


def demo(
    site: Path,
    *,
    scenario: str = "mixed",
    seed: int = 1,
    stations: int = 600,
    progress: Progress = silent,
) -> Demo:
    """Simulate, count and publish to `site`. The election's folder and the truth lie beside it, in `<site>.private`:
    keys must never stand in a publication.

    Raises:
        InputError: unknown scenario, or `<site>.private/election` holds something.
    """
    private = site.with_name(f"{site.name}.private")
    progress("simulate", 0, 0)
    truth = write_election(scenario, seed=seed, to=private / "election", stations=stations)
    truth.save(private / "truth.json")
    result = count(private / "election", site, now=NIGHT_AFTER, progress=progress)
    return Demo(private, truth, score(truth, result.results), result)
