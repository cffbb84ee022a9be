"""Deciding a whole sheet: the same as trying every reading of it, and soft towards officers who err."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.reading import joint
from counterfoil.reading.joint import Joint, Option, Rule, decide

SLIP, SPREAD = 0.01, 50.0
NAMES = "abcdef"


def _number(value: int, p: float) -> Option:
    return Option(p, value, value)


@st.composite
def _sheets(draw: st.DrawFn) -> tuple[dict[str, list[Option]], list[Rule]]:
    names = NAMES[: draw(st.integers(1, 6))]
    fields = {}
    for name in names:
        count = draw(st.integers(0, 3))
        weights = [draw(st.integers(1, 9)) for _ in range(count + 1)]
        options = []
        for weight in weights[:count]:
            kind = draw(st.sampled_from(("number", "number", "number", "empty", "unclear")))
            value = draw(st.integers(0, 6))
            p = weight / sum(weights)
            options.append(_number(value, p) if kind == "number" else Option(p, 0 if kind == "empty" else None, None))
        fields[name] = options
    rules = []
    if len(names) > 1:
        for _ in range(draw(st.integers(0, 3))):
            chosen = draw(st.lists(st.sampled_from(names), min_size=2, max_size=4, unique=True))
            rules.append(Rule(tuple(chosen[:-1]), chosen[-1]))
    return fields, rules


FITS = -1
"""Way of a field: something else that fits its rules. None: something else that breaks them."""


def _weight(way: dict[str, int | None], fields: dict[str, list[Option]], rules: list[Rule]) -> float:
    """The model as the module's first lines state it, one reading at a time."""
    weight = 1.0
    chosen: dict[str, Option | None] = {}
    for name, at in way.items():
        if at is None or at == FITS:
            other = max(0.0, 1 - sum(option.p for option in fields[name]))
            weight *= other / SPREAD if at == FITS else other * (1 - 1 / SPREAD)
            chosen[name] = None if at is None else Option(0, None, None)
        else:
            chosen[name] = fields[name][at]
            weight *= fields[name][at].p
    for rule in rules:
        parts, total = [chosen[name] for name in rule.parts], chosen[rule.total]
        said = [part and (part.as_part if len(parts) > 1 else part.as_total) for part in parts]
        silent = any(o is not None and v is None for o, v in zip(parts, said, strict=True))
        if silent or (total is not None and total.as_total is None):
            continue
        if total is None or None in parts or sum(v or 0 for v in said if not isinstance(v, Option)) != total.as_total:
            weight *= SLIP
    return weight


def _likeliest(found: Joint, name: str) -> int:
    posterior = found.fields[name].posterior
    return posterior.index(max(posterior))


@settings(deadline=None, max_examples=150)
@given(_sheets())
def test_posterior_and_gap_are_those_of_trying_every_reading(
    sheet: tuple[dict[str, list[Option]], list[Rule]],
) -> None:
    fields, rules = sheet
    found = decide(fields, rules, slip=SLIP, spread=SPREAD)
    ways: list[list[int | None]] = [[*range(len(options)), None, FITS] for options in fields.values()]
    weights = {}
    for way in itertools.product(*ways):
        weights[way] = _weight(dict(zip(fields, way, strict=True)), fields, rules)
    whole = sum(weights.values())
    assert found.lost == 0
    for place, name in enumerate(fields):
        count = len(fields[name])
        by_option = [
            [w for way, w in weights.items() if (count if way[place] in (None, FITS) else way[place]) == at]
            for at in range(count + 1)
        ]
        assert found.fields[name].posterior == pytest.approx([sum(ws) / whole for ws in by_option])
        likeliest = sorted((max(ws) for ws in by_option), reverse=True)
        if len(likeliest) > 1 and likeliest[1] > 0:
            assert found.fields[name].gap == pytest.approx(math.log(likeliest[0] / likeliest[1]), abs=1e-9)
        else:
            assert found.fields[name].gap == math.inf


def test_a_sum_decides_between_two_readings_of_a_part() -> None:
    fields = {
        "c1": [_number(109, 0.45), _number(103, 0.5)],
        "c2": [_number(166, 0.95)],
        "valid": [_number(275, 0.95)],
    }
    found = decide(fields, [Rule(("c1", "c2"), "valid")])
    assert _likeliest(found, "c1") == 0
    assert found.fields["c1"].posterior[0] > 0.97


def test_an_officers_slip_that_is_clearly_written_is_kept() -> None:
    sure = 1 - 1e-5
    fields = {
        "c1": [_number(28, sure)],
        "c2": [_number(87, sure)],
        "valid": [_number(111, sure), _number(115, 1e-6)],
    }
    found = decide(fields, [Rule(("c1", "c2"), "valid")])
    assert [_likeliest(found, name) for name in fields] == [0, 0, 0]
    assert found.fields["valid"].posterior[0] > 0.95


def test_a_figure_that_no_reader_saw_is_not_named_by_arithmetic() -> None:
    fields = {"c1": [_number(10, 0.9)], "c2": [_number(20, 0.9)], "valid": [_number(99, 0.2)]}
    found = decide(fields, [Rule(("c1", "c2"), "valid")])
    assert _likeliest(found, "valid") == len(found.fields["valid"].posterior) - 1
    assert len(found.fields["valid"].posterior) == 2


def test_a_chain_carries_what_is_known_from_one_end_to_the_other() -> None:
    fields = {
        "total": [_number(246, 0.98)],
        "valid": [_number(246, 0.4), _number(296, 0.5)],
        "rejected": [_number(4, 0.98)],
        "used": [_number(250, 0.5), _number(260, 0.4)],
    }
    rules = [Rule(("total",), "valid"), Rule(("valid", "rejected"), "used")]
    found = decide(fields, rules)
    assert [_likeliest(found, name) for name in fields] == [0, 0, 0, 0]


def test_an_empty_part_counts_nothing_and_an_empty_total_says_nothing() -> None:
    empty = Option(0.98, 0, None)
    part = decide(
        {"a": [empty], "b": [_number(7, 0.6), _number(1, 0.3)], "t": [_number(7, 0.98)]}, [Rule(("a", "b"), "t")]
    )
    assert part.fields["b"].posterior[0] > 0.99
    total = decide(
        {"a": [_number(7, 0.6), _number(1, 0.3)], "b": [_number(1, 0.98)], "t": [empty]}, [Rule(("a", "b"), "t")]
    )
    assert total.fields["a"].posterior[0] == pytest.approx(0.6, abs=0.02)


def test_a_rule_over_a_field_that_is_not_there_is_left_out() -> None:
    found = decide({"a": [_number(7, 0.6), _number(1, 0.3)]}, [Rule(("a", "b"), "t")])
    assert found.fields["a"].posterior == pytest.approx((0.6, 0.3, 0.1))


def test_sixteen_parties_with_eight_readings_each_are_decided_exactly() -> None:
    p = [0.4, 0.2, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03]
    names = [f"p{n}" for n in range(16)]
    fields = {name: [_number(10 * n + at, p[at]) for at in range(8)] for n, name in enumerate(names)}
    fields["total"] = [_number(sum(10 * n for n in range(16)), 0.9)]
    found = decide(fields, [Rule(tuple(names), "total")])
    assert found.lost < 1e-4
    assert all(_likeliest(found, name) == 0 for name in names)
    assert max(found.fields["p3"].posterior) == found.fields["p3"].posterior[0]


def test_what_is_left_out_of_a_sheet_that_is_too_unclear_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint, "FEW_STATES", 20)
    monkeypatch.setattr(joint, "MOST_STATES", 20)
    fields = {f"p{n}": [_number(n * at**2, 0.2) for at in range(1, 5)] for n in range(1, 8)}
    fields["total"] = [_number(60, 0.9)]
    found = decide(fields, [Rule(tuple(f"p{n}" for n in range(1, 8)), "total")])
    assert 0 < found.lost < 1
