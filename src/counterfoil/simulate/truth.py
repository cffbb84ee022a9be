"""What was planted in a simulated election, and how much of it a count found. The truth never lies in the folder.

A planted problem names the finding `codes` that arithmetic must raise, or says why it can't show it: stuffing that is
consistent on every paper is invisible to any count of protocols, and that is printed as plainly as what was found.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from counterfoil.election.definition import Severity
from counterfoil.tally.results import ContestTally, Finding, Results

SAME_ERROR = "same_error_twice"
"""Not planted: two persons made the same typing error, which blind double entry can't notice. Listed, because what is
wrong in the count must be known; about one figure in 70,000."""

FOLLOWS = ("part-exceeds-whole", "bound-excludes-official")
"""What follows by addition, at a planted place or above it, even where only voters' reports tip it."""


@dataclass(frozen=True, slots=True)
class Planted:
    """One problem: what was done, where, and which finding must show it."""

    problem: str
    """What was planted, in words of this module: `columns_swapped`, `stuffed_over_register`, ..."""
    where: str
    """A station or an area."""
    code: str | None
    """The finding that must be raised there; None: arithmetic can't show it."""
    option: str | None = None
    why_not: str = ""
    """Where `code` is None: why no arithmetic can show it."""


@dataclass(frozen=True, slots=True)
class Typing:
    """What the simulated readers did."""

    copies: int = 0
    readings: int = 0
    figures: int = 0
    digit_wrong: int = 0
    transposed: int = 0
    third_readings: int = 0
    decisions: int = 0
    illegible: int = 0


@dataclass(frozen=True)
class Truth:
    """The truth about one simulated election."""

    scenario: str
    seed: int
    stations: int
    received: tuple[str, ...]
    """Stations of which a true copy or row came in."""
    without_copies: tuple[str, ...]
    """Districts of which nothing came in."""
    ballots: Mapping[str, int]
    """Option -> votes as they lay in the boxes."""
    protocols: Mapping[str, int]
    """Option -> votes as all protocols state them, seen or not."""
    readable: Mapping[str, int]
    """Option -> sum of the protocols that came in, are not contested by a forged copy and are legible there: what a
    faultless count must arrive at."""
    planted: tuple[Planted, ...]
    typing: Typing = Typing()

    def save(self, path: Path) -> None:
        """Write as JSON. Keep it outside the election's folder: whoever counts must not know it."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @staticmethod
    def load(path: Path) -> Truth:
        plain: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        plain["planted"] = tuple(Planted(**item) for item in plain["planted"])
        plain["typing"] = Typing(**plain["typing"])
        for name in ("received", "without_copies"):
            plain[name] = tuple(plain[name])
        return Truth(**plain)


@dataclass(frozen=True)
class Score:
    """Planted beside found."""

    found: tuple[Planted, ...]
    missed: tuple[Planted, ...]
    invisible: tuple[Planted, ...]
    extra: tuple[Finding, ...]
    """Findings above `note` that nothing planted explains."""
    wrong_totals: Mapping[str, tuple[int, int]]
    """Option -> (counted, what a faultless count arrives at), where they differ."""

    @property
    def perfect(self) -> bool:
        return not (self.missed or self.extra or self.wrong_totals)

    def lines(self) -> list[str]:
        """The comparison as plain text, a line per kind of problem."""
        kinds = sorted({p.problem for p in (*self.found, *self.missed, *self.invisible)})
        lines = []
        for kind in kinds:
            found, missed, unseen = (
                [p for p in group if p.problem == kind] for group in (self.found, self.missed, self.invisible)
            )
            text = f"{kind.replace('_', ' ')}: planted {len(found) + len(missed) + len(unseen)}, found {len(found)}"
            if missed:
                text += f", missed {len(missed)} ({', '.join(p.where for p in missed[:5])})"
            for reason in sorted({p.why_not for p in unseen}):
                text += f"; {sum(p.why_not == reason for p in unseen)} can't be shown by arithmetic: {reason}"
            lines.append(text)
        lines += [f"not planted, but found: {f.code} at {f.area}" for f in self.extra[:20]]
        lines += [
            f"total of {option}: counted {counted}, a faultless count gives {right}"
            for option, (counted, right) in self.wrong_totals.items()
        ]
        return lines or ["nothing was planted, nothing above a note was found"]


def score(truth: Truth, results: Results) -> Score:
    """Compare what was planted with what the count of the (one) contest found."""
    tally = next(iter(results.contests.values()))
    where = _places(tally)
    found, missed, invisible = [], [], []
    for planted in truth.planted:
        if planted.code is None:
            invisible.append(planted)
        elif (planted.code, planted.where, planted.option) in where:
            found.append(planted)
        else:
            missed.append(planted)
    country_id = results.replay.election.country
    explained = _explained(truth, tally, country_id)
    extra = [
        finding
        for index, finding in enumerate(tally.findings)
        if finding.severity is not Severity.NOTE and not _is_explained(index, finding, tally, explained, truth)
    ]
    country = tally.area(country_id)
    counted = {str(o.option): o.votes for o in country.options}
    wrong = {o: (counted[o], right) for o, right in truth.readable.items() if counted[o] != right}
    return Score(tuple(found), tuple(missed), tuple(invisible), tuple(extra), wrong)


def _places(tally: ContestTally) -> set[tuple[str, str, str | None]]:
    """(code, station or area, option or None) of every finding, and of each station after the gate behind it."""
    places: set[tuple[str, str, str | None]] = set()
    for finding in tally.findings:
        places |= {(finding.code, finding.area, finding.option), (finding.code, finding.area, None)}
    for index, station, gated in tally.finding_stations.select("finding", "station", "gated_out").iter_rows():
        finding = tally.findings[index]
        if not gated:
            places |= {(finding.code, station, finding.option), (finding.code, station, None)}
    return places


def _explained(truth: Truth, tally: ContestTally, country: str) -> set[str]:
    """Every planted place, and the areas above it."""
    parents = dict(tally.stations.select("station", "area").iter_rows())
    explained: set[str] = set()
    for place in {p.where for p in truth.planted}:
        explained.add(place)
        area = parents.get(place, place)
        # Districts are R01-02, regions R01: each id starts with the one above it.
        explained |= {area, area.split("-")[0], country}
    return explained


def _is_explained(index: int, finding: Finding, tally: ContestTally, explained: Iterable[str], truth: Truth) -> bool:
    planted = {(p.code, p.where) for p in truth.planted}
    misread = {p.where for p in truth.planted if p.problem == SAME_ERROR}
    if (finding.code, finding.area) in planted or finding.area in misread:
        return True
    if finding.area not in explained:
        return False
    if finding.code in FOLLOWS:
        return True
    rows = tally.finding_stations
    behind = rows.filter((rows["finding"] == index) & ~rows["gated_out"])["station"].to_list()
    return bool(behind) and all((finding.code, station) in planted for station in behind)
