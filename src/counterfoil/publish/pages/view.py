"""One language of the publication: how it names, counts, links and speaks. Page writers take a `View` and nothing else.

Rules: every text goes through `View.say`, which escapes what is put in; a percentage is only written by
`sentences` and the drawings, inside an element that carries `data-base` and `data-coverage`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from counterfoil.election.definition import Contest, FormField, Option
from counterfoil.publish.pages.catalogues import Catalogue
from counterfoil.publish.pages.plan import Plan
from counterfoil.tally.results import Finding


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for "translate later"
    """Marks `text` for extraction; it is translated where it is shown."""
    return text


@dataclass(frozen=True)
class Tongue:
    """A language of the publication: the tag asked for, its folder ("" for the first) and its catalogue."""

    tag: str
    folder: str
    catalogue: Catalogue


class View:
    """A publication in one language."""

    def __init__(self, plan: Plan, tongue: Tongue, tongues: tuple[Tongue, ...]) -> None:
        self.plan, self.tongue, self.tongues = plan, tongue, tongues
        self.publication, self.election, self.record = plan.publication, plan.election, plan.publication.record
        self.numbers = tongue.catalogue.numbers
        self.n = self.numbers.whole
        self._gettext = tongue.catalogue.messages.gettext
        self._ngettext = tongue.catalogue.messages.ngettext
        self.lang, self.direction = tongue.catalogue.language, tongue.catalogue.direction

    def _(self, text: str) -> str:
        return self._gettext(text)

    def say(self, _text: str, **values: Any) -> Markup:
        """The translation of `_text` with `%(name)s` filled in; values are escaped unless they are Markup."""
        text = Markup(self._gettext(_text))  # noqa: S704 - catalogue text is ours; values are escaped by %
        return text % self._isolated(values)

    def plural(self, _one: str, _many: str, count: int, **values: Any) -> Markup:
        """As `say`, in the plural form of the language for `count`; `%(n)s` is the count."""
        text = Markup(self._ngettext(_one, _many, count))  # noqa: S704 - as above
        return text % self._isolated({"n": self.n(count), **values})

    def _isolated(self, values: dict[str, Any]) -> dict[str, Any]:
        """On a right-to-left page a name or a date in another script must not reorder the words around it."""
        if self.direction == "ltr":
            return values
        return {
            key: f"\N{FIRST STRONG ISOLATE}{value}\N{POP DIRECTIONAL ISOLATE}"
            if isinstance(value, str) and not isinstance(value, Markup)
            else value
            for key, value in values.items()
        }

    def pick(self, text: Mapping[str, str]) -> str:
        """A text of the definition in this language, or in the election's first."""
        return text.get(self.tongue.tag) or text.get(self.election.languages[0]) or next(iter(text.values()), "")

    def option_name(self, option: Option) -> str:
        return self.pick(option.name)

    def field_name(self, field: FormField, contest: Contest) -> str:
        """The field's label; where the form has none, the name of the option it belongs to."""
        label = self.pick(field.label)
        if label == field.id:
            for option in contest.options:
                if option.field == field.id:
                    return self.option_name(option)
        return label

    def check_text(self, contest: Contest, finding: Finding) -> str:
        """What the form's check means that a single-station finding names; nothing where it only repeats the rule."""
        wanted = dict(finding.numbers).get("check")
        for check in self.election.form(contest.form).checks:
            if check.id == wanted:
                text = self.pick(check.explanation)
                return "" if text == check.rule.text else text
        return ""

    def area_name(self, area: str) -> str:
        node = self.plan.areas.get(area)
        return node.name if node else area

    @cached_property
    def title(self) -> str:
        return self.pick(self.election.title)

    @cached_property
    def environment(self) -> Environment:
        """Templates with this language's words."""
        made = Environment(
            loader=PackageLoader("counterfoil.publish.pages", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
        )
        made.globals.update(_=self.say, ngettext=self.plural, n=self.n, v=self)
        return made

    def render(self, template: str, page: Page, **values: Any) -> tuple[str, bytes]:
        text = self.environment.get_template(template).render(page=page, **values)
        return self.tongue.folder + page.path, text.encode()


class Page:
    """A page under construction: its path within the folder of its language, and links as seen from it."""

    def __init__(self, view: View, path: str, title: str, section: str = "") -> None:
        self.view, self.path, self.title = view, path, title
        self.section = section or path
        """The entry of the main menu this page belongs to."""
        self.home = "../" * path.count("/")
        self.root = self.home + ("../" if view.tongue.folder else "")

    def area(self, area: str) -> str:
        return self.home + self.view.plan.areas[area].page

    def station(self, station: str) -> str:
        return f"{self.home}{self.view.plan.station_page[station]}#{station}"

    def entry(self, index: int) -> str:
        """A table's entry is explained on the data page; any other is opened in the record itself."""
        if index in self.view.plan.tables:
            return f"{self.home}data.html#__entry-{index}"
        return self.root + self.view.plan.entry_path(index)

    def others(self) -> list[tuple[Tongue, str]]:
        """The same page in the other languages."""
        return [(t, self.root + t.folder + self.path) for t in self.view.tongues if t is not self.view.tongue]
