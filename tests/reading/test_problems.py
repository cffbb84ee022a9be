"""What goes wrong on real sheets, planted on sheets of which everything is known: what is right is read, what is
doubtful is less certain or goes to people, and nothing is ever accepted that does not stand there.

One test for each problem of the table of real sheets (docs/reading.md). Two fields of a sheet have the problem, so that
the sum alone cannot tell either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from statistics import median

import pytest

from counterfoil.reading.reader import PageReading
from counterfoil.reading.sheet import FieldReading
from counterfoil.simulate.sheets import Sheet
from counterfoil.simulate.wear import Fold, Wear
from counterfoil.simulate.writing import Person, Problem
from tests.reading.simulated import FIELDS, FIGURES, person, read, right, sheet, wrongly_accepted

SEEDS = (11, 12)
PLANTED = ("ada", "bob")
BOTH = ("boxed", "free")


@cache
def plain(name: str, seed: int) -> PageReading:
    """The same sheet without any problem."""
    return read(name, sheet(name, seed))


def planted(
    problem: Problem, names: tuple[str, ...] = BOTH, figures: Mapping[str, int | None] = FIGURES
) -> list[tuple[str, int, Sheet, PageReading]]:
    """Sheets on which two fields have the problem, read; nothing on them may be accepted wrong."""
    found = []
    for name in names:
        seed = SEEDS[0]
        one = sheet(name, seed, figures=figures, problems=dict.fromkeys(PLANTED, problem))
        seen = read(name, one)
        assert seen.accepted, seen.reason
        assert wrongly_accepted(one, seen) == []
        found.append((name, seed, one, seen))
    return found


def certainty(field: FieldReading) -> float:
    """Of a number; anything that is not taken for a number goes to people and has none."""
    return field.p if field.state == "number" else 0.0


def mostly_right(found: list[tuple[str, int, Sheet, PageReading]]) -> bool:
    """Three in four of the fields with the problem."""
    return sum(len(right(one, seen, PLANTED)) for _, _, one, seen in found) >= 0.75 * len(PLANTED) * len(found)


def less_certain(found: list[tuple[str, int, Sheet, PageReading]]) -> bool:
    """Than on the same sheets without the problem, in the middle."""
    pairs = [
        (certainty(seen.fields[name]), certainty(plain(form, seed).fields[name]))
        for form, seed, _, seen in found
        for name in PLANTED
    ]
    return median(with_it for with_it, _ in pairs) < median(without for _, without in pairs) - 0.002


@pytest.mark.parametrize("name", BOTH)
def test_a_calm_sheet_is_read_whole_and_accepted(name: str) -> None:
    for seed in SEEDS:
        seen = plain(name, seed)
        assert {key: field.value for key, field in seen.fields.items()} == FIGURES
        assert [str(field.outcome) for field in seen.fields.values()].count("accept") >= 3
        assert seen.broken_rules == ()


@pytest.mark.parametrize(
    "problem", [Problem.LEADING_DASH, Problem.TRAILING_DASH, Problem.CROSSES, Problem.LEFT_ALIGNED, Problem.WORD_BESIDE]
)
def test_marks_in_unused_boxes_and_places_are_not_taken_for_digits(problem: Problem) -> None:
    found = planted(problem, figures={"ada": 35, "bob": 87, "cyd": 64, "valid": 186})
    if problem is Problem.WORD_BESIDE:  # in a free field nobody can know what the word is about
        found = [one for one in found if one[0] == "boxed"]
    assert mostly_right(found)


@pytest.mark.parametrize("problem", [Problem.SQUEEZED, Problem.ONE_BOX])
def test_digits_that_do_not_keep_to_their_boxes_are_read_or_less_certain(problem: Problem) -> None:
    for _, _, one, seen in planted(problem):
        for name in PLANTED:
            assert name in right(one, seen, PLANTED) or certainty(seen.fields[name]) < 0.95


@pytest.mark.parametrize("problem", [Problem.DASH, Problem.WORD])
@pytest.mark.parametrize("name", BOTH)
def test_a_dash_or_a_word_for_none_never_becomes_votes(problem: Problem, name: str) -> None:
    for _, _, _, seen in planted(problem, (name,), {"ada": 0, "bob": 0, "cyd": 64, "valid": 64}):
        for field in (seen.fields[planted_at] for planted_at in PLANTED):
            assert not field.value
            assert field.state != "number" or field.outcome == "people"


def test_crosses_alone_and_blanks_never_become_votes_and_blank_is_not_zero() -> None:
    for seed in SEEDS:
        one = sheet(
            "boxed",
            seed,
            figures={"ada": 0, "bob": None, "cyd": 64, "valid": 64},
            writer=replace(person(seed), none="crosses"),
        )
        seen = read("boxed", one)
        assert (str(seen.fields["bob"].state), seen.fields["bob"].value) == ("empty", None)
        assert seen.fields["bob"].raw.strip("_") == ""
        assert str(seen.fields["ada"].state) == "struck"
        assert not seen.fields["ada"].value


@pytest.mark.parametrize("problem", [Problem.OVERWRITTEN, Problem.STRUCK_BESIDE, Problem.STRUCK, Problem.STAMP])
def test_what_was_written_over_struck_or_stamped_is_less_certain(problem: Problem) -> None:
    found = planted(problem)
    assert less_certain(found)
    if problem is not Problem.STAMP:  # what is under a stamp may be plain to see
        assert "accept" not in {str(seen.fields[name].outcome) for _, _, _, seen in found for name in PLANTED}


@pytest.mark.parametrize("problem", [Problem.TAILS, Problem.BLEED])
def test_ink_from_another_row_or_the_other_side_is_told_apart(problem: Problem) -> None:
    found = planted(problem)
    assert mostly_right(found) or less_certain(found)


def test_figures_that_float_over_the_line_are_read_or_less_certain() -> None:
    found = planted(Problem.FLOATING)
    assert mostly_right(found) or less_certain(found)


def test_faint_ink_is_read_or_goes_to_people() -> None:
    for _, _, one, seen in planted(Problem.FAINT):
        for name in PLANTED:
            field = seen.fields[name]
            assert field.value == one.fields[name].value or field.outcome == "people"


@pytest.mark.parametrize("name", ["guides", "dots", "watermark"])
def test_printed_guides_dots_and_watermarks_under_the_ink_are_not_read(name: str) -> None:
    for seed in SEEDS:
        one = sheet(name, seed)
        seen = read(name, one)
        assert wrongly_accepted(one, seen) == []
        assert len(right(one, seen, FIELDS)) >= 3


@pytest.mark.parametrize("name", ["guides", "watermark"])
def test_printed_guides_and_watermarks_alone_are_no_figure(name: str) -> None:
    seen = read(name, sheet(name, 11, figures={}))
    assert {str(field.state) for field in seen.fields.values()} == {"empty"}
    assert {field.value for field in seen.fields.values()} == {None}


def test_a_lone_one_and_a_lone_zero_in_a_wide_field_are_read() -> None:
    figures = {"ada": 1, "bob": 0, "cyd": 1, "valid": 2}
    found = [(one, read("free", one)) for one in (sheet("free", seed, figures=figures) for seed in SEEDS)]
    assert all(wrongly_accepted(one, seen) == [] for one, seen in found)
    assert sum(len(right(one, seen, FIELDS)) for one, seen in found) >= 6


WEARS = {
    "shadow": Wear(shadow=0.5, uneven=0.2),
    "uneven light": Wear(uneven=0.6, warmth=0.7),
    "glare": Wear("cloth", glare=0.5),
    "fold": Wear(folds=(Fold(0.27, 0.02, shrink=0.03), Fold(0.6, upright=True, shrink=0.02))),
    "curl": Wear("wall", curl=0.012),
    "perspective": Wear("dark", perspective=0.05, tilt_degrees=-6),
    "moire": Wear("screen", moire=0.1, fill=0.85),
    "motion": Wear(motion_px=3.0),
    "out of focus": Wear(defocus_px=1.6),
    "noise and hard compression": Wear(noise=9.0, quality=35),
    "stripes of a worn printer": Wear("none", fill=1.0, stripes=0.4),
}


@pytest.mark.parametrize("wear", WEARS.values(), ids=list(WEARS))
def test_light_paper_and_lens_leave_figures_readable_or_the_sheet_to_people(wear: Wear) -> None:
    one = sheet("boxed", 11, wear=wear)
    seen = read("boxed", one)
    assert wrongly_accepted(one, seen) == []
    assert seen.accepted, seen.reason
    assert len(right(one, seen, FIELDS)) >= 3


def test_digits_too_small_to_see_are_not_even_suggested() -> None:
    one = sheet("boxed", 11, width=215, writer=Person(person(11).hand, size=0.35, pen=0.06))
    seen = read("boxed", one)
    assert seen.accepted, seen.reason
    assert {str(field.outcome) for field in seen.fields.values()} == {"people"}


@pytest.mark.parametrize("slip", [{}, {"valid": 285}])
def test_small_digits_are_told_only_where_the_sum_confirms_them(slip: dict[str, int]) -> None:
    one = sheet("boxed", 11, figures=FIGURES | slip, width=230, writer=Person(person(11).hand, size=0.45, pen=0.06))
    seen = read("boxed", one)
    assert wrongly_accepted(one, seen) == []
    small = [field for field in seen.fields.values() if field.seen.digit_px < 9]
    assert len(small) == 4
    assert {str(field.outcome) for field in small} == ({"people"} if slip else {"accept"})


def test_a_field_outside_the_picture_is_absent_and_never_blank() -> None:
    whole = sheet("boxed", 11)
    share = 1 - (whole.fields["cyd"].quad[0][1] + 2) / whole.height
    one = sheet("boxed", 11, wear=Wear(tilt_degrees=1.0, perspective=0.01, cut=(0, 0, 0, share)))
    seen = read("boxed", one)
    assert {name for name, field in one.fields.items() if field.state == "absent"} == {"cyd", "valid"}
    if seen.accepted:
        assert {str(seen.fields[name].state) for name in ("cyd", "valid")} == {"absent"}
        assert {seen.fields[name].value for name in ("cyd", "valid")} == {None}
        assert wrongly_accepted(one, seen) == []


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("slip", [("valid", 285), ("valid", 386), ("cyd", 46)])
def test_an_officers_slip_is_reported_and_never_repaired(name: str, slip: tuple[str, int]) -> None:
    field, written = slip
    one = sheet(name, 12, figures={**FIGURES, field: written})
    (rule,) = one.rules
    assert rule.holds is False
    seen = read(name, one)
    assert {key: found.value for key, found in seen.fields.items()} == {**FIGURES, field: written}
    (broken,) = seen.broken_rules
    assert (broken.parts, broken.total) == (rule.parts, rule.total)
    assert seen.fields[field].raw.strip("_X-") == str(written)
