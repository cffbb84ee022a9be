"""Announced counts that look computed back from rounded percentages.

Given an announced total T and the counts announced with it, each count is tested against round(T * p / 1000) for a
share p with one decimal (0.0 to 100.0 %). A count below T hits one of the 1,001 values by chance with probability
about 1,001 / T; k counts that are not bound to each other give (1001 / T)**k. The last count is bound by the total, so
k = counts - 1. For Venezuela's first bulletin (10,058,774) that is 1e-8.

Innocent explanation: somebody was given the percentages and the total, and worked the counts out for a speech; then the
counts announced are no counts. It says nothing about what the percentages rest on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from counterfoil.election.definition import Contest, Severity
from counterfoil.record.state import OfficialSnapshot
from counterfoil.tally.addition import Found
from counterfoil.tally.results import Finding

STEPS = 1000
"""Shares with one decimal of a percent."""
LARGEST_CHANCE = Fraction(1, 1_000_000)
"""Finding only below this; one in a million leaves room for every area of every snapshot of a country."""


def backsolved_share(count: int, total: int) -> Fraction | None:
    """The share p (a multiple of 0.1 %) with `count == round(total * p)`, if there is one; halves may go either way."""
    for step in range(max(0, count * STEPS // total - 1), count * STEPS // total + 3):
        if abs(2 * (total * step - count * STEPS)) <= STEPS:
            return Fraction(step, STEPS)
    return None


def backsolved(contest: Contest, snapshots: Sequence[OfficialSnapshot]) -> Iterator[Found]:
    """One finding per area of a snapshot in which every count comes out of a share with one decimal."""
    for snapshot in snapshots:
        if snapshot.contest != contest.id:
            continue
        options = [*(o.id for o in contest.options), "others"]
        for (area,), rows in snapshot.areas.group_by("area", maintain_order=True):
            items = dict(rows.select("item", "value").iter_rows())
            total = items.get(contest.base.official)
            counts = [(o, items[o]) for o in options if o in items]
            if total is None or total <= 0 or len(counts) < 2:
                continue
            shares = [(o, count, backsolved_share(count, total)) for o, count in counts]
            if any(share is None for _, _, share in shares):
                continue
            chance = Fraction(STEPS + 1, total) ** (len(counts) - 1)
            if chance > LARGEST_CHANCE:
                continue
            yield Found(
                Finding(
                    code="backsolved-total",
                    severity=Severity.NOTE,
                    contest=contest.id,
                    area=str(area),
                    single=False,
                    option=None,
                    value=sum(count for _, count, _ in shares),
                    threshold=total,
                    stations=0,
                    flip_set_size=None,
                    snapshot=snapshot.snapshot,
                    numbers=(
                        *((f"share.{o}", _tenths(share)) for o, _, share in shares if share is not None),
                        ("chance_one_in", str(int(1 / chance))),
                    ),
                    entries=snapshot.entries,
                )
            )


def _tenths(share: Fraction) -> str:
    whole, tenth = divmod(int(share * STEPS), 10)
    return f"{whole}.{tenth} %"
