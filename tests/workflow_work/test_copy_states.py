"""The table of states is what the documentation draws."""

from __future__ import annotations

from pathlib import Path

from counterfoil.workflow.copy_states import EVENTS, STATES, TABLE, allowed, mermaid
from counterfoil.workflow.work import Answer, Said, work
from tests.workflow_work.colluders import ELECTION, FIELDS

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


def test_where_one_of_two_who_settled_a_field_takes_it_back_it_is_disputed_again() -> None:
    """One whole reading, and two persons who were asked one field; the other whole reading was taken back before."""
    whole = Answer("one", dict.fromkeys(FIELDS, 10))
    same, other = Answer("two", {"ada": 10}), Answer("three", {"ada": 11})

    def state(*answers: Answer) -> str:
        said = Said("copy", ("001", "president", 1), answers, certain=True)
        return work(said, ELECTION).state

    before, after = state(whole, same, other), state(whole, other)
    assert (before, after) == ("reading", "disputed")
    assert allowed(before, "reading_withdrawn", after)
