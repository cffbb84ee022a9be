"""Drafts of form templates, and the way of one into the election's definition.

Rules:

* A draft's pictures lie in the private store under their SHA-256. Every picture that a page names was decoded in the
  jail once; a browser is shown the picture that came out of there (`Layout.shown`), never a stranger's bytes.
* Two who draw at once do not overwrite each other: whoever saves says what they began with.
* A template becomes a form's by a new definition, which goes the way of every import: preview, then a second person.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from counterfoil.election.definition import Election, Form, read_definition
from counterfoil.election.nodes import Locate
from counterfoil.election.template_drafts import Draft, draft_of
from counterfoil.election.template_format import FormTemplate, read_template_plain
from counterfoil.election.templates import picture_of, template_plain, with_pictures
from counterfoil.primitives.canonical import canonical, parse, sha256_hex
from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.storage import audit
from counterfoil.storage.means import Means
from counterfoil.storage.models import Account, Layout, Proposal

MOST_LAYOUTS = 200

Show = Callable[[bytes], bytes]
"""A picture as somebody brought it -> the picture of ours that a browser may be shown. Raises what the jail raises."""


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A picture for a page. `shown` is of ours, `data` what the reader gets; for photos they are the same."""

    data: bytes
    shown: bytes
    width: int
    height: int
    filled: bool
    codes: tuple[Mapping[str, Any], ...] = ()
    """Found in it, as a template has them."""


def template_of(layout: Layout) -> FormTemplate:
    """The draft as a template, without its pictures' bytes."""
    return read_template_plain(layout.plain, draft=True)


def complete(layout: Layout, means: Means) -> FormTemplate:
    """The draft with its pictures."""
    return with_pictures(template_of(layout), means.pictures.get)


def mark_of(layout: Layout) -> str:
    """Changes with every change of the draft."""
    return sha256_hex(canonical(layout.plain))


def begin(form: Form, election: Election, show: Show, by: Account, means: Means) -> Layout:
    """A draft with a form's fields and checks; with its template's pages, where it has one."""
    if form.template is not None:
        plain = {**template_plain(form.template), "version": form.template.version + 1}
        return take(with_pictures(read_template_plain(plain), means.pictures.get), show, by, means)
    return _made(draft_of(form.id, form.title, election.languages, form.fields, form.checks), {}, by, means)


def take(template: FormTemplate, show: Show, by: Account, means: Means) -> Layout:
    """A draft of a template that somebody brought, with its pictures.

    Raises:
        FileRefused: a picture is none; nothing was kept.
    """
    pictures = {page.picture.sha256: picture_of(page) for page in template.pages}
    shown = {sha256: show(data) for sha256, data in pictures.items()}
    for data in pictures.values():
        means.pictures.put(data)
    return _made(
        template_plain(template),
        {sha256: means.pictures.put(data)["sha256"] for sha256, data in shown.items()},
        by,
        means,
    )


def _made(plain: Draft, shown: Mapping[str, str], by: Account, means: Means) -> Layout:
    if Layout.objects.count() >= MOST_LAYOUTS:
        raise Refusal(f"expected fewer than {MOST_LAYOUTS} layouts, found as many; delete some", code="too-many")
    with transaction.atomic():
        made = Layout.objects.create(plain=plain, shown=dict(shown), author=by, changed=means.slot)
        audit.note(by, "layout", str(made.pk), {"name": plain["name"]}, now=means.now)
    return made


def save(layout: Layout, plain: Any, locate: Locate, mark: str, by: Account, means: Means) -> Layout:
    """The draft as somebody changed it.

    Args:
        mark: `mark_of` the draft they began with.

    Raises:
        InputError: no template, not even an unfinished one; or a picture that this draft has not.
        Refusal: somebody else saved it meanwhile.
    """
    found = read_template_plain(plain, locate, draft=True)
    with transaction.atomic():
        locked = Layout.objects.select_for_update().get(pk=layout.pk)
        if mark_of(locked) != mark:
            raise Refusal(
                "expected the layout as you opened it, found that somebody saved it since; open it again",
                code="changed",
            )
        sizes = {p.picture.sha256: (p.picture.width, p.picture.height) for p in template_of(locked).pages}
        for at, page in enumerate(found.pages):
            if sizes.get(page.picture.sha256) != (page.picture.width, page.picture.height):
                raise InputError(
                    locate(("pages", at, "picture")),
                    expected="a picture that was added to this layout",
                    found=page.picture.sha256[:16],
                    do="add it as a page first",
                    code="no-picture",
                )
        locked.plain, locked.author, locked.changed = template_plain(found), by, means.slot
        locked.save(update_fields=["plain", "author", "changed"])
    return locked


def add_page(layout: Layout, number: int, variant: str, given: PagePicture, by: Account, means: Means) -> Layout:
    """A page with this picture. Where there is one of this number and variant, it gets the picture and loses its
    places: they were those of another picture."""
    data, shown = means.pictures.put(given.data)["sha256"], means.pictures.put(given.shown)["sha256"]
    ending = "png" if given.data[:4] == b"\x89PNG" else "jpg"
    name = f"{number}-{variant}" if variant else str(number)
    picture: dict[str, Any] = {"file": f"page-{name}.{ending}", "sha256": data}
    picture |= {"width": given.width, "height": given.height, **({"filled": True} if given.filled else {})}
    page: dict[str, Any] = {"page": number, **({"variant": variant} if variant else {}), "picture": picture}
    if given.codes:
        page["codes"] = [dict(code) for code in given.codes]
    with transaction.atomic():
        locked = Layout.objects.select_for_update().get(pk=layout.pk)
        kept = [
            p for p in locked.plain.get("pages", []) if (p.get("page", 1), p.get("variant", "")) != (number, variant)
        ]
        pages = sorted([*kept, page], key=lambda one: (one.get("page", 1), one.get("variant", "")))
        found = read_template_plain({**locked.plain, "pages": pages}, draft=True)
        locked.plain, locked.author, locked.changed = template_plain(found), by, means.slot
        locked.shown = {**locked.shown, data: shown}
        locked.save(update_fields=["plain", "shown", "author", "changed"])
    return locked


def drop(layout: Layout, by: Account, means: Means) -> None:
    """Delete a draft, and its pictures where nothing else needs them."""
    with transaction.atomic():
        gone = {*layout.shown, *layout.shown.values()}
        pk = str(layout.pk)
        layout.delete()
        needed: set[str] = set()
        for other in Layout.objects.all():
            needed |= {*other.shown, *other.shown.values()}
        for election in _elections(means):
            needed |= {p.picture.sha256 for form in election.forms if form.template for p in form.template.pages}
        audit.note(by, "layout_deleted", pk, now=means.now)
    for sha256 in sorted(gone - needed):
        means.pictures.delete(sha256)


def _elections(means: Means) -> list[Election]:
    """The definition that stands, and those that wait for a second person."""
    found = [means.state().election]
    for row in Proposal.objects.filter(action="import_tables", state__in=("draft", "open")):
        body = row.payload["body"]
        if body.get("type") == "election":
            found.append(read_definition(parse(means.objects.get(body["definition"]["sha256"]))))
    return found


def definition_with(layout: Layout, form_id: str, election: Election) -> bytes:
    """The election's definition with this template for a form, as somebody would upload it.

    Raises:
        InputError: a field without a place, or no such form.
    """
    template = read_template_plain(layout.plain)
    if form_id not in {form.id for form in election.forms}:
        raise InputError("form", expected="a form of the election", found=repr(form_id[:60]), code="no-form")
    forms = []
    for given in election.plain["forms"]:
        if given["id"] != form_id:
            forms.append(given)
            continue
        kept = {key: value for key, value in given.items() if key in ("id", "title")}
        forms.append({**kept, "template": template_plain(template)})
    return json.dumps({**election.plain, "forms": forms}, ensure_ascii=False).encode()
