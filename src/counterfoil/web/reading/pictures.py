"""The picture that belongs to a task: the whole photo, or for a third reading only the fields in dispute.

Rules:

* A third reader sees the fields that they are asked for and nothing else, wherever the machine knows where those lie.
  Then neither address of the task gives out the whole photo.
* Where it does not know, the whole photo is shown, as to a first reader.
"""

from __future__ import annotations

from counterfoil.bootstrap.server import server
from counterfoil.evidence.crop import as_jpeg, below_each_other, cut, is_field
from counterfoil.evidence.picture import decode
from counterfoil.storage import machine
from counterfoil.storage.models import Copy, Task
from counterfoil.workflow.outlines import Outline, fields


def outlines(task: Task) -> dict[str, Outline]:
    """Of a third reading whose fields can all be cut out: every field of the page, by its corners. Else nothing."""
    copy, election = task.copy, server().election
    if task.kind != "third" or copy is None or not copy.picture or not task.fields:
        return {}
    read = machine.fitting(copy, election)
    template = election.form(election.contest(copy.contest).form).template if read is not None else None
    if read is None or template is None:
        return {}
    found = fields(read, template)
    whole = all(name in found and is_field(found[name], copy.width, copy.height) for name in task.fields)
    return found if whole else {}


def of_task(task: Task, copy: Copy) -> bytes:
    """The JPEG of one of the task's copies: the photo, or the fields in dispute below each other."""
    known = outlines(task)
    if known:
        return _cut(copy, known, task.fields)
    return server().pictures.get(copy.picture)


def of_field(task: Task, name: str) -> bytes | None:
    """The JPEG of one field in dispute; None: there is no such cut."""
    known = outlines(task)
    if name not in task.fields or not known or task.copy is None:
        return None
    return _cut(task.copy, known, [name])


def _cut(copy: Copy, known: dict[str, Outline], names: list[str]) -> bytes:
    image = decode(server().pictures.get(copy.picture), sha256=copy.picture)
    cuts = [cut(image, known[name], [o for other, o in known.items() if other != name]) for name in names]
    return as_jpeg(cuts[0] if len(cuts) == 1 else below_each_other(cuts))
