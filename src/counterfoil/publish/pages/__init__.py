"""The pages of a publication: every HTML page, asset, press sheet and `reader.html`, as (path, bytes).

A pure function of the `Publication`: the same input gives the same bytes. No figure is computed here that is not in the
results already, but for ratios of two figures that stand beside each other. The election's first language lies at
the top, each other one below `<language>/`; all links are relative, so that the folder works from a USB stick.
Nothing is asked of any third party, and everything reads without JavaScript.

    for path, data in pages(publication):
        write(folder / path, data)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from counterfoil.publish.model import Publication
from counterfoil.publish.pages.about import changes_page, check_page, data_page, missing_page
from counterfoil.publish.pages.catalogues import LoadCatalogue, load_catalogue
from counterfoil.publish.pages.coverage import coverage_page
from counterfoil.publish.pages.findings import finding_pages
from counterfoil.publish.pages.maps import map_page
from counterfoil.publish.pages.method import method_page
from counterfoil.publish.pages.plan import Plan
from counterfoil.publish.pages.press import press_pages
from counterfoil.publish.pages.reader import asset, reader_page
from counterfoil.publish.pages.stations import station_pages
from counterfoil.publish.pages.territory import area_pages, start_page
from counterfoil.publish.pages.view import N_, Tongue, View

CSP = (
    "default-src 'none'; img-src 'self' file: data:; style-src 'self' file:; script-src 'self' file:; base-uri 'none'; "
    "form-action 'none'"
)
"""`file:` besides `'self'`, because browsers differ in what `'self'` means on a USB stick."""


def _forensics_page(view: View) -> tuple[str, bytes]:
    from counterfoil.publish.pages.forensics import (  # noqa: PLC0415 - seconds of scipy and numba, for who renders only
        forensics_page,
    )

    return forensics_page(view)


_ONE_PAGE: tuple[Callable[[View], tuple[str, bytes]], ...] = (
    start_page,
    map_page,
    coverage_page,
    _forensics_page,
    method_page,
    data_page,
    check_page,
    changes_page,
    reader_page,
    missing_page,
)
_MANY_PAGES: tuple[Callable[[View], Iterator[tuple[str, bytes]]], ...] = (
    finding_pages,
    press_pages,
    area_pages,
    station_pages,
)


def pages(publication: Publication, *, catalogues: LoadCatalogue = load_catalogue) -> Iterator[tuple[str, bytes]]:
    """Every page and asset, as (path from the publication's root, bytes), in a fixed order.

    Args:
        catalogues: gives the words of a language; tests put a pseudo-language in here.
    """
    for name in ("site.css", "site.js"):
        yield f"assets/{name}", asset(name).encode()
    plan = Plan(publication)
    languages = dict.fromkeys(publication.results.replay.election.languages)
    tongues = tuple(Tongue(tag, f"{tag}/" if i else "", catalogues(tag)) for i, tag in enumerate(languages))
    for tongue in tongues:
        yield from _language(View(plan, tongue, tongues))


def _language(view: View) -> Iterator[tuple[str, bytes]]:
    view.environment.globals.update(csp=CSP, menu=_menu(view))
    for one in _ONE_PAGE:
        yield one(view)
    for many in _MANY_PAGES:
        yield from many(view)


def _menu(view: View) -> list[tuple[str, str]]:
    return [
        ("index.html", N_("Start")),
        (view.plan.areas[view.plan.root].page, N_("Areas")),
        ("findings.html", N_("Findings")),
        ("map.html", N_("Map")),
        ("coverage.html", N_("Coverage")),
        ("forensics.html", N_("Forensics")),
        ("press.html", N_("Press")),
        ("method.html", N_("Method")),
        ("data.html", N_("Data")),
        ("check.html", N_("Check")),
        ("changes.html", N_("Changes")),
    ]
