"""How well a person reads, and how closely their work is looked at. Pure.

A person's error rate e is the share of fields that they type wrongly, of those that others, an arbiter or a known
answer have settled. Beta-Binomial: e ~ Beta(a, b) beforehand, so Beta(a + wrong, b + right) after; `PRIOR_WRONG` and
`PRIOR_RIGHT` stand for 100 fields with one error (about what volunteers do: 1.4 % of protocols with a mismatch in the
Philippines, up to 0.7 % between hand tallies of counties in the United States). A rate per field has the same form,
drawn towards the person's own overall rate with the weight of `FIELD_WEIGHT` fields.

| stage | when | what follows |
| --- | --- | --- |
| new | fewer than 10 copies judged | a copy that only new readers read gets one more reading |
| trusted | otherwise | 5 % of copies get one more reading, as a sample |
| watched | P(e > 2 %) > 90 %, or twice wrong in the same way as another | each copy gets one more reading |
| reviewed | P(e > 5 %) > 95 %, or 4 times wrong in the same way as another | the same; organisers look |
| paused | P(e > 10 %) > 99 %, or 8 times wrong in the same way as another | no tasks until an organiser lifts it |

Which way it errs: an unlucky good reader costs one more reading per copy; nobody's readings are withdrawn by a figure,
only by two organisers. Votes are not weighed: an error is an error of reading, however many votes it moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.special import betainc

PRIOR_WRONG = 1
PRIOR_RIGHT = 99
FIELD_WEIGHT = 50
PROVEN_COPIES = 10
STAGES = ("new", "trusted", "watched", "reviewed", "paused")
_LIMITS = (("paused", 0.10, 0.99), ("reviewed", 0.05, 0.95), ("watched", 0.02, 0.90))
_SHARED = (("paused", 8), ("reviewed", 4), ("watched", 2))
GOLD_MORE = {"new": 4, "trusted": 1, "watched": 4, "reviewed": 6, "paused": 1}
"""How many times as many copies with known answers somebody of this stage gets."""

Reason = tuple[str, int, int]
"""code, figure, of how many: ("error_rate", wrong, fields), ("shared_errors", shared, wrong), ("few_copies", n, least),
("ordered", 0, 0)"""


@dataclass(frozen=True, slots=True)
class Tally:
    """Fields of one person that were settled."""

    right: int = 0
    wrong: int = 0
    shared_wrong: int = 0
    """Wrong ones where another person typed the same wrong value."""
    copies: int = 0
    """Copies with at least one such field."""


def mean_rate(tally: Tally) -> float:
    """The expected error rate after what was seen.

    >>> mean_rate(Tally(right=99, wrong=1))
    0.01
    """
    wrong, right = PRIOR_WRONG + tally.wrong, PRIOR_RIGHT + tally.right
    return wrong / (wrong + right)


def chance_above(tally: Tally, rate: float) -> float:
    """P(e > rate) after what was seen: the upper tail of Beta(1 + wrong, 99 + right)."""
    return float(1 - betainc(PRIOR_WRONG + tally.wrong, PRIOR_RIGHT + tally.right, rate))


def rates_by_field(by_field: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """Expected error rate per field, from [right, wrong] of each: shrunk towards the person's own rate over all."""
    right = sum(counts[0] for counts in by_field.values())
    wrong = sum(counts[1] for counts in by_field.values())
    overall = mean_rate(Tally(right, wrong))
    return {
        name: (overall * FIELD_WEIGHT + counts[1]) / (FIELD_WEIGHT + counts[0] + counts[1])
        for name, counts in by_field.items()
    }


def stage(tally: Tally, ordered: str = "") -> tuple[str, tuple[Reason, ...]]:
    """The stage, and why. `ordered`: what an organiser set; it stands over the figures, which are still told."""
    reasons: list[Reason] = []
    found = "new" if tally.copies < PROVEN_COPIES else "trusted"
    if found == "new":
        reasons.append(("few_copies", tally.copies, PROVEN_COPIES))
    by_rate = next((name for name, rate, sure in _LIMITS if chance_above(tally, rate) > sure), None)
    by_shared = next((name for name, least in _SHARED if tally.shared_wrong >= least), None)
    if by_rate is not None:
        reasons.append(("error_rate", tally.wrong, tally.wrong + tally.right))
    if by_shared is not None:
        reasons.append(("shared_errors", tally.shared_wrong, tally.wrong))
    found = max((found, by_rate or "new", by_shared or "new"), key=STAGES.index)
    if ordered:
        return ordered, (("ordered", 0, 0), *reasons)
    return found, tuple(reasons)


def gold_due(stage_now: str, gold_every: int, draw: int) -> bool:
    """Whether the next task has a known answer. `draw`: 0 to 999,999, at random; `gold_every` 0: never."""
    return gold_every > 0 and draw * gold_every < 1_000_000 * GOLD_MORE[stage_now]
