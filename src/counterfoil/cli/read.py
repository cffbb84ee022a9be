"""`counterfoil read`: photos to figures, each with how sure of it."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from counterfoil.cli.options import ANYWHERE
from counterfoil.cli.output import Output, with_output
from counterfoil.election.templates import FormTemplate, read_template
from counterfoil.primitives.errors import InputError
from counterfoil.reading.confidence import Calibration
from counterfoil.reading.given import Outlines, read_outlines

TEMPLATES = (".yaml", ".yml", ".zip")
PLACES = (Path(), Path("forms"), Path("templates"), Path("tests/forms"))
"""Where a template is looked for by its name."""
PHOTOS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")


@click.command()
@click.argument("photos", metavar="PHOTO...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--overlay", type=ANYWHERE, help="Write the photo with what was read drawn over it; of several, a folder."
)
@click.option(
    "--template",
    "templates",
    metavar="FILE_OR_NAME",
    multiple=True,
    help="A form template: YAML, ZIP, a folder of them, or a name such as ke34a. Of several the photo may show any.",
)
@click.option(
    "--fields",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A labels file with the outlines of the fields, instead of a template; needs --id.",
)
@click.option("--id", "form_id", metavar="ID", help="The form in the labels file.")
@click.option(
    "--calibration",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of `counterfoil reader fit` [default: as shipped].",
)
@click.option("--workers", type=click.IntRange(1, 256), help="Processes, each on one core [default: one per core].")
@with_output
def read(
    photos: tuple[Path, ...],
    overlay: Path | None,
    templates: tuple[str, ...],
    fields: Path | None,
    form_id: str | None,
    calibration: Path | None,
    workers: int | None,
    say: Output,
) -> None:
    """Read the figures in photos of protocols; PHOTO may be a folder.

    Each figure comes with a probability and an outcome: accept, suggest, or people where the reader is not sure. A
    photo that is not the template's page is refused, with the reason and without figures. With --json one object a line
    for each photo, in the order given.
    """
    if (fields is None) != (form_id is None) or (fields is None) == (not templates):
        raise InputError(
            "counterfoil read",
            expected="--template, or --fields with --id",
            found="both" if templates and fields else "neither",
            do="make a template in the browser, or see docs/form-templates.md",
            code="no-template",
        )
    # everything that can be wrong is read here: an error does not get out of a worker in one piece
    known = calibration.read_bytes() if calibration else None
    if known is not None:
        Calibration.from_bytes(known)
    job = _Job(
        tuple(read_template(path) for name in templates for path in _templates(name)),
        None if fields is None else read_outlines(fields, form_id or ""),
        known,
    )
    files = list(_files(photos))
    several = len(files) > 1
    for number, (file, (found, drawn)) in enumerate(
        zip(files, _run(job, files, overlay is not None, workers), strict=True)
    ):
        if overlay is not None and drawn is not None:
            _write(overlay / f"{file.stem}.jpg" if several else overlay, drawn)
        say.clear()
        if say.as_json:
            click.echo(json.dumps({"photo": str(file), **found} if several else found, ensure_ascii=False))
        else:
            click.echo("\n".join(_lines(file, found)))
        say.progress("read", number + 1, len(files))
    say.clear()


@dataclass(frozen=True, slots=True)
class _Job:
    """What every worker needs to make its own reader; all of it can be sent to a process."""

    templates: tuple[FormTemplate, ...]
    given: Outlines | None
    calibration: bytes | None


class _Worker:
    """One process's reader, made once."""

    def __init__(self, job: _Job) -> None:
        from counterfoil.reading.reader import Reader  # noqa: PLC0415 heavy libraries load only where they are used

        self._given = job.given
        self._reader = Reader(job.templates, calibration=job.calibration)

    def read(self, file: Path, draw: bool) -> tuple[dict[str, Any], bytes | None]:
        """The reading as JSON, and the overlay as JPEG where it is asked for."""
        from counterfoil.reading.overlay import overlay_jpeg  # noqa: PLC0415

        photo = file.read_bytes()
        reading = self._reader.read(photo) if self._given is None else self._reader.read_given(photo, self._given)
        seen = reading.accepted or not str(reading.code).startswith("picture-")  # else there is nothing to draw on
        return reading.to_dict(), overlay_jpeg(photo, reading) if draw and seen else None


_workers: list[_Worker] = []
"""Of this process: one, once it is made."""


def _start(job: _Job) -> None:
    _workers.append(_Worker(job))


def _read_one(file: Path, draw: bool) -> tuple[dict[str, Any], bytes | None]:
    return _workers[0].read(file, draw)


def _run(
    job: _Job, files: list[Path], draw: bool, workers: int | None
) -> Iterator[tuple[dict[str, Any], bytes | None]]:
    """Readings in the order of `files`; a single photo is read in this process."""
    count = min(workers or len(os.sched_getaffinity(0)), len(files))
    if count <= 1:
        worker = _Worker(job)
        yield from (worker.read(file, draw) for file in files)
        return
    # a fresh interpreter each: the networks' library must not be copied while it runs
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_start, initargs=(job,)) as pool:
        yield from pool.map(_read_one, files, [draw] * len(files))


def _templates(name: str) -> list[Path]:
    """The files that --template names: a file, a folder of templates, or a name in one of `PLACES`."""
    given = Path(name)
    if given.is_file():
        return [given]
    if given.is_dir():
        inside = sorted(p for p in given.iterdir() if p.suffix.lower() in TEMPLATES)
        if inside:
            return inside
    for place in PLACES:
        for ending in TEMPLATES:
            for file in (place / f"{name}{ending}", place / f"{name}.template{ending}"):
                if file.is_file():
                    return [file]
    places = ", ".join(str(place) for place in PLACES)
    raise InputError(
        "--template", expected=f"a file, or a name of a template in {places}", found=repr(name), code="no-template"
    )


def _files(photos: Iterable[Path]) -> Iterator[Path]:
    for path in photos:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in PHOTOS and p.is_file())
        if not inside:
            raise InputError(str(path), expected=f"photos ({', '.join(PHOTOS)})", found="none", code="no-photos")
        yield from inside


def _write(path: Path, drawn: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(drawn)


def _lines(file: Path, found: dict[str, Any]) -> Iterator[str]:
    page = found["page"]
    if not page["accepted"]:
        yield f"{file}: not read: {page['reason']}"
        return
    yield f"{file}: {page['template']}, {found['seconds']:.2f} s"
    for code in found["codes"]:
        yield f"  code {code['kind']}: {code['payload']}"
    for name, field in found["fields"].items():
        figure = field["value"] if field["state"] == "number" else field["state"]
        seen = f"  seen: {field['raw']}" if str(figure) != field["raw"].lstrip("0") else ""
        yield f"  {name:<20} {figure!s:>8}  {_rounded_down(field['p']):>7}  {field['outcome']}{seen}"
    for rule in found["broken_rules"]:
        parts = " + ".join(rule["parts"])
        yield f"  does not add up: {parts} = {rule['sum']}, but {rule['total']} is {rule['written']}"


def _rounded_down(p: float) -> str:
    """Per cent with two decimals; what is not certain is never shown as certain."""
    hundredths = int(p * 10_000)
    return f"{hundredths // 100}.{hundredths % 100:02d}%"
