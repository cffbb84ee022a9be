"""A third reading's cut: for whoever holds the task, and nobody else."""

from __future__ import annotations

from tests.server.objects import Case
from tests.server.reading.objects import _task

CASES = [Case("look at a box of another's third reading", "reader", _task("/work/task/{}/field/ballots"), method="GET")]
