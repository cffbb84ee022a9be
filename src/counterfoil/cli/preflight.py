"""`counterfoil preflight`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from counterfoil.bootstrap.setup import setup_django
from counterfoil.cli.options import FOLDER
from counterfoil.cli.output import DOES_NOT_HOLD, Output, with_output
from counterfoil.config.settings import Settings, load_settings
from counterfoil.election.folder import load_folder
from counterfoil.simulate.blank import Printed
from counterfoil.simulate.drawing import draw_protocol, paper_form
from counterfoil.storage.tried import bucket_check, database_check
from counterfoil.workflow.preflight import Check, machine_checks, scratch_of

_WIDTHS = (3000, 2000, 900)
"""Of drawn photos; the first has twelve megapixels, as of a telephone."""
_SCRATCH = {
    "COUNTERFOIL_DATABASE": "",
    "COUNTERFOIL_OBJECTS": "",
    "COUNTERFOIL_SITE_OBJECTS": "",
    "COUNTERFOIL_REHEARSAL": "true",
}
_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".heic")


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--photos", type=FOLDER, help="Folder of photos to send, best of the real form [default: drawn ones].")
@click.option("--count", default=200, show_default=True, help="How many photos to send.")
@with_output
def preflight(folder: Path, photos: Path | None, count: int, say: Output) -> int:
    """Try this machine before the polls close: disk, clock, keys, and photos through the real pipeline.

    Photos go to a scratch server on the same disk, which is deleted again. A PostgreSQL and buckets,
    where they are set, are tried with a row and an object.
    """
    given = load_folder(folder)
    stations = next((table.rows for table in given.tables if table.kind == "stations"), 0)
    settings = load_settings(folder)
    found = [*machine_checks(folder, stations), *_outside(settings)]
    samples = _samples(photos)
    with scratch_of(folder) as scratch:
        setup_django(scratch, {**_SCRATCH, "COUNTERFOIL_SANDBOXES": str(settings.sandboxes)})
        from counterfoil.bootstrap.preflight import pipeline_checks  # noqa: PLC0415 - models, after Django is ready

        found += pipeline_checks(samples, count, say.progress)
    say.result({"checks": [asdict(one) for one in found], "holds": all(one.holds for one in found)}, _lines(found))
    return 0 if all(one.holds for one in found) else DOES_NOT_HOLD


def _outside(settings: Settings) -> Iterator[Check]:
    """What lies on other machines."""
    if settings.database:
        yield database_check(settings.database, settings.keys / "database.password")
    if settings.objects:
        yield bucket_check("bucket", "Bucket of private pictures", settings.objects, settings.keys, "objects")
    if settings.site_objects:
        yield bucket_check("site-bucket", "Bucket of the site", settings.site_objects, settings.keys, "site")


def _samples(folder: Path | None) -> list[tuple[str, bytes]]:
    if folder is None:
        figures = {"registered": "1204", "ballots": "812", "ada": "412", "bob": "377"}
        form = paper_form("Preflight", [Printed(name, name.capitalize()) for name in figures])
        return [(f"{w} pixels", draw_protocol(form, figures, seed=w, width=w)) for w in _WIDTHS]
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS)
    if not files:
        raise click.UsageError(f"{folder}: expected photos ({', '.join(_ENDINGS)}), found none.")
    return [(path.name, path.read_bytes()) for path in files]


def _lines(found: list[Check]) -> list[str]:
    wide = max(len(one.title) for one in found)
    lines = []
    for one in found:
        lines.append(f"{'ok  ' if one.holds else 'MEND'}  {one.title:<{wide}}  {one.found}")
        if not one.holds:
            lines.append(f"      {'':<{wide}}  -> {one.mend}")
    return lines
