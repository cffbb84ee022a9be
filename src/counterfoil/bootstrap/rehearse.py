"""A whole rehearsal against a running server: a simulated election with planted errors, forged photos, a flood of junk
and readers who lie together; the score says what the count made of it.

    make_election(folder); setup_django(folder); at = prepare()
    Rehearsal(at, port, *plan(folder), ...).run()      the caller has started the server as programs of its own

Rules:

* Accounts and their tokens are rows made here, as the operator of the machine can; all that people then do goes over
  HTTP. What is read from the database at the end is only compared with what people saw.
* The official figures are not in the folder: an organiser uploads them, another approves.
* The order: forged photos first, then the true ones while the flood lasts; readers work meanwhile; then the arbiters;
  then the official figures stand beside the count; at last what was forged is taken back.
"""

from __future__ import annotations

import json
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from counterfoil.bootstrap.rehearse_client import Client
from counterfoil.bootstrap.rehearse_people import Seen, Sender, Worker, flood, look_at, published, start, watch
from counterfoil.bootstrap.server import Server
from counterfoil.evidence import Mask, Region
from counterfoil.primitives.errors import CounterfoilError
from counterfoil.publish.assemble import publication
from counterfoil.record.layout import RECORD, checkpoint_sizes
from counterfoil.record.reader import FolderReader, SubReader
from counterfoil.simulate.truth import Planted, Score, Truth, score
from counterfoil.storage import tokens
from counterfoil.storage.models import Account, Arrival, Copy, Dispute, Entry
from counterfoil.workflow.grow import is_current
from counterfoil.workflow.rehearsal import OFFICIAL, Paper, Rehearsed, wrong_figures
from counterfoil.workflow.rehearsal_folder import FOLDER
from counterfoil.workflow.stores import StoreError
from counterfoil.workflow.verify import verify

Progress = Callable[[str, int, int], None]
HONEST, LIARS, ARBITERS = 6, 2, 3
"""A quarter of the readers lie together: whom one of them invited."""
INVITED_SHARE = 0.7
FLOOD_THREADS = 4
FLOOD_LEAST_S = 6.0
_STRANGERS_PER_MINUTE, _IN_A_FLOOD = 300, 12
_QUIET_S = 3.0
"""Readers who had nothing to do for so long have nothing to do."""


class _Late(Exception):  # noqa: N818 - not an error: the score says so
    """The time that was given is over."""


@dataclass
class _People:
    """Tokens, by who has them."""

    organisers: tuple[Client, Client]
    coordinator: Client
    readers: list[tuple[Client, bool]]
    """With whether they lie."""
    arbiters: list[Client]


@dataclass
class Rehearsal:
    """One run. `port`: where the server answers; `limit_s`: when to stop and score what there is."""

    at: Server
    port: int
    papers: Sequence[Paper]
    truth: Truth
    seed: int
    limit_s: float
    progress: Progress = lambda what, done, of: None
    seen: Seen = field(default_factory=Seen)
    timings: dict[str, float] = field(default_factory=dict)

    def run(self) -> Rehearsed:
        """All of it. Raises nothing for what the server does wrong: the score says so."""
        self._began = time.monotonic()
        self._true = [paper for paper in self.papers if not paper.forged]
        self._people = self._invite()
        self._found: set[tuple[str, str, str | None]] = set()
        self._scores: list[Score] = []
        self._done: dict[str, bool] = {}
        over = threading.Event()
        watching = start([partial(watch, Client(self.port), self.seen, self._true, over)])
        stopped = ""
        for name, part in (
            ("set up", self._set_up),
            ("send, read and flood", self._send_and_read),
            ("rule on what differs", self._rule),
            ("take back what is forged", self._take_back),
            ("the last publication", self._settle),
        ):
            self.progress(name, 0, 0)
            began = time.monotonic()
            try:
                part()
            except _Late:
                stopped = f"not finished in {self.limit_s:.0f} s: {name}"
            self.timings[name] = round(time.monotonic() - began, 1)
            if stopped:
                break
        self.seen.stop.set()
        over.set()
        for thread in watching:
            thread.join(30)
        return self._rehearsed(stopped)

    # ---- set up

    def _invite(self) -> _People:
        def token(name: str, roles: Sequence[str], by: Account | None = None) -> tuple[Account, Client]:
            account = Account.objects.create_account(name, list(roles), by)
            return account, Client(self.port, tokens.make("rehearsal", account=account))

        ann, one = token("ann", ["organiser"])
        ben, two = token("ben", ["organiser"])
        _, coordinator = token("cora", ["sender_coordinator"], ann)
        readers = [(token(f"reader-{n}", ["reader"], (ann, ben)[n % 2])[1], False) for n in range(HONEST)]
        stranger = None
        for number in range(LIARS):
            account, client = token(f"friend-{number}", ["reader"], stranger or ben)
            stranger = stranger or account
            readers.append((client, True))
        arbiters = [token(f"arbiter-{n}", ["arbiter"], (ann, ben)[n % 2])[1] for n in range(ARBITERS)]
        return _People((one, two), coordinator, readers, arbiters)

    def _set_up(self) -> None:
        one, _ = self._people.organisers
        self._branches = {name: self._branch(name) for name in ("choir", "second hand")}
        one.must("phase", {"phase": "intake_open", "text": {"en": "A rehearsal: photos are taken from now on."}})
        folder = self.at.settings.folder / FOLDER
        for table in json.loads((folder / OFFICIAL).read_text("utf-8")):
            self._upload(table, (folder / table["file"]).read_bytes())

    def _branch(self, name: str) -> tuple[str, Client]:
        made = self._people.coordinator.must("branches/new", {"name": name, "kind": "invited"})
        word = self._people.coordinator.must(f"branches/{made['id']}/token", {"name": "rehearsal"})
        return made["id"], Client(self.port, word["token"])

    def _upload(self, table: Mapping[str, Any], data: bytes) -> None:
        """One organiser looks at the preview and confirms; where two are needed another approves."""
        one, _ = self._people.organisers
        fields = {
            "kind": "official",
            "contest": str(table["contest"]),
            "snapshot": str(table["snapshot"]),
            "announced_at": str(table["announced_at"]),
            "unit": str(table["unit"]),
            "source_name": str(table["source"]["name"]),
            "name": str(table["file"]),
        }
        draft = one.must_upload("imports", fields, "file", data)
        made = one.must(f"imports/{draft['id']}/confirm")
        self._second(made)
        self._until(self._quiet, "the official figures in the record")

    def _second(self, proposal: Mapping[str, Any]) -> bool:
        """The second person approves; whether it was applied."""
        state = proposal["state"]
        if state == "open":
            state = self._people.organisers[1].must(f"proposals/{proposal['id']}/approve")["state"]
        return bool(state == "approved")

    def _propose(self, action: str, payload: Mapping[str, Any], reason: str) -> bool:
        """One proposes, the other approves."""
        given = {"action": action, "payload": dict(payload), "reason": reason}
        return self._second(self._people.organisers[0].must("proposals/new", given))

    # ---- send, read, rule

    def _send_and_read(self) -> None:
        forged = [paper for paper in self.papers if paper.forged]
        trolls = Sender(self._branches["second hand"][1], self.seen, "troll", self.seed)
        stranger = Sender(Client(self.port), self.seen, "stranger", self.seed)
        trolls.send_all(forged[1:])
        # One comes without a branch: nobody can take back all of a stranger, so two persons withdraw it.
        self._alone = set(self.seen.acknowledged)
        stranger.send_all(forged[:1])
        self._alone = set(self.seen.acknowledged) - self._alone
        rng = random.Random(self.seed)  # noqa: S311 - a simulation
        true = list(self._true)
        rng.shuffle(true)
        cut = int(len(true) * INVITED_SHARE)
        invited = Sender(self._branches["choir"][1], self.seen, "invited", self.seed)
        with self._working(self._people.readers):
            with self._flooded():
                senders = start([partial(stranger.send_all, true[cut:]), partial(invited.send_all, true[:cut])])
                invited_done, began = senders[1], time.monotonic()
                self._until(
                    lambda: not invited_done.is_alive() and time.monotonic() - began > FLOOD_LEAST_S, "the photos"
                )
            self._until(lambda: not senders[0].is_alive(), "strangers' photos")
            self._until(self._drained, "the readings")
            self._until(self._quiet, "the publication of what was read")
        self._look()

    @contextmanager
    def _flooded(self) -> Iterator[None]:
        """Junk comes in; an organiser turns down what strangers may send, and up again afterwards."""
        one, _ = self._people.organisers
        one.must("settings/change", {"values": {"strangers_per_minute": _IN_A_FLOOD}})
        over = threading.Event()
        threads = start([partial(flood, Client(self.port), self.seen, over, number) for number in range(FLOOD_THREADS)])
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join(60)
            one.must("settings/change", {"values": {"strangers_per_minute": _STRANGERS_PER_MINUTE}})

    @contextmanager
    def _working(self, people: Sequence[tuple[Client, bool]], first: int = 0) -> Iterator[None]:
        known = {paper.number: paper for paper in self.papers}
        over = threading.Event()
        self._workers = [
            Worker(client, self.seen, known, first + number, lies=lies) for number, (client, lies) in enumerate(people)
        ]
        threads = start([partial(worker.run, over) for worker in self._workers])
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join(60)

    def _drained(self) -> bool:
        """Nobody had anything to do for a while, and nothing waits that could become a task."""
        now = time.monotonic()
        idle = all(w.idle_since is not None and now - w.idle_since > _QUIET_S for w in self._workers)
        return idle and not Arrival.objects.exists()

    def _rule(self) -> None:
        people = [*self._people.readers, *((client, False) for client in self._people.arbiters)]
        with self._working(people):
            self._until(self._drained, "the rulings")
        self._until(self._quiet, "the publication of what was ruled")
        self._look()

    # ---- after the count

    def _take_back(self) -> None:
        one, _ = self._people.organisers
        stranger = Client(self.port)
        place = self._true[0]
        stranger.must("disputes", {"station": place.station, "contest": place.contest, "reason": "figures_differ"})
        for dispute in one.get("/api/v1/disputes/open").json:
            one.must(
                f"disputes/{dispute['id']}/answer",
                {"kind": "explained", "text": {"en": "We looked again: the photo shows what was counted."}},
            )
        self._done["released"] = self._release()
        for name in self._alone:
            entries = one.get(f"/api/v1/entries?copy_id={name}").json
            payload = {"entries": [e["id"] for e in entries if e["type"] == "copy"], "reason": "forged"}
            self._done["withdrawn"] = self._propose("withdraw", payload, "forged")
        branch = self._branches["second hand"][0]
        self._propose("revoke_branch", {"branch": branch, "reason": "forged"}, "forged")

    def _release(self) -> bool:
        """One draws a mask on a counted copy, another confirms it."""
        marks = {paper.number for paper in self._true}
        counted = set(Copy.objects.filter(state__in=("agreed", "arbitrated"), released="").values_list("pk", flat=True))
        name = next((copy for copy, mark in self.seen.acknowledged.items() if mark in marks and copy in counted), None)
        if name is None:
            return False
        mask = Mask((Region.rectangle(100_000, 700_000, 900_000, 900_000),))
        return self._propose("release", {"copy": name, "mask": mask.data(), "mask_id": mask.id}, "")

    def _settle(self) -> None:
        """What was taken back may have opened work again."""
        people = [*self._people.readers, *((client, False) for client in self._people.arbiters)]
        with self._working(people):
            self._until(self._drained, "what was opened again")
        self._until(self._quiet, "the last publication")

    # ---- measuring

    def _until(self, ready: Callable[[], bool], what: str) -> None:
        self.progress(what, 0, 0)
        while not ready():
            if time.monotonic() - self._began > self.limit_s:
                raise _Late
            time.sleep(0.3)

    def _quiet(self) -> bool:
        """Everything that was said stands in the record, and the site shows it."""
        if Arrival.objects.exists() or Entry.objects.filter(index__isnull=True).exists():
            return False
        return is_current(self.at.settings.folder, self.at.settings.site)

    def _look(self) -> None:
        """Set the findings beside what was planted."""
        reader = FolderReader(self.at.settings.folder)
        # Only of the record: the worker may swap the site at this moment.
        sizes = checkpoint_sizes(SubReader(reader, RECORD))
        found = score(self.truth, publication(reader, [f"{RECORD}checkpoints/{size}" for size in sizes]).results)
        self._scores.append(found)

    def _planted(self) -> tuple[list[Planted], list[Planted], int]:
        """Found in any publication, missed in all, and those that arithmetic can't show."""
        if not self._scores:
            return [], [p for p in self.truth.planted if p.code is not None], 0
        found = {p for one in self._scores for p in one.found}
        found |= {p for p in self._scores[-1].missed if p.code == "copies-differ" and p.where in self.seen.disputed}
        missed = [p for p in self._scores[-1].missed if p not in found]
        return sorted(found, key=lambda p: (p.problem, p.where)), missed, len(self._scores[-1].invisible)

    def _lost(self) -> tuple[str, ...]:
        """Acknowledged copies that are nowhere, and those whose picture is gone."""
        with self.at.log(read_only=True) as log:
            said = [json.loads(data) for data in log.entries()]
        recorded = {entry["copy"] for entry in said if entry["type"] == "copy"}
        kept = dict(Copy.objects.values_list("pk", "picture"))
        kept |= dict(Arrival.objects.values_list("copy", "picture"))
        return tuple(
            name
            for name in self.seen.acknowledged
            if (name not in recorded and name not in kept) or not self._has_picture(kept.get(name, ""))
        )

    def _has_picture(self, sha256: str) -> bool:
        for store in (self.at.pictures, self.at.intake):
            try:
                store.get(sha256)
            except (StoreError, ValueError):
                continue
            return True
        return False

    def _rehearsed(self, stopped: str) -> Rehearsed:
        client, seen = Client(self.port), self.seen
        data = client.get("/data/results_wide.csv")
        wrong: tuple[str, ...] = ("there is no publication",)
        if data.status == 200:
            frame = published(data.body)
            wrong = tuple(wrong_figures(frame, self._true))
            before = set(seen.wrong)
            look_at(frame, seen, self._true)
            seen.wrong = before - set(wrong)
        found, missed, invisible = self._planted()
        forged = {paper.number for paper in self.papers if paper.forged}
        trolls = [copy for copy, mark in seen.acknowledged.items() if mark in forged]
        left = Copy.objects.filter(pk__in=trolls).exclude(state="withdrawn").count()
        waits = [seen.published_at[s] - seen.sent_at[s] for s in seen.sent_at if s in seen.published_at]
        return Rehearsed(
            stations=self.truth.stations,
            seed=self.seed,
            wall_s=round(time.monotonic() - self._began, 1),
            planted_found=tuple(found),
            planted_missed=tuple(missed),
            planted_invisible=invisible,
            wrong_accepted=wrong,
            wrong_for_a_while=len(seen.wrong),
            acknowledged=len(seen.acknowledged),
            lost=self._lost(),
            invited_sent=seen.counts["invited_sent"],
            invited_acknowledged=seen.counts["invited_acknowledged"],
            invited_at_first_try=seen.counts["invited_at_first_try"],
            troll_copies=len(trolls),
            troll_copies_left=left,
            flood=dict(seen.flood),
            impolite=seen.impolite,
            readings=seen.counts["readings"],
            lies=seen.counts["lies"],
            arbitrated=seen.counts["arbitrated"],
            released=self._done.get("released", False) and self._public_pictures() > 0,
            withdrawn=self._done.get("withdrawn", False),
            answered=Dispute.objects.filter(closed=True).exists() and not Dispute.objects.filter(closed=False).exists(),
            verified=self._verified(),
            to_published_s=round(statistics.median(waits), 1) if waits else None,
            six_numbers=self._six_numbers(),
            stopped_by=stopped,
            timings=self.timings,
        )

    def _public_pictures(self) -> int:
        """Released copies whose picture the site serves."""
        names = Copy.objects.exclude(released="").values_list("released", flat=True)
        return sum(Client(self.port).get(f"/copies/{name}.jpg").status == 200 for name in names)

    def _verified(self) -> bool:
        try:
            return verify(self.at.settings.site, pages=True).holds
        except CounterfoilError:
            return False

    def _six_numbers(self) -> dict[str, int]:
        answer = Client(self.port).get("/data/summary.json")
        if answer.status != 200:
            return {}
        contest = next(iter(answer.json["contests"].values()))
        return dict(contest["stations"])
