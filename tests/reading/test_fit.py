"""What `reader fit` learns: lines and rising steps, chosen on a part of the sheets that are fitted on."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.errors import InputError
from counterfoil.reading.belief import State
from counterfoil.reading.confidence import Calibration, Outcome, Seen, shipped
from counterfoil.reading.fit import HELD_OUT, Label, fit
from counterfoil.reading.scaling import Line, Stairs, fitted_line, fitted_stairs, log_loss

SEEN = Seen(0.9999, 9.0, 0.999, 0.99, 0.99, 0.99, True, True, True, False, 30.0, 1.0, 0.5)


def labels(
    count: int, said: list[float], true: list[float], *, sheets: int = 60, seed: int = 1, outcome: str = "suggest"
) -> list[Label]:
    """`count` fields a sheet; where `said` is said, `true` of the answers are right."""
    rng = np.random.default_rng(seed)
    found = []
    for sheet in range(sheets):
        for which in rng.integers(0, len(said), count):
            right = bool(rng.random() < true[which])
            found.append(Label(f"sheet-{sheet}", "form", said[which], right, Outcome(outcome)))
    return found


def test_what_is_off_by_a_shift_is_mended_by_a_line() -> None:
    made = fit(labels(20, [0.7, 0.9, 0.97], [0.5, 0.79, 0.93]), shipped(), "fit1")
    assert isinstance(made.step, Line)
    assert made.helps
    assert made.calibration.steps == ()
    assert made.calibration.shift < 0


def test_what_no_line_can_mend_is_mended_by_steps() -> None:
    """Sure answers are as wrong as said, but between 0.7 and 0.97 all are right as often."""
    made = fit(labels(30, [0.62, 0.7, 0.8, 0.9, 0.97], [0.2, 0.9, 0.9, 0.9, 0.9]), shipped(), "fit1")
    assert isinstance(made.step, Stairs)
    assert made.helps
    assert made.after["all"].ece < made.before["all"].ece / 3
    assert made.calibration.steps == (made.step,)
    assert made.to_dict()["kind"] == "steps"


def test_line_or_steps_is_never_chosen_by_what_is_held_out() -> None:
    given = labels(20, [0.7, 0.9, 0.97], [0.5, 0.79, 0.93])
    sheets = sorted({label.sheet for label in given}, key=lambda sheet: sha256_hex(sheet.encode()))
    held = set(sheets[: len(sheets) // HELD_OUT])
    turned = [dataclasses.replace(label, right=True) if label.sheet in held else label for label in given]
    assert fit(turned, shipped(), "fit1").calibration == fit(given, shipped(), "fit1").calibration
    assert not fit(turned, shipped(), "fit1").helps


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.floats(1e-6, 1 - 1e-6), st.booleans()), min_size=2, max_size=200),
    st.lists(st.floats(-20, 20), min_size=2, max_size=40),
)
def test_no_map_turns_an_order_around(said: list[tuple[float, bool]], asked: list[float]) -> None:
    p = np.array([one for one, _ in said])
    z, right = np.log(p / (1 - p)), np.array([float(found) for _, found in said])
    at = np.sort(np.array(asked))
    for made in (fitted_line(z, right), fitted_stairs(z, right)):
        assert (np.diff(made(at)) >= -1e-9).all()
        same = shipped().with_step(made)
        assert Calibration.from_bytes(same.to_bytes()) == same


def test_steps_never_say_more_than_was_seen() -> None:
    """Above the surest fields and below the least sure ones nothing was found out."""
    made = Stairs(((0.0, 1.0), (2.0, 3.0)))
    assert list(made(np.array([-5.0, -0.5, 0.0, 1.0, 2.0, 9.0]))) == [-5.0, -0.5, 1.0, 2.0, 3.0, 3.0]


def test_steps_beat_a_line_only_where_they_fit() -> None:
    rng = np.random.default_rng(3)
    z = rng.normal(2, 1, 3000)
    right = (rng.random(3000) < 1 / (1 + np.exp(-np.where(z > 2, 3.0, 0.0)))).astype(np.float64)
    assert log_loss(fitted_stairs(z, right)(z), right) < log_loss(fitted_line(z, right)(z), right) - 0.02


@pytest.mark.parametrize("step", [Line(1.0, 9.0), Stairs(((-9.0, 12.0), (9.0, 13.0)))])
def test_caps_are_never_lifted_by_a_fit(step: Line | Stairs) -> None:
    fitted = shipped().with_step(step)
    alone = dataclasses.replace(SEEN, covered=False)
    assert fitted.probability(alone, State.NUMBER) == fitted.most_unconfirmed
    assert fitted.probability(SEEN, State.EMPTY) == fitted.most_unconfirmed
    assert fitted.outcome(alone, State.NUMBER, 1.0)[0] is not Outcome.ACCEPT
    assert fitted.probability(SEEN, State.NUMBER) > shipped().accept


def test_fits_stand_on_each_other_in_their_order() -> None:
    first = shipped().with_step(Line(0.5, 1.0)).with_step(Line(2.0, -1.0))
    assert (first.slope, first.shift, first.steps) == (1.0, 1.0, ())
    both = first.with_step(Stairs(((0.0, 0.0), (20.0, 10.0)))).with_step(Line(1.0, -2.0))
    plain = Calibration().with_step(Stairs(((0.0, 0.0), (20.0, 10.0)))).with_step(Line(1.0, -2.0))
    z = np.log(0.9999 / 0.0001)
    p = plain.probability(SEEN, State.NUMBER)
    assert np.log(p / (1 - p)) == pytest.approx(z / 2 - 2, abs=1e-6)
    assert len(both.steps) == 2
    assert Calibration.from_bytes(both.to_bytes()) == both


@pytest.mark.parametrize("step", [{"knots": []}, {"knots": [[0, 1], [1, 0]]}, {"slope": -1, "shift": 0}, {"knots": 3}])
def test_a_calibration_that_would_turn_an_order_around_is_refused(step: dict[str, object]) -> None:
    plain = json.loads(shipped().to_bytes()) | {"steps": [step]}
    with pytest.raises(InputError, match="calibration"):
        Calibration.from_bytes(json.dumps(plain).encode())


def test_a_fit_that_would_accept_more_wrong_figures_is_not_taken() -> None:
    """On the sheets fitted on all that was said with 0.95 is right; on those held out a few of them are wrong."""
    given = labels(40, [0.95], [1.0]) + labels(10, [0.7], [0.3], seed=2)
    sheets = sorted({label.sheet for label in given}, key=lambda sheet: sha256_hex(sheet.encode()))
    held = set(sheets[: len(sheets) // HELD_OUT])
    spoiled, left = [], 3
    for label in given:
        if label.sheet in held and label.p == 0.95 and left:
            spoiled.append(dataclasses.replace(label, right=False))
            left -= 1
        else:
            spoiled.append(label)
    made = fit(spoiled, shipped(), "fit1")
    assert made.after["all"].log_loss < made.before["all"].log_loss
    assert (made.before["all"].accepted, made.before["all"].wrong) == (0, 0)
    assert made.after["all"].wrong == 3
    assert made.after["all"].accepted > 100
    assert not made.helps
    assert fit(given, shipped(), "fit1").helps


def test_accepted_and_wrong_figures_are_told_before_and_after() -> None:
    """Too sure by far: what was accepted is accepted no more; what no rule confirms is never counted as accepted."""
    too_sure = labels(10, [0.995], [0.8], outcome="accept")
    capped = labels(10, [shipped().most_unconfirmed], [0.99], seed=4)
    made = fit(too_sure + capped, shipped(), "fit1")
    assert made.before["form"].accepted > 100
    assert 0 < made.before["form"].wrong < made.before["form"].accepted
    assert (made.after["form"].accepted, made.after["form"].wrong) == (0, 0)
    assert made.before["all"] == made.before["form"]
