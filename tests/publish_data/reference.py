"""The generated half of docs/data-files.md: every column of every table. `python -m tests.publish_data.reference`."""

from __future__ import annotations

from pathlib import Path

from counterfoil.publish.columns import TABLES, Table

DOCUMENT = Path(__file__).parents[2] / "docs" / "data-files.md"
MARK = "<!-- From here on made by `python -m tests.publish_data.reference`; edit publish/columns.py, not this. -->\n"


def _table(table: Table) -> str:
    head = [f"## {table.name}", "", f"{table.title}."]
    if table.key:
        head.append(f"A row is named by {', '.join(f'`{name}`' for name in table.key)}.")
    rows = [f"| `{c.name}` | {c.type} | {c.description} |" for c in table.columns]
    return "\n".join([*head, "", "| column | type | holds |", "| --- | --- | --- |", *rows])


def with_reference(text: str) -> str:
    """The document with its generated half made anew."""
    return text.partition(MARK)[0] + MARK + "\n" + "\n\n".join(map(_table, TABLES.values())) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(with_reference(DOCUMENT.read_text("utf-8")), "utf-8")
