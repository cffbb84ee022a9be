"""`counterfoil template`: form templates as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from counterfoil.cli.output import Output, with_output
from counterfoil.election.template_format import FormTemplate
from counterfoil.election.templates import (
    picture_of,
    read_template,
    template_plain,
    write_template_yaml,
    write_template_zip,
)
from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.errors import InputError

FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group()
def template() -> None:
    """Check form templates, and pack them into one file. docs/form-templates.md says what stands in them."""


@template.command()
@FILE
@with_output
def check(file: Path, say: Output) -> None:
    """Read FILE (YAML or ZIP) with its pictures, and say what is in it."""
    found = read_template(file)
    say.result(_summary(found), _lines(found))


@template.command()
@FILE
@click.argument("target", type=click.Path(path_type=Path))
@with_output
def pack(file: Path, target: Path, say: Output) -> None:
    """Write the template FILE and its pictures to TARGET, one ZIP. The same template gives the same bytes."""
    data = write_template_zip(read_template(file))
    _new(target).write_bytes(data)
    digest = sha256_hex(data)
    say.result({"file": str(target), "sha256": digest, "bytes": len(data)}, [f"{digest}  {target}"])


@template.command()
@FILE
@click.argument("folder", type=click.Path(path_type=Path))
@with_output
def unpack(file: Path, folder: Path, say: Output) -> None:
    """Write the YAML and the pictures of the template FILE into the new FOLDER, to be edited there."""
    found = read_template(file)
    plain = template_plain(found)
    _new(folder).mkdir(parents=True)
    written = ["template.yaml"]
    (folder / "template.yaml").write_bytes(write_template_yaml(plain))
    for page, given in zip(found.pages, plain["pages"], strict=True):
        (folder / given["picture"]["file"]).write_bytes(picture_of(page))
        written.append(given["picture"]["file"])
    say.result({"folder": str(folder), "files": written}, [str(folder / name) for name in written])


def _new(path: Path) -> Path:
    if path.exists():
        raise InputError(str(path), expected="a new name", found="something of that name", code="exists")
    return path


def _summary(found: FormTemplate) -> dict[str, Any]:
    return {
        "name": found.name,
        "version": found.version,
        "fields": [one.id for one in found.fields],
        "pages": [
            {
                "page": page.number,
                "variant": page.variant,
                "width": page.width,
                "height": page.height,
                "filled": page.picture.filled,
                "fields": len(page.fields),
                "codes": [code.kind for code in page.codes],
                "masks": len(page.masks),
            }
            for page in found.pages
        ],
        "checks": [one.id for one in found.checks],
        "sums": len(found.sums),
    }


def _lines(found: FormTemplate) -> list[str]:
    lines = [f"{found.name}, version {found.version}: {len(found.fields)} fields, {len(found.checks)} checks"]
    for page in found.pages:
        filled = ", filled" if page.picture.filled else ""
        lines.append(
            f"  page {page.name}: {page.width} x {page.height} pixels{filled}, {len(page.fields)} fields, "
            f"{len(page.codes)} codes, {len(page.masks)} masks"
        )
        if page.picture.filled:
            lines.append("    its picture is of a filled sheet: it is never published, and is no blank form")
        if not page.masks:
            lines.append("    no masks: before a release somebody draws them on each copy")
    return lines
