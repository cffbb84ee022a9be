"""Keeping the standing of readers: each reading is judged by what its copy settled to; a standing is the sum.

Rules:

* Judged again whenever the copy's work is made again, so that a decision, a withdrawal or a third reading changes it.
* A field of a reading counts once it is settled and at least as many persons as the rule asks for typed it.
* Answers to copies with known answers count the same, and are also counted for themselves.
* Everything here can be made again from entries and opinions (`storage.work.rebuild`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from counterfoil.primitives.cells import Cell
from counterfoil.storage.models import Account, Copy, Entry, Gold, Judged, Opinion, Standing
from counterfoil.workflow.standing import Tally, stage
from counterfoil.workflow.work import Work, cells_of

Marks = dict[str, list[bool]]


def judge(copy: Copy, found: Work, persons: int) -> None:
    """Judge every reading of a copy, and add up for their authors again."""
    readings = list(Entry.objects.filter(copy=copy.pk, type="reading", author__isnull=False).order_by("pk"))
    before = {j.pk: j for j in Judged.objects.filter(entry__in=readings)}
    standing = [r for r in readings if not r.withdrawn]
    typed = {r.pk: cells_of(r.body.get("values", {})) for r in standing}
    changed: set[Any] = set()
    for reading in readings:
        marks = _marks(reading.pk, typed, found.settled, persons) if reading.pk in typed else {}
        old = before.get(reading.pk)
        if (old.fields if old else {}) == marks:
            continue
        if marks:
            values = {"author_id": str(reading.author_id), "fields": marks}
            Judged.objects.update_or_create(entry=reading, defaults=values)
        elif old is not None:
            old.delete()
        changed.add(reading.author_id)
    add_up(changed)


def _marks(mine: Any, typed: Mapping[Any, Mapping[str, Cell]], settled: Mapping[str, Cell], persons: int) -> Marks:
    marks: Marks = {}
    for name, cell in typed[mine].items():
        others = [values[name] for key, values in typed.items() if key != mine and name in values]
        if name not in settled or len(others) + 1 < persons:
            continue
        right = cell == settled[name]
        marks[name] = [right, not right and cell in others]
    return marks


def add_up(accounts: Iterable[Any]) -> None:
    """The standing of these accounts, from their judged readings and known answers."""
    for account in Account.objects.filter(pk__in=set(accounts)):
        marks = list(Judged.objects.filter(author=account).values_list("fields", flat=True))
        gold = _gold_marks(account)
        by_field: dict[str, list[int]] = {}
        shared = 0
        for fields in (*marks, *gold):
            for name, (right, with_others) in fields.items():
                counts = by_field.setdefault(name, [0, 0])
                counts[0 if right else 1] += 1
                shared += with_others
        kept, _ = Standing.objects.select_for_update().get_or_create(account=account)
        kept.fields_right = sum(c[0] for c in by_field.values())
        kept.fields_wrong = sum(c[1] for c in by_field.values())
        kept.by_field, kept.shared_wrong = by_field, shared
        kept.gold_right = sum(m[0] for fields in gold for m in fields.values())
        kept.gold_wrong = sum(not m[0] for fields in gold for m in fields.values())
        kept.copies = len(marks) + len(gold)
        _set_stage(kept)


def _set_stage(kept: Standing) -> None:
    tally = Tally(kept.fields_right, kept.fields_wrong, kept.shared_wrong, kept.copies)
    kept.stage, reasons = stage(tally, kept.ordered)
    kept.reasons = [list(reason) for reason in reasons]
    kept.save()


def _gold_marks(account: Account) -> list[Marks]:
    found = []
    opinions = Opinion.objects.filter(author=account, kind="gold", withdrawn=False)
    known = {g.copy_id: cells_of(g.values) for g in Gold.objects.filter(copy__in=opinions.values("copy"))}
    for opinion in opinions:
        answers, typed = known.get(opinion.copy_id or "", {}), cells_of(opinion.body.get("values", {}))
        found.append({name: [typed.get(name) == cell, False] for name, cell in answers.items()})
    return found


def order(account: Account, to: str) -> None:
    """An organiser sets a stage ("" takes it back): it stands over the figures."""
    kept, _ = Standing.objects.get_or_create(account=account)
    kept.ordered = to
    _set_stage(kept)


def stage_of(account: Account) -> str:
    kept = Standing.objects.filter(account=account).first()
    return kept.stage if kept is not None else "new"
