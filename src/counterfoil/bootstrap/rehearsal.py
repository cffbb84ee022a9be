"""A rehearsal: a simulated election in progress on the real server, so that somebody new can send, read and decide.

    workflow.rehearsal_folder.make_rehearsal    before the server is prepared: its folder, without any copies
    seed_rehearsal                              after: accounts, photos sent in earnest, part of them read

Rules:

* Only where the setting `rehearsal` is on: every page says so. Accounts have known passwords, shown on the terminal.
* What the simulated people type comes from `simulate`: two persons, the usual errors, so that there is work for a third
  reader and an arbiter.
* What was not sent yet lies as pictures in `rehearsal/to-send/`, for whoever tries to send.
"""

from __future__ import annotations

import functools
import hashlib
import random
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import transaction

from counterfoil.bootstrap.jobs import desk_of, grow_now, means_of
from counterfoil.bootstrap.server import Server
from counterfoil.election.folder import load_templates
from counterfoil.primitives.cells import Cell, parse_cell
from counterfoil.primitives.errors import InputError
from counterfoil.simulate.blank import BlankForm
from counterfoil.simulate.drawing import draw_protocol
from counterfoil.storage import answers, leases, organise
from counterfoil.storage.arrivals import Door, receive
from counterfoil.storage.models import Account, Copy, Task
from counterfoil.storage.said import Desk
from counterfoil.workflow.rehearsal_folder import FOLDER
from counterfoil.workflow.sending import Claim

SENT_SHARE, READ_SHARE = 0.8, 0.6
"""Of the copies, those sent already; of these, those read already."""
VOLUNTEERS = ("alma", "boris", "celia", "dario", "elena", "farid")
KINDS = {"photo": "other"}
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Login:
    """One account of the rehearsal. `codes` are recovery codes, each good once, instead of a telephone."""

    name: str
    password: str
    roles: tuple[str, ...]
    secret: str
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Seeded:
    """What a rehearsal starts with."""

    logins: tuple[Login, ...]
    sent: int
    read: int
    to_send: Path


@dataclass
class _Sheet:
    """One simulated copy: what stands on the paper, and what each person typed, in order."""

    label: str
    station: str
    contest: str
    kind: str
    paper: dict[str, str]
    typed: list[dict[str, str]] = field(default_factory=list)


def seed_rehearsal(at: Server, *, seed: int = 1, progress: Progress = lambda what, done, of: None) -> Seeded:
    """Accounts, photos and readings. Once per folder: what was seeded before is kept, and only new logins are made.

    Raises:
        InputError: the server is no rehearsal.
    """
    if not at.settings.rehearsal:
        raise InputError("the setting rehearsal", expected="true", found="false", code="no-rehearsal")
    logins = tuple(
        _login(name, roles)
        for name, roles in {
            "organiser": ("organiser",),
            "second": ("organiser",),  # whatever changes a figure needs two
            "reader": ("reader",),
            "arbiter": ("arbiter",),
            "auditor": ("auditor",),
        }.items()
    )
    to_send = at.settings.folder / FOLDER / "to-send"
    if Copy.objects.exists():
        return Seeded(logins, 0, 0, to_send)
    _open_intake(at, logins[0].name)
    rng = random.Random(seed)  # noqa: S311 - a simulation
    sheets = list(_sheets(at.settings.folder / FOLDER / "transcripts.csv"))
    rng.shuffle(sheets)
    sent = sheets[: int(len(sheets) * SENT_SHARE)]
    by_copy = _send(at, sent, seed, progress)
    _keep_for_sending(at, sheets[len(sent) :], seed, to_send)
    grow_now(at)
    read = _read(at, by_copy, int(len(by_copy) * READ_SHARE), progress)
    grow_now(at)
    return Seeded(logins, len(by_copy), read, to_send)


def _open_intake(at: Server, organiser: str) -> None:
    """Photos are taken from now on: said in the record, as in earnest."""
    text = {at.election.languages[0]: "A rehearsal: photos are taken from now on."}
    organise.set_phase("intake_open", text, Account.objects.get(username=organiser), means_of(at))


def _login(name: str, roles: Sequence[str]) -> Login:
    """The account `name` with a new password and a new second factor."""
    password, secret = secrets.token_urlsafe(9), generate_totp_secret()
    with transaction.atomic():
        account = Account.objects.filter(username=name).first() or Account.objects.create_account(name, list(roles))
        account.set_password(password)
        account.save()
        Authenticator.objects.filter(user=account).delete()
        TOTP.activate(account, secret)
        codes = RecoveryCodes.activate(account).get_unused_codes()
    return Login(name, password, tuple(roles), secret, tuple(codes))


def _sheets(path: Path) -> Iterator[_Sheet]:
    rows = pl.read_csv(path, infer_schema=False)
    fields = rows.columns[rows.columns.index("problem") + 1 :]
    for (label,), group in rows.group_by(["copy"], maintain_order=True):
        typed = [
            {name: row[name] for name in fields if row[name] is not None}
            for row in group.iter_rows(named=True)
            if row["problem"] is None
        ]
        if not typed:
            continue
        first = group.row(0, named=True)
        paper = {name: _most([one[name] for one in typed if name in one]) for name in fields}
        kind = KINDS.get(first["kind"], first["kind"])
        yield _Sheet(str(label), first["station"], first["contest"], kind, paper, typed)


def _most(values: Sequence[str]) -> str:
    return Counter(values).most_common(1)[0][0] if values else "absent"


def _photo(at: Server, sheet: _Sheet, seed: int) -> bytes:
    form = _form(at.settings.folder, at.election.contest(sheet.contest).form)
    return draw_protocol(form, sheet.paper, seed=_look(seed, sheet.label), station=sheet.station)


@functools.lru_cache(maxsize=4)
def _form(folder: Path, form: str) -> BlankForm:
    """The form as it is printed."""
    return BlankForm(load_templates(folder)[form], {})


def _look(seed: int, label: str) -> int:
    """A number for the look of one photo, the same each time."""
    return int.from_bytes(hashlib.sha256(f"{seed} {label}".encode()).digest()[:6], "big")


def _send(at: Server, sheets: Sequence[_Sheet], seed: int, progress: Progress) -> dict[str, _Sheet]:
    door = Door(at.sandbox, at.intake, at.pepper, at.slot, at.templates)
    by_copy = {}
    for done, sheet in enumerate(sheets):
        progress("send photos", done, len(sheets))
        claim = Claim(sheet.station, sheet.contest, 1, sheet.kind)
        for received in receive(door, _photo(at, sheet, seed), claim):
            by_copy[received.copy] = sheet
    return by_copy


def _keep_for_sending(at: Server, sheets: Sequence[_Sheet], seed: int, to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for sheet in sheets:
        (to / f"{sheet.station}-{sheet.label}.jpg").write_bytes(_photo(at, sheet, seed))


def _read(at: Server, by_copy: Mapping[str, _Sheet], enough: int, progress: Progress) -> int:
    """Simulated readers take what they are handed until so many copies were read; how many were."""
    people = [
        Account.objects.filter(username=name).first() or Account.objects.create_account(name, ["reader"])
        for name in VOLUNTEERS
    ]
    read: Counter[str] = Counter()
    idle = 0
    while len([c for c in read.values() if c > 1]) < enough and idle < len(people):
        person = people.pop(0)
        people.append(person)
        desk = desk_of(at)
        task = leases.hand_out(person, desk)
        if task is None:
            idle += 1
            continue
        idle = 0
        _answer(task, person, by_copy, read, desk)
        progress("read", len([c for c in read.values() if c > 1]), enough)
    Task.objects.filter(leased_by__in=people).update(leased_by=None, leased_until=None)
    return len([c for c in read.values() if c > 1])


def _answer(task: Task, person: Account, by_copy: Mapping[str, _Sheet], read: Counter[str], desk: Desk) -> None:
    copy = Copy.objects.get(pk=task.copy_id)
    sheet = by_copy.get(copy.pk)
    if task.kind in ("identify", "place"):
        place = (copy.station, copy.contest, copy.page)
        answers.identify(task, person, place, copy.kind, desk)
        return
    values: dict[str, Cell] = {}
    if sheet is not None:
        typed = sheet.typed[read[copy.pk] % len(sheet.typed)]
        values = {name: _cell(typed.get(name, sheet.paper[name])) for name in task.fields}
    answers.read(task, person, values, desk)
    read[copy.pk] += task.kind == "read"


def _cell(text: str) -> Cell:
    return parse_cell("" if text == "absent" else text, where="a simulated reading")
