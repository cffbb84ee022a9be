"""A small election as a folder, for the tests of reading it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

YAML = """\
counterfoil: 1
id: example-2026
title: {en: An example, be: Прыклад}
country: XX
date: 2026-03-01
languages: [en, be]
contests:
  - id: president
    form: protocol
    base: {kind: valid, official: valid}
    options: [{id: ada, name: Ada}, {id: bob, name: Bob}]
    roles: {registered: registered, valid: valid}
forms:
  - id: protocol
    fields: [{id: ada}, {id: bob}, {id: valid, kind: total}, {id: registered, kind: total}]
    checks: [{id: sum, rule: ada + bob == valid}]
tables:
  - {kind: areas, file: areas.csv}
  - {kind: stations, file: stations.csv}
  - {kind: readings, contest: president, file: readings.csv}
  - {kind: official, contest: president, snapshot: first, announced_at: 2026-03-02, file: official.csv}
  - {kind: reports, contest: president, file: reports.csv}
"""
FILES = {
    "election.yaml": YAML,
    "areas.csv": "area,parent,name,kind\nXX,,Land,country\nn,XX,North,region\ns,XX,South,region\n",
    "stations.csv": "station,area,name,registered\nn-1,n,School 1,900\nn-2,n,School 2,800\ns-1,s,Town hall,700\n",
    "readings.csv": "station,ada,bob,valid,registered\nn-1,120,80,200,900\ns-1,50,60,110,\n",
    "official.csv": "area,item,value\nXX,ada,300\nXX,bob,400\nXX,valid,700\n",
    "reports.csv": "station,option,reports\nn-1,ada,40\nn-1,bob,2\nn-2,bob,4\ns-1,ada,7\n",
}
Write = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Write:
    """`folder(readings="...")` writes the example with that file replaced; `None` leaves a file out."""

    def write(**files: str | bytes | None) -> Path:
        named: dict[str, str | bytes | None] = dict(FILES)
        for key, content in files.items():
            named[key.replace("_", ".", 1) if "_" in key else f"{key}.csv"] = content
        for name, text in named.items():
            if text is not None:
                (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path

    return write
