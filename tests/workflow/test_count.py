"""Counting a folder: nothing twice, nothing half, the same bytes every time."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from counterfoil import workflow
from counterfoil.primitives.canonical import parse
from counterfoil.primitives.errors import InputError, RecordError, Refusal
from counterfoil.record.entries import encode_entry
from counterfoil.record.log import Log
from counterfoil.record.reader import FolderReader
from counterfoil.record.tiles import bundles
from counterfoil.workflow.holdings import Holdings
from tests.workflow.folders import DEFINITION, FILES, LATER, NOW, make_folder, tree


def entries(folder: Path) -> list[dict[str, object]]:
    with Log.open(folder / "record") as log:
        return [parse(data) for data in log.entries()]


def test_the_same_folder_counted_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        folder = make_folder(tmp_path / name)
        workflow.count(folder, tmp_path / f"{name}-site", now=NOW)
    assert tree(tmp_path / "a-site") == tree(tmp_path / "b-site")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_a_second_run_appends_nothing_and_publishes_the_same_bytes(tmp_path: Path) -> None:
    folder, site = make_folder(tmp_path / "e"), tmp_path / "site"
    first = workflow.count(folder, site, now=NOW)
    before = tree(site)
    second = workflow.count(folder, site, now=LATER)
    assert (first.appended, second.appended, second.news) == (19, 0, ())
    assert tree(site) == before


def test_publishing_needs_nothing_but_the_record(tmp_path: Path) -> None:
    folder, site = make_folder(tmp_path / "e"), tmp_path / "site"
    workflow.count(folder, site, now=NOW)
    before = tree(site)
    for name in FILES:
        (folder / name).unlink()
    shutil.rmtree(site)
    workflow.publish(folder, site)
    assert tree(site) == before


def test_nothing_new_needs_no_clock(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "e")
    workflow.count(folder, now=LATER)
    assert workflow.count(folder, now=NOW).appended == 0


def test_something_new_before_the_newest_batch_is_refused(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "e")
    workflow.count(folder, now=LATER)
    (folder / "notices.csv").write_text("kind,text\nfroze,Stop.\n")
    with pytest.raises(InputError, match="2026-03-03T09:00Z or later") as error:
        workflow.count(folder, now=NOW)
    assert error.value.code == "clock-behind"


def test_all_entries_of_a_run_name_one_batch_and_no_finer_time(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "e")
    workflow.count(folder, now=NOW)
    assert {e["batch"] for e in entries(folder)} == {"2026-03-02T20:00Z"}


def test_no_label_of_a_copy_or_a_person_is_in_the_record(tmp_path: Path) -> None:
    folder, site = make_folder(tmp_path / "e"), tmp_path / "site"
    workflow.count(folder, site, now=NOW)
    for path, data in {**tree(folder / "record"), **tree(folder / "objects"), **tree(site)}.items():
        for label in (b"anna", b"boris", b'"c1"', b"c4,"):
            assert label not in data, path


def test_a_reader_has_another_pseudonym_on_every_copy_and_the_same_on_one(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "e")
    workflow.count(folder, now=NOW)
    pairs = [(e["copy"], e["reader"]) for e in entries(folder) if e["type"] == "reading"]
    assert len(pairs) == 6
    assert len({reader for _, reader in pairs}) == 6


def test_a_program_keeps_its_name(tmp_path: Path) -> None:
    text = FILES["transcripts.csv"].replace("c3,003,president,1,photo,boris", "c3,003,president,1,photo,ocr@1.2")
    folder = make_folder(tmp_path / "e", transcripts_csv=text)
    workflow.count(folder, now=NOW)
    assert "ocr@1.2" in {e["reader"] for e in entries(folder) if e["type"] == "reading"}


def test_copies_and_readings_do_not_stand_in_the_order_of_the_file(tmp_path: Path) -> None:
    rows = FILES["transcripts.csv"].splitlines(keepends=True)
    more = [
        f"d{i},001,president,1,photo,r{i},illegible,,,,,\n" for i in range(40)
    ]  # enough that no order comes about by chance
    kinds = []
    for name, lines in (("a", more), ("b", more[::-1])):
        folder = make_folder(tmp_path / name, transcripts_csv="".join([*rows, *lines]))
        workflow.count(folder, now=NOW)
        kinds.append([(str(e["type"]), str(e["copy"])) for e in entries(folder) if e["type"] in ("copy", "reading")])
    assert kinds[0] == kinds[1]
    copies = [copy for kind, copy in kinds[0] if kind == "copy"]
    assert copies != sorted(copies)
    first_reading = [kind for kind, _ in kinds[0]].index("reading")
    assert first_reading < len(copies)


def test_a_changed_reading_is_said_again_and_the_later_one_counts(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "e")
    workflow.count(folder, now=NOW)
    changed = FILES["transcripts.csv"].replace("900,400,300,100,0", "900,400,301,99,0")
    (folder / "transcripts.csv").write_text(changed)
    found = workflow.count(folder, now=LATER)
    assert [(n.change, n.kind, n.count) for n in found.news] == [("changed", "reading", 2)]
    assert found.summary["contests"]["president"]["options"]["ada"]["votes"] == 301 + 120
    assert workflow.count(folder, now=LATER).appended == 0
    (folder / "transcripts.csv").write_text(FILES["transcripts.csv"])
    back = workflow.count(folder, now=LATER + timedelta(hours=1))
    assert back.appended == 2
    assert back.summary["contests"]["president"]["options"]["ada"]["votes"] == 300 + 120


def test_a_row_that_a_file_lost_stays_in_the_record(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "e")
    before = workflow.count(folder, now=NOW).summary["contests"]
    (folder / "transcripts.csv").write_text("".join(FILES["transcripts.csv"].splitlines(keepends=True)[:2]))
    (folder / "decisions.csv").write_text(FILES["decisions.csv"].splitlines()[0] + "\n")
    (folder / "withdrawals.csv").write_text("copy,reader,reason\n")
    found = workflow.count(folder, now=LATER)
    assert found.appended == 0
    assert found.summary["contests"] == before


def test_a_changed_table_replaces_the_one_before(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "e")
    workflow.count(folder, now=NOW)
    (folder / "stations.csv").write_text(FILES["stations.csv"] + "004,S,New,city,100,,\n")
    found = workflow.count(folder, now=LATER)
    last = entries(folder)[-1]
    assert found.appended == 1
    assert (last["kind"], last["replaces"]) == ("stations", 2)
    assert found.summary["contests"]["president"]["stations"]["expected"] == 4
    site = tmp_path / "site"
    workflow.count(folder, site, now=LATER)
    assert workflow.verify(site, pages=True).first_failure is None


def test_a_changed_definition_is_said_again_and_what_was_published_still_verifies(tmp_path: Path) -> None:
    folder, site = make_folder(tmp_path / "e"), tmp_path / "site"
    workflow.count(folder, site, now=NOW)
    (folder / "election.yaml").write_text(DEFINITION.replace("{id: bob, name: Bob}", "{id: bob, name: Robert}"))
    found = workflow.count(folder, site, now=LATER)
    assert [(n.change, n.kind) for n in found.news] == [("changed", "election")]
    assert found.publication is not None
    assert found.publication.changes is not None
    assert found.publication.changes.rows.height == 0
    assert workflow.verify(site, pages=True).first_failure is None


def test_the_time_comes_from_source_date_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(tmp_path / "e")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1772482075")
    workflow.count(folder)
    assert {e["batch"] for e in entries(folder)} == {"2026-03-02T20:00Z"}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(InputError, match="seconds since 1970"):
        workflow.count(folder)


def test_official_figures_that_change_under_the_same_snapshot_are_refused(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "e")
    workflow.count(folder, now=NOW)
    before = tree(folder)
    (folder / "official.csv").write_text(FILES["official.csv"].replace("XX,ada,100", "XX,ada,101"))
    with pytest.raises(InputError, match="new snapshot name") as error:
        workflow.count(folder, now=LATER)
    assert error.value.code == "official-changed"
    (folder / "official.csv").write_text(FILES["official.csv"])
    assert tree(folder) == before


def test_a_copy_never_moves_to_another_station(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "e")
    workflow.count(folder, now=NOW)
    (folder / "transcripts.csv").write_text(FILES["transcripts.csv"].replace("c3,003", "c3,002"))
    with pytest.raises(InputError, match="c3") as error:
        workflow.count(folder, now=LATER)
    assert error.value.code == "copy-moved"


def test_a_withdrawn_copy_counts_no_more_and_its_entry_stays(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "e")
    found = workflow.count(folder, now=NOW)
    every = entries(folder)
    withdrawal = next(e for e in every if e["type"] == "withdrawal")
    index = withdrawal["entry"]
    assert isinstance(index, int)
    assert every[index]["type"] == "copy"
    assert found.results.replay.copies.height == 3


def test_bad_input_leaves_a_new_folder_as_it_was(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "e", decisions_csv=FILES["decisions.csv"].replace(",c2,", ",c9,"))
    shutil.rmtree(folder / "keys")
    before = tree(folder)
    with pytest.raises(InputError, match="'c9'"):
        workflow.count(folder, tmp_path / "site", now=NOW)
    assert tree(folder) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["e"]


def test_preview_shows_what_is_new_and_writes_nothing(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "e")
    shutil.rmtree(folder / "keys")
    before = tree(folder)
    plan = workflow.preview(folder, now=NOW)
    assert len(plan.entries) == 19
    assert tree(folder) == before


def test_a_lost_pseudonym_key_stops_the_run(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "e")
    workflow.count(folder, now=NOW)
    (folder / "keys" / "pseudonym.key").unlink()
    with pytest.raises(RecordError, match="backup"):
        workflow.count(folder, now=LATER)


def test_a_folder_that_is_no_publication_is_never_replaced(tmp_path: Path) -> None:
    folder, site = make_folder(tmp_path / "e"), tmp_path / "site"
    site.mkdir()
    (site / "thesis.txt").write_text("ten years of work")
    with pytest.raises(Refusal, match="nothing was deleted"):
        workflow.count(folder, site, now=NOW)
    assert tree(site) == {"thesis.txt": b"ten years of work"}


def test_a_publication_of_another_record_is_never_replaced(tmp_path: Path) -> None:
    site = tmp_path / "site"
    workflow.count(make_folder(tmp_path / "e"), site, now=NOW)
    other = make_folder(tmp_path / "other")
    shutil.rmtree(other / "keys")
    before = tree(site)
    with pytest.raises(Refusal, match=r"counterfoil\.example/three"):
        workflow.count(other, site, now=NOW)
    assert tree(site) == before


def test_the_record_of_a_publication_is_a_copy_not_a_link(tmp_path: Path) -> None:
    folder, site = make_folder(tmp_path / "e"), tmp_path / "site"
    workflow.count(folder, site, now=NOW)
    path = next(iter(bundles(19)))[0]
    before = FolderReader(folder / "record").read(path)
    (site / "record" / path).write_bytes(b"forged")
    assert FolderReader(folder / "record").read(path) == before


def test_origin_names_the_record_and_cannot_change(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "e")
    shutil.rmtree(folder / "keys")
    made = workflow.count(folder, now=NOW, origin="observers.example/xx-2026")
    assert made.summary["record"]["origin"] == "observers.example/xx-2026"
    with pytest.raises(InputError, match=r"observers\.example/xx-2026"):
        workflow.count(folder, now=LATER, origin="others.example/xx-2026")


def test_changes_name_rows_that_differ_from_the_checkpoint_before(tmp_path: Path) -> None:
    folder, site = make_folder(tmp_path / "e"), tmp_path / "site"
    workflow.count(folder, site, now=NOW)
    first_manifest = (site / "record" / "manifest").read_bytes()
    (folder / "transcripts.csv").write_text(FILES["transcripts.csv"].replace("900,400,300,100,0", "900,400,301,99,0"))
    (folder / "stations.csv").write_text(FILES["stations.csv"] + "004,S,New,city,100,,\n")
    found = workflow.count(folder, site, now=LATER)
    assert found.publication is not None
    changes = found.publication.changes
    assert changes is not None
    assert changes.previous_size == 19
    assert changes.rows.select("station", "change").rows() == [("001", "changed"), ("004", "added")]
    assert "votes.ada" in changes.rows["columns"][0].split(",")
    assert (site / "record" / "manifests" / "19").read_bytes() == first_manifest
    assert sorted(p.name for p in (site / "record" / "checkpoints").iterdir()) == ["19", "22"]


def test_expected_number_of_entries_is_what_the_folder_says(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "e", election_yaml=DEFINITION)
    workflow.count(folder, now=NOW)
    kinds = [e["type"] for e in entries(folder)]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "election": 1,
        "table": 5,
        "copy": 4,
        "reading": 6,
        "decision": 1,
        "withdrawal": 1,
        "notice": 1,
    }


def test_after_a_table_was_withdrawn_its_object_is_public_no_more_and_all_verifies(tmp_path: Path) -> None:
    folder, site = make_folder(tmp_path / "e"), tmp_path / "site"
    workflow.count(folder, site, now=NOW)
    reports = next(i for i, e in enumerate(entries(folder)) if e.get("kind") == "reports")
    sha256 = entries(folder)[reports]["object"]["sha256"]  # type: ignore[index]
    withdrawal = {
        "type": "withdrawal",
        "v": 1,
        "batch": "2026-03-03T09:00Z",
        "entry": reports,
        "reason": "sender_asked",
    }
    with Holdings(folder, must_exist=True) as held:
        assert held.log is not None
        held.log.append([encode_entry(withdrawal)])
    found = workflow.publish(folder, site)
    assert found.publication is not None
    assert found.publication.changes is None
    assert not list(site.rglob(str(sha256)))
    assert workflow.verify(site, pages=True).first_failure is None
    assert workflow.count(folder, site, now=LATER).appended == 0


def test_what_the_record_could_not_be_replayed_with_is_never_appended(tmp_path: Path) -> None:
    """A folder can be fine by itself and still contradict what the record says already."""
    folder = make_folder(tmp_path / "e")
    workflow.count(folder, now=NOW)
    for name, text in FILES.items():
        (folder / name).write_text(text.replace("president", "presidency"))
    before = tree(folder)
    with pytest.raises(InputError, match="c1"):
        workflow.count(folder, now=LATER)
    for name in ("transcripts.csv", "decisions.csv", "withdrawals.csv"):
        (folder / name).write_text(FILES[name].splitlines()[0] + "\n")
        before[name] = (folder / name).read_bytes()
    with pytest.raises(RecordError, match="president"):
        workflow.count(folder, now=LATER)
    assert tree(folder) == before
