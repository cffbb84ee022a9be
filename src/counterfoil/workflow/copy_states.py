"""What may follow what in the work on one copy: the table that the documentation's diagram is drawn from, and that a
random walk over the real functions is held against (`tests/server/reading/test_walk.py`).

The state itself is derived (`workflow.work`); this table computes nothing. It says what people may expect.
"""

from __future__ import annotations

from collections.abc import Mapping

STATES: Mapping[str, str] = {
    "identify": "arrived; nobody has confirmed what it shows",
    "waiting": "it is known what it shows; nobody has read it",
    "reading": "fewer persons have answered than are needed",
    "disputed": "enough persons typed it, and differ on a field",
    "agreed": "enough persons typed the same in every field",
    "arbitrated": "every field is settled, at least one by arbiters",
    "unreadable": "enough persons report that it can't be read or shows another page",
    "problem": "enough persons report that it is no protocol, of another station, or a duplicate",
    "set_aside": "a decision took it out, or chose another copy of the station",
    "withdrawn": "its entry was withdrawn, or it was moved and stands elsewhere as a new copy",
}

EVENTS: Mapping[str, str] = {
    "identified": "somebody says what it shows",
    "read": "a person types the page",
    "third": "a person types the fields in dispute",
    "reported": "a person reports a problem",
    "decided": "as many arbiters as needed rule the same",
    "ruled": "an arbiter rules, and another one is needed",
    "other_chosen": "a decision on another copy of the station",
    "reading_withdrawn": "a reading is taken back, a reader is withdrawn, a problem was mistaken",
    "restored": "a withdrawal is taken back",
    "withdrawn": "the copy is withdrawn",
}

LIVE = ("waiting", "reading", "disputed", "agreed", "arbitrated", "unreadable", "problem", "set_aside")

TABLE: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("identify", "identified"): ("identify", "waiting", "reading", "set_aside", "withdrawn"),
    ("identify", "reported"): ("identify", "problem", "unreadable"),
    ("waiting", "read"): ("reading", "agreed"),
    ("waiting", "reported"): ("reading", "problem", "unreadable"),
    ("reading", "read"): ("reading", "agreed", "arbitrated", "disputed"),
    ("reading", "reported"): ("reading", "problem", "unreadable"),
    ("reading", "third"): ("reading", "agreed", "arbitrated", "disputed"),
    ("reading", "decided"): ("arbitrated", "set_aside"),
    ("disputed", "read"): ("disputed", "agreed", "arbitrated"),
    ("disputed", "third"): ("disputed", "agreed", "arbitrated"),
    ("disputed", "reported"): ("disputed", "problem", "unreadable"),
    ("disputed", "decided"): ("disputed", "arbitrated", "set_aside"),
    ("agreed", "read"): ("agreed", "disputed"),
    ("agreed", "third"): ("agreed", "disputed"),
    ("agreed", "reported"): ("agreed", "problem"),
    ("agreed", "decided"): ("agreed", "arbitrated", "set_aside"),
    ("arbitrated", "read"): ("arbitrated", "disputed"),
    ("arbitrated", "third"): ("arbitrated", "disputed"),
    ("arbitrated", "reported"): ("arbitrated", "problem"),
    ("arbitrated", "decided"): ("arbitrated", "set_aside"),
    ("unreadable", "read"): ("unreadable", "agreed", "arbitrated"),
    ("unreadable", "third"): ("unreadable", "agreed", "arbitrated"),
    ("unreadable", "reported"): ("unreadable", "problem"),
    ("unreadable", "identified"): ("unreadable",),
    ("unreadable", "decided"): ("arbitrated", "set_aside"),
    ("problem", "read"): ("problem",),
    ("problem", "third"): ("problem",),
    ("problem", "reported"): ("problem",),
    ("problem", "identified"): ("problem",),
    ("problem", "decided"): ("problem", "set_aside"),
    ("set_aside", "read"): ("set_aside",),
    ("set_aside", "third"): ("set_aside",),
    ("set_aside", "reported"): ("set_aside", "problem"),
    ("set_aside", "decided"): ("set_aside", "agreed", "arbitrated"),
    ("withdrawn", "read"): ("withdrawn",),
    ("withdrawn", "third"): ("withdrawn",),
    ("withdrawn", "reported"): ("withdrawn",),
    ("withdrawn", "identified"): ("withdrawn",),
    ("withdrawn", "decided"): ("withdrawn",),
    ("withdrawn", "reading_withdrawn"): ("withdrawn",),
    ("identify", "reading_withdrawn"): ("identify",),
    ("waiting", "reading_withdrawn"): ("waiting",),
    ("reading", "reading_withdrawn"): ("reading", "waiting", "disputed"),
    ("disputed", "reading_withdrawn"): ("disputed", "reading", "waiting", "agreed", "arbitrated", "unreadable"),
    ("agreed", "reading_withdrawn"): ("agreed", "disputed", "reading", "waiting", "unreadable"),
    ("arbitrated", "reading_withdrawn"): ("arbitrated", "reading", "waiting", "disputed", "unreadable"),
    ("unreadable", "reading_withdrawn"): (
        "unreadable",
        "identify",
        "waiting",
        "reading",
        "disputed",
        "agreed",
        "arbitrated",
    ),
    ("problem", "reading_withdrawn"): ("identify", *LIVE),
    ("set_aside", "reading_withdrawn"): ("set_aside",),
}
"""(state, event) -> the states that may follow. Withdrawing ends every state and taking that back leads to whatever
follows from what stands then: those two are rules (`allowed`), not lines."""


def allowed(before: str, event: str, after: str) -> bool:
    """Whether this may happen.

    >>> allowed("reading", "read", "agreed"), allowed("waiting", "read", "arbitrated")
    (True, False)
    """
    if event == "withdrawn":
        return after == "withdrawn"
    if event == "restored":
        return True
    if event == "other_chosen":
        return after in (before, "set_aside") or before == "set_aside"
    if event == "ruled":
        return after == before
    return after in TABLE.get((before, event), ())


def mermaid() -> str:
    """The diagram, for a Mermaid block: what people do forward; taking back is left out, it leads back."""
    lines = ["stateDiagram-v2", "    [*] --> identify: a batch is sealed", "    [*] --> waiting: from an organisation"]
    lines.append("    [*] --> set_aside: another copy was chosen before")
    drawn: dict[tuple[str, str], list[str]] = {}
    for (before, event), afters in TABLE.items():
        if event == "reading_withdrawn" or before == "withdrawn":
            continue
        for after in afters:
            if after != before:
                drawn.setdefault((before, after), []).append(event)
    for (before, after), events in drawn.items():
        lines.append(f"    {before} --> {after}: {', '.join(events)}")
    lines += ["    problem --> [*]", "    set_aside --> [*]", "    agreed --> [*]", "    arbitrated --> [*]"]
    return "\n".join(lines) + "\n"
