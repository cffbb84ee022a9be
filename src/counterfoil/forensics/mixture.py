"""The finite mixture of eforensics: three kinds of stations, told apart only by how turnout and vote vary.

Model (Ferrari, McAlister, Mebane, Wu; R package eforensics, models `bl` and `qbl`), for a station with N voters, a of
them without a ballot, w votes for the leader, logistic(x) = 1 / (1 + exp(-x)) and k = 0.7:

    Z ~ (pi_1, pi_2, pi_3),  pi proportional to (1, r_2, r_3), r_2 and r_3 uniform on (0, 1)
    class 2: N_m ~ Bin(N, k logistic(h_3)),             N_s ~ Bin(N, k logistic(h_4))
    class 3: N_m ~ Bin(N, k + (1 - k) logistic(h_5)),   N_s ~ Bin(N, k + (1 - k) logistic(h_6))
    a ~ Bin(N, (1 - logistic(h_1)) (1 - m)),            m = N_m / N (.999 where that is 1; 0 in class 1)
    w ~ Bin(N, nu (1-s)/(1-m) (1-m-a/N) + a/N (m-s)/(1-m) + s),   nu = logistic(h_2), s = N_s / N (0 in class 1)

* `qbl`: each h is normal per station, its mean Normal(0, 1.0001), its variance Exponential with rate 5. (The package
  adds a Normal(0, 1) mean and an intercept of variance 0.0001.) `bl`: each h is one number, Normal(0, 100).
* The counts are binomials *inside* the probability of a binomial, so the sum over them is no thinned binomial and has
  no closed form; it is a double sum (`mixture_kernel`). Z, the counts and the intercepts are all summed or integrated
  out; what is sampled is 8 (`bl`) or 14 (`qbl`) figures.
* Departures: no covariates. Where the published probability of a vote leaves [0, 1], the likelihood is 0.
* What it reads as classes 2 and 3 is any variation it has no other place for. `bl` has no place for stations that
  simply differ: on a sample without known anomalies (District of Columbia 2010, the package's own) it puts half of
  the stations there, where `qbl` puts 1.7 percent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure

from counterfoil.forensics import plotting
from counterfoil.forensics.arrays import Column, Floats, Ints, columns, select, turnout_reasons
from counterfoil.forensics.mixture_arrays import on_device
from counterfoil.forensics.mixture_diagnostics import effective_size, rhat
from counterfoil.forensics.mixture_edge import at_the_edge, edges, log_edges
from counterfoil.forensics.mixture_kernel import log_factorials, log_stations
from counterfoil.forensics.mixture_sampler import Shares, sample
from counterfoil.forensics.mixture_shares import FARTHEST, walk
from counterfoil.forensics.mixture_smooth import LEAST_VOTERS, log_smooth, make_tables, rules
from counterfoil.forensics.results import Method, Reference, Result
from counterfoil.primitives.errors import InputError, Refusal

METHOD = Method(
    name="Finite mixture",
    question="How many stations would belong to the model's second and third class, if its three classes were all?",
    null="pi_1 = 1: one electorate whose stations vary binomially (bl), or binomially around normal intercepts (qbl).",
    minimum="50 stations of at most a million voters.",
    innocent=(
        "several electorates (town and country, regions, closed stations) are read as classes",
        "variation between stations beyond what the model has a place for is read as classes 2 and 3",
        "pi_1 is the largest share by construction and pi_2, pi_3 are never 0",
    ),
    references=(
        Reference(
            "Ferrari, McAlister, Mebane, Wu, eforensics: Election Forensics, R package 0.0.4 (2019), "
            "models bl and qbl of ef_models.R"
        ),
        Reference(
            "Vehtari, Gelman, Simpson, Carpenter, Buerkner, Bayesian Analysis 16(2), 2021 (when chains agree)",
            "10.1214/20-BA1221",
        ),
    ),
)
MINIMUM_STATIONS = 50
LARGEST_STATION = 1_000_000
RHAT_LIMIT = 1.01
"""Vehtari et al. 2021, section 4.1."""
OVERDISPERSED = 2.0
"""A variance of turnout above twice the binomial one; stations of Russia 2018 show about 100 times."""
CLIMBS = 5
"""Scattered starts from which peaks of the posterior are looked for."""
_NAMES = ("turnout", "vote", "class 2 made", "class 2 moved", "class 3 made", "class 3 moved")


@dataclass(frozen=True, slots=True)
class Estimate:
    """Posterior of one figure: median, the middle 95 percent, and whether the chains agree about it."""

    name: str
    median: float
    low: float
    high: float
    rhat: float
    effective: float
    """Bulk effective sample size of all draws together."""


@dataclass(frozen=True, slots=True)
class Peak:
    """A point where a climb ended: the shares there, and its log density below the best one's (0 for that)."""

    pi: tuple[float, float, float]
    below: float


@dataclass(frozen=True)
class Mixture(Result):
    """Shares of the three classes (`pi`, parts of 1) and all other figures of the model.

    `parameters`: means of the six intercepts, and for `qbl` their variances, on the logistic scale. `dispersion`:
    variance of turnout over the binomial one. Where `converged` is False no figure may be quoted, and none is shown
    by `measured` and `summary`.
    """

    method = METHOD
    model: str
    pi: tuple[Estimate, Estimate, Estimate]
    parameters: tuple[Estimate, ...]
    dispersion: float
    draws: int
    """Over all chains."""
    accepted: float
    """Part of the proposals that were taken."""
    evaluations: int
    """How often the likelihood of all or a part of the stations was worked out."""
    peaks: tuple[Peak, ...]
    """Where climbs from scattered starts ended on the first stations, best first."""
    seed: int
    _pi_draws: Floats = field(repr=False, compare=False)

    @property
    def rhat(self) -> float:
        """The largest of all figures."""
        return max(e.rhat for e in self.pi + self.parameters)

    @property
    def effective(self) -> float:
        """The smallest effective sample size of all figures."""
        return min(e.effective for e in self.pi + self.parameters)

    @property
    def converged(self) -> bool:
        return self.rhat <= RHAT_LIMIT

    def measured(self) -> str:
        if not self.converged:
            return (
                f"the chains do not agree (R-hat {self.rhat:.3f} above {RHAT_LIMIT}), so there is no figure to quote."
            )
        shares = [f"{e.median:.1%} ({e.low:.1%} to {e.high:.1%})" for e in self.pi]
        return (
            f"under model {self.model} the shares of the three classes are {shares[0]}, {shares[1]} and {shares[2]}, "
            f"medians with 95 percent intervals; turnout varies {self.dispersion:.1f} times as much as "
            "one common rate would give."
        )

    def plot(self) -> Figure:
        """Posterior densities of the three shares."""
        edges = np.linspace(0, 1, 201)
        lines = {
            f"class {i + 1}": np.histogram(self._pi_draws[..., i], edges, density=True)[0].astype(np.float64)
            for i in range(3)
        }
        return plotting.curves(
            100 * (edges[:-1] + 0.0025),
            lines,
            xlabel="share of stations, %",
            ylabel="density",
            title="" if self.converged else "The chains do not agree: nothing here may be quoted.",
        )


def _unpack(point: Floats) -> tuple[Floats, Floats]:
    """Shares and kernel parameters from a point: logits of r_2, r_3; inverse sinh of six means; six variances' roots.

    The inverse sinh draws in long tails: a mean of which the data say only "far below 0" would else stretch the
    proposals over prior alone. Cube roots, since those of a variance that is known (Wilson and Hilferty 1931) and of
    one that only the prior speaks of are both nearly normal, deviations are not.
    """
    ratios = 1 / (1 + np.exp(-point[:2]))
    pi = np.array([1.0, ratios[0], ratios[1]]) / (1 + ratios.sum())
    variances = point[8:] ** 3 if point.size > 8 else np.zeros(6)
    return pi, np.concatenate([np.sinh(point[2:8]), variances])


def log_prior(point: Floats) -> float:
    """Log density of the prior at a point, with the Jacobian, up to a constant; variances above 0."""
    uniform = -float(np.logaddexp(0, point[:2]).sum() + np.logaddexp(0, -point[:2]).sum())
    mean = np.sinh(point[2:8])
    means = -0.5 * float((mean**2).sum()) / (1.0001 if point.size > 8 else 100.0)
    means += 0.5 * float(np.log1p(mean**2).sum())
    variances = float((2 * np.log(point[8:]) - 5 * point[8:] ** 3).sum())
    return uniform + means + variances


class _Posterior:
    """The log posterior from the first stations of a shuffled order."""

    def __init__(self, n: Ints, a: Ints, w: Ints, spread: float | None, device: str | None) -> None:
        """`spread`: the least standard deviation of turnout and vote for `mixture_smooth`; None never uses it."""
        self._all = n, a, w
        self._spread = math.inf if spread is None else spread
        tabled = np.zeros(n.size, dtype=np.bool_) if spread is None else n >= LEAST_VOTERS
        edge = tabled & at_the_edge(n, a, w)
        large = tabled & ~edge
        self._large_before = np.concatenate([[0], np.cumsum(large)])
        self._edge_before = np.concatenate([[0], np.cumsum(edge)])
        self._small = n[~tabled], a[~tabled], w[~tabled]
        self._edges = edges(n[edge], a[edge], w[edge])
        self._rules = None if spread is None else rules(n[large], a[large], w[large], spread)
        self._on_device = None if device is None or self._rules is None else on_device(self._rules, device)
        self._facts = log_factorials(int(n.max()) + 1)

    def __call__(self, point: Floats, stations: int) -> float:
        return self.by_class(point, stations)[0]

    def by_class(self, point: Floats, stations: int) -> tuple[float, Floats]:
        """The log posterior, and the log likelihoods it was made of: stations x 3, in no order of stations.

        No rows where the posterior is 0, and none of stations whose sum was worked out on a device.
        """
        none = np.empty((0, 3))
        if (
            (np.abs(point[:2]) > FARTHEST).any()
            or (np.abs(point[2:8]) > 5).any()
            or (point[8:] < 1e-2).any()
            or (point[8:] > 4.6).any()
        ):
            return -math.inf, none
        pi, theta = _unpack(point)
        log_pi = np.log(pi)
        value = log_prior(point)
        if self._rules is None or (point[8:10] ** 1.5 < self._spread).any():
            whole, classes = self._walked(self._all, stations, theta, log_pi)
            value += whole
        else:
            large, edge = int(self._large_before[stations]), int(self._edge_before[stations])
            tables = make_tables(theta)
            counted, at_edge = log_edges(self._edges, edge, theta, tables, log_pi)
            if self._on_device is not None:
                whole, classes = self._on_device(large, theta, log_pi), none
            else:
                whole, classes = log_smooth(self._rules, large, tables, log_pi)
            walked, small = self._walked(self._small, stations - large - edge, theta, log_pi)
            value += whole + counted + walked
            classes = np.concatenate([classes, at_edge, small])
        return (value, classes) if math.isfinite(value) else (-math.inf, none)

    def _walked(
        self, columns: tuple[Ints, Ints, Ints], stations: int, theta: Floats, log_pi: Floats
    ) -> tuple[float, Floats]:
        n, a, w = (column[:stations] for column in columns)
        out = np.empty((stations, 3))
        return log_stations(n, a, w, theta, log_pi, self._facts, out), out


def _peak(point: Floats, below: float) -> Peak:
    one, two, three = (float(x) for x in _unpack(point)[0])
    return Peak((one, two, three), below)


def _estimate(name: str, draws: Floats) -> Estimate:
    low, median, high = np.quantile(draws, (0.025, 0.5, 0.975))
    return Estimate(name, float(median), float(low), float(high), rhat(draws), effective_size(draws))


def mixture(
    registered: Column,
    cast: Column,
    leader: Column,
    *,
    model: str = "qbl",
    draws: int = 1000,
    chains: int = 4,
    sweeps: int = 40,
    threads: int = 1,
    device: str | None = None,
    seed: int = 20190628,
    min_registered: int = 1,
) -> Mixture:
    """Fits the mixture; see the module for the model.

    Args:
        registered: voters on the list (N).
        cast: ballots in the boxes; a = N - cast.
        leader: votes of the option tested (w).
        model: "qbl" or "bl".
        draws: kept per chain, and up to eight times as many until chains agree.
        chains: at least two.
        sweeps: of the crowd that finds the posterior's shape; more where R-hat says that chains do not agree.
        threads: cores to use; the figures do not depend on it.
        device: "gpu" works the tables on a graphics processor through JAX (extra `counterfoil[gpu]`; model qbl).
        seed: of all random numbers.

    Raises:
        InputError: columns that are no counts, an unknown model, a station of more than a million voters.
        Refusal: fewer than 50 stations, or the same turnout or share in all of them; a device that is not there.
    """
    if model not in {"bl", "qbl"}:
        raise InputError("model", expected='"qbl" or "bl"', found=repr(model))
    if device is not None and model != "qbl":
        raise InputError("device", expected="none for model bl, which walks through counts", found=repr(device))
    for name, value, least in (
        ("draws", draws, 20),
        ("chains", chains, 2),
        ("sweeps", sweeps, 4),
        ("threads", threads, 1),
    ):
        if value < least:
            raise InputError(name, expected=f"at least {least}", found=str(value))
    c = columns(registered=registered, cast=cast, leader=leader)
    reasons = turnout_reasons(c["registered"], c["cast"], c["cast"], c["leader"], max(min_registered, 1))
    kept = select(c["registered"].size, reasons, minimum=MINIMUM_STATIONS, method=METHOD.name)
    if (largest := int(kept(c["registered"]).max())) > LARGEST_STATION:
        raise InputError("registered", expected=f"stations of at most {LARGEST_STATION:,} voters", found=f"{largest:,}")
    rng = np.random.default_rng(seed)
    order = rng.permutation(kept.sample.used)
    n, g, w = (kept(c[name])[order] for name in ("registered", "cast", "leader"))
    turnout, share = g.sum() / n.sum(), w.sum() / g.sum()
    for name, part, whole in (("turnout", g, n), ("share", w, g)):
        if np.ptp(part / whole) == 0:
            raise Refusal(
                f"{METHOD.name}: expected stations that differ in {name}, found the same in all {n.size:,}.",
                code="no-variation",
            )
    starts = np.zeros((CLIMBS, 14 if model == "qbl" else 8))
    starts[:, :2] = rng.normal(-2.0, 1.5, (CLIMBS, 2))
    # As wide as the prior allows for: in bl a mean far below 0 is a peak of its own.
    starts[:, 2:8] = rng.normal(0.0, 0.7 if model == "qbl" else 2.5, (CLIMBS, 6))
    starts[:, 2] += _logit(turnout)
    starts[:, 3] += _logit(share)
    starts[:, 2:8] = np.arcsinh(starts[:, 2:8])
    starts[:, 8:] = rng.uniform(0.2, 0.7, (CLIMBS, starts.shape[1] - 8)) ** (2 / 3)
    spread = min(_spread(g, n), _spread(w, g)) / 2 if model == "qbl" else None
    posterior = _Posterior(n, n - g, w, spread, device)
    # A device gives no likelihoods by class, so there the shares move with everything else only.
    shares = None if device is not None else Shares(posterior.by_class, walk)
    found = sample(
        posterior, starts, n.size, draws=draws, chains=chains, sweeps=sweeps, threads=threads, rng=rng, shares=shares
    )
    unpacked = [[_unpack(point) for point in chain] for chain in found.points]
    pi = np.array([[shares for shares, _ in chain] for chain in unpacked])
    theta = np.array([[rest for _, rest in chain] for chain in unpacked])
    names = [f"mean of {name}" for name in _NAMES]
    if model == "qbl":
        names += [f"variance of {name}" for name in _NAMES]
    expected = n * turnout * (1 - turnout)
    result = Mixture(
        sample=kept.sample,
        warnings=(),
        model=model,
        pi=(
            _estimate("pi_1", pi[..., 0]),
            _estimate("pi_2", pi[..., 1]),
            _estimate("pi_3", pi[..., 2]),
        ),
        parameters=tuple(_estimate(name, theta[..., i]) for i, name in enumerate(names)),
        dispersion=float(((g - n * turnout) ** 2 / np.maximum(expected, 1e-12)).sum() / (n.size - 1)),
        draws=int(pi.shape[0] * pi.shape[1]),
        accepted=found.accepted,
        evaluations=found.evaluations,
        peaks=tuple(_peak(point, found.peaks[0][1] - height) for point, height in found.peaks),
        seed=seed,
        _pi_draws=pi,
    )
    return _with_warnings(result)


def _spread(k: Ints, n: Ints) -> float:
    """Standard deviation of k/n on the logistic scale, from its quartiles, less what counting adds; at least 0.1."""
    logit = np.log(k + 0.5) - np.log(n - k + 0.5)
    quartiles = np.quantile(logit, (0.25, 0.75))
    counting = np.median(1 / (k + 0.5) + 1 / (n - k + 0.5))
    return math.sqrt(max(((quartiles[1] - quartiles[0]) / 1.349) ** 2 - counting, 0.01))


def _logit(p: float) -> float:
    p = min(max(p, 0.01), 0.99)
    return math.log(p / (1 - p))


def _with_warnings(result: Mixture) -> Mixture:
    warnings = []
    if not result.converged:
        warnings.append(
            f"R-hat is {result.rhat:.3f}, above {RHAT_LIMIT}: the chains do not agree and no figure of this fit may be "
            "quoted; run it with more draws."
        )
    if result.model == "bl" and result.dispersion > OVERDISPERSED:
        warnings.append(
            "Model bl has no place for stations that differ from each other, and turnout varies "
            f"{result.dispersion:.1f} times as much as one common rate would give: its classes 2 and 3 show how much "
            "stations differ, not what they are named for; model qbl leaves room for that."
        )
    return Mixture(**{**vars(result), "warnings": tuple(warnings)})
