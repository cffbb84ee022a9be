"""Klimek's parametric model: what two mechanisms, added to one homogeneous electorate, would look like.

Clean stations draw turnout and vote from truncated normal curves. With probability f_i a station is of the
*incremental* kind (part of the others' and of the unused ballots goes to the leader), with probability f_e of the
*extreme* kind (almost all does). The model says how often each kind is needed to make the observed shares; it does
not say that they happened.

* First stage: the middle of the clean curves is the first peak of the densities above 0.3, their width comes from the
  stations below both peaks, theta from those above. Where a density already falls at 0.3 there is no such peak
  (Russia 2018 and 2020): refused.
* Fit: the expected histogram of shares is linear in f_i and f_e once alpha is fixed, so instead of a grid of noisy
  simulations both are solved exactly for each alpha, against the published distance sum ((model - observed) /
  (observed + 1))**2.
* Weakly identified: several alphas fit almost equally well and f_i goes with them. The result is a range, and the
  fits of Mebane and Kalinin on the same model are 5 to 16 times lower, because they set the clean turnout to the
  official one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from matplotlib.figure import Figure
from scipy.special import ndtr, ndtri

from counterfoil.forensics import plotting
from counterfoil.forensics.arrays import Column, Floats, Ints, columns, select, turnout_reasons
from counterfoil.forensics.fingerprint import KLIMEK
from counterfoil.forensics.jit import jit
from counterfoil.forensics.results import Method, Result, Sample
from counterfoil.primitives.errors import InputError, Refusal

FIRST_STAGE = Method(
    name="Klimek's first stage",
    question="Where and how wide are the curves of turnout and share that clean stations would follow?",
    null="one electorate: turnout and share of clean stations normal around one middle each.",
    minimum="500 stations whose densities have a peak above 0.3.",
    innocent=("several electorates put several peaks into the densities, and the first one need not be the clean one",),
    references=(KLIMEK,),
)
FIT = Method(
    name="Klimek's model",
    question="How often would the model's two mechanisms be needed to make the observed shares?",
    null="one electorate with normal turnout and share, and the two mechanisms; nothing else.",
    minimum="500 stations and a first stage that did not degenerate.",
    innocent=(
        "several electorates: the model has one, and reads the others as mechanisms",
        "the parameters trade off against each other, so single values mean little",
    ),
    references=(KLIMEK,),
)
MINIMUM_STATIONS = 500
EXTREME_WIDTH = 0.075
"""Width of the extreme kind's curve; PNAS 109(41), supporting text."""
LARGE_MISFIT = 0.15
"""Above this part of stations elsewhere the parameters describe nothing; Russia 2021 has 0.07."""
ALPHAS = tuple(float(x) for x in np.round(np.arange(1.0, 4.01, 0.1), 1))
_GRID = 0.001


@dataclass(frozen=True)
class KlimekFirstStage(Result):
    """Middle and width of clean turnout (`tau`, `s_tau`) and share (`nu`, `s_nu`), and `theta`; all as parts of 1."""

    method = FIRST_STAGE
    tau: float
    nu: float
    s_tau: float
    s_nu: float
    theta: float
    _densities: tuple[Floats, Floats] = field(repr=False, compare=False)

    def measured(self) -> str:
        return (
            f"the first peak of turnout lies at {self.tau:.1%} (width {self.s_tau:.3f}), that of the share at "
            f"{self.nu:.1%} "
            f"(width {self.s_nu:.3f})."
        )

    def plot(self) -> Figure:
        """Densities of turnout and share with the peaks found."""
        grid = np.linspace(0.0, 1.0, self._densities[0].size)
        lines = {"turnout": self._densities[0], "leader's share": self._densities[1]}
        return plotting.curves(
            grid, lines, xlabel="turnout; leader's share (parts of 1)", ylabel="density", marks=(self.tau, self.nu)
        )


@dataclass(frozen=True, slots=True)
class AlphaFit:
    """The best f_i and f_e for one alpha, and the published distance there."""

    alpha: float
    incremental: float
    extreme: float
    distance: float


@dataclass(frozen=True)
class KlimekFit(Result):
    """The fit nearest to the observed shares, all alphas, and how far f_i and f_e can move.

    `incremental_range`, `extreme_range`: smallest and largest over 95 of 100 bootstraps of the stations (alpha chosen
    anew each time). `observed` and `modelled`: stations per percent of share.
    """

    method = FIT
    first_stage: KlimekFirstStage
    best: AlphaFit
    by_alpha: tuple[AlphaFit, ...]
    incremental_range: tuple[float, float]
    extreme_range: tuple[float, float]
    observed: Floats
    modelled: Floats
    misfit: float
    """Part of the stations that would have to move to make model and observation the same."""
    seed: int

    def measured(self) -> str:
        low, high = self.incremental_range
        return (
            f"the model comes nearest to the observed shares with {self.best.incremental:.1%} of stations of "
            "its incremental "
            f"kind ({low:.1%} to {high:.1%}) and {self.best.extreme:.1%} of its extreme kind, at alpha "
            f"{self.best.alpha:g}."
        )

    def plot(self) -> Figure:
        """Stations per percent of share: observed and modelled."""
        lines = {"observed": self.observed, "model": self.modelled}
        middles = np.linspace(0.5, 99.5, self.observed.size)
        return plotting.curves(middles, lines, xlabel="leader's share, %", ylabel="stations")


@jit
def _density(values: Floats, bandwidth: float, step: float, points: int) -> Floats:
    """Gaussian kernel density on the grid 0, step, ...; each kernel walked outward by recurrence until below 1e-17."""
    out = np.zeros(points)
    shrink = math.exp(-((step / bandwidth) ** 2))
    for i in range(values.size):
        nearest = min(max(int(values[i] / step + 0.5), 0), points - 1)
        gap = nearest * step - values[i]
        start = math.exp(-0.5 * (gap / bandwidth) ** 2)
        ratio = math.exp(-(gap * step + 0.5 * step * step) / bandwidth**2)
        term, j = start, nearest
        while j < points and term > 1e-17:
            out[j] += term
            term *= ratio
            ratio *= shrink
            j += 1
        ratio = math.exp((gap * step - 0.5 * step * step) / bandwidth**2)
        term, j = start * ratio, nearest - 1
        ratio *= shrink
        while j >= 0 and term > 1e-17:
            out[j] += term
            term *= ratio
            ratio *= shrink
            j -= 1
    return out / (values.size * bandwidth * math.sqrt(2.0 * math.pi))


def density(values: Floats) -> Floats:
    """The kernel density with Scott's bandwidth on the grid 0, 0.001, ..., 1."""
    bandwidth = float(values.std(ddof=1)) * values.size ** (-1 / 5)
    return _density(values, bandwidth, _GRID, 1001)


def first_peak(curve: Floats, name: str) -> float:
    """The first local maximum above 0.3.

    Raises:
        Refusal: the density already falls at 0.3, or rises up to 1.
    """
    start = 301
    falling = np.flatnonzero(np.diff(curve[start:]) < 0)
    if falling.size == 0 or falling[0] == 0:
        raise Refusal(
            f"{FIRST_STAGE.name}: expected a peak of the density of {name} above 0.3, found that it "
            f"{'falls at 0.3 already' if falling.size else 'rises up to 1'}; the method has no starting point here.",
            code="degenerate-first-stage",
        )
    return round((start + int(falling[0])) * _GRID, 3)


def klimek_first_stage(registered: Column, given: Column, cast: Column, leader: Column) -> KlimekFirstStage:
    """Middles and widths of the clean curves, as the authors of the Meduza comment (2018) compute them.

    Raises:
        InputError: a column is no column of counts, or lengths differ.
        Refusal: fewer than 500 stations, no variation, or no peak above 0.3.
    """
    n, g, r, a, sample = _stations(registered, given, cast, leader)
    t, s = g / n, a / r
    if np.ptp(t) == 0 or np.ptp(s) == 0:
        raise Refusal(f"{FIRST_STAGE.name}: expected stations that differ, found them all equal.", code="no-variation")
    densities = density(t), density(s)
    tau, nu = first_peak(densities[0], "turnout"), first_peak(densities[1], "the share")
    below, lower, upper = (t < tau) & (s < nu), s < nu, s > nu
    if not (below.any() and upper.any()):
        raise Refusal(
            (
                f"{FIRST_STAGE.name}: expected stations on both sides of the peaks {tau:.3f} and {nu:.3f}, "
                "none on one side."
            ),
            code="degenerate-first-stage",
        )
    return KlimekFirstStage(
        sample=sample,
        warnings=(),
        tau=tau,
        nu=nu,
        s_tau=math.sqrt(float(np.square(t[below] - tau).mean())),
        s_nu=math.sqrt(float(np.square(s[lower] - nu).mean())),
        theta=math.sqrt(math.sqrt(float(np.square(s[upper] - nu).mean()))),
        _densities=densities,
    )


def _stations(registered: Column, given: Column, cast: Column, leader: Column) -> tuple[Ints, Ints, Ints, Ints, Sample]:
    c = columns(registered=registered, given=given, cast=cast, leader=leader)
    n, g, r, a = c.values()
    reasons = turnout_reasons(n, g, r, a, 1)
    reasons["no_voters"] = reasons.pop("registered_below_minimum")
    chosen = select(n.size, reasons, minimum=MINIMUM_STATIONS, method=FIRST_STAGE.name)
    return chosen(n), chosen(g), chosen(r), chosen(a), chosen.sample


def _truncated(stream: np.random.Generator, middle: float, width: float, size: int) -> Floats:
    """Normal draws truncated to [0, 1], by inversion."""
    low, high = ndtr((0 - middle) / width), ndtr((1 - middle) / width)
    out: Floats = middle + width * ndtri(low + (high - low) * stream.random(size))
    return np.clip(out, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Draws:
    """Turnout and vote of clean stations, and the size of either mechanism for each."""

    turnout: Floats
    vote: Floats
    incremental: Floats
    extreme: Floats


def draw(stage: KlimekFirstStage, size: int, stream: np.random.Generator) -> Draws:
    """Draws `size` stations from the clean curves, each with what either mechanism would do to it."""
    low, high = 0.5, ndtr(1 / stage.theta)
    incremental = stage.theta * ndtri(low + (high - low) * stream.random(size))
    high = ndtr(1 / EXTREME_WIDTH)
    extreme = 1.0 - EXTREME_WIDTH * ndtri(low + (high - low) * stream.random(size))
    return Draws(
        _truncated(stream, stage.tau, stage.s_tau, size),
        _truncated(stream, stage.nu, stage.s_nu, size),
        np.clip(incremental, 0.0, 1.0),
        np.clip(extreme, 0.0, 1.0),
    )


def shares(draws: Draws, x: Floats | float, alpha: float) -> tuple[Floats, Floats]:
    """Turnout and share of stations after the mechanism of size x (0: none); PNAS 109(41), Methods."""
    a, v = draws.turnout, draws.vote
    turnout = a + x * (1.0 - a)
    votes = a * v + x * (1.0 - a) + x**alpha * (1.0 - v) * a
    return turnout, np.divide(votes, turnout, out=np.zeros_like(turnout), where=turnout > 0)


def _histogram(share: Floats) -> Floats:
    counts = np.bincount(np.minimum((100.0 * share).astype(np.int64), 99), minlength=100)
    return counts.astype(np.float64)


def klimek_fit(
    registered: Column,
    given: Column,
    cast: Column,
    leader: Column,
    *,
    first_stage: KlimekFirstStage | None = None,
    seed: int = 1,
    draws_per_station: int = 4,
) -> KlimekFit:
    """Fits f_i and f_e for every alpha from 1 to 4 in steps of 0.1, and bootstraps the nearest.

    Args:
        first_stage: the clean curves; None takes them from the same stations, as published. On elections drawn from the
            model itself that finds about half of f_i, because theta then also holds clean stations.
        seed: of the draws of the model and of the bootstrap.
        draws_per_station: how many stations the model draws for each observed one.

    Raises:
        InputError, Refusal: as `klimek_first_stage`.
    """
    if draws_per_station < 1:
        raise InputError("draws_per_station", expected="at least 1", found=str(draws_per_station))
    stage = first_stage or klimek_first_stage(registered, given, cast, leader)
    _, _, r, a, sample = _stations(registered, given, cast, leader)
    observed = np.bincount(np.minimum(100 * a // r, 99), minlength=100).astype(np.float64)
    stream = np.random.default_rng(seed)
    model = draw(stage, draws_per_station * r.size, stream)
    clean = _histogram(shares(model, 0.0, 1.0)[1]) / draws_per_station
    mechanisms = (model.incremental, model.extreme)
    kinds = [
        np.stack([clean, *(_histogram(shares(model, x, alpha)[1]) / draws_per_station for x in mechanisms)])
        for alpha in ALPHAS
    ]
    fits = tuple(_solve(kind, observed, alpha) for alpha, kind in zip(ALPHAS, kinds, strict=True))
    best = min(range(len(fits)), key=lambda i: fits[i].distance)
    again = []
    for _ in range(100):
        sampled = stream.multinomial(r.size, observed / r.size).astype(np.float64)
        again.append(min((_solve(k, sampled, x) for x, k in zip(ALPHAS, kinds, strict=True)), key=lambda f: f.distance))
    weights = np.array([1.0 - fits[best].incremental - fits[best].extreme, fits[best].incremental, fits[best].extreme])
    modelled: Floats = weights @ kinds[best]
    misfit = float(np.abs(modelled - observed).sum() / (2 * r.size))
    warnings = ["The bootstrap holds the first stage fixed and knows no second electorate: the true range is wider."]
    if misfit > LARGE_MISFIT:
        warnings.append(f"The model does not describe these shares: {misfit:.0%} of the stations lie elsewhere.")
    return KlimekFit(
        sample=sample,
        warnings=tuple(warnings),
        first_stage=stage,
        best=fits[best],
        by_alpha=fits,
        incremental_range=_middle([f.incremental for f in again]),
        extreme_range=_middle([f.extreme for f in again]),
        observed=observed,
        modelled=modelled,
        misfit=misfit,
        seed=seed,
    )


def _middle(values: list[float]) -> tuple[float, float]:
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def _solve(kinds: Floats, observed: Floats, alpha: float) -> AlphaFit:
    """Least squares over mixtures of the three histograms: the best of all faces of the triangle (clean, f_i, f_e)."""
    scale = 1.0 / (observed + 1.0)
    columns_, target = kinds * scale, observed * scale
    best, best_distance = np.array([1.0, 0.0, 0.0]), math.inf
    for size in (1, 2, 3):
        for face in combinations(range(3), size):
            base, rest = columns_[face[0]], [columns_[j] - columns_[face[0]] for j in face[1:]]
            move = np.linalg.lstsq(np.stack(rest, axis=1), target - base, rcond=None)[0] if rest else np.empty(0)
            weight = np.zeros(3)
            weight[list(face)] = [1.0 - move.sum(), *move]
            distance = float(np.square(weight @ columns_ - target).sum())
            if weight.min() >= 0.0 and distance < best_distance:
                best, best_distance = weight, distance
    return AlphaFit(alpha, float(best[1]), float(best[2]), best_distance)
