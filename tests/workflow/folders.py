"""Small elections as folders, with fixed keys, so that everything that is made of them is the same every time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from counterfoil.record.keys import create_key, create_secret
from counterfoil.workflow.holdings import PSEUDONYM_KEY

NOW = datetime(2026, 3, 2, 20, 7, tzinfo=UTC)
LATER = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
ORIGIN = "counterfoil.example/three"

DEFINITION = """\
counterfoil: 1
id: three
title: {en: Three stations, ru: Три участка}
country: XX
date: 2026-03-01
languages: [en, ru]
contests:
  - id: president
    title: {en: President}
    form: protocol
    base: {kind: valid, official: valid}
    roles: {registered: voters, valid: good}
    options: [{id: ada, name: Ada}, {id: bob, name: Bob}, {id: none, name: Against all, kind: against_all}]
forms:
  - id: protocol
    fields: [{id: voters, kind: total}, {id: good, kind: total}, {id: ada}, {id: bob}, {id: none}]
    checks: [{id: sum, rule: ada + bob + none == good, severity: check}]
tables:
  - {kind: areas, file: areas.csv}
  - {kind: stations, file: stations.csv}
  - {kind: official, file: official.csv, contest: president, snapshot: first, announced_at: 2026-03-02,
     source: {name: =Authority}}
  - {kind: official, file: official-stations.csv, contest: president, snapshot: first, unit: station,
     announced_at: 2026-03-02, source: {name: Authority}}
  - {kind: reports, file: reports.csv, contest: president}
entries:
  - {kind: transcripts, file: transcripts.csv}
  - {kind: decisions, file: decisions.csv}
  - {kind: withdrawals, file: withdrawals.csv}
  - {kind: notices, file: notices.csv}
"""
FILES = {
    "election.yaml": DEFINITION,
    "areas.csv": "area,parent,name,kind\nXX,,Exland,country\nN,XX,North,region\nS,XX,South,region\n",
    "stations.csv": (
        "station,area,name,kind,registered,latitude,longitude\n"
        "001,N,School,village,900,53.5,27.25\n"
        '002,N,"=SUM(1,2)",village,800,,\n'
        "003,S,<Hall> & “Höhe”,city,700,,\n"
    ),
    "official.csv": "area,item,value\nXX,ada,100\nXX,bob,900\nXX,good,1000\nXX,valid,1000\n",
    "official-stations.csv": "station,ada,bob\n001,30,370\n002,120,\n",
    "reports.csv": "station,area,option,reports\n001,N,ada,12\n002,N,ada,3\n003,S,ada,44\n003,S,bob,2\n",
    "transcripts.csv": (
        "copy,station,contest,page,kind,reader,problem,voters,good,ada,bob,none\n"
        "c1,001,president,1,wall_copy,anna,,900,400,300,100,0\n"
        "c1,001,president,1,wall_copy,boris,,900,400,300,100,0\n"
        "c2,002,president,1,photo,anna,,800,120,120,struck,empty\n"
        "c2,002,president,1,photo,boris,,800,120,125,struck,empty\n"
        "c3,003,president,1,photo,boris,illegible,,,,,\n"
        "c4,003,president,1,photo,anna,,700,10,10,,\n"
    ),
    "decisions.csv": (
        "station,contest,action,reason,copy,voters,good,ada,bob,none\n"
        "002,president,settle_fields,read_again,c2,800,120,120,struck,empty\n"
    ),
    "withdrawals.csv": "copy,reader,reason\nc4,,entered_by_mistake\n",
    "notices.csv": "kind,text,text.ru\nannounced,The count begins.,Подсчёт начат.\n",
}


def make_folder(to: Path, **changed: str) -> Path:
    """The three-station election; `changed` gives other texts by file name with _ for . and -."""
    to.mkdir(parents=True)
    for name, text in FILES.items():
        key = name.replace(".", "_").replace("-", "_")
        (to / name).write_text(changed.get(key, text), encoding="utf-8")
    fix_keys(to)
    return to


def fix_keys(folder: Path, origin: str = ORIGIN) -> None:
    """Keys that are the same in every test."""
    create_key(folder / "keys", origin, bytes(range(32)))
    create_secret(folder / "keys", PSEUDONYM_KEY, bytes(range(32, 64)).hex().encode() + b"\n")


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder: path -> bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
