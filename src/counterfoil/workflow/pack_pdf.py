"""The evidence pack as a PDF: A4, one font family for every script, the same bytes for the same state and language.

Rules:

* No clock: the PDF's date is the newest batch of the record. No identifier that differs from run to run.
* Text is shaped (Arabic letters join, directions mix); on right-to-left pages columns and edges are mirrored.
* Nothing is fetched; the font is DejaVu, of which only the letters that are used go into the file.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import Align, TableBordersLayout, WrapMode, XPos, YPos
from fpdf.fonts import FontFace

from counterfoil.workflow.pack import CopyPart, Figure, Pack
from counterfoil.workflow.words import gettext_noop

Translate = Callable[[str], str]
FONT = "DejaVu"
MARGIN_MM = 15
BODY_PT, SMALL_PT, TITLE_PT, HEAD_PT = 10, 8, 16, 12.5
RIGHT_TO_LEFT = ("ar", "fa", "he", "ur")

STATES: Mapping[str, str] = {
    "missing": gettext_noop("nothing received"),
    "received": gettext_noop("received, not read yet"),
    "read": gettext_noop("read, not confirmed yet"),
    "confirmed": gettext_noop("confirmed"),
    "disputed": gettext_noop("disputed: its copies differ"),
}
CELLS: Mapping[str, str] = {
    "empty": gettext_noop("empty"),
    "struck": gettext_noop("struck out"),
    "word": gettext_noop("a word"),
    "illegible": gettext_noop("illegible"),
    "absent": gettext_noop("not stated"),
}
COMPARISONS: Mapping[str, str] = {
    "equal": gettext_noop("equal"),
    "within_tolerance": gettext_noop("within the tolerance"),
    "digits_transposed": gettext_noop("digits exchanged"),
    "columns_swapped": gettext_noop("columns swapped"),
    "different": gettext_noop("different"),
    "official_missing": gettext_noop("no official figure for this station"),
    "ours_missing": gettext_noop("no count of ours"),
    "official_changed": gettext_noop("the official figures were changed since an earlier snapshot"),
    "disputed": gettext_noop("ours is disputed"),
}
PROBLEMS: Mapping[str, str] = {
    "not_a_protocol": gettext_noop("not a protocol"),
    "wrong_station": gettext_noop("of another station"),
    "illegible": gettext_noop("illegible"),
    "page_missing": gettext_noop("a page is missing"),
    "duplicate": gettext_noop("a duplicate"),
}
ACTIONS: Mapping[str, str] = {
    "settle_fields": gettext_noop("settled what boxes say"),
    "choose_copy": gettext_noop("chose the copy that counts"),
    "exclude_copy": gettext_noop("left a copy out"),
    "exclude_station": gettext_noop("left the station out of the tally"),
}
REASONS: Mapping[str, str] = {
    "read_again": gettext_noop("read again"),
    "better_photo": gettext_noop("there is a better photo"),
    "later_copy": gettext_noop("there is a later copy"),
    "signed_copy": gettext_noop("there is a signed copy"),
    "wrong_station": gettext_noop("it is of another station"),
    "not_a_protocol": gettext_noop("it is not a protocol"),
    "duplicate": gettext_noop("it is there twice"),
    "forged": gettext_noop("it is forged"),
    "station_merged": gettext_noop("the station was merged"),
    "cannot_be_settled": gettext_noop("it can't be settled"),
}
KINDS: Mapping[str, str] = {
    "wall_copy": gettext_noop("copy on the station's wall"),
    "agents_copy": gettext_noop("an agent's copy"),
    "authoritys_scan": gettext_noop("the authority's scan"),
    "tally_board": gettext_noop("tally board"),
    "other": gettext_noop("another copy"),
    "photo": gettext_noop("photo"),
}


def render(pack: Pack, language: str, translate: Translate) -> bytes:
    """The PDF of a pack in one language."""
    return _Sheet(pack, language, translate).build()


def _font(name: str) -> Path:
    """A DejaVu font of the plotting library, which the program needs anyway; the library itself is not loaded."""
    spec = find_spec("matplotlib")
    folder = spec.submodule_search_locations[0] if spec is not None and spec.submodule_search_locations else ""
    return Path(folder) / "mpl-data" / "fonts" / "ttf" / name


class _Page(FPDF):
    """Numbers its pages; the line at the foot is set by the sheet."""

    foot = ""
    side: Align = Align.L

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font(FONT, size=7)
        self.set_text_color(70)
        self.cell(0, 5, f"{self.foot}    {self.page_no()}", align=self.side)
        self.set_text_color(0)


class _Sheet:
    def __init__(self, pack: Pack, language: str, translate: Translate) -> None:
        self.pack, self.language, self._ = pack, language, translate
        self.right_to_left = language.partition("-")[0] in RIGHT_TO_LEFT
        self.side = Align.R if self.right_to_left else Align.L
        self.pdf = self._new()

    def _new(self) -> _Page:
        pdf = _Page(format="A4")
        pdf.set_creation_date(datetime.strptime(self.pack.as_of, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC))
        pdf.set_producer("Counterfoil")
        pdf.set_lang(self.language)
        pdf.set_title(f"{self._('Evidence about one polling station')}: {self.pack.station}")
        pdf.add_font(FONT, "", _font("DejaVuSans.ttf"))
        pdf.add_font(FONT, "B", _font("DejaVuSans-Bold.ttf"))
        pdf.add_font("Mono", "", _font("DejaVuSansMono.ttf"))
        pdf.set_margin(MARGIN_MM)
        pdf.set_auto_page_break(True, margin=MARGIN_MM + 3)
        pdf.set_text_shaping(use_shaping_engine=True, direction="rtl" if self.right_to_left else "ltr")
        pdf.foot = f"{self.pack.checkpoint.origin} · {self.pack.checkpoint.size} · {self.pack.as_of}"
        pdf.side = self.side
        return pdf

    def build(self) -> bytes:
        self.pdf.add_page()
        self._head()
        self._figures()
        self._formulas()
        for number, copy in enumerate(self.pack.copies, 1):
            self._copy(number, copy)
        self._rulings()
        self._method()
        for number, copy in enumerate(self.pack.copies, 1):
            self._picture(number, copy)
        self._proofs()
        return bytes(self.pdf.output())

    # --- parts ------------------------------------------------------------------------------------------------------

    def _head(self) -> None:
        pack, _ = self.pack, self._
        title = pack.election.title
        contest = pack.election.contest(pack.contest)
        self._text(_("Evidence about one polling station"), TITLE_PT, bold=True)
        self._text(self._pick(title), BODY_PT)
        self.pdf.ln(2)
        rows = [
            (_("Polling station"), " · ".join(part for part in (pack.station, pack.name) if part)),
            (_("Area"), " · ".join(pack.areas)),
            (_("Contest"), self._pick(contest.title)),
            (_("State of our count"), _(STATES.get(pack.state, pack.state))),
            (_("Legal deadline of a complaint"), pack.deadline or _("not known here")),
            (_("Compared with the official snapshot"), pack.snapshot or _("none")),
            (_("Result of the comparison"), _(COMPARISONS[pack.comparison]) if pack.comparison else _("not compared")),
            (_("State of the record"), f"{pack.as_of} · {pack.checkpoint.size}"),
        ]
        self._pairs(rows)

    def _figures(self) -> None:
        _ = self._
        self._heading(_("Figures"))
        official = any(f.official is not None for f in self.pack.figures)
        heads = [_("Box of the form"), _("Our count")]
        if official:
            heads += [_("Official"), _("Our count minus official")]
        rows = []
        for f in self.pack.figures:
            cells = [f.label, self._value(f)]
            if official:
                cells += ["" if f.official is None else self._n(f.official), self._difference(f.difference)]
            rows.append(cells)
        widths = (50, 20, 20, 22) if official else (70, 30)
        self._table(heads, rows, widths, numbers=True)
        if self.pack.entries:
            self._small(_("Entries of the record behind our count:") + " " + ", ".join(map(str, self.pack.entries)))

    def _formulas(self) -> None:
        _ = self._
        if not self.pack.formulas:
            return
        self._heading(_("Checks of the form that do not come out"))
        heads = [_("Formula"), _("Left"), _("Right"), _("Difference"), _("Tolerance")]
        rows = [
            [f.rule, self._n(f.left), self._n(f.right), self._difference(f.difference), f.tolerance]
            for f in self.pack.formulas
        ]
        self._table(heads, rows, (60, 14, 14, 16, 16), numbers=True)

    def _copy(self, number: int, copy: CopyPart) -> None:
        _ = self._
        head = f"{_('Copy')} {number}: {_(KINDS.get(copy.kind, copy.kind))}, {_('page')} {copy.page}"
        self._heading(head)
        self._small(f"{_('Entry')} {copy.entry} · {copy.slot} · {copy.copy}")
        problems = [reading for reading in copy.readings if isinstance(reading, str)]
        values = [reading for reading in copy.readings if not isinstance(reading, str)]
        for problem in problems:
            self._text(f"{_('Problem reported:')} {_(PROBLEMS.get(problem, problem))}", BODY_PT)
        if values:
            fields = [f for f in self.pack.figures if any(f.field in one for one in values)]
            heads = [_("Box of the form"), *(f"{_('Reading')} {i}" for i in range(1, len(values) + 1))]
            rows = [[f.label, *(self._cell(one.get(f.field)) for one in values)] for f in fields]
            self._table(heads, rows, (60, *(max(10, 60 // len(values)) for _one in values)), numbers=True)
        elif not problems:
            self._text(_("Nobody has read this copy yet."), BODY_PT)

    def _rulings(self) -> None:
        _ = self._
        if not self.pack.rulings:
            return
        self._heading(_("Decisions"))
        rows = [
            [str(r.entry), r.slot, _(ACTIONS.get(r.action, r.action)), _(REASONS.get(r.reason, r.reason))]
            for r in self.pack.rulings
        ]
        self._table([_("Entry"), _("Batch"), _("Decision"), _("Reason")], rows, (12, 26, 50, 40))

    def _method(self) -> None:
        _ = self._
        self._heading(_("How to check this"))
        self._text(
            _(
                "Every figure here follows from entries of a public record that can only grow. Whoever has the "
                "publication can repeat all of it, without asking us: the number of each entry stands beside what it "
                "says, and at the end stand the proofs that the copies are in the record that was signed."
            ),
            BODY_PT,
        )
        self._text(
            _(
                "A difference is a measurement. It does not say how it came about; sums that do not come out are "
                "common."
            ),
            BODY_PT,
        )

    def _picture(self, number: int, copy: CopyPart) -> None:
        _, pdf = self._, self.pdf
        if copy.picture is None:
            return
        pdf.add_page()
        self._heading(f"{_('Copy')} {number}, {_('entry')} {copy.entry}")
        self._small(_("Parts that could endanger somebody are black.") + f" SHA-256 {copy.picture_sha256}")
        room = pdf.h - pdf.get_y() - MARGIN_MM - 8
        pdf.image(
            io.BytesIO(copy.picture),
            x=Align.C,
            w=pdf.epw,
            h=room,
            keep_aspect_ratio=True,
            alt_text=f"{_('Copy')} {number}",
        )

    def _proofs(self) -> None:
        _, pdf = self._, self.pdf
        if not self.pack.copies:
            return
        pdf.add_page()
        self._heading(_("Proofs that the copies stand in the record"))
        self._small(_("In the form c2sp.org/tlog-proof@v1, with the signed checkpoint of the record."))
        for number, copy in enumerate(self.pack.copies, 1):
            self._text(f"{_('Copy')} {number}, {_('entry')} {copy.entry}", BODY_PT, bold=True)
            pdf.set_font("Mono", size=6.5)
            with pdf.local_context():
                pdf.set_text_shaping(use_shaping_engine=False)
                pdf.multi_cell(0, 3.2, copy.proof.decode("ascii", "replace"), align=Align.L, wrapmode=WrapMode.CHAR,
                               new_x=XPos.LMARGIN, new_y=YPos.NEXT)  # fmt: skip
            pdf.set_text_shaping(use_shaping_engine=True, direction="rtl" if self.right_to_left else "ltr")
            pdf.ln(2)

    # --- small things -----------------------------------------------------------------------------------------------

    def _pick(self, text: Mapping[str, str]) -> str:
        return text.get(self.language) or next(iter(text.values()), "")

    def _n(self, number: int) -> str:
        """Digits in groups of three, parted by a narrow space that does not break."""
        digits = f"{abs(number):,}".replace(",", "\u202f")
        return self._signed("\u2212", digits) if number < 0 else digits

    def _signed(self, sign: str, digits: str) -> str:
        """On a right-to-left page a sign would go behind its number without a mark that says where it belongs."""
        return f"\u200e{sign}{digits}" if self.right_to_left else sign + digits

    def _difference(self, number: int | None) -> str:
        if number is None:
            return ""
        return self._signed("+", self._n(number)) if number > 0 else self._n(number)

    def _value(self, figure: Figure) -> str:
        if figure.ours is not None:
            return self._n(figure.ours)
        return self._(CELLS[figure.state]) if figure.state in CELLS else ""

    def _cell(self, value: int | str | None) -> str:
        if isinstance(value, int):
            return self._n(value)
        return self._(CELLS[value]) if value is not None and value in CELLS else ""

    def _text(self, text: str, size: float, *, bold: bool = False) -> None:
        self.pdf.set_font(FONT, "B" if bold else "", size)
        self.pdf.multi_cell(0, size * 0.5, text, align=self.side, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.pdf.ln(1)

    def _heading(self, text: str) -> None:
        self.pdf.ln(3)
        if self.pdf.will_page_break(25):
            self.pdf.add_page()
        self._text(text, HEAD_PT, bold=True)

    def _small(self, text: str) -> None:
        self.pdf.set_text_color(70)
        self._text(text, SMALL_PT)
        self.pdf.set_text_color(0)

    def _pairs(self, rows: Sequence[tuple[str, str]]) -> None:
        self._table(None, [list(row) for row in rows], (45, 80))

    def _table(
        self,
        heads: Sequence[str] | None,
        rows: Sequence[Sequence[str]],
        widths: Sequence[int],
        *,
        numbers: bool = False,
    ) -> None:
        pdf = self.pdf
        pdf.set_font(FONT, size=9)
        aligned: list[Align] = [self.side]
        other = Align.L if self.right_to_left else Align.R
        aligned += [other if numbers else self.side] * (len(widths) - 1)
        lines = [list(row) for row in ([heads] if heads is not None else []) + list(rows)]
        if self.right_to_left:
            aligned, widths = aligned[::-1], widths[::-1]
            lines = [line[::-1] for line in lines]
        with pdf.table(
            col_widths=tuple(widths),
            text_align=tuple(aligned),
            first_row_as_headings=heads is not None,
            headings_style=FontFace(emphasis="BOLD", fill_color=(238, 240, 235)),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            line_height=5,
            padding=(0.6, 1),
            width=pdf.epw,
        ) as table:
            for line in lines:
                table.row(line)
        pdf.ln(1)
