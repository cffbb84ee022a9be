"""`counterfoil forensics`, `counterfoil forensics audit` and `counterfoil forensics calibrate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from counterfoil.cli.options import ANYWHERE
from counterfoil.cli.output import Output, with_output
from counterfoil.election.table_files import FileOptions
from counterfoil.forensics.calibrate import calibrate as run_calibrate
from counterfoil.forensics.calibrate import lines as calibration_lines
from counterfoil.forensics.levels import FAMILY
from counterfoil.primitives.errors import InputError
from counterfoil.publish.pages.forensics import standalone
from counterfoil.workflow.forensics import (
    ForensicsResult,
    Source,
    archive_columns,
    folder_source,
    read_mapping,
    simulated_source,
    table_source,
)
from counterfoil.workflow.forensics import forensics as run_forensics
from counterfoil.workflow.forensics_audit import audit as run_audit

SOURCE = click.Path(exists=True, path_type=Path)


def _source_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """How a table or folder is to be read."""
    for add in reversed(
        (
            click.option(
                "--columns",
                "mapping",
                multiple=True,
                metavar="KEY=COLUMN,...",
                help="Of a table: registered, given, cast, leader, others, area, commission, machine, late (both 0 or "
                "1); of an earlier election at the same stations: previous, previous_registered, previous_cast. COLUMN "
                "may hold * and |; what matches is added up, but for others and previous, where each is an option.",
            ),
            click.option(
                "--recipe", metavar="NAME", help="A known mapping instead of --columns: russia-2018, russia-2021, ..."
            ),
            click.option("--encoding", default="utf-8", show_default=True, help="Of a CSV table."),
            click.option("--delimiter", default=",", show_default=True, help="Of a CSV table."),
            click.option("--contest", help="Of a folder with several contests."),
            click.option("--option", help="Of a folder: the option tested [default: the leader of the count]."),
        )
    ):
        function = add(function)
    return function


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
@click.argument("source", metavar="TABLE|FOLDER", type=SOURCE)
@_source_options
@click.option("--no-areas", is_flag=True, help="Leave out the tests area by area.")
@click.option("--html", type=ANYWHERE, help="Write one self-contained page to this file.")
@click.option(
    "--mixture",
    "mixture_stations",
    type=click.IntRange(min=50),
    metavar="STATIONS",
    help="Also fit the finite mixture, on a random sample of so many stations (1,000 take minutes).",
)
@click.option(
    "--published",
    is_flag=True,
    help="Also repeat the published seeded recipe for integer percentages, to the last bit (seconds to a minute).",
)
@with_output
def test(
    source: Path,
    no_areas: bool,
    html: Path | None,
    mixture_stations: int | None,
    published: bool,
    say: Output,
    **how: Any,
) -> None:
    """Run every test that the columns of TABLE, or the confirmed counts in FOLDER, allow.

    All p-values are adjusted together, so that a clean election shows any figure that stands out with a probability of
    at most 1 %. Nothing here is a verdict: every test names what innocent thing gives the same picture.
    """
    result = run_forensics(
        _source(source, say, **how),
        by_area=not no_areas,
        mixture_stations=mixture_stations,
        published=published,
        progress=say.progress,
    )
    if html is not None:
        say.progress("page")
        html.write_bytes(standalone(result.battery, result.source.title))
    say.result(_data(result, html), list(_lines(result, html)))


@forensics.command("calibrate")
@click.argument("source", metavar="[TABLE|FOLDER]", required=False, type=SOURCE)
@_source_options
@click.option("--replicates", default=400, show_default=True, help="Clean elections of each kind.")
@click.option(
    "--power-replicates", type=int, help="Elections of each anomaly and size [default: a tenth of --replicates]."
)
@click.option(
    "--thorough-replicates", default=0, show_default=True, help="Clean elections of each kind for the slow tests."
)
@click.option("--workers", type=int, help="Processes on this machine [default: one per core].")
@click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler instead, such as tcp://10.0.0.5:8786.")
@click.option("--sample", type=int, help="Take a random sample of so many stations first.")
@click.option("--seed", default=1, show_default=True, help="Decides everything that is drawn.")
@with_output
def calibrate(
    source: Path | None,
    replicates: int,
    power_replicates: int | None,
    thorough_replicates: int,
    workers: int | None,
    scheduler: str | None,
    sample: int | None,
    seed: int,
    say: Output,
    **how: Any,
) -> None:
    """Measure how often each test stands out in clean elections, and where something was planted.

    Elections are simulated on the stations of TABLE or FOLDER; without one on a made-up country. Prints false-alarm
    rates with their intervals, power by size of what was planted, and the range of every description.
    """
    given = simulated_source(seed) if source is None else _source(source, say, **how)
    if sample is not None:
        given = given.sampled(sample, seed)
    found = run_calibrate(
        given.stations,
        replicates=replicates,
        power_replicates=power_replicates,
        thorough_replicates=thorough_replicates,
        seed=seed,
        workers=workers,
        scheduler=scheduler,
        progress=say.progress,
    )
    say.result({"title": given.title, **found.to_dict()}, [given.title, *calibration_lines(found)])


@forensics.command("audit")
@click.argument("source", metavar="TABLE|FOLDER", type=SOURCE)
@_source_options
@click.option("--seed", required=True, help="Chosen in public after the table was fixed; decides what is drawn.")
@click.option("--draws", type=click.IntRange(min=0), help="How many to list [default: as many as are expected].")
@click.option(
    "--recounted",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Recounts so far: a table with a column station and one for each option.",
)
@click.option("--outside", type=click.IntRange(min=0), help="Ballots in no row of the table, at most.")
@click.option("--risk-limit", type=float, default=0.05, show_default=True)
@with_output
def audit(
    source: Path,
    seed: str,
    draws: int | None,
    recounted: Path | None,
    outside: int | None,
    risk_limit: float,
    say: Output,
    **how: Any,
) -> None:
    """Draw stations to count again by hand, and say what the hand counts so far show (MACRO).

    Everybody gets the same stations from the same table and seed. The risk is the largest chance that the recounts
    would look so good if another option had won.
    """
    made = run_audit(
        _source(source, say, **how),
        seed=seed,
        draws=draws,
        recounted=recounted,
        outside=outside,
        risk_limit=risk_limit,
    )
    lines = [made.result.summary(), ""]
    lines += [
        f"draw {d.draw}: station {d.station}{f' ({d.area})' if d.area else ''}, {d.ballots} ballots, "
        + ", ".join(f"{name} {count}" for name, count in d.votes.items())
        for d in made.next
    ]
    say.result({"seed": seed, **made.result.to_dict(), "next": [asdict(d) for d in made.next]}, lines)


def _source(
    source: Path,
    say: Output,
    *,
    mapping: tuple[str, ...],
    recipe: str | None,
    encoding: str,
    delimiter: str,
    contest: str | None,
    option: str | None,
) -> Source:
    if source.is_dir() and not mapping and recipe is None:
        return folder_source(source, contest=contest, option=option, progress=say.progress)
    return table_source(
        _only_table(source),
        _columns(mapping, recipe),
        options=FileOptions(encoding, delimiter),
        progress=say.progress,
    )


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
        "title": result.source.title,
        "rows": result.source.rows,
        "rows_left_out": result.source.left_out,
        "mapped": {key: list(columns) for key, columns in result.source.mapped.items()},
        **result.battery.to_dict(),
        "beside": {
            name: {
                "refusal": answer.refusal,
                "refusal_code": answer.refusal_code,
                "summary": answer.result.summary() if answer.result else None,
                "result": answer.result.to_dict() if answer.result else None,
            }
            for name, answer in result.beside.items()
        },
        "html": str(html) if html else None,
    }


def _lines(result: ForensicsResult, html: Path | None) -> Iterator[str]:
    found = result.battery
    yield f"{result.source.title}: {found.stations.size} stations, option tested: {found.stations.leader_name}"
    if result.source.left_out:
        yield f"left out: {result.source.left_out} of {result.source.rows} rows that lack a figure"
    if found.stations.given_is_cast:
        yield "ballots handed out are not known: turnout is by ballots cast"
    yield ""
    for outcome in found.outcomes:
        yield outcome.summary()
        for kind, answer in outcome.placebos.items():
            if outcome.adjusted_p is not None:
                yield f"  placebo, {kind}: {_figure(answer.p, answer.z) if answer.result else answer.refusal}"
        yield ""
    for answer in result.beside.values():
        yield answer.result.summary() if answer.result else f"no answer. {answer.refusal}"
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
