"""Risk-limiting comparison of batches: how many to recount, which, and what the recount says so far.

Reported votes are known per batch (a station, a box). Batches are drawn with chance proportional to the largest error
they could hide, recounted by hand and compared. The risk is the largest chance that the recount would look as good as
it does if the reported outcome were wrong (MACRO for one contest, with the Kaplan-Markov bound).

* All of it in fractions; nothing is rounded before it is shown. An error in favour of the reported winner counts, one
  against it counts 0: the conservative side.
* Ballots that exist but are in no batch (pending, or that cannot be audited) are taken as votes for the runner-up.
* A full recount ends the audit: the risk is 0 if it shows the same winners, and 1 if it does not.
* Whoever publishes the seed before the draw lets anyone repeat the draw: `draw` needs SHA-256 and whole numbers only.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from matplotlib.figure import Figure

from counterfoil.forensics import plotting
from counterfoil.forensics.arrays import Column, Ints, columns
from counterfoil.forensics.results import Method, Reference, Result, Sample
from counterfoil.primitives.errors import InputError

METHOD = Method(
    name="Batch comparison (MACRO)",
    question="How likely would the recount look so good if the reported outcome were wrong?",
    null="the reported outcome is wrong; batches drawn at random in proportion to the largest error each could hide.",
    minimum="one batch; a margin above the ballots outside all batches.",
    innocent=(
        "small differences between report and recount are normal, and are measured against the margin",
        "batches that were not drawn from a seed published beforehand prove nothing",
    ),
    references=(
        Reference(
            "Stark: Efficient post-election audits of multiple contests: 2009 California tests. SSRN, 2009.",
            "10.2139/ssrn.1443314",
        ),
        Reference("Stark: Risk-limiting postelection audits. IEEE TIFS 4(4), 2009.", "10.1109/TIFS.2009.2034190"),
    ),
)
DRAWING_BITS = 256


@dataclass(frozen=True)
class Macro(Result):
    """The state of the audit.

    `total_error` U: the sum over batches of the largest error each could hide, in margins (`largest_errors`). `risk`:
    exact. `draws_expected`: further draws to reach the risk limit if they show no error; all batches where the margin
    is 0.
    """

    method = METHOD
    winners: tuple[str, ...]
    margin: int
    batches: int
    drawn: int
    total_error: Fraction | None
    """None where the margin is 0 or less: only a full recount answers."""
    risk: Fraction
    risk_limit: Fraction
    draws_expected: int
    largest_errors: tuple[Ints, Ints] = field(repr=False, compare=False)
    """Numerators and denominators, one pair per batch."""

    @property
    def confirmed(self) -> bool:
        return self.risk <= self.risk_limit

    def measured(self) -> str:
        state = (
            "reached"
            if self.confirmed
            else f"not reached, about {self.draws_expected:,} further draws without error needed"
        )
        return (
            f"{' and '.join(self.winners)} won by a margin of {self.margin:,}; after {self.drawn:,} draws the "
            f"measured risk is "
            f"{float(self.risk):.4g} (limit {float(self.risk_limit):g}: {state})."
        )

    def plot(self) -> Figure:
        """The largest errors that batches could hide, sorted, in margins."""
        numerators, denominators = self.largest_errors
        errors = np.sort(numerators / np.maximum(denominators, 1))[::-1].astype(np.float64)
        ranks = np.arange(1, errors.size + 1).astype(np.float64)
        return plotting.curves(ranks, {"batches": errors}, xlabel="batches, largest first", ylabel="error in margins")


@dataclass(frozen=True, slots=True)
class _Contest:
    names: tuple[str, ...]
    votes: Ints
    ballots: Ints
    pairs: tuple[tuple[int, int, int], ...]
    """(winner, loser, margin), margins less the ballots outside all batches."""


def _contest(
    votes: Mapping[str, Column], ballots: Column, winners: int, outside: int, totals: Mapping[str, int] | None
) -> _Contest:
    checked = columns(**{f"votes[{name}]": column for name, column in votes.items()}, ballots=ballots)
    size = checked.pop("ballots")
    names = tuple(votes)
    if not 1 <= winners < len(names):
        raise InputError("winners", expected=f"1 to {len(names) - 1} of {len(names)} options", found=str(winners))
    if outside < 0:
        raise InputError("outside", expected="0 ballots or more", found=str(outside))
    table = np.stack(list(checked.values()), axis=1)
    above = (table > size[:, None]).any(axis=1)
    if above.any():
        row = int(np.flatnonzero(above)[0])
        raise InputError(f"ballots, row {row}", expected=f"at least {table[row].max():,}", found=f"{size[row]:,}")
    whole = [int(x) for x in table.sum(axis=0)] if totals is None else [totals[name] for name in names]
    order = sorted(range(len(names)), key=lambda i: -whole[i])
    pairs = tuple((w, x, whole[w] - whole[x] - outside) for w, x in itertools.product(order[:winners], order[winners:]))
    return _Contest(names, table, size, pairs)


def _largest_errors(contest: _Contest) -> tuple[Ints, Ints]:
    """u_p = max over pairs of ((v_w - v_l) + b_p) / V_wl, as numerators and denominators;

    0 for batches without ballots.
    """
    numerators = np.zeros(contest.ballots.size, dtype=np.int64)
    denominators = np.ones_like(numerators)
    for w, x, margin in contest.pairs:
        error = contest.votes[:, w] - contest.votes[:, x] + contest.ballots
        larger = error.astype(np.float64) * denominators > numerators.astype(np.float64) * margin
        close = np.isclose(error.astype(np.float64) * denominators, numerators.astype(np.float64) * margin, rtol=1e-12)
        for i in np.flatnonzero(close):
            larger[i] = int(error[i]) * int(denominators[i]) > int(numerators[i]) * margin
        numerators[larger], denominators[larger] = error[larger], margin
    return numerators, denominators


def _sum(numerators: Ints, denominators: Ints) -> Fraction:
    return sum(
        (Fraction(int(numerators[denominators == d].sum()), int(d)) for d in np.unique(denominators)), Fraction(0)
    )


def macro(
    votes: Mapping[str, Column],
    ballots: Column,
    *,
    audited: Sequence[tuple[int, Mapping[str, int]]] = (),
    winners: int = 1,
    outside: int = 0,
    totals: Mapping[str, int] | None = None,
    risk_limit: Fraction | float = Fraction(1, 20),
) -> Macro:
    """The risk of the reported outcome after the batches audited so far, and how many more draws to expect.

    Args:
        votes: reported votes per option, one column of batches each.
        ballots: ballots per batch; 0 where the contest was not on the ballot.
        audited: (batch, votes per option as recounted), one entry per draw, repeats included.
        winners: number of seats.
        outside: ballots in no batch (pending, lost, not to be audited); all taken as errors against the winner.
        totals: reported totals where they are not the sums of the batches.
        risk_limit: the largest acceptable chance of confirming a wrong outcome.

    Raises:
        InputError: columns that are no counts or differ in length, more votes than ballots, unknown batch, wrong
            options.
    """
    limit = Fraction(str(risk_limit)) if isinstance(risk_limit, float) else Fraction(risk_limit)
    if not 0 < limit < 1:
        raise InputError("risk_limit", expected="between 0 and 1", found=str(risk_limit))
    contest = _contest(votes, ballots, winners, outside, totals)
    batches = contest.ballots.size
    recounted = _recounted(contest, audited)
    margin = min(m for _, _, m in contest.pairs)
    names = tuple(dict.fromkeys(contest.names[w] for w, _, _ in contest.pairs))
    warnings: list[str] = []
    if margin <= 0:
        errors = (np.zeros(batches, dtype=np.int64), np.ones(batches, dtype=np.int64))
        total, risk, more = None, Fraction(1), batches
        warnings.append("The margin is not above the ballots outside the batches: only a full recount can answer.")
    else:
        errors = _largest_errors(contest)
        total = _sum(*errors)
        risk = _risk(contest, errors, total, recounted)
        more = _draws_expected(limit, min(risk, Fraction(1)), total, batches)
    if {batch for batch, _ in recounted} == set(range(batches)):
        same = _full_recount_agrees(contest, recounted, winners)
        risk, more = (Fraction(0), 0) if same else (Fraction(1), 0)
        warnings.append("All batches were recounted." + ("" if same else " The recount shows another outcome."))
    seen = len({batch for batch, _ in recounted})
    return Macro(
        sample=Sample(seen, {"not_recounted": batches - seen}, "batches"),
        warnings=tuple(warnings),
        winners=names,
        margin=margin,
        batches=batches,
        drawn=len(recounted),
        total_error=total,
        risk=min(risk, Fraction(1)),
        risk_limit=limit,
        draws_expected=0 if risk <= limit else more,
        largest_errors=errors,
    )


def _recounted(contest: _Contest, audited: Sequence[tuple[int, Mapping[str, int]]]) -> list[tuple[int, list[int]]]:
    out = []
    for batch, found in audited:
        if not 0 <= batch < contest.ballots.size:
            raise InputError("audited", expected=f"a batch from 0 to {contest.ballots.size - 1}", found=str(batch))
        if set(found) != set(contest.names):
            raise InputError(
                f"audited, batch {batch}", expected=f"votes for {', '.join(contest.names)}", found=", ".join(found)
            )
        out.append((batch, [found[name] for name in contest.names]))
    return out


def _risk(
    contest: _Contest, errors: tuple[Ints, Ints], total: Fraction, recounted: list[tuple[int, list[int]]]
) -> Fraction:
    """P = prod (1 - 1/U) / (1 - e_p / u_p) over the draws; 1 at most is applied by the caller."""
    risk = Fraction(1)
    if total <= 0:
        return risk
    for batch, found in recounted:
        if contest.ballots[batch] == 0:
            continue
        reported = contest.votes[batch]
        error = max(
            Fraction(int(reported[w] - reported[x]) - (found[w] - found[x]), margin) for w, x, margin in contest.pairs
        )
        largest = Fraction(int(errors[0][batch]), int(errors[1][batch]))
        if error > 0 and error >= largest:
            return Fraction(1)
        risk *= (1 - 1 / total) / (1 - max(error, Fraction(0)) / largest)
    return risk


def _draws_expected(limit: Fraction, risk: Fraction, total: Fraction, batches: int) -> int:
    """ceil(ln(limit / P) / ln(1 - 1/U)) + 1, at most all batches."""
    if risk <= limit or total <= 1:
        return 0 if risk <= limit else 1
    steps = math.log(limit / risk) / math.log1p(-float(1 / total))
    return min(math.ceil(steps) + 1, batches)


def _full_recount_agrees(contest: _Contest, recounted: list[tuple[int, list[int]]], winners: int) -> bool:
    found = dict(recounted)
    whole = [sum(found[batch][i] for batch in found) for i in range(len(contest.names))]
    reported = {w for w, _, _ in contest.pairs}
    others = [whole[i] for i in range(len(whole)) if i not in reported]
    return len(reported) == winners and min(whole[w] for w in reported) > max(others)


def draw(audit: Macro, seed: str, size: int) -> list[int]:
    """Batches drawn with replacement in proportion to the largest error each could hide; anyone can repeat it.

    Draw j (from 1) takes x = SHA-256 of "seed,j" as a whole number and the first batch whose cumulative error, as a
    part of all, is above x / 2**256.

    Raises:
        InputError: an empty seed, a size below 0, or a contest without a positive margin.
    """
    if not seed or size < 0:
        raise InputError("seed and size", expected="a seed and 0 draws or more", found=f"{seed!r} and {size}")
    if not audit.total_error:
        raise InputError("audit", expected="a margin above 0", found=f"{audit.margin}", do="recount all batches")
    common = math.lcm(*(int(d) for d in np.unique(audit.largest_errors[1])))
    weights = (int(n) * (common // int(d)) for n, d in zip(*audit.largest_errors, strict=True))
    cumulative = list(itertools.accumulate(weights))
    out = []
    for j in range(1, size + 1):
        x = int.from_bytes(hashlib.sha256(f"{seed},{j}".encode()).digest(), "big")
        out.append(bisect.bisect_right(cumulative, x * cumulative[-1] >> DRAWING_BITS))
    return out


def draw_as_arlo(audit: Macro, seed: str, size: int) -> list[int]:
    """The same draw as VotingWorks' Arlo makes: PCG64 seeded with SHA-256 of the seed, `Generator.choice` with these
    weights.

        Raises:
            InputError: as `draw`.
    """
    if not audit.total_error:
        raise InputError("audit", expected="a margin above 0", found=f"{audit.margin}", do="recount all batches")
    errors = zip(*audit.largest_errors, strict=True)
    weights = [float(Fraction(int(n), int(d)) / audit.total_error) for n, d in errors]
    generator = np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest(), "big"))
    return [int(i) for i in generator.choice(len(weights), size, p=weights, replace=True)]
