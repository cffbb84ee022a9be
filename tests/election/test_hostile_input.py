"""Any change to a file gives a result or one refusal: never another exception, never a file half written."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from counterfoil.election.definition import read_definition
from counterfoil.election.eml import import_eml
from counterfoil.election.nist import import_nist
from counterfoil.election.nodes import Node
from counterfoil.election.recipe_format import read_recipe
from counterfoil.election.recipes import builtin_recipes
from counterfoil.election.yaml_source import read_yaml
from counterfoil.primitives.errors import InputError
from tests.election.conftest import YAML
from tests.election.test_imports import NL_110B, NL_230B, report

few = settings(deadline=None, max_examples=150)
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.sampled_from(["", "x", "gp-1", "total", "2026-01-01"]),
    lambda children: st.lists(children, max_size=2) | st.dictionaries(st.sampled_from(["id", "kind", "@id"]), children),
    max_leaves=3,
)
YAML_TEXT = st.text("ab12 :-{}[]&*!?|>'\"#,\n\t%@<~é\u2028", max_size=40)


RECIPE: dict[str, Any] = read_yaml(builtin_recipes()["venezuela-2024"].read_bytes(), "x.yaml")[0]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def changed(plain: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    again = copy.deepcopy(plain)
    at = again
    for step in path[:-1]:
        at = at[step]
    if new == "removed":
        del at[path[-1]]
    else:
        at[path[-1]] = new
    return again


def changes(plain: Any) -> st.SearchStrategy[Any]:
    """The same data with one value replaced by another or removed."""
    return st.tuples(st.sampled_from(list(places(plain))), ANY | st.just("removed")).map(lambda c: changed(plain, *c))


@few
@given(st.binary(max_size=60) | YAML_TEXT.map(str.encode))
def test_any_text_is_plain_data_or_refused(data: bytes) -> None:
    try:
        plain, locate = read_yaml(data, "x.yaml")
    except InputError as error:
        assert error.where.startswith("x.yaml")
    else:
        json.dumps(plain)
        assert locate(()).startswith("x.yaml")


@few
@given(changes(read_yaml(YAML.encode(), "x.yaml")[0]))
def test_any_change_to_a_definition_is_read_or_refused(plain: Any) -> None:
    try:
        election = read_definition(plain)
    except InputError as error:
        assert str(error).startswith("election")
    else:
        assert read_definition(election.plain) == election


@few
@given(changes(RECIPE))
@example(changed(RECIPE, ("tables", 0, "parts"), []))
@example(changed(RECIPE, ("tables",), []))
def test_any_change_to_a_recipe_is_read_or_refused(plain: Any) -> None:
    try:
        recipe = read_recipe(Node(plain, (), lambda path: "recipe " + ".".join(map(str, path))))
    except InputError as error:
        assert str(error).startswith("recipe")
    else:
        assert recipe.tables


@few
@given(changes(report()))
def test_any_change_to_a_nist_report_is_imported_or_refused_whole(plain: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, to = Path(folder) / "r.json", Path(folder) / "made"
        file.write_text(json.dumps(plain), encoding="utf-8")
        try:
            import_nist(file, to)
        except InputError:
            assert [path.name for path in Path(folder).iterdir()] == ["r.json"]
        else:
            assert (to / "election.yaml").is_file()


@few
@given(
    st.sampled_from([NL_110B, NL_230B]),
    st.integers(0, 2000),
    st.integers(0, 60),
    st.sampled_from(["", "<", ">", "&x;", "1"]),
)
def test_any_change_to_an_eml_file_is_imported_or_refused_whole(text: str, at: int, length: int, new: str) -> None:
    other = NL_230B if text is NL_110B else NL_110B
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / "a.xml", Path(folder) / "b.xml"]
        files[0].write_text(text[:at] + new + text[at + length :], encoding="utf-8")
        files[1].write_text(other, encoding="utf-8")
        try:
            import_eml(files, Path(folder) / "made", country="NL")
        except InputError:
            assert sorted(path.name for path in Path(folder).iterdir()) == ["a.xml", "b.xml"]
        else:
            assert (Path(folder) / "made" / "election.yaml").is_file()
