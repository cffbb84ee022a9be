"""`counterfoil forensics` and `counterfoil forensics calibrate`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from counterfoil.cli.options import ANYWHERE
from counterfoil.cli.output import Output, with_output
from counterfoil.election.table_files import FileOptions
from counterfoil.forensics.levels import FAMILY
from counterfoil.primitives.errors import InputError
from counterfoil.publish.pages.forensics import standalone
from counterfoil.workflow.forensics import (
    ForensicsResult,
    archive_columns,
    forensics_of_folder,
    forensics_of_table,
    read_mapping,
)


class _TestsOrCalibrate(click.Group):
    """A group whose first word, where it is no subcommand, is the table or folder to test."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["test", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_TestsOrCalibrate)
def forensics() -> None:
    """Run the published tests on station-level results: `counterfoil forensics TABLE|FOLDER [OPTIONS]`.

    How often each test stands out in clean elections: `counterfoil forensics calibrate`. Options for a table or folder:
    `counterfoil forensics test --help`.
    """


@forensics.command("test")
@click.argument("source", metavar="TABLE|FOLDER", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--columns",
    "mapping",
    multiple=True,
    metavar="KEY=COLUMN,...",
    help="Of a table: registered, given, cast, leader, others, area. COLUMN may hold * and |; what matches is added "
    "up.",
)
@click.option("--recipe", metavar="NAME", help="A known mapping instead of --columns: russia-2018, russia-2021, ...")
@click.option("--encoding", default="utf-8", show_default=True, help="Of a CSV table.")
@click.option("--delimiter", default=",", show_default=True, help="Of a CSV table.")
@click.option("--contest", help="Of a folder with several contests.")
@click.option("--option", help="Of a folder: the option tested [default: the leader of the count].")
@click.option("--no-areas", is_flag=True, help="Leave out the tests area by area.")
@click.option("--html", type=ANYWHERE, help="Write one self-contained page to this file.")
@with_output
def test(
    source: Path,
    mapping: tuple[str, ...],
    recipe: str | None,
    encoding: str,
    delimiter: str,
    contest: str | None,
    option: str | None,
    no_areas: bool,
    html: Path | None,
    say: Output,
) -> None:
    """Run every test that the columns of TABLE, or the confirmed counts in FOLDER, allow.

    All p-values are adjusted together, so that a clean election shows any figure that stands out with a probability of
    at most 1 %. Nothing here is a verdict: every test names what innocent thing gives the same picture.
    """
    if source.is_dir() and not mapping and recipe is None:
        result = forensics_of_folder(
            source, contest=contest, option=option, by_area=not no_areas, progress=say.progress
        )
    else:
        result = forensics_of_table(
            _only_table(source),
            _columns(mapping, recipe),
            options=FileOptions(encoding, delimiter),
            by_area=not no_areas,
            progress=say.progress,
        )
    if html is not None:
        say.progress("page")
        html.write_bytes(standalone(result.battery, result.title))
    say.result(_data(result, html), list(_lines(result, html)))


def _columns(mapping: tuple[str, ...], recipe: str | None) -> dict[str, str]:
    if recipe is None:
        if not mapping:
            raise InputError(
                "forensics",
                expected="--columns registered=...,cast=...,leader=... or --recipe for a table",
                found="neither",
                code="no-columns",
            )
        return read_mapping(mapping)
    known = archive_columns(recipe)
    if known is None:
        raise InputError(
            "--recipe",
            expected="russia-YEAR",
            found=recipe,
            do=f"for other data sets make a folder with `counterfoil recipe {recipe}`, count it, and name the folder",
            code="unknown-recipe",
        )
    return read_mapping(mapping, known)


def _only_table(source: Path) -> Path:
    """The table itself, or the only one in a folder of a data set."""
    if source.is_file():
        return source
    tables = sorted(p for p in source.iterdir() if p.suffix.lower() in (".csv", ".zip", ".parquet", ".xlsx", ".ods"))
    if len(tables) != 1:
        raise InputError(
            str(source),
            expected="one table in the folder",
            found=", ".join(p.name for p in tables) or "none",
            do="name the table",
            code="which-table",
        )
    return tables[0]


def _data(result: ForensicsResult, html: Path | None) -> dict[str, Any]:
    return {
        "title": result.title,
        "rows": result.rows,
        "rows_left_out": result.left_out,
        "mapped": {key: list(columns) for key, columns in result.mapped.items()},
        **result.battery.to_dict(),
        "html": str(html) if html else None,
    }


def _lines(result: ForensicsResult, html: Path | None) -> Iterator[str]:
    found = result.battery
    yield f"{result.title}: {found.stations.size} stations, option tested: {found.stations.leader_name}"
    if result.left_out:
        yield f"left out: {result.left_out} of {result.rows} rows that lack a figure"
    if found.stations.given_is_cast:
        yield "ballots handed out are not known: turnout is by ballots cast"
    yield ""
    for outcome in found.outcomes:
        yield outcome.summary()
        for kind, answer in outcome.placebos.items():
            if outcome.adjusted_p is not None:
                yield f"  placebo, {kind}: {_figure(answer.p, answer.z) if answer.result else answer.refusal}"
        yield ""
    marked = [a for a in found.areas if a.stands_out]
    if found.areas:
        yield (
            f"areas: {len(found.stations.area_names)}; figures that stand out at the family-wise level of {FAMILY:.0%} "
            f"over {found.family} figures: {len(marked)}"
        )
        for a in marked:
            yield f"  {a.area}, {a.test}: {_figure(a.answer.p, a.answer.z)}, adjusted p {a.adjusted_p:.2g}"
    if html is not None:
        yield f"written: {html}"


def _figure(p: float | None, z: float | None) -> str:
    parts = [f"{name} {value:.2g}" for name, value in (("p", p), ("z", z)) if value is not None]
    return ", ".join(parts)
