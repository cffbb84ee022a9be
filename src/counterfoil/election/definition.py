"""The election definition: contests, options, forms, fields, checks and the rules the count follows.

A definition is plain data (`election.yaml`, later an object of the record) read into frozen dataclasses. Reading is
strict: an unknown key, a missing key or a wrong type is refused with the place where it stands. Areas and stations are
tables, not part of it.

    counterfoil: 1
    id: example-2026            # names the log as well
    title: An example
    country: XX                 # id of the root area
    date: 2026-03-01
    contests:
      - id: president
        form: protocol
        base: {kind: valid, official: valid}
        options: [{id: ada, name: Ada}, {id: bob, name: Bob}]
    forms:
      - id: protocol
        fields: [{id: ada}, {id: bob}, {id: valid, kind: total}]
        checks: [{id: sum, rule: ada + bob == valid, code: sum-mismatch}]
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from counterfoil.election.form_fields import (
    CHECK_CODES,
    RESERVED_IDS,
    Blank,
    Check,
    FormField,
    Severity,
    Text,
    read_checks,
    read_field,
    refuse_reserved,
)
from counterfoil.election.form_of_template import joined_checks, joined_fields, template_of, title_of, written_out
from counterfoil.election.nodes import Locate, Node
from counterfoil.election.template_format import FormTemplate
from counterfoil.primitives.ids import AreaId, ContestId, FieldId, FormId, OptionId
from counterfoil.primitives.shares import Base

__all__ = [
    "CHECK_CODES",
    "FINDING_CODES",
    "OTHERS",
    "RESERVED_IDS",
    "ROLES",
    "AgreementRule",
    "Blank",
    "Check",
    "Contest",
    "ContestBase",
    "Election",
    "Form",
    "FormField",
    "Option",
    "OptionKind",
    "SampleDesign",
    "Severity",
    "Text",
    "read_definition",
]


class OptionKind(enum.StrEnum):
    CANDIDATE = "candidate"
    LIST = "list"
    ANSWER = "answer"
    """Yes or no in a referendum."""
    AGAINST_ALL = "against_all"
    INVALID = "invalid"
    """Spoilt ballots, where the source counts them as a line of the sheet; in the base of `ballots_cast` only."""


@dataclass(frozen=True, slots=True)
class Option:
    id: OptionId
    name: Text
    field: FieldId
    kind: OptionKind = OptionKind.CANDIDATE
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class ContestBase:
    """What shares of this contest are shares of, and which official item states its total."""

    kind: Base
    official: str


@dataclass(frozen=True, slots=True)
class Contest:
    id: ContestId
    title: Text
    form: FormId
    base: ContestBase
    options: tuple[Option, ...]
    roles: Mapping[str, FieldId]
    """`registered`, `ballots_cast`, `valid`, `invalid` -> the field of the form that states it."""
    round: int = 1
    runoff_of: ContestId | None = None

    @property
    def base_options(self) -> tuple[Option, ...]:
        """The options whose votes make up the base."""
        with_invalid = self.base.kind is not Base.VALID
        return tuple(o for o in self.options if with_invalid or o.kind is not OptionKind.INVALID)

    def option(self, option_id: str) -> Option:
        return next(o for o in self.options if o.id == option_id)


@dataclass(frozen=True, slots=True)
class Form:
    id: FormId
    title: Text
    pages: int
    fields: tuple[FormField, ...]
    checks: tuple[Check, ...]
    template: FormTemplate | None = field(default=None, repr=False)
    """Where its fields stand on the paper, without the pictures' bytes; None where nobody has said so."""

    @property
    def field_ids(self) -> tuple[FieldId, ...]:
        return tuple(f.id for f in self.fields)


@dataclass(frozen=True, slots=True)
class AgreementRule:
    """How many different persons must have typed the same; whether a sure machine may be the second voice."""

    persons: int = 2
    machine_second: bool = False
    machine_certainty_millionths: int = 999_000


@dataclass(frozen=True, slots=True)
class SampleDesign:
    """A probability sample declared before the first protocol came in."""

    design: str
    """`simple`, `stratified` or `clustered`."""
    seed: str
    size: int
    stratum: str | None = None
    """Station column that holds the stratum."""
    cluster: str | None = None
    """Station column that holds the cluster."""
    stations_sha256: str | None = None
    """Of the canonical stations table it was drawn from."""


@dataclass(frozen=True)
class Election:
    id: str
    title: Text
    country: AreaId
    date: str
    languages: tuple[str, ...]
    contests: tuple[Contest, ...]
    forms: tuple[Form, ...]
    agreement: AgreementRule = AgreementRule()
    tolerance_votes: int = 0
    """Largest difference per figure that a comparison calls `within_tolerance`."""
    min_cell: int = 5
    expected_stations: int | None = None
    """Number of stations of the country, where not all are listed."""
    compare_with: str | None = None
    """Official snapshot to compare with; None: the newest."""
    sample: SampleDesign | None = None
    simulated: bool = False
    """Nothing of it is real: each page of its publication says so."""
    plain: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The plain data this was read from, as it goes into the record."""

    def contest(self, contest_id: str) -> Contest:
        return self._contests[contest_id]

    def form(self, form_id: str) -> Form:
        return self._forms[form_id]

    @cached_property
    def _contests(self) -> dict[str, Contest]:
        return {c.id: c for c in self.contests}

    @cached_property
    def _forms(self) -> dict[str, Form]:
        return {f.id: f for f in self.forms}


FINDING_CODES = (
    "part-exceeds-whole",
    "bound-excludes-official",
    "remainder-implausible",
    "reports-exceed-protocol",
    "turnout-over-register",
    "votes-over-ballots",
    "sum-mismatch",
    "negative-figure",
    "copies-differ",
    "official-differs",
    "columns-swapped",
    "digits-transposed",
    "backsolved-total",
)
ROLES = ("registered", "ballots_cast", "valid", "invalid")
OTHERS = "others"
"""The item for all options that an official snapshot does not name in an area."""
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


def read_definition(plain: Any, locate: Locate = lambda path: "election " + ".".join(map(str, path))) -> Election:
    """Plain data (as `yaml.safe_load` or JSON gives it) to an `Election`.

    Raises:
        InputError: naming the place, what was expected and what was found.
    """
    top = Node(plain, (), locate)
    top.only(
        "counterfoil id title country date languages contests forms agreement tolerance min_cell expected_stations "
        "compare_with sample simulated tables entries"
    )
    if top.integer("counterfoil") != 1:
        raise top.bad("counterfoil", "1, the format this version reads")
    languages = tuple(top.get("languages").texts()) if top.has("languages") else ("en",)
    for language in languages:
        if not _LANGUAGE.fullmatch(language):
            raise top.bad("languages", "language tags such as en, be, pt-BR")
    top.unique("languages", languages)
    forms = tuple(_form(node, languages[0]) for node in top.get("forms").items())
    by_form = {form.id: form for form in forms}
    top.unique("forms", [f.id for f in forms])
    contests = tuple(_contest(node, languages[0], by_form) for node in top.get("contests").items())
    top.unique("contests", [c.id for c in contests])
    for contest, node in zip(contests, top.get("contests").items(), strict=True):
        if contest.runoff_of is not None and contest.runoff_of not in {c.id for c in contests}:
            raise node.bad("runoff_of", "the id of a contest of this election")
        if contest.runoff_of == contest.id:
            raise node.bad("runoff_of", "the id of another contest")
    return Election(
        id=top.id("id"),
        title=top.text("title", languages[0]),
        country=AreaId(top.id("country")),
        date=top.date("date"),
        languages=languages,
        contests=contests,
        forms=forms,
        agreement=_agreement(top.get("agreement")) if top.has("agreement") else AgreementRule(),
        tolerance_votes=top.integer("tolerance", default=0),
        min_cell=top.integer("min_cell", default=5, least=1),
        expected_stations=top.integer("expected_stations") if top.has("expected_stations") else None,
        compare_with=top.string("compare_with") if top.has("compare_with") else None,
        sample=_sample(top.get("sample")) if top.has("sample") else None,
        simulated=top.boolean("simulated", default=False),
        plain=_plain(top, forms),
    )


def _plain(top: Node, forms: Sequence[Form]) -> dict[str, Any]:
    """What goes into the record: without the files' names, and with the forms of templates written out."""
    plain = {key: value for key, value in top.mapping().items() if key not in ("tables", "entries")}
    plain["forms"] = [
        given if form.template is None else written_out(given, form.fields, form.checks)
        for given, form in zip(plain["forms"], forms, strict=True)
    ]
    return plain


def _contest(node: Node, language: str, forms: Mapping[FormId, Form]) -> Contest:
    node.only("id title form base options roles round runoff_of")
    form_id = node.string("form")
    if form_id not in forms:
        raise node.bad("form", "the id of one of the forms: " + ", ".join(forms))
    form = forms[FormId(form_id)]
    base = node.get("base")
    base.only("kind official")
    options = tuple(_option(item, language, form) for item in node.get("options").items())
    node.unique("options", [o.id for o in options])
    refuse_reserved(node, "options", [o.id for o in options])
    if not options:
        raise node.bad("options", "at least one option")
    roles: dict[str, FieldId] = {}
    if node.has("roles"):
        roles_node = node.get("roles")
        roles_node.only(" ".join(ROLES))
        roles = {role: _field_of(roles_node, role, form) for role in roles_node.mapping()}
    _refuse_two_meanings(node, options, roles)
    return Contest(
        id=ContestId(node.id("id")),
        title=node.text("title", language, default=node.string("id")),
        form=form.id,
        base=ContestBase(
            Base(base.choice("kind", [b.value for b in Base])),
            base.one_of("official", list(dict.fromkeys((*ROLES, *form.field_ids))), "a role or a field of the form"),
        ),
        options=options,
        roles=roles,
        round=node.integer("round", default=1, least=1),
        runoff_of=ContestId(node.string("runoff_of")) if node.has("runoff_of") else None,
    )


def _refuse_two_meanings(node: Node, options: Sequence[Option], roles: Mapping[str, FieldId]) -> None:
    """Each option has a field of its own, and no option's id is an official item that means something else."""
    seen: dict[FieldId, OptionId] = {}
    for option, item in zip(options, node.get("options").items(), strict=True):
        if option.field in seen:
            raise item.bad("field" if item.has("field") else "id", f"a field that {seen[option.field]} does not use")
        seen[option.field] = option.id
        if option.id in ROLES and roles.get(option.id) != option.field:
            raise item.bad("id", f"another id, as {option.id} is an item of official figures")


def _option(node: Node, language: str, form: Form) -> Option:
    node.only("id name field kind withdrawn")
    return Option(
        id=OptionId(node.id("id")),
        name=node.text("name", language, default=node.string("id")),
        field=_field_of(node, "field" if node.has("field") else "id", form),
        kind=OptionKind(node.choice("kind", [k.value for k in OptionKind], default="candidate")),
        withdrawn=node.boolean("withdrawn", default=False),
    )


def _form(node: Node, language: str) -> Form:
    node.only("id title pages fields checks template")
    template = template_of(node)
    given = []
    for item in node.get("fields").items() if template is None or node.has("fields") else ():
        item.only("id label page kind empty")
        given.append(read_field(item, language))
    node.unique("fields", [f.id for f in given])
    refuse_reserved(node, "fields", [f.id for f in given])
    fields = tuple(given) if template is None else joined_fields(node, template, given, language)
    checks = read_checks(node, language, [f.id for f in fields])
    if template is not None:
        checks = joined_checks(node, template, checks, language)
    shown = 1 if template is None else max(f.page for f in fields)
    pages = node.integer("pages", default=shown, least=1)
    if pages < shown:
        raise node.bad("pages", f"{shown} or more, as the template has fields on page {shown}")
    return Form(
        id=FormId(node.id("id")),
        title=title_of(template, language)
        if template is not None and not node.has("title")
        else node.text("title", language, default=node.string("id")),
        pages=pages,
        fields=fields,
        checks=checks,
        template=template,
    )


def _field_of(node: Node, key: str, form: Form) -> FieldId:
    return FieldId(node.one_of(key, form.field_ids, f"a field of form {form.id}"))


def _agreement(node: Node) -> AgreementRule:
    node.only("persons machine_second machine_certainty_millionths")
    return AgreementRule(
        persons=node.integer("persons", default=2, least=1),
        machine_second=node.boolean("machine_second", default=False),
        machine_certainty_millionths=node.integer("machine_certainty_millionths", default=999_000),
    )


def _sample(node: Node) -> SampleDesign:
    node.only("design seed size stratum cluster stations_sha256")
    optional = {key: node.string(key) for key in ("stratum", "cluster", "stations_sha256") if node.has(key)}
    return SampleDesign(
        design=node.choice("design", ["simple", "stratified", "clustered"]),
        seed=node.string("seed"),
        size=node.integer("size", least=2),
        **optional,
    )
