"""`counterfoil init`, `recipe` and `import`: making an election's folder and taking files into it."""

from __future__ import annotations

from pathlib import Path

import click

from counterfoil.cli.count import result_data
from counterfoil.cli.options import ANYWHERE, FOLDER, NOW
from counterfoil.cli.output import REFUSED, Output, with_output
from counterfoil.cli.text import count_lines, news_lines
from counterfoil.election.recipes import apply_recipe
from counterfoil.workflow import import_files
from counterfoil.workflow import init as run_init
from counterfoil.workflow.intake import Plan
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
@click.option("--to", type=ANYWHERE, required=True, help="Folder to make; new or empty.")
@with_output
def recipe(name: str, source: Path, to: Path, say: Output) -> None:
    """Make an election's folder from a public data set that lies in SRC (a folder, a zip or a file).

    NAME is a recipe that comes with Counterfoil (belarus-2020, venezuela-2024) or a recipe file of your own. Nothing is
    downloaded; the recipe says where the data is public.
    """
    applied = apply_recipe(name, source, to)
    say.result({"folder": str(to), "recipe": name}, [f"written: {to}", f"next: counterfoil count {to} --out SITE"])
    del applied


@click.command("import")
@click.argument("folder", type=FOLDER)
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Take it in without asking.")
@NOW
@with_output
def import_(folder: Path, files: tuple[Path, ...], yes: bool, now: str | None, say: Output) -> int:
    """Show what FILES (or, without any, FOLDER as it is) would add to the record, then take it in.

    Files are named as election.yaml names them. Nothing is written before the answer; with --json, or where nobody can
    be asked, only --yes takes anything in.
    """

    def confirm(plan: Plan, ignored: tuple[tuple[str, str], ...]) -> bool:
        if not say.as_json:
            for line in (
                *news_lines(plan.news),
                *(f"ignored: column {column} of {file}" for file, column in ignored),
                f"already in the record: {plan.known_rows}",
            ):
                say.note(line)
        if not plan.entries or yes:
            return bool(plan.entries)
        return not say.as_json and say.terminal and click.confirm("Take this in?", err=True)

    moment = parse_moment(now, where="--now") if now else None
    found = import_files(folder, files, confirm, now=moment, progress=say.progress)
    data = {
        "news": [{"change": n.change, "kind": n.kind, "name": n.name, "count": n.count} for n in found.plan.news],
        "ignored": [{"file": file, "column": column} for file, column in found.ignored],
        "already_known": found.plan.known_rows,
        "taken_in": found.result is not None,
    }
    if found.result is not None:
        say.result({**result_data(found.result), **data}, list(count_lines(found.result)))
        return 0
    if found.plan.entries:
        say.result(data, ["nothing was taken in; --yes takes it in"])
        return REFUSED
    say.result(data, ["nothing new"])
    return 0
