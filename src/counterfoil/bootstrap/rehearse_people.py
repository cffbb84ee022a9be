"""The people of a rehearsal: who sends, who floods, who reads, who rules, who watches the publication. Threads that
talk to the server over HTTP only, and know of the photos what stands on them.

What they measured stands in `Seen`, which all share.
"""

from __future__ import annotations

import functools
import io
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl
from PIL import Image

from counterfoil.bootstrap.rehearse_client import Answer, Client
from counterfoil.simulate.blank import BlankForm, Printed
from counterfoil.simulate.drawing import draw_protocol, paper_form
from counterfoil.simulate.marks import read_mark, with_mark
from counterfoil.workflow.rehearsal import Paper, typed_honestly, typed_together, wrong_figures

WIDTH = 600
"""Of the photos, in pixels: small, so that two cores rehearse the server and not the decoder."""
_PAUSE_S = 0.4
_MOST_WAIT_S = 3.0
"""A sender of a rehearsal does not wait as long as a server may ask."""
_BETWEEN_JUNK_S = 0.1
_LOOKS_UP_S = 60.0
"""How long an arbiter waits for the publication to show a dispute before ruling on it."""


@dataclass
class Seen:
    """What all of them saw. Every change holds `lock`."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    stop: threading.Event = field(default_factory=threading.Event)
    acknowledged: dict[str, int] = field(default_factory=dict)
    """Copy -> mark of the photo; 0: one of the flood."""
    sent_at: dict[str, float] = field(default_factory=dict)
    """Station -> when the first photo of a true paper was acknowledged."""
    published_at: dict[str, float] = field(default_factory=dict)
    disputed: set[str] = field(default_factory=set)
    """Stations that a publication called disputed."""
    wrong: set[str] = field(default_factory=set)
    flood: Counter[str] = field(default_factory=Counter)
    impolite: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """invited_sent, invited_acknowledged, invited_at_first_try, readings, lies, arbitrated, refused."""

    def count(self, what: str, number: int = 1) -> None:
        with self.lock:
            self.counts[what] += number

    def answer(self, answer: Answer) -> None:
        """Note one that no server should give."""
        if answer.impolite:
            with self.lock:
                self.impolite += 1


def draw(paper: Paper, seed: int) -> bytes:
    """The photo of a paper, with its mark."""
    form = _form(paper.contest, tuple(paper.values))
    data = draw_protocol(form, paper.values, seed=seed * 100_003 + paper.number, station=paper.station, width=WIDTH)
    with Image.open(io.BytesIO(data)) as drawn:
        marked = with_mark(drawn, paper.number)
    out = io.BytesIO()
    marked.save(out, "JPEG", quality=80)
    return out.getvalue()


@functools.lru_cache(maxsize=4)
def _form(contest: str, fields: tuple[str, ...]) -> BlankForm:
    return paper_form(contest.capitalize(), [Printed(name, name.replace("_", " ").capitalize()) for name in fields])


def noise(number: int) -> bytes:
    """A photo of nothing."""
    out = io.BytesIO()
    rng = random.Random(number)  # noqa: S311 - looks, not secrets
    small = Image.frombytes("L", (12, 16), rng.randbytes(12 * 16)).resize((300, 400))
    small.convert("RGB").save(out, "JPEG", quality=60)
    return out.getvalue()


@dataclass
class Sender:
    """Sends papers one after the other; who is asked to come later comes later. `lane`: for what is counted."""

    client: Client
    seen: Seen
    lane: str
    seed: int

    def send_all(self, papers: Iterable[Paper]) -> None:
        for paper in papers:
            self.send(paper)

    def send(self, paper: Paper) -> None:
        data = draw(paper, self.seed)
        claim = {"station": paper.station, "contest": paper.contest, "page": "1", "kind": paper.kind}
        self.seen.count(f"{self.lane}_sent")
        for number in range(100):
            answer = self.client.upload("copies", claim, "photo", data)
            self.seen.answer(answer)
            if answer.status == 201:
                self._acknowledged(paper, answer, number)
                return
            if not answer.later:
                self.seen.count("refused")
                return
            if self.seen.stop.wait(min(answer.retry_after_s or 0, _MOST_WAIT_S)):
                return

    def _acknowledged(self, paper: Paper, answer: Answer, number: int) -> None:
        with self.seen.lock:
            self.seen.counts[f"{self.lane}_acknowledged"] += 1
            self.seen.counts[f"{self.lane}_at_first_try"] += number == 0
            for one in answer.json["copies"]:
                self.seen.acknowledged[one["copy_id"]] = paper.number
            if not paper.forged:
                self.seen.sent_at.setdefault(paper.station, time.monotonic())


def flood(client: Client, seen: Seen, over: threading.Event, number: int) -> None:
    """Junk without end: most is no picture, some is a picture of nothing; nobody comes later when asked to."""
    rng = random.Random(number)  # noqa: S311 - junk
    while not over.is_set() and not seen.stop.is_set():
        data = noise(rng.randrange(1_000_000)) if rng.random() < 0.3 else rng.randbytes(20_000)
        answer = client.upload("copies", {"kind": "other"}, "photo", data)
        seen.answer(answer)
        with seen.lock:
            seen.flood[str(answer.status)] += 1
            if answer.status == 201:
                seen.acknowledged |= {one["copy_id"]: 0 for one in answer.json["copies"]}
        over.wait(_BETWEEN_JUNK_S)


class Worker:
    """Somebody who takes tasks and answers them by what stands on the photo, until `over`."""

    def __init__(self, client: Client, seen: Seen, papers: Mapping[int, Paper], number: int, *, lies: bool) -> None:
        self._client, self._seen, self._papers, self._number, self._lies = client, seen, papers, number, lies
        self._rng = random.Random(number)  # noqa: S311 - a simulation
        self.idle_since: float | None = None
        """Since when there is nothing for this person; None: at work."""

    def run(self, over: threading.Event) -> None:
        while not over.is_set() and not self._seen.stop.is_set():
            answer = self._client.call("tasks/next")
            self._seen.answer(answer)
            if answer.status == 200:
                self.idle_since = None
                self._do(answer.json)
                continue
            self.idle_since = self.idle_since or time.monotonic()
            over.wait(_PAUSE_S)

    def _do(self, task: Mapping[str, object]) -> None:
        choices = task["choices"]
        if task["kind"] == "decide" and isinstance(choices, Sequence) and choices:
            path, body = self._choose(task, [str(one["copy_id"]) for one in choices])
        else:
            path, body = self._answer(task, self._look(task))
        done = self._client.call(f"tasks/{task['id']}/{path}", body)
        self._seen.answer(done)
        if done.status != 201:  # somebody else was quicker
            self._client.call(f"tasks/{task['id']}/back")
            return
        self._seen.count({"reading": "readings", "decision": "arbitrated"}.get(path, path))
        self._seen.count("lies", int(self._lies and path == "reading"))

    def _look(self, task: Mapping[str, object], number: int = 0) -> Paper | None:
        """What is on the photo: one of the papers, or none."""
        picture = self._client.get(f"/api/v1/tasks/{task['id']}/picture?number={number}")
        if picture.status != 200:
            return None
        with Image.open(io.BytesIO(picture.body)) as image:
            return self._papers.get(read_mark(image) or 0)

    def _answer(self, task: Mapping[str, object], paper: Paper | None) -> tuple[str, dict[str, object]]:
        asked, kind = task["fields"], task["kind"]
        fields = [str(name) for name in asked] if isinstance(asked, list) else []
        if kind == "decide" and paper is None:
            return "decision", {"action": "exclude_copy", "reason": "not_a_protocol"}
        if paper is None:
            return "problem", {"problem": "not_a_protocol"}
        if kind in ("identify", "place"):
            place = {"station": paper.station, "contest": paper.contest, "page": 1, "kind": paper.kind}
            return "place", dict(place)
        if kind == "decide":
            values = typed_honestly(paper, fields, 0, _Never())
            return "decision", {"action": "settle_fields", "reason": "read_again", "values": values}
        typed = typed_together(paper, fields) if self._lies else self._honest(paper, fields)
        return "reading", {"values": typed}

    def _honest(self, paper: Paper, fields: Sequence[str]) -> dict[str, int | str]:
        return typed_honestly(paper, fields, self._number, self._rng)

    def _choose(self, task: Mapping[str, object], copies: Sequence[str]) -> tuple[str, dict[str, object]]:
        """Copies that differ: the signed one is seen on the photo. First the public sees that they do."""
        limit = time.monotonic() + _LOOKS_UP_S
        while str(task["station"]) not in self._seen.disputed and time.monotonic() < limit:
            if self._seen.stop.wait(_PAUSE_S):
                break
        for number, name in enumerate(copies):
            paper = self._look(task, number)
            if paper is not None and not paper.forged:
                return "decision", {"action": "choose_copy", "reason": "signed_copy", "copy_id": name}
        return "decision", {"action": "exclude_station", "reason": "cannot_be_settled"}


class _Never(random.Random):
    """No error is ever made."""

    def random(self) -> float:
        return 1.0


def watch(client: Client, seen: Seen, true: Sequence[Paper], over: threading.Event) -> None:
    """Look at the publication again and again: what is there for the first time, what is wrong."""
    last = b""
    while not over.is_set():
        answer = client.get("/data/results_wide.csv")
        if answer.status == 200 and answer.body != last:
            last = answer.body
            look_at(published(last), seen, true)
        over.wait(1.0)


def published(data: bytes) -> pl.DataFrame:
    """`results_wide` as it is published; only fields are numbers, all else is text."""
    frame = pl.read_csv(io.BytesIO(data), infer_schema=False)
    figures = [c for c in frame.columns if c.startswith("field.") and not c.endswith(".state")]
    return frame.with_columns(pl.col(figures).replace("", None).cast(pl.Int64))


def look_at(frame: pl.DataFrame, seen: Seen, true: Sequence[Paper]) -> None:
    """Note what one publication shows."""
    now = time.monotonic()
    confirmed = frame.filter(pl.col("state") == "confirmed")["station"].to_list()
    disputed = frame.filter(pl.col("state") == "disputed")["station"].to_list()
    wrong = wrong_figures(frame, true)
    wrong_at = {line.partition(" ")[0] for line in wrong}
    with seen.lock:
        seen.disputed.update(disputed)
        seen.wrong.update(wrong)
        for station in confirmed:
            if station not in wrong_at:
                seen.published_at.setdefault(station, now)


def start(jobs: Iterable[Callable[[], None]]) -> list[threading.Thread]:
    """Each in a thread."""
    threads = [threading.Thread(target=job, daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    return threads
