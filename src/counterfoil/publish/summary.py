"""`data/summary.json`: the headline figures for programs. Its keys are an interface: none is dropped or renamed.

Shares are decimal texts with six digits; an unknown is null. `base` of an option is the base of the *whole* contest,
which `lower_share` and `upper_share` are shares of; what is counted so far has its own `counted_base`.
"""

from __future__ import annotations

import base64
import json
from fractions import Fraction
from typing import Any

from counterfoil.primitives.errors import Refusal
from counterfoil.primitives.shares import decimal6
from counterfoil.publish.frames import estimate_of, excess
from counterfoil.publish.model import Publication
from counterfoil.tally.results import ContestTally, Finding, OptionTotal


def summary(publication: Publication) -> dict[str, Any]:
    """The summary as plain data."""
    replay, record = publication.results.replay, publication.record
    return {
        "counterfoil": 1,
        "election": {
            "id": replay.election.id,
            "title": dict(replay.election.title),
            "country": replay.election.country,
            "date": replay.election.date,
        },
        "as_of": replay.newest_batch,
        "contests": {c: _contest(publication, tally) for c, tally in publication.results.contests.items()},
        "record": {
            "size": record.size,
            "root_hash": record.root.hex(),
            "root_hash_base64": base64.b64encode(record.root).decode("ascii"),
            "origin": record.origin,
            "vkey": record.vkey,
            "previous_size": publication.changes.previous_size if publication.changes else None,
        },
    }


def summary_bytes(publication: Publication) -> bytes:
    """The summary as it is published."""
    return (json.dumps(summary(publication), ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def _contest(publication: Publication, tally: ContestTally) -> dict[str, Any]:
    total = tally.area(publication.results.replay.election.country)
    return {
        "title": dict(tally.contest.title),
        "stations": total.numbers._asdict(),
        "registered": total.registered,
        "registered_counted": total.registered_counted,
        "snapshot": tally.snapshot.snapshot if tally.snapshot else None,
        "options": {option.option: _option(option) for option in total.options},
        "estimate": _estimate(publication, tally),
        "findings": [_finding(f) for f in tally.findings],
    }


def _option(option: OptionTotal) -> dict[str, Any]:
    counted = Fraction(option.votes, option.counted_base) if option.counted_base else None
    return {
        "votes": option.votes,
        "stations": option.stations,
        "base": option.total,
        "base_kind": option.base_kind.value,
        "base_source": option.total_source,
        "lower_share": decimal6(option.lower_share),
        "upper_share": decimal6(option.upper_share),
        "upper_votes": option.upper_votes,
        "official": option.official,
        "counted_base": option.counted_base,
        "counted_share": decimal6(counted),
        "bias": option.bias.value,
    }


def _finding(f: Finding) -> dict[str, Any]:
    return {
        "key": f.key,
        "code": f.code,
        "severity": f.severity.value,
        "area": f.area,
        "single": f.single,
        "option": f.option,
        "value": f.value,
        "threshold": f.threshold,
        "excess": excess(f),
        "stations": f.stations,
        "flip_set_size": f.flip_set_size,
        "gated_out": f.gated_out,
        "snapshot": f.snapshot,
        "numbers": dict(f.numbers),
    }


def _estimate(publication: Publication, tally: ContestTally) -> dict[str, Any]:
    found = estimate_of(publication, tally)
    if isinstance(found, Refusal):
        return {"refused": found.code, "reason": str(found)}
    options = {}
    for option, ratio in found.options.items():
        low, high = ratio.interval(found.confidence)
        options[option] = {"share": decimal6(ratio.ratio), "low": f"{low:.6f}", "high": f"{high:.6f}"}
    return {
        "refused": None,
        "design": found.design.design,
        "confidence": f"{found.confidence:.6f}",
        "frame_stations": found.frame_stations,
        "drawn": found.drawn,
        "received": found.received,
        "options": options,
    }
