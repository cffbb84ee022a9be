"""Each command: its JSON, its exit code, its sentence when something is wrong, and that nothing is left behind then."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from counterfoil.cli.app import COMMANDS, counterfoil, main
from counterfoil.cli.output import Output
from tests.cli import reference
from tests.cli.conftest import Run
from tests.workflow.folders import FILES, make_folder, tree

TIME = "2026-03-02T20:07Z"
BELARUS = Path(__file__).parents[2] / "../shared/data/belarus-2020"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "e")


@pytest.fixture
def site(run: Run, folder: Path, tmp_path: Path) -> Path:
    assert run("count", folder, "--out", tmp_path / "site", "--now", TIME).code == 0
    return tmp_path / "site"


def test_init_makes_an_election_that_counts_and_verifies(run: Run, tmp_path: Path) -> None:
    made = run("init", tmp_path / "new", "--json")
    assert (made.code, made.json["folder"]) == (0, str(tmp_path / "new"))
    assert "election.yaml" in made.json["files"]
    counted = run("count", tmp_path / "new", "--out", tmp_path / "site", "--json")
    assert counted.code == 0
    assert counted.json["contests"]["president"]["stations"]["expected"] == 4
    assert run("verify", tmp_path / "site", "--pages", "--json").code == 0


def test_init_never_writes_over_anything(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    ran = run("init", tmp_path, "--json")
    assert (ran.code, ran.json["error"]["code"]) == (3, "not-empty")
    assert tree(tmp_path) == {"mine.txt": b"mine"}


def test_recipe_makes_a_folder_from_public_data(run: Run, tmp_path: Path) -> None:
    ran = run("recipe", "belarus-2020", BELARUS, "--to", tmp_path / "by", "--json")
    assert (ran.code, ran.json["recipe"]) == (0, "belarus-2020")
    counted = run("count", tmp_path / "by", "--json")
    assert counted.json["contests"]["president"]["options"]["tihanovkaja"]["votes"] == 497_510


def test_an_unknown_recipe_is_one_sentence(run: Run, tmp_path: Path) -> None:
    ran = run("recipe", "atlantis-2020", BELARUS, "--to", tmp_path / "a")
    assert ran.code == 2
    assert ran.out == ""
    assert re.fullmatch(r"counterfoil: atlantis-2020: .*belarus-2020.*\n", ran.err)
    assert not (tmp_path / "a").exists()


def test_count_prints_the_published_summary(run: Run, folder: Path, tmp_path: Path) -> None:
    ran = run("count", folder, "--out", tmp_path / "site", "--now", TIME, "--json")
    published = (tmp_path / "site" / "data" / "summary.json").read_text("utf-8")
    assert ran.code == 0
    assert ran.err == ""
    for key, value in json.loads(published).items():
        assert ran.json[key] == value
    assert (ran.json["appended"], ran.json["site"]) == (19, str(tmp_path / "site"))


def test_count_in_a_terminal_never_shows_a_bare_share(run: Run, folder: Path) -> None:
    ran = run("count", folder, "--now", TIME)
    shares = [line for line in ran.out.splitlines() if "%" in line]
    assert len(shares) == 3
    for line in shares:
        assert re.search(r"% of \d+ \(valid\), \d+ of \d+ stations, ", line)


def test_a_second_count_says_that_nothing_is_new(run: Run, folder: Path, site: Path) -> None:
    before = tree(site)
    ran = run("count", folder, "--out", site, "--json")
    assert (ran.code, ran.json["appended"], ran.json["news"]) == (0, 0, [])
    assert tree(site) == before


@pytest.mark.parametrize(
    ("file", "text", "code"),
    [
        ("election.yaml", "counterfoil: 1\nid: [", "not-yaml"),
        ("stations.csv", FILES["stations.csv"] + "001,N,Twice,city,1,,\n", None),
        ("transcripts.csv", FILES["transcripts.csv"].replace("300", "300.5"), "bad-cell"),
        ("official.csv", FILES["official.csv"].replace("XX,ada", "XX,eve"), None),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing_behind(
    run: Run, folder: Path, tmp_path: Path, file: str, text: str, code: str | None
) -> None:
    (folder / file).write_text(text)
    before = tree(tmp_path)
    ran = run("count", folder, "--out", tmp_path / "site", "--now", TIME, "--json")
    assert ran.code == 2
    assert code is None or ran.json["error"]["code"] == code
    assert ran.err.startswith("counterfoil: ")
    assert file in ran.err
    assert tree(tmp_path) == before


def test_a_bad_time_is_refused(run: Run, folder: Path) -> None:
    ran = run("count", folder, "--now", "yesterday")
    assert (ran.code, ran.out) == (2, "")
    assert "2026-11-22T20:17Z" in ran.err


def test_a_folder_that_is_no_publication_is_refused_with_3(run: Run, folder: Path) -> None:
    ran = run("count", folder, "--out", folder, "--now", TIME, "--json")
    assert (ran.code, ran.json["error"]["code"]) == (3, "not-a-publication")
    assert (folder / "election.yaml").exists()


def test_publish_needs_only_the_record(run: Run, folder: Path, site: Path, tmp_path: Path) -> None:
    (folder / "election.yaml").unlink()
    ran = run("publish", folder, "--out", tmp_path / "again", "--json")
    assert (ran.code, ran.json["appended"]) == (0, 0)
    assert tree(tmp_path / "again") == tree(site)


def test_publish_without_a_record_is_refused(run: Run, folder: Path, tmp_path: Path) -> None:
    ran = run("publish", folder, "--out", tmp_path / "again")
    assert ran.code == 2
    assert "counterfoil count" in ran.err


def test_verify_says_0_1_2(run: Run, site: Path, tmp_path: Path) -> None:
    vkey = (site / "record" / "log.vkey").read_text().strip()
    held = run("verify", site, "--key", vkey, "--json")
    assert (held.code, held.json["holds"], held.json["key_given"]) == (0, True, True)
    assert "proves integrity, not origin" in run("verify", site).out
    wide = site / "data" / "results_wide.csv"
    wide.write_bytes(wide.read_bytes().replace(b"300", b"301"))
    broken = run("verify", site, "--json")
    assert (broken.code, broken.json["holds"]) == (1, False)
    assert "results_wide.csv" in run("verify", site).out
    assert run("verify", tmp_path / "nowhere").code == 2
    assert run("verify", tmp_path).code == 2


def test_verify_with_another_key_does_not_hold(run: Run, site: Path, tmp_path: Path) -> None:
    other = run("key", "new", tmp_path / "k", "--origin", "counterfoil.example/three", "--json").json["vkey"]
    assert run("verify", site, "--key", other).code == 1


def test_verify_sees_that_the_record_grew_from_what_was_seen(run: Run, folder: Path, site: Path) -> None:
    seen = folder.parent / "seen"
    seen.write_bytes((site / "record" / "checkpoint").read_bytes())
    (folder / "notices.csv").write_text(FILES["notices.csv"] + "froze,We stop.,\n")
    assert run("count", folder, "--out", site).code == 0
    ran = run("verify", site, "--seen", seen, "--json")
    assert ran.code == 0
    assert "seen" in {check["name"] for check in ran.json["checks"]}


def test_import_shows_first_and_takes_in_only_after_yes(run: Run, folder: Path, site: Path) -> None:
    new = folder.parent / "notices.csv"
    new.write_text(FILES["notices.csv"] + "froze,We stop.,\n")
    before = tree(folder)
    asked = run("import", folder, new, "--json")
    assert (asked.code, asked.json["taken_in"]) == (3, False)
    assert asked.json["news"] == [{"change": "new", "kind": "notice", "name": "", "count": 1}]
    assert tree(folder) == before
    taken = run("import", folder, new, "--yes", "--json")
    assert (taken.code, taken.json["taken_in"], taken.json["appended"]) == (0, True, 1)
    assert (folder / "notices.csv").read_text() == new.read_text()
    assert run("import", folder, new, "--yes", "--json").json["taken_in"] is False


def test_import_refuses_a_file_that_the_definition_does_not_name(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a\n")
    ran = run("import", folder, tmp_path / "other.csv", "--yes", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (2, "unnamed-file")


def test_simulate_keeps_the_truth_outside_the_folder(run: Run, tmp_path: Path) -> None:
    ran = run("simulate", "honest", "--to", tmp_path / "e", "--stations", 40, "--json")
    assert ran.code == 0
    assert Path(ran.json["truth"]).parent == tmp_path
    assert run("count", tmp_path / "e", "--json").code == 0


def test_sample_draws_the_same_stations_from_the_same_seed(run: Run, tmp_path: Path) -> None:
    run("simulate", "honest", "--to", tmp_path / "e", "--stations", 60)
    arguments = ("sample", tmp_path / "e", "--design", "stratified", "--seed", "3 1 4 1 5", "--size", 20, "--json")
    first, second = run(*arguments), run(*arguments)
    assert first.code == 0
    assert len(first.json["stations"]) == 20
    assert first.json == second.json
    assert first.json["sample"]["stations_sha256"]
    assert run(*arguments[:-2], 6000, "--json").json["error"]["code"] == "sample-size"


def test_the_printed_declaration_can_be_put_into_the_definition(run: Run, tmp_path: Path) -> None:
    run("simulate", "honest", "--to", tmp_path / "e", "--stations", 60)
    printed = run("sample", tmp_path / "e", "--seed", "3 1", "--size", 20, "--out", tmp_path / "drawn").out
    assert len((tmp_path / "drawn").read_text().splitlines()) == 20
    definition = tmp_path / "e" / "election.yaml"
    definition.write_text(definition.read_text("utf-8") + "\n" + printed, "utf-8")
    assert run("count", tmp_path / "e", "--json").code == 0


def test_demo_prints_what_was_planted_beside_what_was_found(run: Run, tmp_path: Path) -> None:
    ran = run("demo", "--no-serve", "--out", tmp_path / "demo", "--stations", 120)
    assert ran.code == 0
    assert "columns swapped: planted" in ran.out
    assert run("verify", tmp_path / "demo").code == 0
    assert not (tmp_path / "demo" / "keys").exists()
    data = run("demo", "--no-serve", "--out", tmp_path / "demo2", "--stations", 120, "--json").json
    assert (data["missed"], data["found"] > 0) == (0, True)


def test_every_command_has_json(run: Run) -> None:
    context = click.Context(counterfoil)
    for name in COMMANDS:
        command = counterfoil.get_command(context, name)
        parts = command.list_commands(context) if isinstance(command, click.Group) else [None]
        for part in parts:
            assert "--json" in run(name, *([part] if part else []), "--help").out, (name, part)


def test_the_document_says_what_the_commands_say() -> None:
    text = reference.DOCUMENT.read_text("utf-8")
    assert reference.with_reference(text) == text


def test_help_of_the_whole_loads_no_command() -> None:
    """`counterfoil --help` answers at once: Polars and the rest are loaded by the command that needs them."""
    code = (
        "import sys; from counterfoil.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit: pass\n"
        "sys.exit(any(name in sys.modules for name in ('polars', 'jinja2', 'cryptography')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_a_fault_is_told_from_a_finding_of_verify(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(counterfoil, "main", broken)
    with pytest.raises(SystemExit) as ended:
        main(["verify", "x"])
    assert ended.value.code == 70
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_stopping_by_hand_is_no_finding(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("counterfoil.cli.count.run_count", stopped)
    assert run("count", folder).code == 130


def test_a_full_disk_is_one_sentence(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "site/index.html")

    monkeypatch.setattr("counterfoil.cli.count.run_count", full)
    ran = run("count", folder, "--json")
    assert (ran.code, ran.json["error"]["code"]) == (2, "system")
    assert ran.err == "counterfoil: site/index.html: No space left on device.\n"


def test_progress_is_drawn_only_where_somebody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False, terminal=False).progress("replay", 1, 2)
    assert capsys.readouterr().err == ""
    watched = Output(as_json=False, terminal=True)
    watched.progress("replay", 0, 2)
    watched.progress("replay", 2, 2)
    assert "replay [####################] 2 of 2" in capsys.readouterr().err
    watched.result({}, ["done"])
    ended = capsys.readouterr()
    assert (ended.out, ended.err) == ("done\n", "\r")


def test_what_we_publish_as_nist_can_be_imported_as_an_election(run: Run, site: Path, tmp_path: Path) -> None:
    ran = run("import", tmp_path / "back", site / "data" / "nist" / "counterfoil.json", "--country", "XX", "--json")
    assert ran.code == 0
    counted = run("count", tmp_path / "back", "--json")
    assert counted.code == 0
    (contest,) = counted.json["contests"].values()
    assert contest["stations"]["expected"] == 3
    official = {option.rpartition(".")[2]: figures["official"] for option, figures in contest["options"].items()}
    assert official == {"ada": 420, "bob": 100, "none": 0}


def test_eml_needs_to_know_the_country(run: Run, tmp_path: Path) -> None:
    (tmp_path / "230.eml.xml").write_text("<EML/>")
    ran = run("import", tmp_path / "new", tmp_path / "230.eml.xml")
    assert (ran.code, ran.out) == (2, "")
    assert "--country" in ran.err
    assert not (tmp_path / "new").exists()
