"""`counterfoil verify`: exit code 0 if everything follows, 1 if something does not, 2 if it can't be read."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from counterfoil.cli.output import DOES_NOT_HOLD, Output, with_output
from counterfoil.cli.web import WebReader, is_address
from counterfoil.primitives.errors import InputError
from counterfoil.record.reader import FolderReader, PathReader
from counterfoil.verify import Report, verify_folder


@click.command()
@click.argument("place", metavar="FOLDER|URL")
@click.option("--key", metavar="VKEY", help="The record's verifier key, from elsewhere than the publication.")
@click.option(
    "--seen",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A checkpoint that you kept, or got from another mirror: the publication must extend it.",
)
@click.option("--pages", is_flag=True, help="Render every page again, too.")
@with_output
def verify(place: str, key: str | None, seen: Path | None, pages: bool, say: Output) -> int:
    """Check that a publication follows from its record: signatures, tree, files, and every figure computed again.

    Exit code 0: everything follows. 1: something does not; the first thing is named. 2: it can't be read. Without --key
    the key is taken from the publication itself, which proves integrity, not origin.
    """
    report = verify_folder(
        _reader(place), key=key, seen=seen.read_bytes() if seen else None, pages=pages, progress=say.progress
    )
    say.result({"place": place, "holds": report.holds, **asdict(report)}, _lines(report))
    return 0 if report.holds else DOES_NOT_HOLD


def _reader(place: str) -> PathReader:
    if is_address(place):
        return WebReader(place)
    folder = Path(place)
    if not folder.is_dir():
        raise InputError(place, expected="a folder or an address (http:// or https://)", found="neither")
    return FolderReader(folder)


def _lines(report: Report) -> list[str]:
    lines = [f"{'holds        ' if c.ok else 'DOES NOT HOLD'}  {c.name}: {c.sentence}" for c in report.checks]
    lines += [f"not checked    {sentence}" for sentence in report.not_checked]
    lines += ["", f"record {report.origin}: {report.size} entries, root {report.root or 'unknown'}"]
    failure = report.first_failure
    if failure is not None:
        return [*lines, f"This publication does not follow from its record. First: {failure.name}: {failure.sentence}"]
    if not report.key_given:
        return [*lines, "Everything follows. The key was taken from the folder: this proves integrity, not origin."]
    return [*lines, "Everything follows from the record, signed by the key that you gave."]
