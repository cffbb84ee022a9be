"""What becomes public and what is taken back: masks as pixels, two persons, withdrawals, the purge."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.evidence import Mask as Regions
from counterfoil.evidence import Region
from counterfoil.primitives.errors import CounterfoilError, InputError, RecordError, Refusal
from counterfoil.record.layout import copy_path
from counterfoil.storage import looks, organise, releases
from counterfoil.storage.models import Account, Copy, Entry, Mask, Proposal
from counterfoil.verify import content
from counterfoil.workflow.verify import verify
from tests.server.conftest import Clock, Person
from tests.server.organise.world import bring, grow, means, read

CORNER = Regions((Region.rectangle(0, 0, 250_000, 250_000),))
NOTHING = Regions((), nothing_to_hide=True)


@pytest.fixture
def team(server: Server, person: Person) -> tuple[Account, Account]:
    return person("organiser", name="ann"), person("organiser", name="ben")


@pytest.fixture
def copy(server: Server, clock: Clock) -> Copy:
    made = bring(server)
    grow(server, clock.forward)
    return made


def release(server: Server, copy: Copy, team: tuple[Account, Account], mask: Regions = CORNER) -> Entry:
    ann, ben = team
    payload = releases.draw(copy, mask, ann, means(server))
    made = organise.propose("release", payload, ann, means(server))
    organise.decide(made.pk, "approve", ben, means(server))
    return Entry.objects.get(type="release", copy=copy.copy, withdrawn=False)


def withdraw(server: Server, entries: list[Entry], team: tuple[Account, Account], reason: str = "forged") -> Proposal:
    ann, ben = team
    made = organise.propose("withdraw", releases.withdrawal(entries, reason), ann, means(server))
    return organise.decide(made.pk, "approve", ben, means(server))


def holds(site: Path) -> bool:
    return verify(site).holds


def test_a_released_picture_is_black_where_the_mask_lies_and_published_with_its_link(
    server: Server, clock: Clock, copy: Copy, team: tuple[Account, Account]
) -> None:
    entry = release(server, copy, team)
    mask = Mask.objects.get(copy=copy)
    assert (mask.drawn_by, mask.confirmed_by) == team
    assert entry.body["mask"] == CORNER.id
    sha256 = entry.body["object"]["sha256"]
    data = server.objects.get(sha256)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image[:100, :130].max() == 0, "black pixels, but for the blocks of the encoder at the edge"
    assert image[200:, 300:].max() > 50
    assert b"Exif" not in data and len(data) != len(server.pictures.get(copy.picture))
    grow(server, clock.forward, publish=True)
    site = server.settings.site
    assert (site / "copies" / f"{sha256}.jpg").read_bytes() == data
    pages = "".join(p.read_text("utf-8") for p in (site / "stations").glob("*.html"))
    assert f"copies/{sha256}.jpg" in pages
    assert holds(site)


def test_a_swapped_released_picture_does_not_verify(
    server: Server, clock: Clock, copy: Copy, team: tuple[Account, Account]
) -> None:
    entry = release(server, copy, team)
    grow(server, clock.forward, publish=True)
    path = server.settings.site / "copies" / f"{entry.body['object']['sha256']}.jpg"
    data = path.read_bytes()
    path.unlink()
    assert not holds(server.settings.site)
    path.write_bytes(data)
    assert holds(server.settings.site)
    path.with_name("0" * 64 + ".jpg").write_bytes(data)
    assert not holds(server.settings.site)


def test_attack_a_publisher_who_signs_other_pictures_into_copies_is_found() -> None:
    named = "a" * 64
    right = {copy_path(named): content.File(named, 1)}
    assert content.check_copies(right, [named, named]) == 1
    for files, released in (
        ({}, [named]),
        ({copy_path(named): content.File("b" * 64, 1)}, [named]),
        (right, []),
        ({**right, "copies/more.jpg": content.File("c" * 64, 1)}, [named]),
    ):
        with pytest.raises(RecordError, match="copies/"):
            content.check_copies(files, released)


def test_every_released_picture_has_a_mask_that_two_persons_saw(
    server: Server, clock: Clock, team: tuple[Account, Account]
) -> None:
    copies = [bring(server, "001", "a"), bring(server, "002", "b"), bring(server, "003", "c")]
    grow(server, clock.forward)
    for one, mask in zip(copies, (CORNER, NOTHING, CORNER), strict=True):
        release(server, one, team, mask)
    for entry in Entry.objects.filter(type="release"):
        mask_row = Mask.objects.get(copy=entry.copy)
        regions = Regions.from_data({"nothing_to_hide": not mask_row.regions, "regions": mask_row.regions})
        assert regions.id == entry.body["mask"]
        assert mask_row.drawn_by is not None and mask_row.confirmed_by not in (None, mask_row.drawn_by)


def test_attack_releasing_without_a_mask_or_with_another_one(
    server: Server, copy: Copy, team: tuple[Account, Account]
) -> None:
    ann, _ = team
    with pytest.raises(InputError):
        Regions(())
    payload = releases.draw(copy, CORNER, ann, means(server))
    with pytest.raises(InputError, match="drawn"):
        organise.propose("release", {**payload, "mask": NOTHING.data()}, ann, means(server))
    assert not Entry.objects.filter(type="release").exists()


def test_a_mask_drawn_again_outdates_the_proposal_of_the_old_one(
    server: Server, copy: Copy, team: tuple[Account, Account]
) -> None:
    ann, ben = team
    old = organise.propose("release", releases.draw(copy, NOTHING, ann, means(server)), ann, means(server))
    new = organise.propose("release", releases.draw(copy, CORNER, ann, means(server)), ann, means(server))
    with pytest.raises(Refusal):
        organise.decide(old.pk, "approve", ben, means(server))
    organise.decide(new.pk, "approve", ben, means(server))
    assert Entry.objects.get(type="release").body["mask"] == CORNER.id


def test_a_public_copy_is_released_again_only_after_a_withdrawal(
    server: Server, clock: Clock, copy: Copy, team: tuple[Account, Account]
) -> None:
    first = release(server, copy, team)
    with pytest.raises(Refusal, match="release"):
        releases.draw(copy, NOTHING, team[0], means(server))
    grow(server, clock.forward, publish=True)
    withdraw(server, [first], team, "replaced")
    second = release(server, copy, team, NOTHING)
    grow(server, clock.forward, publish=True)
    names = [path.stem for path in (server.settings.site / "copies").iterdir()]
    assert names == [second.body["object"]["sha256"]]
    assert not list((server.settings.site / "objects").rglob(first.body["object"]["sha256"]))
    assert holds(server.settings.site)


def test_attack_withdrawing_twice_does_nothing_again(
    server: Server, clock: Clock, copy: Copy, team: tuple[Account, Account]
) -> None:
    entry = Entry.objects.get(type="copy", copy=copy.copy)
    payload = releases.withdrawal([entry], "forged")
    ann, ben = team
    one, other = (organise.propose("withdraw", payload, ann, means(server)) for _ in range(2))
    organise.decide(one.pk, "approve", ben, means(server))
    assert organise.decide(other.pk, "approve", ben, means(server)).state == "outdated"
    with pytest.raises(Refusal, match="withdrawn"):
        organise.propose("withdraw", payload, ann, means(server))
    assert Entry.objects.filter(type="withdrawal").count() == 1
    grow(server, clock.forward, publish=True)
    assert holds(server.settings.site)


def test_a_withdrawn_copy_takes_its_release_with_it_and_leaves_its_line(
    server: Server, clock: Clock, copy: Copy, team: tuple[Account, Account]
) -> None:
    release(server, copy, team)
    grow(server, clock.forward, publish=True)
    entry = Entry.objects.get(type="copy", copy=copy.copy)
    withdraw(server, releases.with_what_hangs_on(entry), team)
    grow(server, clock.forward, publish=True)
    copy.refresh_from_db()
    assert (copy.state, copy.released) == ("withdrawn", "")
    assert not (server.settings.site / "copies").exists()
    assert holds(server.settings.site)
    with server.log(read_only=True) as log:
        assert any(copy.copy.encode() in data for data in log.entries())


def test_all_readings_of_one_person_of_a_copy_go_together(
    server: Server, clock: Clock, copy: Copy, team: tuple[Account, Account], person: Person
) -> None:
    reader, other = person("reader"), person("reader")
    old, new = read(server, copy, reader, voters=1), read(server, copy, reader, voters=2)
    kept = read(server, copy, other, voters=3)
    assert {e.pk for e in releases.with_what_hangs_on(new)} == {old.pk, new.pk}
    withdraw(server, releases.with_what_hangs_on(new), team, "entered_by_mistake")
    kept.refresh_from_db()
    assert not kept.withdrawn
    assert Entry.objects.filter(type="reading", withdrawn=True).count() == 2


@pytest.mark.parametrize("reason", ["", "because", "read_again"])
def test_a_withdrawal_needs_a_reason_of_the_list(
    server: Server, copy: Copy, team: tuple[Account, Account], reason: str
) -> None:
    entry = Entry.objects.get(type="copy", copy=copy.copy)
    with pytest.raises(InputError, match="reason"):
        organise.propose("withdraw", releases.withdrawal([entry], reason), team[0], means(server))


def test_what_the_record_cannot_do_without_is_not_withdrawn(server: Server, team: tuple[Account, Account]) -> None:
    for entry in (
        Entry.objects.get(type="table", body__kind="stations"),
        Entry.objects.get(type="table", body__kind="areas"),
        Entry.objects.get(type="election"),
    ):
        with pytest.raises(CounterfoilError, match="withdrawn"):
            organise.propose("withdraw", releases.withdrawal([entry], "forged"), team[0], means(server))


def test_an_official_table_is_withdrawn_by_two_and_the_site_still_verifies(
    server: Server, clock: Clock, team: tuple[Account, Account]
) -> None:
    withdraw(server, [Entry.objects.get(type="table", body__kind="official")], team, "entered_by_mistake")
    grow(server, clock.forward, publish=True)
    assert server.state().official == ()
    assert holds(server.settings.site)


def everywhere(server: Server, data: bytes) -> list[Path]:
    return [p for p in server.settings.folder.rglob("*") if p.is_file() and p.read_bytes() == data]


def test_a_purge_deletes_the_picture_everywhere_at_once_and_the_hash_stays(
    server: Server, clock: Clock, copy: Copy, team: tuple[Account, Account]
) -> None:
    ann, ben = team
    entry = release(server, copy, team)
    grow(server, clock.forward, publish=True)
    Copy.objects.filter(pk=copy.pk).update(look=["00ff00ff00ff00ff", 77], printed=[["station", "001"]])
    looks.link_new(server.pictures, server.looks)
    assert copy.bands.count() == 2
    plain, public = server.pictures.get(copy.picture), server.objects.get(entry.body["object"]["sha256"])
    assert everywhere(server, plain) and len(everywhere(server, public)) >= 3
    payload = releases.purge(copy, ann, means(server))
    assert everywhere(server, plain) == everywhere(server, public) == []
    assert payload is not None
    made = organise.propose("withdraw", payload, ann, means(server), reason="endangers_somebody")
    entry.refresh_from_db()
    assert entry.withdrawn, "the release is withdrawn by one person: no figure changes"
    assert not Entry.objects.get(type="copy", copy=copy.copy).withdrawn, "the copy counts until a second person agrees"
    clock.forward(seconds=1)
    grow(server, lambda **_: None, publish=True)
    assert holds(server.settings.site), "the release's withdrawal goes in at once"
    organise.decide(made.pk, "approve", ben, means(server))
    grow(server, clock.forward, publish=True)
    assert holds(server.settings.site)
    copy.refresh_from_db()
    assert (copy.picture, copy.salt, copy.released, copy.state) == ("", "", "", "withdrawn")
    assert (copy.look, list(copy.bands.all())) == ([], []), "what it looked like goes with it"
    assert copy.printed == [], "what was printed on it too"
    assert releases.purge(copy, ann, means(server)) is None


def test_a_purge_takes_every_copy_of_the_same_picture(
    server: Server, clock: Clock, copy: Copy, team: tuple[Account, Account]
) -> None:
    moved = Copy.objects.get(pk=copy.pk)
    moved.copy, moved.moved_from, moved.station = "a" * 64, copy, "002"
    moved.save(force_insert=True)
    releases.purge(copy, team[0], means(server))
    assert not Copy.objects.exclude(picture="").exists()


def test_a_purge_that_was_killed_is_finished_by_pressing_again(
    server: Server, copy: Copy, team: tuple[Account, Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(sha256: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(server.pictures, "delete", killed)
        with pytest.raises(KeyboardInterrupt):
            releases.purge(copy, team[0], means(server))
    copy.refresh_from_db()
    assert copy.picture
    picture = copy.picture
    releases.purge(copy, team[0], means(server))
    assert not server.pictures.has(picture)


def test_a_mask_typed_in_percent_without_a_script_is_the_one_that_is_approved(
    server: Server, copy: Copy, team: tuple[Account, Account], as_person: object
) -> None:
    ann: Client = as_person(team[0])  # type: ignore[operator]
    post = {"left-0": "0", "top-0": "0", "right-0": "25", "bottom-0": "25,0", "left-1": "", "top-1": ""}
    answer = ann.post(f"/organise/copies/{copy.copy}/", post, follow=True)
    made = Proposal.objects.get(action="release")
    assert made.payload["mask_id"] == CORNER.id
    assert f"/organise/proposals/{made.pk}/picture" in answer.content.decode()
    shown = ann.get(f"/organise/proposals/{made.pk}/picture").content
    ben: Client = as_person(team[1])  # type: ignore[operator]
    ben.post(f"/organise/proposals/{made.pk}/", {"act": "approve"})
    entry = Entry.objects.get(type="release")
    assert server.objects.get(entry.body["object"]["sha256"]) == shown


@pytest.mark.parametrize(
    "post",
    [{}, {"left-0": "5"}, {"left-0": "5", "top-0": "5", "right-0": "5", "bottom-0": "5"},
     {"left-0": "0", "top-0": "0", "right-0": "101", "bottom-0": "5"},
     {"left-0": "x", "top-0": "0", "right-0": "10", "bottom-0": "5"},
     {"left-0": "0", "top-0": "0", "right-0": "10", "bottom-0": "5", "nothing_to_hide": "yes"}],
)  # fmt: skip
def test_a_mask_that_hides_nothing_or_says_two_things_is_refused(
    server: Server, copy: Copy, team: tuple[Account, Account], as_person: object, post: dict[str, str]
) -> None:
    client: Client = as_person(team[0])  # type: ignore[operator]
    answer = client.post(f"/organise/copies/{copy.copy}/", post, follow=True)
    assert b'class="error"' in answer.content
    assert not Proposal.objects.exists()


def test_regions_of_the_form_are_proposed_on_each_copy(
    server: Server, copy: Copy, team: tuple[Account, Account], as_person: object
) -> None:
    client: Client = as_person(team[0])  # type: ignore[operator]
    post = {"form": "protocol:1", "left-0": "10", "top-0": "20.5", "right-0": "30", "bottom-0": "40"}
    assert client.post("/organise/form-masks/", post).status_code == 302
    text = client.get(f"/organise/copies/{copy.copy}/").content.decode()
    assert 'name="top-0" value="20.5"' in text
