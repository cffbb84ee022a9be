"""A count as a few plain lines for a terminal. No share stands without its base, coverage and bias."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from counterfoil.election.definition import Severity
from counterfoil.primitives.errors import Refusal
from counterfoil.primitives.shares import percent
from counterfoil.publish.frames import estimate_of
from counterfoil.publish.model import Publication
from counterfoil.tally.results import ContestTally, Finding, OptionTotal
from counterfoil.workflow.count import CountResult
from counterfoil.workflow.intake import News

_SHOWN = 12
"""Findings that are listed; the rest are counted."""


def news_lines(news: tuple[News, ...] | list[News]) -> Iterator[str]:
    """What is new or changed, one line each."""
    for item in news:
        name = f" {item.name}" if item.name else ""
        rows = "row" if item.count == 1 else "rows"
        yield f"{item.change}: {item.kind}{name}, {item.count} {rows}"


def count_lines(result: CountResult) -> Iterator[str]:
    """What a run did and what the count says."""
    yield from news_lines(result.news if result.appended else ())
    yield f"{result.appended} new entries" if result.appended else "nothing new"
    if result.publication is not None:
        if result.appended == result.publication.record.size:
            yield "keys/ of this folder is new: it is private, back it up, never publish it"
        yield from _count(result.publication)
    for path in result.waiting:
        yield f"waits to be signed: {path} (on the machine with the key: counterfoil sign)"
    if result.site is not None:
        yield f"published: {result.site}"
        yield f"check it:  counterfoil verify {result.site}"


def _count(publication: Publication) -> Iterator[str]:
    election = publication.results.replay.election
    country, language = election.country, election.languages[0]
    for tally in publication.results.contests.values():
        yield ""
        yield tally.contest.title[language]
        total = tally.area(country)
        yield "  stations: " + ", ".join(f"{name} {value}" for name, value in total.numbers._asdict().items())
        for option in total.options:
            yield f"  {option.option}: {_votes(option)}"
        yield from _estimate(publication, tally)
        yield from _findings(tally)
    record = publication.record
    yield ""
    yield f"record {record.origin}: {record.size} entries, root {record.root.hex()}"
    yield f"key    {record.vkey}"


def _votes(option: OptionTotal) -> str:
    parts = [f"{option.votes} votes"]
    if option.share is not None:
        parts.append(str(option.share))
    if option.total is not None and option.lower_share is not None and option.upper_share is not None:
        parts.append(
            f"with all that is not counted between {percent(option.lower_share)} and {percent(option.upper_share)} of "
            f"{option.total} ({option.total_source})"
        )
    if option.official is not None:
        parts.append(f"announced {option.official}")
    return "; ".join(parts)


def _estimate(publication: Publication, tally: ContestTally) -> Iterator[str]:
    found = estimate_of(publication, tally)
    if isinstance(found, Refusal):
        yield f"  estimate: refused: {found}"
        return
    sample = f"{found.received} of {found.drawn} stations drawn ({found.design.design} sample)"
    for option, ratio in found.options.items():
        low, high = (percent(Fraction(end)) for end in ratio.interval(found.confidence))
        kind = tally.contest.base.kind.value.replace("_", " ")
        confidence = f"at {100 * found.confidence:.0f} % confidence"
        yield f"  estimate of {option}: {low} to {high} of {kind}, {confidence}, from {sample}"


def _findings(tally: ContestTally) -> Iterator[str]:
    by_severity = Counter(f.severity for f in tally.findings)
    counted = ", ".join(f"{by_severity[s]} {s.value}" for s in reversed(Severity) if by_severity[s])
    yield f"  findings: {counted or 'none'}"
    listed = [f for f in tally.findings if not f.single and f.severity is not Severity.NOTE]
    for finding in listed[:_SHOWN]:
        yield f"    {finding_line(finding)}"
    if len(listed) > _SHOWN:
        yield f"    ... and {len(listed) - _SHOWN} more of areas"


def finding_line(finding: Finding) -> str:
    """One finding with its figures."""
    where = f"{finding.area} {finding.option}" if finding.option else finding.area
    figures = f": {finding.value} against {finding.threshold}" if finding.value is not None else ""
    flip = f", flip set {finding.flip_set_size}" if finding.flip_set_size is not None else ""
    return f"{finding.severity.value}: {finding.code}, {where}{figures} ({finding.stations} stations{flip})"
