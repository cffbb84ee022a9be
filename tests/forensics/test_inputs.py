"""What every test does with input that is no column of counts, and what every result says of itself."""

from __future__ import annotations

import doctest
import inspect
import json
from typing import Any

import numba
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil import forensics
from counterfoil.forensics import arrays
from counterfoil.forensics.jit import jit
from counterfoil.forensics.results import Method, Result, plain
from counterfoil.primitives.errors import CounterfoilError, InputError, Refusal
from tests.forensics.data import Columns, belarus

FOUR_COLUMNS = [
    forensics.integer_percentages,
    forensics.integer_percentages_published,
    forensics.turnout_share_correlation,
    forensics.sobyanin,
    forensics.fingerprint,
    forensics.clean_peak,
    forensics.klimek_first_stage,
    forensics.klimek_fit,
    forensics.kernel,
]


@pytest.mark.parametrize("test", FOUR_COLUMNS, ids=lambda f: f.__name__)
def test_every_test_refuses_columns_that_are_no_counts(test: Any) -> None:
    good = belarus()
    half = good.registered // 2
    for broken, message in (
        (good.cast.astype(float), "whole numbers"),
        (np.where(np.arange(good.cast.size) == 5, -1, good.cast), "cast, row 5"),
        (good.cast[:-1], "stations as in registered"),
        (good.cast > 0, "whole numbers"),
        (pl.Series([None, *good.cast[1:].tolist()]), "missing values"),
    ):
        with pytest.raises(InputError, match=message):
            test(good.registered, good.given, broken, good.leader)
    with pytest.raises(InputError, match="expected figures up to those of"):
        test(half, good.given, good.given, good.leader)
    with pytest.raises(InputError, match="expected figures up to those of"):
        test(good.registered, good.given, good.leader, good.cast)


@pytest.mark.parametrize("test", [f for f in FOUR_COLUMNS if f is not forensics.fingerprint], ids=lambda f: f.__name__)
def test_every_test_refuses_three_stations(test: Any) -> None:
    with pytest.raises(Refusal, match="found 3 of 3 stations"):
        test([1000, 1000, 1000], [500, 600, 700], [500, 600, 700], [250, 200, 500])


@pytest.mark.parametrize("test", FOUR_COLUMNS, ids=lambda f: f.__name__)
def test_every_test_answers_or_refuses_equal_stations(test: Any) -> None:
    columns = Columns(*(np.full(1200, n) for n in (1000, 601, 601, 301)))
    try:
        result = test(*columns)
    except CounterfoilError as refusal:
        assert isinstance(refusal, Refusal)
    else:
        assert np.isfinite([x for x in [getattr(result, "z", 0.0)] if x is not None]).all()
        json.dumps(result.to_dict())


SCANS: dict[str, tuple[Any, int]] = {
    # Name: the call on whole columns, and how many of them it takes.
    "last digits": (forensics.last_digit, 1),
    "second digits": (forensics.second_digit, 1),
    "spikes": (forensics.spikes, 3),
    "mixture": (lambda *c: forensics.mixture(*c, draws=20, sweeps=4), 3),
    "vote rate": (forensics.vote_rate, 2),
    "columns swapped": (lambda a, b: forensics.columns_swapped(a, b, areas=[0] * len(a)), 2),
    "kireev": (lambda a: forensics.kireev({"ada": a}, [0] * len(a)), 1),
    "machine-counted": (lambda n, a: forensics.machine_counted(n, a, [0, 1] * (len(a) // 2), [0] * len(a)), 2),
    "late count": (lambda n, a: forensics.late_count_shift(n, a, [0, 1] * (len(a) // 2)), 2),
    "flows": (lambda a, b: forensics.flows({"x": a, "y": b}, {"x": b, "y": a}), 2),
}


def _falling(count: int, size: int) -> list[list[int]]:
    return [[900 // (j + 1) + i % 3 for i in range(size)] for j in range(count)]


@pytest.mark.parametrize("name", SCANS)
def test_every_scan_refuses_columns_that_are_no_counts(name: str) -> None:
    test, count = SCANS[name]
    good = _falling(count, 6)
    for at in range(count):
        for bad, message in (
            ([1.5] * 6, "whole numbers"),
            ([5, 5, -1, 5, 5, 5], "a count from 0"),
            ([None, 5, 5, 5, 5, 5], "whole numbers|missing"),
        ):
            with pytest.raises(InputError, match=message):
                test(*[bad if j == at else column for j, column in enumerate(good)])


@pytest.mark.parametrize("name", SCANS)
def test_every_scan_refuses_a_handful_of_stations(name: str) -> None:
    test, count = SCANS[name]
    with pytest.raises(Refusal, match="expected"):
        test(*_falling(count, 4))


@pytest.mark.parametrize("name", SCANS)
def test_every_scan_answers_or_refuses_equal_stations(name: str) -> None:
    test, count = SCANS[name]
    try:
        result = test(*[[900 // (j + 1)] * 300 for j in range(count)])
    except (Refusal, InputError) as refused:
        assert "expected" in str(refused)
    else:
        assert isinstance(result, Result) and result.summary()


def test_columns_of_any_whole_number_type_are_taken() -> None:
    for values in (np.array([1, 2], np.uint16), [1, 2], (1, 2), range(1, 3), pl.Series([1, 2], dtype=pl.UInt32)):
        assert arrays.counts("x", values).tolist() == [1, 2]
        assert arrays.counts("x", values).dtype == np.int64


def test_labels_are_grouped_and_a_missing_one_is_refused() -> None:
    assert arrays.groups("areas", ["b", "a", "b"], 3)[0] == ["a", "b"]
    assert arrays.labels("areas", pl.Series(["b", "a", "b"]), 3).tolist() == [1, 0, 1]
    assert len(set(arrays.labels("areas", np.array([10, 9, 10]), 3).tolist())) == 2
    for broken in (
        pl.Series(["a", None, "b"]),
        ["a", None, "b"],
        np.array([1.0, np.nan, 2.0]),
        pl.Series([1, None, 2]),
    ):
        with pytest.raises(InputError, match="areas, row 1: expected a label, found none"):
            arrays.labels("areas", broken, 3)
    with pytest.raises(InputError, match="3 labels"):
        arrays.labels("areas", ["a"], 3)


def test_counts_beyond_reach_of_exact_products_are_refused() -> None:
    assert arrays.counts("x", [2**40]).tolist() == [2**40]
    with pytest.raises(InputError, match="row 1"):
        arrays.counts("x", [1, 2**40 + 1])
    with pytest.raises(InputError, match="row 0"):
        arrays.counts("x", np.array([2**63 + 5], dtype=np.uint64))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_each_station_is_used_or_counted_under_one_reason(flags: list[tuple[bool, bool]]) -> None:
    first, second = np.array([f for f, _ in flags]), np.array([s for _, s in flags])
    chosen = arrays.select(len(flags), {"first": first, "second": second}, minimum=0, method="x")
    assert chosen.sample.given == len(flags)
    assert chosen.sample.excluded == {"first": int(first.sum()), "second": int((second & ~first).sum())}
    assert (chosen.keep == ~(first | second)).all()


def methods() -> list[type[Result]]:
    found = [x for x in vars(forensics).values() if inspect.isclass(x) and issubclass(x, Result)]
    return [x for x in found if not inspect.isabstract(x)]


@pytest.mark.parametrize("kind", methods(), ids=lambda k: k.__name__)
def test_every_result_names_null_minimum_innocent_explanations_and_source(kind: type[Result]) -> None:
    method: Method = kind.method
    assert method.question.endswith("?")
    assert method.null.endswith(".") or method.null.startswith("none")
    assert method.minimum
    assert method.innocent
    assert method.references
    words = " ".join([method.name, method.question, method.null, *method.innocent, *map(str, method.references)])
    assert "fraud" not in words.lower()
    for reference in method.references:
        assert reference.doi is None or reference.doi.startswith("10.")


def test_plain_values_are_json() -> None:
    assert plain({"a": np.float64("nan"), "b": np.arange(2), "c": (1, np.int64(2)), "d": float("inf")}) == {
        "a": None,
        "b": [0, 1],
        "c": [1, 2],
        "d": None,
    }
    with pytest.raises(TypeError, match="no plain form"):
        plain(object())


def test_compiled_functions_work_where_nothing_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = numba.njit

    def without_a_place(*functions: Any, **options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return compiler(*functions, **options)

    monkeypatch.setattr(numba, "njit", without_a_place)

    @jit
    def twice(x: int) -> int:
        return 2 * x

    assert twice(21) == 42


def test_example_of_the_package_holds() -> None:
    assert doctest.testmod(forensics).failed == 0
    assert doctest.testmod(forensics).attempted > 0
