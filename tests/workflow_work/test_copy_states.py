"""The table of states is what the documentation draws."""

from __future__ import annotations

from pathlib import Path

from counterfoil.workflow.copy_states import EVENTS, STATES, TABLE, allowed, mermaid

PAGE = Path(__file__).parents[2] / "docs" / "reading-at-work.md"


def block(name: str) -> str:
    """What stands in the page between the marks of a generated part."""
    return PAGE.read_text("utf-8").split(f"<!-- {name} -->\n")[1].split("<!-- end -->")[0]


def table() -> str:
    lines = [f"| `{state}` | {meaning} |\n" for state, meaning in STATES.items()]
    return "| state | means |\n| --- | --- |\n" + "".join(lines)


def test_the_page_shows_the_diagram_and_the_states_of_the_table() -> None:
    assert block("diagram") == f"```mermaid\n{mermaid()}```\n"
    assert block("states") == table()


def test_every_line_names_known_states_and_events() -> None:
    for (before, event), afters in TABLE.items():
        assert {before, *afters} <= STATES.keys()
        assert event in EVENTS
        assert len(set(afters)) == len(afters)


def test_what_is_not_in_the_table_is_not_allowed() -> None:
    assert allowed("reading", "read", "disputed")
    assert not allowed("waiting", "read", "arbitrated")
    assert not allowed("agreed", "read", "waiting")
    assert allowed("agreed", "withdrawn", "withdrawn")
    assert not allowed("agreed", "withdrawn", "agreed")
