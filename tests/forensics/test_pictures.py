"""What stands on the pictures and in the summaries: nothing lies on the data, every axis says what it shows."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from matplotlib.figure import Figure

from counterfoil import forensics as f
from counterfoil.forensics import plotting
from counterfoil.forensics.results import Result

RNG = np.random.default_rng(7)
CAST = RNG.integers(300, 1200, 1200)
LEADER = RNG.binomial(CAST, np.clip(RNG.normal(0.65, 0.08, 1200), 0, 1))
OTHERS = CAST - LEADER
VOTERS = (CAST / np.clip(RNG.normal(0.6, 0.06, 1200), 0.3, 0.95)).astype(np.int64)
AREAS = np.arange(1200) // 60
LATE = (RNG.random(1200) < 0.3).astype(np.int64)
DRAWS = RNG.random(300) * 0.2 + 0.45

RESULTS: dict[str, tuple[Callable[[], Result], str]] = {
    "integers": (lambda: f.integer_percentages(VOTERS, CAST, CAST, LEADER), "stations"),
    "fingerprint": (lambda: f.fingerprint(VOTERS, CAST, CAST, LEADER), "stations"),
    "kernel": (lambda: f.kernel(VOTERS, CAST, CAST, LEADER), "stations"),
    "clean peak": (lambda: f.clean_peak(VOTERS, CAST, CAST, LEADER), "stations"),
    "correlation": (lambda: f.turnout_share_correlation(VOTERS, CAST, CAST, LEADER), "stations"),
    "sobyanin": (lambda: f.sobyanin(VOTERS, CAST, CAST, LEADER), "stations"),
    "last digits": (lambda: f.last_digit(LEADER), "stations"),
    "second digits": (lambda: f.second_digit(LEADER), "stations"),
    "kireev": (lambda: f.kireev({"a": LEADER, "b": OTHERS}, AREAS), "stations"),
    "machines": (lambda: f.machine_counted(VOTERS, LEADER, LATE, AREAS), "stations"),
    "swapped": (lambda: f.columns_swapped(LEADER, OTHERS, areas=AREAS), "stations"),
    "late": (lambda: f.late_count_shift(CAST, LEADER, LATE, areas=AREAS), "stations"),
    "flows": (lambda: f.flows({"a": LEADER, "b": OTHERS}, {"c": LEADER, "d": OTHERS}), "territories"),
    "back-solved": (lambda: f.back_solved({"a": 5_150_092, "b": 4_445_978}, 10_058_774), "counts"),
    "macro": (lambda: f.macro({"a": LEADER, "b": OTHERS // 2}, CAST, risk_limit=Fraction(1, 20)), "batches"),
    "alpha": (lambda: f.alpha(DRAWS), "draws"),
    "betting": (lambda: f.betting(DRAWS, stake=1.0), "draws"),
    "kaplan-markov": (lambda: f.kaplan_markov(DRAWS), "draws"),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_picture_names_its_axes_and_its_legend_lies_on_nothing(name: str) -> None:
    make, unit = RESULTS[name]
    result = make()
    figure: Figure = result.plot()
    figure.draw_without_rendering()
    data = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    assert data
    for ax in data:
        assert ax.get_xlabel()
        assert ax.get_legend() is None, "a legend within the axes hides what is drawn there"
    for legend in figure.legends:
        assert not any(legend.get_window_extent().overlaps(ax.get_window_extent()) for ax in data)
    for ax in figure.axes:
        box = ax.get_tightbbox()
        assert box is not None
        assert figure.bbox.x0 - 1 <= box.x0 <= box.x1 <= figure.bbox.x1 + 1, "cut off at a side"
        assert figure.bbox.y0 - 1 <= box.y0 <= box.y1 <= figure.bbox.y1 + 1, "cut off above or below"
    drawn = plotting.svg(result.plot())
    assert drawn.startswith("<svg")
    assert drawn == plotting.svg(result.plot())
    assert f" {unit}" in str(result.sample)
    assert str(result.sample) in result.summary()
    assert result.to_dict()["sample"]["unit"] == unit


def test_stations_and_limits_of_a_swap_are_not_called_simulated() -> None:
    figure = f.columns_swapped(LEADER, OTHERS, areas=AREAS).plot()
    said = {text.get_text() for text in figure.legends[0].get_texts()} | {figure.axes[0].get_ylabel()}
    assert "stations" in said
    assert not any("simulated" in one or "observed" in one for one in said)


def test_bars_of_nothing_begin_at_nothing() -> None:
    figure = plotting.groups(["none found"], np.zeros((1, 3)), ("a", "b", "c"), xlabel="stations")
    assert figure.axes[0].get_xlim() == (0, 1)
