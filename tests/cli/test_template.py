"""`counterfoil template`: check, pack and unpack; nothing that is there is overwritten."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from counterfoil.cli.app import counterfoil
from tests.election.template_world import FRONT, write_folder


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(counterfoil, ["template", *map(str, words)])


def test_a_template_is_checked_and_said_what_is_in_it(tmp_path: Path) -> None:
    made = run("check", write_folder(tmp_path), "--json")
    assert made.exit_code == 0
    said = json.loads(made.stdout)
    assert (said["name"], said["sums"]) == ("sheet", 1)
    assert [page["filled"] for page in said["pages"]] == [False, True]
    text = run("check", tmp_path / "template.yaml").stdout
    assert "page 1: 200 x 300 pixels, 3 fields, 2 codes, 1 masks" in text
    assert "filled sheet" in text


def test_packed_and_unpacked_it_is_the_same_and_nothing_is_overwritten(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "source")
    first, second = tmp_path / "a.template.zip", tmp_path / "b.template.zip"
    assert run("pack", source, first).exit_code == 0
    assert run("unpack", first, tmp_path / "out").exit_code == 0
    assert (tmp_path / "out" / "page-1.png").read_bytes() == FRONT
    assert run("pack", tmp_path / "out" / "template.yaml", second).exit_code == 0
    assert first.read_bytes() == second.read_bytes()
    before = first.read_bytes()
    assert run("pack", source, first).exit_code == 2
    assert first.read_bytes() == before
    assert run("unpack", first, tmp_path / "out").exit_code == 2


def test_a_mistake_is_said_with_its_place(tmp_path: Path) -> None:
    path = write_folder(tmp_path)
    path.write_text(path.read_text("utf-8").replace("boxes", "squares"), "utf-8")
    made = run("check", path)
    assert made.exit_code == 2
    assert "template.yaml, line" in made.output
