"""Pages about the publication itself: its data files and tables, how to check it, what changed since the one before;
the one for addresses without a page."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from markupsafe import Markup

from counterfoil.publish.columns import TABLES
from counterfoil.publish.formats import XLSX_MAX_ROWS
from counterfoil.publish.pages.view import N_, Page, View
from counterfoil.record.layout import OBJECTS, object_path

CHANGES_SHOWN = 1_000
KINDS = {
    "areas": N_("areas"),
    "stations": N_("stations"),
    "readings": N_("figures of protocols"),
    "official": N_("announced figures"),
    "reports": N_("voters' reports"),
}
CHANGES = {"added": N_("added"), "removed": N_("removed"), "changed": N_("changed")}


def data_page(view: View) -> tuple[str, bytes]:
    """`data.html`."""
    page = Page(view, "data.html", view._("Data"))
    lede = view._(
        "Everything on these pages as tables, for any purpose, without asking. Text is UTF-8; codes are text; an "
        "empty cell is "
        "unknown, never 0."
    )
    return view.render("text.html", page, lede=lede, body=Markup("\n").join(_data(view, page)))


def _data(view: View, page: Page) -> Iterator[Markup]:
    data = page.root + "data/"
    yield Markup(
        '<p><a href="{}LICENSE.txt">{}</a> · <a href="{}SHA256SUMS">SHA256SUMS</a> · <a href="{}datapackage.json">'
        'datapackage.json</a> · <a href="{}summary.json">summary.json</a></p>'
    ).format(data, view._("Licence: public domain (CC0 1.0); sources keep their own terms"), data, data, data)
    yield Markup("<h2>{}</h2><p>{}</p>").format(
        view._("Tables"), view._("Titles and descriptions of columns are in English, as in datapackage.json.")
    )
    large = sum(tally.stations.height for tally in view.plan.tallies) > XLSX_MAX_ROWS
    for table in TABLES.values():
        links = [
            Markup('<a href="{}{}.{}">{}</a>').format(data, table.name, end, end.upper()) for end in ("csv", "parquet")
        ]
        if table.name == "results_wide" and not large:
            links.append(Markup('<a href="{}results_wide.xlsx">XLSX</a>').format(data))
        columns = Markup().join(
            Markup("<dt><code>{}</code></dt><dd>{}</dd>").format(c.name, c.description) for c in table.columns
        )
        yield Markup(
            '<section id="__{}"><h3><code>{}</code> {}</h3><details lang="en" dir="ltr"><summary>{}</summary><dl '
            'class="columns">'
            "{}</dl></details></section>"
        ).format(table.name, table.name, Markup(" · ").join(links), table.title, columns)
    yield Markup("<h2>{}</h2><p>{}</p>").format(
        view._("Tables in the record"),
        view._("What came in as a whole table, with its source. The object is the table itself, byte for byte."),
    )
    rows = Markup("\n").join(
        Markup(
            '<tr id="__entry-{}"><th scope="row"><a href="{}{}">{}</a><td>{}<td>{}<td>{}<td>{}<td><a href="{}{}">{}</a>'
        ).format(
            t.entry,
            page.root,
            view.plan.entry_path(t.entry),
            view.n(t.entry),
            view._(KINDS[t.kind]) if t.kind in KINDS else t.kind,
            t.name,
            view.n(t.rows),
            Markup("; ").join(Markup("{}").format(value) for value in t.source.values()),
            page.root,
            OBJECTS + object_path(t.sha256),
            t.sha256[:12] + "…",
        )
        for t in view.plan.replay.tables
    )
    heads = (N_("entry"), N_("kind"), N_("name"), N_("rows"), N_("source"), N_("object"))
    yield Markup(
        '<div class="wide" role="region" tabindex="0" aria-label="{}"><table '
        'class="text"><thead><tr>{}<tbody>{}</table></div>'
    ).format(
        view._("Tables in the record"),
        Markup().join(Markup('<th scope="col">{}').format(view._(head)) for head in heads),
        rows,
    )
    election = view.election
    yield Markup("<h2>{}</h2><ul><li>{}<li>{}<li>{}</ul>").format(
        view._("Rules of this count"),
        view.plural(
            "A field is settled when %(n)s person typed it.",
            "A field is settled when %(n)s different persons typed the same.",
            election.agreement.persons,
        ),
        view.plural(
            "A difference of up to %(n)s vote per figure counts as within tolerance.",
            "A difference of up to %(n)s votes per figure counts as within tolerance.",
            election.tolerance_votes,
        ),
        view.plural(
            "Cells of fewer than %(n)s report are not shown.",
            "Cells of fewer than %(n)s reports are not shown.",
            election.min_cell,
        ),
    )


def missing_page(view: View) -> tuple[str, bytes]:
    """`404.html`: what a web server says where there is no file."""
    return view.render("404.html", Page(view, "404.html", view._("There is no such page.")))


def check_page(view: View) -> tuple[str, bytes]:
    """`check.html`."""
    page = Page(view, "check.html", view._("How to check this yourself"))
    lede = view._(
        "Nobody has to trust the people who made these pages. Everything follows from the record in this folder."
    )
    return view.render("text.html", page, lede=lede, body=Markup("\n").join(_check(view, page)))


def _check(view: View, page: Page) -> Iterator[Markup]:
    record = view.record
    yield Markup(
        "<h2>{}</h2><p>{}</p><pre dir=\"ltr\"><code>counterfoil verify . --key '{}'</code></pre><p>{}</p>"
    ).format(
        view._("With Counterfoil"),
        view._(
            "Checks signatures, the tree, every file, and recomputes every figure. It names the first thing that "
            "does not follow."
        ),
        record.vkey,
        view._("Get the key from somewhere else than this folder: only then the check proves who signed it."),
    )
    yield Markup('<h2>{}</h2><p>{}</p><pre dir="ltr"><code>python3 check.py</code></pre>').format(
        view._("With nothing but Python"),
        view._(
            "The file check.py in this folder needs only Python itself. It checks hashes, the tree and totals, and "
            "says what it did not check."
        ),
    )
    yield Markup('<h2>{}</h2><p>{}</p><pre class="checkpoint" dir="ltr"><code>{}\n{}\n{}</code></pre><p>{}</p>').format(
        view._("By comparing three lines"),
        view._(
            "This is the checkpoint of the record: its name, the number of entries, and the hash of everything in it."
        ),
        record.origin,
        record.size,
        base64.b64encode(record.root).decode("ascii"),
        view._(
            "If two people see the same three lines, they see the same record. Print them, read them out, send them "
            "by text message."
        ),
    )
    yield Markup(
        '<p><a href="{}record/checkpoint">record/checkpoint</a> · <a href="{}record/log.vkey">record/log.vkey</a> · '
        '<a href="{}record/manifest">record/manifest</a></p>'
    ).format(page.root, page.root, page.root)
    yield Markup('<h2>{}</h2><p>{}</p><p><a href="{}reader.html" download>reader.html</a></p>').format(
        view._("In the browser"),
        view._(
            "The one-file reader recomputes its totals and one proof of inclusion in your browser and shows whether "
            "they match."
        ),
        page.home,
    )
    yield Markup('<h2>{}</h2><p>{}</p><ul class="pages">{}</ul>').format(
        view._("Earlier checkpoints"),
        view._("Each later record must contain every earlier one unchanged."),
        Markup().join(
            Markup('<li><a href="{}record/checkpoints/{}">{}</a>').format(
                page.root, size, view.plural("%(n)s entry", "%(n)s entries", size)
            )
            for size in record.checkpoints
        ),
    )


def changes_page(view: View) -> tuple[str, bytes]:
    """`changes.html`."""
    page = Page(view, "changes.html", view._("Changes"))
    lede = view._(
        "What changed since the publication before. Nothing that was published is ever taken back without a trace."
    )
    return view.render("text.html", page, lede=lede, body=Markup("\n").join(_changes(view, page)))


def _changes(view: View, page: Page) -> Iterator[Markup]:
    changes = view.publication.changes
    if changes is None:
        yield Markup("<p>{}</p>").format(view._("This is the first publication of this record."))
        return
    yield Markup("<p>{}</p>").format(
        view.say(
            "Then the record had %(before)s entries, now it has %(now)s.",
            before=view.n(changes.previous_size),
            now=view.n(view.record.size),
        )
    )
    if changes.previous_manifest_sha256:
        yield Markup('<p>{} <code class="hash">{}</code></p>').format(
            view._("SHA-256 of the manifest of the publication before:"), changes.previous_manifest_sha256
        )
    counts = {str(change): count for change, count in changes.rows["change"].value_counts(sort=False).iter_rows()}
    yield Markup("<ul>{}</ul>").format(
        Markup().join(
            Markup("<li>{}: {}").format(view._(label), view.n(counts.get(key, 0))) for key, label in CHANGES.items()
        )
    )
    if not changes.rows.height:
        return
    shown = changes.rows.head(CHANGES_SHOWN)
    more = changes.rows.height - shown.height
    contests = {tally.contest.id: view.pick(tally.contest.title) for tally in view.plan.tallies}
    rows = Markup("\n").join(
        Markup('<tr><th scope="row">{}<td>{}<td>{}<td>{}').format(
            Markup('<a href="{}">{}</a>').format(page.station(station), station)
            if station in view.plan.station_page
            else station,
            contests.get(contest, contest),
            view._(CHANGES[change]) if change in CHANGES else change,
            (columns or "").replace(",", ", "),
        )
        for contest, station, change, columns in shown.select("contest", "station", "change", "columns").iter_rows()
    )
    heads = (N_("station"), N_("contest"), N_("change"), N_("columns"))
    yield Markup(
        '<div class="wide" role="region" tabindex="0" aria-label="{}"><table class="sort filter '
        'text"><thead><tr>{}<tbody>{}</table></div>'
    ).format(
        view._("Changes"), Markup().join(Markup('<th scope="col">{}').format(view._(head)) for head in heads), rows
    )
    if more > 0:
        yield Markup('<p>{} <a href="{}data/changes.csv">{}</a></p>').format(
            view.plural("%(n)s more is not shown here.", "%(n)s more are not shown here.", more),
            page.root,
            view._("all of them as a table"),
        )
