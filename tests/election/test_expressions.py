"""The checks' language against a second, direct evaluation of the same expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.election.expressions import parse_rule
from counterfoil.primitives.errors import InputError

FIELDS = ["ada", "bob", "a", "a-b", "b"]
Value = Callable[[Mapping[str, int]], int]
Term = tuple[str, Value]
OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "==": lambda x, y: x == y,
    "<=": lambda x, y: x <= y,
    ">=": lambda x, y: x >= y,
    "<": lambda x, y: x < y,
    ">": lambda x, y: x > y,
}


def _sum(parts: list[tuple[bool, Term]], lead: bool) -> Term:
    text, values = "", []
    for at, (plus, (part, value)) in enumerate(parts):
        sign = 1 if (plus if at else not lead) else -1
        text += (" + " if sign > 0 else " - ") + part if at else ("-" if sign < 0 else "") + part
        values.append((sign, value))
    return text, lambda v: sum(sign * value(v) for sign, value in values)


def _times(factor: int, term: Term) -> Term:
    return f"{factor} * {term[0]}", lambda v: factor * term[1](v)


def _field(name: str) -> Term:
    return name, lambda v: v[name]


def _number(n: int) -> Term:
    return str(n), lambda _: n


atoms: st.SearchStrategy[Term] = st.sampled_from(FIELDS).map(_field) | st.integers(0, 999).map(_number)


def _grown(children: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    sums = st.tuples(st.lists(st.tuples(st.booleans(), children), min_size=1, max_size=3), st.booleans())
    bracketed = sums.map(lambda s: _sum(*s)).map(lambda t: (f"({t[0]})", t[1]))
    return bracketed | st.tuples(st.integers(0, 9), st.sampled_from(FIELDS).map(_field) | bracketed).map(
        lambda p: _times(*p)
    )


terms = st.recursive(atoms, _grown, max_leaves=8)
sums = st.tuples(st.lists(st.tuples(st.booleans(), terms), min_size=1, max_size=4), st.booleans()).map(
    lambda s: _sum(*s)
)


@settings(deadline=None, max_examples=300)
@given(sums, st.sampled_from(list(OPERATORS)), sums, st.fixed_dictionaries({f: st.integers(-50, 5000) for f in FIELDS}))
def test_a_rule_says_what_its_text_says(left: Term, operator: str, right: Term, values: dict[str, int]) -> None:
    rule = parse_rule(f"{left[0]} {operator} {right[0]}", FIELDS, where="x")
    sides = rule.sides(values)
    assert sides == (left[1](values), right[1](values))
    assert rule.holds(sides[0] - sides[1]) == OPERATORS[operator](*sides)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(list(OPERATORS)), st.integers(-20, 20), st.integers(0, 10))
def test_tolerance_only_ever_forgives(operator: str, difference: int, tolerance: int) -> None:
    rule = parse_rule(f"ada {operator} bob", FIELDS, where="x")
    assert not rule.holds(difference) or rule.holds(difference, tolerance)
    assert not rule.holds(difference, tolerance) or rule.holds(difference, tolerance + 1)


def test_the_longest_known_field_wins_over_a_minus() -> None:
    rule = parse_rule("a-b == a - b + ada", FIELDS, where="x")
    assert dict(rule.left) == {"a-b": 1}
    assert dict(rule.right) == {"a": 1, "b": -1, "ada": 1}


def test_a_field_that_is_not_given_is_left_out_of_its_sum() -> None:
    assert parse_rule("ada + bob == 10", FIELDS, where="x").sides({"ada": 4}) == (4, 10)


REFUSED = {
    "ada + eve == bob": "expected a field of the form: a, a-b, ada, b, bob, found 'eve' in the rule "
    "'ada + eve == bob'.",
    "ada + bob": "expected one of == <= >= < >, found 'the end' in the rule 'ada + bob'.",
    "ada == bob == b": "expected the end, found '==' in the rule 'ada == bob == b'.",
    "ada / bob == 1": "expected fields, whole numbers, + - * ( ) and one comparison, found '/ bob ==' in the rule "
    "'ada / bob == 1'.",
    "__import__('os') == 1": "expected a field of the form: a, a-b, ada, b, bob, found '__import__' in the rule "
    "\"__import__('os') == 1\".",
    "ada * bob == 1": "expected one of == <= >= < >, found '*' in the rule 'ada * bob == 1'.",
    "2 * 3 == ada": "expected a field or a bracket after *, found '3' in the rule '2 * 3 == ada'.",
    "(ada == 1": "expected a closing bracket, found '==' in the rule '(ada == 1'.",
    "": "expected a field, a whole number or a bracket, found 'the end' in the rule ''.",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_the_language_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_rule(text, FIELDS, where="election.yaml, line 3")
    assert str(caught.value) == f"election.yaml, line 3: {REFUSED[text]}"


@pytest.mark.parametrize("text", ["(" * 60 + "ada" + ")" * 60 + " == 1", "ada + " * 3000 + "ada == 1"])
def test_deep_or_long_rules_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_rule(text, FIELDS, where="x")
