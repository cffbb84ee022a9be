"""Counting a simulated folder in memory: folder -> entries -> replay -> results, without a log or keys on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from counterfoil.election.folder import load_folder
from counterfoil.record.replay import replay
from counterfoil.simulate.election import write_election
from counterfoil.simulate.truth import Truth
from counterfoil.tally.compute import compute
from counterfoil.tally.results import ContestTally, Results
from counterfoil.workflow.intake import plan
from counterfoil.workflow.known import Known


def counted(folder: Path) -> Results:
    """What the folder's count gives."""
    planned = plan(load_folder(folder), Known(), b"k" * 32, "2026-03-02T10:00Z")
    return compute(replay(planned.entries, planned.objects.__getitem__))


def simulated(scenario: str, folder: Path, **more: Any) -> tuple[Truth, Results]:
    truth = write_election(scenario, to=folder, **more)
    return truth, counted(folder)


def tally_of(results: Results) -> ContestTally:
    return next(iter(results.contests.values()))
