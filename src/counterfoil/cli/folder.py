"""`counterfoil init`, `recipe` and `import`: making an election's folder and taking files into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from counterfoil.cli.count import result_data
from counterfoil.cli.options import ANYWHERE, NOW
from counterfoil.cli.output import REFUSED, Output, with_output
from counterfoil.cli.text import count_lines, news_lines
from counterfoil.election.eml import import_eml
from counterfoil.election.import_folder import ImportResult
from counterfoil.election.nist import import_nist
from counterfoil.election.recipes import apply_recipe
from counterfoil.primitives.errors import InputError
from counterfoil.workflow import Found, import_files
from counterfoil.workflow import init as run_init
from counterfoil.workflow.moment import parse_moment


@click.command()
@click.argument("folder", type=ANYWHERE)
@with_output
def init(folder: Path, say: Output) -> None:
    """Start an election in FOLDER (new or empty): a commented example with small tables, fit to be counted."""
    written = run_init(folder)
    say.result(
        {"folder": str(folder), "files": [path.name for path in written]},
        [*(f"written: {path}" for path in written), f"next: counterfoil count {folder} --out SITE"],
    )


@click.command()
@click.argument("name")
@click.argument("source", metavar="SRC", type=click.Path(exists=True, path_type=Path))
@click.option("--to", type=ANYWHERE, required=True, help="Folder to make: new, empty, or made by this recipe.")
@with_output
def recipe(name: str, source: Path, to: Path, say: Output) -> None:
    """Make an election's folder from a public data set that lies in SRC (a folder, a zip or a file).

    NAME is a recipe that comes with Counterfoil (belarus-2020, venezuela-2024) or a recipe file of your own. Nothing is
    downloaded; the recipe says where the data is public.
    """
    made = apply_recipe(name, source, to)
    data = {
        "folder": str(made.folder),
        "recipe": made.recipe,
        "read": dict(made.used),
        "rows": dict(made.rows),
        "unknown": dict(made.unknown),
        "absent": dict(made.absent),
    }
    say.result(data, [*made.lines(), f"next: counterfoil count {to} --out SITE"])


@click.command("import")
@click.argument("folder", type=ANYWHERE)
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Take it in without asking.")
@click.option("--country", metavar="ID", help="EML, NIST: id of the whole territory, its ISO code.")
@click.option("--language", default="en", show_default=True, help="EML: language of the names.")
@click.option("--expected-stations", type=int, help="EML without polling places: how many stations there are.")
@NOW
@with_output
def import_(
    folder: Path,
    files: tuple[Path, ...],
    yes: bool,
    country: str | None,
    language: str,
    expected_stations: int | None,
    now: str | None,
    say: Output,
) -> int:
    """Take FILES into the election in FOLDER.

    Tables, named as election.yaml names them: shows what is new, changed and ignored against the record and takes it in
    after a yes; without FILES, FOLDER as it is. With --json, or where nobody can be asked, only --yes takes it in.

    EML 110 and 230 (.xml, .eml) or a NIST SP 1500-100 report (.json): makes FOLDER from them, with a form to be mended.
    """
    kinds = {file.suffix.lower() for file in files}
    if kinds and kinds <= {".xml", ".eml"}:
        if country is None:
            raise InputError("--country", expected="the id of the whole territory, its ISO code", found="none")
        made = import_eml(files, folder, country=country, language=language, expected_stations=expected_stations)
        return _made(made, say)
    if kinds == {".json"} and len(files) == 1:
        return _made(import_nist(files[0], folder, country=country), say)
    return _tables(folder, files, yes, now, say)


def _made(made: ImportResult, say: Output) -> int:
    data = {"folder": str(made.folder), "rows": dict(made.rows), "notes": list(made.notes)}
    say.result(data, [*made.lines(), f"next: look at {made.folder}/election.yaml, above all at its forms"])
    return 0


def _tables(folder: Path, files: tuple[Path, ...], yes: bool, now: str | None, say: Output) -> int:
    def confirm(found: Found) -> bool:
        if not say.as_json:
            for line in _preview_lines(found):
                say.note(line)
        if not found.plan.entries or yes:
            return bool(found.plan.entries)
        return not say.as_json and say.terminal and click.confirm("Take this in?", err=True)

    moment = parse_moment(now, where="--now") if now else None
    done = import_files(folder, files, confirm, now=moment, progress=say.progress)
    data = {**_preview_data(done.found), "taken_in": done.result is not None}
    if done.result is not None:
        say.result({**result_data(done.result), **data}, list(count_lines(done.result)))
        return 0
    if done.found.plan.entries:
        say.result(data, ["nothing was taken in; --yes takes it in"])
        return REFUSED
    say.result(data, ["nothing new"])
    return 0


def _preview_lines(found: Found) -> list[str]:
    rows = [n for n in found.plan.news if not n.name]
    return [
        f"definition: {found.tables.definition.value}",
        *(table.line() for table in found.tables.tables),
        *news_lines(rows),
        f"{len(found.plan.entries)} entries would be added; {found.plan.known_rows} rows and tables are in the record",
    ]


def _preview_data(found: Found) -> dict[str, Any]:
    return {
        "news": [{"change": n.change, "kind": n.kind, "name": n.name, "count": n.count} for n in found.plan.news],
        "already_known": found.plan.known_rows,
        "tables": [
            {
                "kind": table.key[0],
                "contest": table.key[1],
                "name": table.key[2],
                "status": table.status.value,
                "rows": table.rows,
                "added": len(table.added),
                "removed": len(table.removed),
                "changed": len(table.changed),
                "ignored_columns": list(table.ignored),
            }
            for table in found.tables.tables
        ],
    }
