"""Layouts of forms: templates drawn on a page's picture, tried on photos, brought in and out as one file.

Everything can be done without a script: the layout is a text that is shown drawn over its pictures, and a text or file
that is sent back. With a script the same text is written by drawing.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from csp.decorators import csp_update
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from counterfoil.bootstrap.layouts import Laid, Trial, code_of, page_picture, show
from counterfoil.bootstrap.server import server
from counterfoil.election.template_format import FormTemplate, Point, TemplatePage, read_template_plain
from counterfoil.election.templates import (
    read_template_bytes,
    template_plain,
    with_pictures,
    write_template_yaml,
    write_template_zip,
)
from counterfoil.election.yaml_source import read_yaml
from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.errors import CounterfoilError, InputError
from counterfoil.storage import imports, organise
from counterfoil.storage import layouts as store
from counterfoil.storage.models import Layout, Station
from counterfoil.web.organise.common import done, explain, key_of, means, page, person, post_back
from counterfoil.web.texts import local
from counterfoil.workflow.imports import Upload, read_upload

REASONS = {
    "no-page": gettext_lazy("No page of this layout was found in it."),
    "wrong-page": gettext_lazy("It shows another page or form: the print is not in its place."),
    "mirrored": gettext_lazy("The picture is mirrored."),
    "two-pages": gettext_lazy("It shows two pages."),
    "too-little": gettext_lazy("Too little of the page is in the picture."),
    "other-code": gettext_lazy("The code on the page is of another page or form than its print."),
}
MOST_PHOTOS = 6
"""That are tried at once; each takes about a second."""
_PAGE = "/organise/layouts/{key}/"


@post_back("/organise/layouts/")
def layouts(request: HttpRequest) -> HttpResponse:
    """Every draft, and the forms of the election; a new draft from a form or a file."""
    at = means()
    election = at.state().election
    if request.method == "POST":
        made = _brought(request) if request.FILES else _begun(request)
        return redirect("organise_layout", key=made.pk)
    rows = [_row(one) for one in Layout.objects.order_by("-changed", "pk")]
    forms = [{"form": form, "title": local(form.title)} for form in election.forms]
    return page(request, "layouts.html", rows=rows, forms=forms)


def _row(layout: Layout) -> dict[str, Any]:
    template = store.template_of(layout)
    return {
        "layout": layout,
        "title": local(template.title),
        "template": template,
        "pages": len(template.pages),
        "missing": len(template.unplaced),
    }


def _begun(request: HttpRequest) -> Layout:
    at = means()
    election = at.state().election
    form = next((one for one in election.forms if one.id == request.POST.get("form")), None)
    if form is None:
        raise InputError("form", expected="a form of the election", found="another", code="no-form")
    return store.begin(form, election, _show, person(request), at)


def _brought(request: HttpRequest) -> Layout:
    """A ZIP, or a YAML with the pictures that it names by SHA-256."""
    first = request.FILES.get("file")
    if first is None:
        raise InputError("file", expected="a template, YAML or ZIP", found="none", code="no-file")
    data = first.read()
    if data[:2] == b"PK":
        template = read_template_bytes(data, "ZIP", draft=True)
    else:
        found = {sha256_hex(one): one for one in _files(request, "pictures")}
        plain, locate = read_yaml(data, "YAML")
        if isinstance(plain, dict):
            plain = {key: value for key, value in plain.items() if key != "pictures"}
        template = with_pictures(read_template_plain(plain, locate, draft=True), _from(found))
    return store.take(template, _show, person(request), means())


def _from(found: dict[str, bytes]) -> Any:
    def get(sha256: str) -> bytes:
        if sha256 not in found:
            raise InputError(
                "pictures",
                expected=f"the picture with SHA-256 {sha256[:16]}...",
                found="none like it",
                do="choose the pictures beside the YAML, or bring the ZIP",
                code="no-picture",
            )
        return found[sha256]

    return get


def _files(request: HttpRequest, name: str) -> list[bytes]:
    return [one.read() for one in request.FILES.getlist(name)]


def _show(data: bytes) -> bytes:
    return show(data, server().sandbox)


@post_back(_PAGE)
def layout(request: HttpRequest, key: Any) -> HttpResponse:
    """A draft: its pages with everything that is drawn on them, and its text."""
    found = _found(key)
    if request.method == "POST":
        return _saved(request, found)
    return _editor(request, found)


def _editor(request: HttpRequest, found: Layout, *, text: str | None = None, error: str = "") -> HttpResponse:
    template, election = store.template_of(found), means().state().election
    return page(
        request,
        "layout.html",
        status=400 if error else 200,
        layout=found,
        draft=template,
        title=local(template.title),
        pages=[
            {"page": one, "number": number, "shapes": _shapes(one), "unit": _unit(one.width, one.height)}
            for number, one in enumerate(template.pages)
        ],
        unplaced=[{"id": one.id, "label": local(one.label)} for one in template.fields if one.id in template.unplaced],
        unmasked=[one.name for one in template.pages if not one.masks],
        text=text if text is not None else write_template_yaml(template_plain(template)).decode(),
        mark=store.mark_of(found),
        data={"plain": template_plain(template), "labels": {one.id: local(one.label) for one in template.fields}},
        forms=[{"id": one.id, "title": local(one.title)} for one in election.forms],
        next_page=max((one.number for one in template.pages), default=0) + 1,
        error=error,
    )


def _saved(request: HttpRequest, found: Layout) -> HttpResponse:
    file = request.FILES.get("file")
    data = file.read() if file is not None else request.POST.get("template", "").encode()
    try:
        plain, locate = read_yaml(data, _("the text"))
        store.save(found, plain, locate, request.POST.get("mark", ""), person(request), means())
    except CounterfoilError as error:
        # what was written is not lost: it stands in the page again
        return _editor(request, found, text=data.decode("utf-8", "replace"), error=explain(error))
    return done(request, _("Saved."), reverse("organise_layout", kwargs={"key": found.pk}))


@post_back(_PAGE)
def new_page(request: HttpRequest, key: Any) -> HttpResponse:
    """Add a picture of a page; codes are looked for in it."""
    found = _found(key)
    file = request.FILES.get("picture")
    if file is None:
        raise InputError("picture", expected="a picture of a page", found="none", code="no-file")
    filled = request.POST.get("filled") == "yes"
    given = page_picture(file.read(), server().sandbox, filled=filled)
    stations = Station.objects.values_list("pk", flat=True)
    with Trial() as trial:
        known = [code_of(code, given.width, given.height, list(stations)) for code in trial.codes(given.shown)]
    codes = tuple(code for code in known if code is not None)
    given = store.PagePicture(given.data, given.shown, given.width, given.height, given.filled, codes)
    number, variant = request.POST.get("number", "1"), request.POST.get("variant", "").strip()
    if not (number.isascii() and number.isdecimal() and 0 < len(number) < 4):
        raise InputError("number", expected="the number of a page", found=repr(number[:20]), code="bad-number")
    store.add_page(found, int(number), variant, given, person(request), means())
    said = _("The page was added. Codes found in it: %(n)s") % {"n": len(codes)}
    return done(request, said, reverse("organise_layout", kwargs={"key": found.pk}))


def picture(request: HttpRequest, key: Any, number: int) -> HttpResponse:
    """The picture of a page, as we wrote it."""
    found = _found(key)
    pages = store.template_of(found).pages
    shown = found.shown.get(pages[number].picture.sha256) if number < len(pages) else None
    if shown is None:
        raise Http404
    answer = HttpResponse(server().pictures.get(shown), content_type="image/jpeg")
    answer["Cache-Control"] = "no-store"
    return answer


@csp_update({"img-src": ["data:"]})
@post_back(_PAGE)
def try_out(request: HttpRequest, key: Any) -> HttpResponse:
    """Lay the draft over photos. They are kept nowhere: they go back inside the page."""
    found = _found(key)
    photos = _files(request, "photos")
    if not 1 <= len(photos) <= MOST_PHOTOS:
        raise InputError("photos", expected=f"1 to {MOST_PHOTOS} photos", found=str(len(photos)), code="no-file")
    template = store.complete(found, means())
    if not template.pages:
        raise InputError("layout", expected="a page with a picture", found="none yet", code="no-page")
    results = []
    with Trial(template) as trial:
        for number, photo in enumerate(photos, 1):
            try:
                given = page_picture(photo, server().sandbox, filled=False)
                results.append(_result(number, given, trial.lay(given.shown), template))
            except CounterfoilError as error:
                results.append({"number": number, "error": explain(error)})
    return page(request, "layout_try.html", layout=found, title=local(template.title), results=results)


def _result(number: int, given: store.PagePicture, laid: Laid, template: FormTemplate) -> dict[str, Any]:
    shapes = []
    if laid.accepted:
        shapes.append(_shape("sheet", "", laid.sheet))
        shapes += [_shape("mask", "", mask) for mask in laid.masks]
        shapes += [_shape("field", name, quad) for name, quad in (laid.fields or {}).items()]
    return {
        "number": number,
        "laid": laid,
        "reason": REASONS.get(laid.reason, REASONS["no-page"]),
        "picture": "data:image/jpeg;base64," + base64.b64encode(given.shown).decode("ascii"),
        "width": given.width,
        "height": given.height,
        "unit": _unit(given.width, given.height),
        "shapes": shapes,
        "residual": f"{laid.residual_px:.1f}",
    }


def file(request: HttpRequest, key: Any) -> HttpResponse:
    """The one-file form, for another organisation or for the folder of an election."""
    template = store.complete(_found(key), means())
    answer = HttpResponse(write_template_zip(template), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{template.name}.template.zip"'
    return answer


@post_back(_PAGE)
def propose(request: HttpRequest, key: Any) -> HttpResponse:
    """A new definition in which a form is made of this template; its preview, then a second person."""
    found, at = _found(key), means()
    data = store.definition_with(found, request.POST.get("form", ""), at.state().election)
    change = read_upload(Upload("election", data), imports.standing(at), at.pseudonyms, at.slot)
    if change.body is None:
        raise InputError("layout", expected="a change", found="what stands in the record already", code="as-it-is")
    at.objects.put(change.data)
    made = organise.propose("import_tables", imports.payload(change), person(request), at, draft=True)
    return redirect("organise_proposal", key=made.pk)


@post_back(_PAGE)
def delete(request: HttpRequest, key: Any) -> HttpResponse:
    """Throw a draft away; what the record has stays."""
    store.drop(_found(key), person(request), means())
    return done(request, _("Deleted."), reverse("organise_layouts"))


def _found(key: Any) -> Layout:
    found = Layout.objects.filter(pk=key_of(str(key))).first()
    if found is None:
        raise Http404
    return found


def _shapes(one: TemplatePage) -> list[dict[str, Any]]:
    """What is drawn on a page, in the order in which it lies."""
    shapes = [_shape("sheet", "", one.outline)] if one.outline is not None else []
    shapes += [_shape("mask", "", mask) for mask in one.masks]
    shapes += [_shape("code", code.kind, code.quad) for code in one.codes if code.quad is not None]
    return [*shapes, *(_shape("field", place.id, place.quad) for place in one.fields)]


def _shape(kind: str, name: str, corners: Sequence[Point]) -> dict[str, Any]:
    return {
        "kind": kind,
        "name": name,
        "points": " ".join(f"{x:g},{y:g}" for x, y in corners),
        "x": f"{corners[0][0]:g}",
        "y": f"{corners[0][1]:g}",
    }


def _unit(width: int, height: int) -> int:
    """Height of the letters on a picture, in its pixels."""
    return max(8, max(width, height) // 50)
