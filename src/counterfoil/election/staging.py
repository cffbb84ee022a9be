"""Making the folder of an election whole or not at all, for recipes and imports.

The files are made beside the target, read back and checked like any folder, and only then moved in. A folder that was
not made by the same maker is never touched; nor are `record/` and `keys/` in it, since only files are moved.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from counterfoil.election.folder import DEFINITION_FILE
from counterfoil.primitives.errors import InputError


@contextmanager
def staged_folder(to: Path, maker: str) -> Iterator[Path]:
    """A new empty folder whose files move to `to` when the block ends well.

    Args:
        to: a new folder, an empty one, or one that the same maker made.
        maker: names the recipe or import, as in "the recipe belarus-2020".

    Raises:
        InputError: `to` holds something else.
    """
    _refuse_foreign(to, maker)
    parent = to.absolute().parent
    if not parent.is_dir():
        raise InputError(
            str(to), expected="a new folder in a folder that exists", found=f"no {parent.name}", code="no-folder"
        )
    with tempfile.TemporaryDirectory(dir=parent, prefix=f".{to.name}-") as work:
        staged = Path(work) / "folder"
        staged.mkdir(mode=0o755)
        yield staged
        to.mkdir(exist_ok=True)
        for path in sorted(staged.iterdir(), key=lambda p: p.name == DEFINITION_FILE):  # it names the others: last
            shutil.move(path, to / path.name)


def write_definition(staged: Path, maker: str, plain: Mapping[str, Any]) -> None:
    """Writes `election.yaml` so that people can read it and our reader gives the same plain data."""
    text = yaml.dump(
        dict(plain), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110, default_flow_style=None
    )
    (staged / DEFINITION_FILE).write_text(_mark(maker) + text, encoding="utf-8")


def _mark(maker: str) -> str:
    return f"# Made by {maker}. Edit a copy: running it again writes this file anew.\n"


def _refuse_foreign(to: Path, maker: str) -> None:
    definition = to / DEFINITION_FILE
    if to.exists() and not to.is_dir():
        raise InputError(str(to), expected="a new folder", found="a file", code="foreign-folder")
    if definition.exists():
        with definition.open(encoding="utf-8", errors="replace") as stream:
            ours = stream.readline() == _mark(maker)
        if not ours:
            raise InputError(
                str(definition),
                expected=f"a folder made by {maker}",
                found="another definition",
                do="choose a new folder",
                code="foreign-folder",
            )
    elif to.is_dir() and any(to.iterdir()):
        raise InputError(
            str(to),
            expected="a new or empty folder",
            found="other files",
            do="choose a new folder",
            code="foreign-folder",
        )


class _Dumper(yaml.SafeDumper):
    """Writes every value out: our reader allows few aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True
