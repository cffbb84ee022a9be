"""Publications for the tests of pages: a small election with something of everything, and a large one for volume."""

from __future__ import annotations

import gettext
import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from counterfoil.publish.model import Changes, Proof, Publication, RecordInfo
from counterfoil.publish.pages.catalogues import Catalogue, load_catalogue
from counterfoil.record import tree
from counterfoil.tally import compute
from tests.world import World, definition

PSEUDO = "he"
"""A right-to-left tag that browsers know, with no catalogue of its own here."""
_HEBREW = str.maketrans("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", ("אבגדהוזחטיךכלםמןנסעףפץצקרש"[:26]) * 2)
_PLACEHOLDER = re.compile(r"(%\([a-z_]+\)s)")


class Pseudo(gettext.NullTranslations):
    """Every message in Hebrew letters, a third longer: what is not translated, or too narrow, shows at once."""

    def gettext(self, message: str) -> str:
        parts = _PLACEHOLDER.split(message)
        longer = "".join(p if _PLACEHOLDER.fullmatch(p) else p.translate(_HEBREW) for p in parts)
        return longer + " " + "שׁ" * (len(message) // 3)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


def catalogues(language: str) -> Catalogue:
    """The real catalogues, and a right-to-left pseudo-language."""
    if language != PSEUDO:
        return load_catalogue(language)
    return Catalogue(PSEUDO, "rtl", "שפה", Pseudo(), load_catalogue("en").numbers)


def plain(**more: Any) -> dict[str, Any]:
    """Two contests on two forms, checks, names with characters that HTML must escape."""
    base = definition(("ada", "bob", "cem"), languages=["en", "ru", PSEUDO], min_cell=1)
    base["title"] = {"en": "Test election <2026> & more", "ru": "Пробные выборы"}
    contest = base["contests"][0]
    contest["title"] = {"en": "President"}
    contest["options"] = [
        {"id": "ada", "name": {"en": 'Ada "A" Abbott', "ru": "Ада Аббот"}},
        {"id": "bob", "name": {"en": "Bob <b>Brown</b>"}},
        {"id": "cem", "name": {"en": "Cem Çelik"}, "withdrawn": True},
    ]
    base["forms"][0]["checks"] = [
        {"id": "sum", "rule": "ada + bob + cem == valid", "code": "sum-mismatch", "severity": "note"},
        {"id": "twice", "rule": "ada + bob + cem + valid == 2 * valid", "code": "sum-mismatch", "severity": "note"},
        {"id": "most", "rule": "ballots_cast <= registered", "code": "turnout-over-register", "severity": "check"},
    ]
    base["contests"].append(
        {
            "id": "question",
            "title": {"en": "Question"},
            "form": "sheet",
            "base": {"kind": "ballots_cast", "official": "ballots_cast"},
            "options": [{"id": "yes", "kind": "answer"}, {"id": "no", "kind": "answer"}],
        }
    )
    base["forms"].append({"id": "sheet", "fields": [{"id": "yes"}, {"id": "no"}]})
    return {**base, **more}


def small_world(definition_: Mapping[str, Any] | None = None, schools: int = 120) -> World:
    """`schools` and 17 other stations in two regions and abroad, in every state; voters' reports; announced figures."""
    world = World(definition_ or plain())
    world.table(
        "areas",
        """area,parent,name,kind,deadline
        XX,,Xland,country,2026-03-20
        r1,XX,North & East,region,2026-03-11
        r2,XX,South,region,
        d1,r1,Alpha,district,2026-03-11
        d2,r1,Beta,district,
        abroad,XX,Abroad,region,""",
    )
    rows = ["station,area,name,kind,registered,latitude,longitude"]
    for i in range(schools):
        kind, latitude, longitude = "village" if i % 3 else "city", 53 + i % 11 / 10, 27 + i % 13 / 10
        rows.append(f"{i + 1:04d},d1,School {i + 1},{kind},{900 + i},{latitude},{longitude}")
    rows += [f"b{i},d2,<Hall> {i},city,1000,{52 + i / 50},{29 + i / 40}" for i in range(1, 9)]
    rows += [f"s{i},r2,,village,500,," for i in range(1, 7)]
    rows += ["e1,abroad,Embassy,embassy,,48.85,2.35", "e2,abroad,Embassy,embassy,,,", "e3,XX,Ship,,,,"]
    world.table("stations", "\n".join(rows))
    readings = ["station,ada,bob,cem,valid,ballots_cast,registered"]
    for i in range(schools // 2):
        valid = 300 + 7 * (i % 17)
        ada, cem = valid // 2 + i % 20, i % 5
        readings.append(f"{i + 1:04d},{ada},{valid - ada - cem},{cem},{valid + (i == 3)},{valid + 4},{900 + i}")
    readings.append("b1,500,struck,word,500,1200,1000")
    readings.append("b2,40,illegible,empty,,60,1000")
    world.table("readings", "\n".join(readings))
    world.table("readings", "station,yes,no\n0001,100,90\n0002,80,70\nb1,5,6", contest="question")
    for who, station, ada in (("x", "b3", 210), ("y", "b3", 210), ("z", "b4", 99)):
        if who != "y":
            world.copy(station, station)
        world.read(station, who, ada=ada, bob=100, cem=1, valid=ada + 101, ballots_cast=ada + 103, registered=1000)
    for label, ada in (("b5-wall", 120), ("b5-agent", 320)):
        world.copy(label, "b5")
        for who in ("x", "y"):
            world.read(label, who, ada=ada, bob=50, cem=0, valid=ada + 50, ballots_cast=ada + 50, registered=1000)
    world.copy("b6", "b6")
    world.table(
        "reports",
        "station,area,option,reports\n0001,d1,ada,290\n0070,d1,ada,40\ns1,r2,ada,2000\nb1,d2,bob,12\n,d1,bob,9",
    )
    world.official(
        """area,item,value
        XX,ada,14000
        XX,bob,40000
        XX,valid,60000
        r1,ada,9000
        r2,ada,700"""
    )
    world.official(
        "station,ada,bob,cem\n0001,150,150,0\n0002,128,177,2\n0003,154,157,3\nb1,500,0,0",
        unit="station",
        snapshot="final",
    )
    world.add("notice", kind="corrected", text={"en": "Station b6 was <moved>."})
    return world


def publication(world: World, changes: bool = True) -> Publication:
    """What `publish.assemble` would make of the world's entries, with a real root and a real proof."""
    entries = world.entries
    hashes = [tree.leaf_hash(entry) for entry in entries]

    def complete(height: int, index: int) -> bytes:
        return tree.complete_root(hashes[index << height : (index + 1) << height])

    frontier = tree.Frontier()
    for value in hashes:
        frontier.add_leaf_hash(value)
    index = max(i for i, entry in enumerate(entries) if b'"type":"table"' in entry)
    proof = Proof(index, entries[index], tuple(tree.inclusion_proof(complete, index, len(entries))))
    rows = pl.DataFrame(
        {
            "contest": ["president", "president", "question"],
            "station": ["0001", "gone", "0002"],
            "change": ["changed", "removed", "added"],
            "columns": ["votes.ada,state", "", ""],
        }
    )
    info = RecordInfo("test-2026", "test-2026+00000000+AAAA", len(entries), frontier.root(), (4, len(entries)), proof)
    return Publication(compute(world.replay()), info, Changes(4, "ab" * 32, rows) if changes else None)


def large_world(stations: int, options: int = 10, to_an_area: int = 100) -> World:
    """Districts of `to_an_area`, regions of 50 districts; two in three confirmed, one in 97 does not add up."""
    names = [f"o{i}" for i in range(options)]
    plain_ = definition(names, languages=["en"])
    plain_["forms"][0]["checks"] = [{"id": "sum", "rule": f"{' + '.join(names)} == valid", "severity": "note"}]
    world = World(plain_)
    districts = -(-stations // to_an_area)
    areas = ["area,parent,name", "XX,,Xland"]
    areas += [f"r{i},XX,Region {i}" for i in range(-(-districts // 50))]
    areas += [f"d{i},r{i // 50},District {i}" for i in range(districts)]
    world.table("areas", "\n".join(areas))
    rows = [
        f"{i:07d},d{i // to_an_area},Station {i},{1500 + i % 500},{50 + i % 991 / 100},{20 + i % 1009 / 80}"
        for i in range(stations)
    ]
    world.table("stations", "station,area,name,registered,latitude,longitude\n" + "\n".join(rows))
    lines = []
    for i in range(stations):
        if i % 3:
            votes = [(i * (k + 7)) % (40 * (k + 1)) for k in range(options)]
            valid = sum(votes) + (i % 97 == 0)
            lines.append(f"{i:07d},{','.join(map(str, votes))},{valid},{valid + i % 9},{1500 + i % 500}")
    world.table("readings", f"station,{','.join(names)},valid,ballots_cast,registered\n" + "\n".join(lines))
    world.official(f"area,item,value\nXX,o1,{stations * 60}\nXX,valid,{stations * 1200}")
    return world
