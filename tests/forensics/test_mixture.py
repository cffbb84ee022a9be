"""The finite mixture: its summed likelihood against plain enumeration, its sampler, and what it says of known truth."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from scipy.special import gammaln, xlog1py, xlogy
from scipy.stats import binom

from counterfoil.forensics.arrays import Floats, Ints
from counterfoil.forensics.mixture import Mixture, _Posterior, log_prior, mixture
from counterfoil.forensics.mixture_arrays import log_sum, parts
from counterfoil.forensics.mixture_diagnostics import effective_size, rhat
from counterfoil.forensics.mixture_kernel import log_factorials, log_stations, log_thinned
from counterfoil.forensics.mixture_proposal import Proposal
from counterfoil.forensics.mixture_sampler import sample
from counterfoil.forensics.mixture_shares import walk
from counterfoil.forensics.mixture_smooth import log_smooth, make_tables, rules
from counterfoil.primitives.errors import InputError, Refusal

MEANS = [0.9, 0.6, -0.3, 0.2, 0.3, -0.2]
VARIANCES = {
    "bl": [0.0] * 6,
    "narrow": [0.01, 0.02, 0.005, 0.01, 0.02, 0.03],
    "usual": [0.2, 0.3, 0.15, 0.3, 0.2, 0.4],
    "wide": [0.8, 1.0, 0.9, 1.2, 1.5, 0.7],
}
LOG_PI = np.log([0.8, 0.15, 0.05])
Z = np.linspace(-8.5, 8.5, 201)
WEIGHTS = np.exp(-(Z**2) / 2) / np.exp(-(Z**2) / 2).sum()


def logistic(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)), dtype=np.float64)


def normal(mean: float, variance: float) -> tuple[Floats, Floats]:
    return (np.array([mean]), np.ones(1)) if variance == 0 else (mean + np.sqrt(variance) * Z, WEIGHTS)


def successes(k: Any, n: int, p: Any) -> Any:
    """Binomial probabilities; `scipy.stats` gives the same, at ten times the cost."""
    choose = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return np.exp(choose + xlogy(k, p) + xlog1py(n - k, -p))


def test_the_tests_own_binomial_is_scipys() -> None:
    p, k = np.linspace(0, 1, 11)[:, None], np.arange(8)
    assert successes(k, 7, p) == pytest.approx(binom.pmf(k, 7, p), abs=1e-14)


@functools.cache
def enumerated(n: int, a: int, w: int, kind: str) -> Floats:
    """log P(a, w | class) as the published model is written: every count of every class, fine sums over intercepts."""
    means, variances = MEANS, VARIANCES[kind]
    h, by_turnout = normal(means[0], variances[0])
    g, by_vote = normal(means[1], variances[1])
    tau, nu, part = logistic(h), logistic(g)[:, None], a / n
    out = [by_turnout @ successes(a, n, 1 - tau) * (by_vote @ successes(w, n, nu[:, 0] * (1 - part)))]
    counts = np.arange(n + 1)
    made = np.where(counts == n, 0.999, counts / n)
    s = counts / n
    for base, span, i in ((0.0, 0.7, 2), (0.7, 0.3, 4)):
        h, by_h = normal(means[i], variances[i])
        first = by_h @ successes(counts, n, base + span * logistic(h)[:, None])
        h, by_h = normal(means[i + 1], variances[i + 1])
        second = by_h @ successes(counts, n, base + span * logistic(h)[:, None])
        total = 0.0
        for k in counts:
            m = made[k]
            p = nu * (1 - s) / (1 - m) * (1 - m - part) + part * (m - s) / (1 - m) + s
            votes = np.where((p >= 0) & (p <= 1), successes(w, n, np.clip(p, 0, 1)), 0.0)
            total += first[k] * (by_turnout @ successes(a, n, (1 - tau) * (1 - m))) * (second @ (by_vote @ votes))
        out.append(total)
    return np.asarray(np.log(np.array(out)), dtype=np.float64)


def summed(n: int, a: int, w: int, means: list[float], variances: list[float]) -> Floats:
    out = np.empty((1, 3))
    n_, a_, w_ = (np.array([x], dtype=np.int64) for x in (n, a, w))
    log_stations(n_, a_, w_, np.array(means + variances), LOG_PI, log_factorials(n + 1), out)
    return np.asarray(out[0], dtype=np.float64)


@pytest.mark.parametrize("kind", VARIANCES)
@pytest.mark.parametrize(("n", "a", "w"), [(24, 6, 12), (40, 0, 38), (40, 40, 0), (60, 21, 22), (90, 8, 76)])
def test_the_summed_likelihood_is_the_enumerated_one(kind: str, n: int, a: int, w: int) -> None:
    ours, plain = summed(n, a, w, MEANS, VARIANCES[kind]), enumerated(n, a, w, kind)
    # Classes e^20 less likely than another are left where their exact value no longer matters.
    counted = plain + LOG_PI > (plain + LOG_PI).max() - 20
    assert np.abs(ours - plain)[counted].max() < 0.02
    total = np.logaddexp.reduce
    assert abs(total(ours + LOG_PI) - total(plain + LOG_PI)) < 0.01


def tabled(n: int, a: int, w: int, means: list[float], variances: list[float]) -> Floats:
    n_, a_, w_ = (np.array([x], dtype=np.int64) for x in (n, a, w))
    return np.asarray(
        log_smooth(rules(n_, a_, w_, 0.2), 1, make_tables(np.array(means + variances)), LOG_PI)[1][0], dtype=np.float64
    )


@pytest.mark.parametrize("kind", ["usual", "wide"])
@pytest.mark.parametrize(("n", "a", "w"), [(66, 0, 60), (80, 30, 30), (105, 12, 89), (130, 40, 20), (171, 0, 169)])
def test_the_tabled_likelihood_is_the_enumerated_one(kind: str, n: int, a: int, w: int) -> None:
    ours, plain = tabled(n, a, w, MEANS, VARIANCES[kind]), enumerated(n, a, w, kind)
    assert abs(ours - plain)[0] < 0.002
    assert abs(ours - plain)[1] < 0.01
    counted = (plain + LOG_PI)[2] > (plain + LOG_PI).max() - 6
    assert not counted or abs(ours - plain)[2] < 0.14
    total = np.logaddexp.reduce
    assert abs(total(ours + LOG_PI) - total(plain + LOG_PI)) < 0.12


def test_whole_arrays_give_the_same_likelihood_as_the_compiled_loop() -> None:
    n, cast, w = simulated(700, (0.7, 0.2, 0.1), 0.3, 6, voters=(64, 4000))
    found = rules(n, n - cast, w, 0.2)
    for kind in ("usual", "wide"):
        theta = np.array(MEANS + VARIANCES[kind])
        loop = log_smooth(found, n.size, make_tables(theta), LOG_PI)[0]
        assert float(log_sum(np, parts(found), make_tables(theta), LOG_PI)) == pytest.approx(loop, abs=1e-7)


def test_a_device_without_its_extra_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("counterfoil.forensics.mixture_arrays.importlib.import_module", absent)
    with pytest.raises(Refusal, match=r"counterfoil\[gpu\]"):
        mixture(*simulated(60, (0.8, 0.1, 0.1), 0.2, 1, voters=(100, 300)), device="gpu")


def test_the_tabled_likelihood_is_smooth_in_every_figure() -> None:
    """Fourth differences of small steps vanish; a rule that switched somewhere would show as a spike."""
    n, cast, w = simulated(300, (0.7, 0.2, 0.1), 0.3, 5, voters=(64, 1500))
    found = rules(n, n - cast, w, 0.2)
    theta = np.array(MEANS + VARIANCES["usual"])
    for i in range(12):
        steps = theta + np.outer(np.arange(9) * 1e-3, np.eye(12)[i])
        values = np.array([log_smooth(found, n.size, make_tables(step), LOG_PI)[0] for step in steps])
        assert np.abs(np.diff(values, 4)).max() < 2e-4 + 0.01 * np.abs(np.diff(values)).max()


def test_the_mixture_of_a_station_is_what_is_returned() -> None:
    out = np.empty((1, 3))
    n, a, w = (np.array([x], dtype=np.int64) for x in (60, 21, 22))
    value = log_stations(n, a, w, np.array(MEANS + VARIANCES["usual"]), LOG_PI, log_factorials(61), out)
    assert value == pytest.approx(float(np.logaddexp.reduce(out[0] + LOG_PI)), abs=1e-12)


@pytest.mark.parametrize("kind", ["bl", "usual"])
def test_whole_samples_of_large_stations_follow_the_likelihood(kind: str) -> None:
    """Against simulation where enumeration is too long: the mean score of a shifted share is that of the truth."""
    n, cast, w = simulated(400, (0.6, 0.25, 0.15), VARIANCES[kind][0], 11, voters=(300, 900))
    theta = np.array([0.4, -0.4, -0.6, -0.9, 0.0, -0.7] + [VARIANCES[kind][0]] * 6)
    out = np.empty((400, 3))
    log_stations(n, n - cast, w, theta, np.log([0.6, 0.25, 0.15]), log_factorials(900), out)
    weights = np.exp(out) * [0.6, 0.25, 0.15]
    classes = weights / weights.sum(axis=1, keepdims=True)
    # By Bayes' rule the average class probability is the class share, within its sampling error.
    assert np.abs(classes.mean(axis=0) - [0.6, 0.25, 0.15]).max() < 0.09
    assert np.isfinite(out[:, 0]).all()


@pytest.mark.parametrize(("k", "variance"), [(500, 0.001), (200, 0.1), (0, 1.0), (3, 1.0), (997, 4.0), (1000, 4.0)])
def test_one_integral_is_the_fine_sum(k: int, variance: float) -> None:
    h, by_h = 0.4 + np.sqrt(variance) * np.linspace(-9, 9, 20_001), np.linspace(-9, 9, 20_001)
    p = 0.2 + 0.5 * logistic(h)
    terms = k * np.log(p) + (1000 - k) * np.log1p(-p) - by_h**2 / 2
    fine = float(np.logaddexp.reduce(terms) + np.log(18 / 20_000 / np.sqrt(2 * np.pi)))
    assert log_thinned(k, 1000, 0.2, 0.5, 0.4, variance) == pytest.approx(fine, abs=0.01)


def test_the_prior_integrates_to_the_published_shares() -> None:
    """Under r_2, r_3 uniform the mean of pi_1 is the integral of 1/(1 + r + s): 3 log 3 - 4 log 2."""
    grid = np.linspace(-14, 14, 141)
    points = np.zeros((grid.size**2, 8))
    points[:, 0], points[:, 1] = (axis.ravel() for axis in np.meshgrid(grid, grid))
    density = np.exp([log_prior(p) for p in points])
    pi_1 = 1 / (1 + logistic(points[:, 0]) + logistic(points[:, 1]))
    assert float((density * pi_1).sum() / density.sum()) == pytest.approx(3 * np.log(3) - 4 * np.log(2), abs=2e-3)


def test_rhat_sees_shifted_and_stretched_chains_and_passes_equal_ones() -> None:
    draws = np.random.default_rng(1).standard_normal((4, 1000))
    assert rhat(draws) < 1.01
    assert rhat(draws + np.array([[0], [0], [0], [0.6]])) > 1.02
    assert rhat(draws * np.array([[1], [1], [1], [3.0]])) > 1.02
    assert rhat(draws + np.linspace(0, 2, 1000)) > 1.1


def test_effective_size_is_that_of_an_autoregression() -> None:
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((4, 20_000))
    assert effective_size(noise) == pytest.approx(80_000, rel=0.06)
    slow = np.empty_like(noise)
    slow[:, 0] = noise[:, 0] / np.sqrt(1 - 0.81)
    for i in range(1, noise.shape[1]):
        slow[:, i] = 0.9 * slow[:, i - 1] + noise[:, i]
    assert effective_size(slow) == pytest.approx(80_000 * 0.1 / 1.9, rel=0.12)


def test_the_sampler_draws_from_a_skewed_density_on_any_number_of_threads() -> None:
    """log Gamma(3) in each of three dimensions: mean of exp(x) is 3."""

    def density(x: Floats, stations: int) -> float:
        return float((3 * x - np.exp(np.minimum(x, 50.0))).sum()) if stations else 0.0

    runs = []
    for threads in (1, 3):
        rng = np.random.default_rng(5)
        starts = rng.normal(0, 2, (4, 3))
        runs.append(sample(density, starts, 1, draws=1500, chains=4, sweeps=20, threads=threads, rng=rng))
    assert np.array_equal(runs[0].points, runs[1].points)
    found = runs[0].points
    assert max(rhat(found[..., i]) for i in range(3)) < 1.01
    for i in range(3):
        error = np.sqrt(3 / effective_size(found[..., i]))
        assert abs(float(np.exp(found[..., i]).mean()) - 3) < 5 * error


def test_two_peaks_are_found_reported_and_drawn_by_their_weight() -> None:
    """A third of the weight at -2, the rest at 2, both of width 0.6."""

    def density(x: Floats, stations: int) -> float:
        peaks = -0.5 * np.array([((x + 2) ** 2).sum(), ((x - 2) ** 2).sum()]) / 0.36
        return float(np.logaddexp.reduce(peaks + np.log([1 / 3, 2 / 3]))) if stations else 0.0

    rng = np.random.default_rng(8)
    found = sample(density, rng.normal(0, 2, (6, 2)), 1, draws=1500, chains=4, sweeps=60, threads=1, rng=rng)
    assert len(found.peaks) == 2
    assert found.peaks[0][0] == pytest.approx([2, 2], abs=0.02)
    assert found.peaks[0][1] - found.peaks[1][1] == pytest.approx(np.log(2), abs=0.01)
    assert rhat(found.points[..., 0]) < 1.02
    assert float((found.points[..., 0] < 0).mean()) == pytest.approx(1 / 3, abs=0.04)


def test_a_posterior_of_many_stations_is_followed_onto_all_of_them() -> None:
    """The middle drifts with the stations seen, and the width shrinks with their number, as a likelihood's does."""
    drift = np.cumsum(np.random.default_rng(9).standard_normal((40_000, 3)), axis=0)

    def density(x: Floats, stations: int) -> float:
        seen = max(stations, 1)
        return -0.5 * seen * float(((x - drift[seen - 1] / seen) ** 2).sum())

    rng = np.random.default_rng(10)
    found = sample(density, rng.normal(0, 1, (4, 3)), 40_000, draws=500, chains=4, sweeps=20, threads=1, rng=rng).points
    assert found.mean(axis=(0, 1)) == pytest.approx(drift[-1] / 40_000, abs=0.001)
    assert found.std(axis=(0, 1)) == pytest.approx([1 / 200] * 3, rel=0.1)


def test_a_peak_that_is_the_highest_only_on_many_stations_is_the_one_drawn_from() -> None:
    """Up to 5,000 stations the prior holds the figures at 0; all stations say that the first is 1.2."""

    def density(x: Floats, stations: int) -> float:
        seen = max(stations, 1)
        peaks = [-0.5 * seen * float(((x - [first, 0, 0]) ** 2).sum()) for first in (0, 1.2)]
        return float(np.logaddexp(peaks[0], peaks[1] + 0.002 * stations - 10))

    rng = np.random.default_rng(13)
    found = sample(density, rng.normal(0, 0.1, (4, 3)), 40_000, draws=100, chains=4, sweeps=20, threads=1, rng=rng)
    assert found.points.mean(axis=(0, 1)) == pytest.approx([1.2, 0, 0], abs=0.002)


def test_a_fitted_proposal_has_the_shape_of_its_points() -> None:
    rng = np.random.default_rng(11)
    points = rng.standard_normal((4000, 3)) @ np.array([[2.0, 0, 0], [0.5, 1, 0], [0, 0, 0.1]]) + [1, 2, 3]
    fitted = Proposal.fitted(points, np.full(4000, 1 / 4000), rng)
    assert fitted.middle() == pytest.approx([1, 2, 3], abs=0.1)
    again = fitted.draw(20_000, rng)
    assert np.corrcoef(again.T) == pytest.approx(np.corrcoef(points.T), abs=0.1)
    # Its density is that of its draws: the mean of a density ratio to another one is 1.
    other = Proposal.single(fitted.middle(), fitted.covariance())
    assert float(np.exp(other.log_density(again) - fitted.log_density(again)).mean()) == pytest.approx(1, abs=0.03)


def simulated(
    stations: int, pi: tuple[float, float, float], variance: float, seed: int, voters: tuple[int, int] = (60, 160)
) -> tuple[Ints, Ints, Ints]:
    """The model itself: registered, cast, leader. Made 0.25, moved 0.2 in class 2; 0.85, 0.8 in class 3."""
    rng = np.random.default_rng(seed)
    n = rng.integers(*voters, stations)
    z = rng.choice(3, stations, p=pi)

    def intercept(mean: float) -> Floats:
        return logistic(mean + np.sqrt(variance) * rng.standard_normal(stations))

    tau, nu = intercept(0.4), intercept(-0.4)
    made = rng.binomial(n, np.choose(z, [0 * tau, 0.7 * intercept(-0.6), 0.7 + 0.3 * intercept(0.0)])) / n
    moved = rng.binomial(n, np.choose(z, [0 * tau, 0.7 * intercept(-0.9), 0.7 + 0.3 * intercept(-0.7)])) / n
    made = np.where(made == 1, 0.999, made)
    a = rng.binomial(n, (1 - tau) * (1 - made))
    part = a / n
    p = nu * (1 - moved) / (1 - made) * (1 - made - part) + part * (made - moved) / (1 - made) + moved
    w = np.minimum(rng.binomial(n, np.clip(p, 0, 1)), n - a)
    return n, n - a, w


@pytest.mark.parametrize("spread", [0.2, None])
def test_the_models_posterior_gains_what_the_walk_of_the_shares_says(spread: float | None) -> None:
    """By tables and by walking through the counts, with stations too small for tables among them."""
    n, cast, w = simulated(30, (0.7, 0.2, 0.1), 0.3, 12, voters=(40, 160))
    posterior = _Posterior(n, n - cast, w, spread, None)
    point = np.concatenate([[-1.0, -2.0], np.arcsinh(MEANS), np.cbrt(VARIANCES["usual"])])
    value, classes = posterior.by_class(point, 30)
    assert classes.shape == (30, 3) and value == posterior(point, 30)
    steps = np.array([[0.5, -0.3], [0.2, 0.9]])
    moved = point.copy()
    moved[:2], gained = walk(classes, point[:2], steps, np.full(2, -1e9))
    assert moved[:2] == pytest.approx([-0.3, -1.4])
    assert posterior(moved, 30) == pytest.approx(value + gained, abs=1e-6)


@pytest.fixture(scope="module")
def planted() -> Mixture:
    return mixture(*simulated(250, (0.6, 0.25, 0.15), 0.1, 3, voters=(300, 900)), draws=300, sweeps=10)


def test_planted_classes_are_found_where_stations_vary_as_the_model_says(planted: Mixture) -> None:
    for estimate, truth in zip(planted.pi, (0.6, 0.25, 0.15), strict=True):
        assert estimate.low < truth < estimate.high
        assert estimate.rhat < 1.01 and estimate.effective > 400
    assert planted.converged
    assert planted.peaks[0].below == 0
    assert "%" in planted.measured()


@pytest.fixture(scope="module")
def unsettled() -> Mixture:
    """Far too few draws, of the model that has no place for what is in the data."""
    return mixture(*simulated(50, (1.0, 0.0, 0.0), 0.15, 4), model="bl", draws=25, sweeps=4)


def test_stations_that_simply_differ_are_read_as_classes_by_bl_and_said_so(unsettled: Mixture) -> None:
    assert unsettled.pi[0].high < 0.95
    assert unsettled.dispersion > 2
    assert any("no place for stations that differ" in warning for warning in unsettled.warnings)


def test_chains_that_do_not_agree_give_no_figure(unsettled: Mixture) -> None:
    assert not unsettled.converged
    assert "%" not in unsettled.measured()
    assert "no figure" in unsettled.summary()
    assert any("R-hat" in warning for warning in unsettled.warnings)


def test_a_result_is_plain_and_drawn(planted: Mixture) -> None:
    plain = planted.to_dict()
    assert [e["name"] for e in plain["pi"]] == ["pi_1", "pi_2", "pi_3"]
    assert plain["method"]["references"][1]["doi"] == "10.1214/20-BA1221"
    assert planted.plot().axes
    assert "fraud" not in planted.summary().lower()


def test_bad_input_is_refused() -> None:
    good = simulated(60, (1.0, 0.0, 0.0), 0.0, 1)
    with pytest.raises(InputError, match="qbl"):
        mixture(*good, model="rn")
    with pytest.raises(InputError, match="draws"):
        mixture(*good, draws=3)
    with pytest.raises(Refusal, match="at least 50"):
        mixture(*(column[:10] for column in good))
    with pytest.raises(InputError, match="1,000,000"):
        mixture(good[0] + 2_000_000, good[1], good[2])
