"""Layouts of forms: drawn, brought in as a file, tried on photos, and made the form's by a second person."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from counterfoil.bootstrap import layouts as bootstrap
from counterfoil.bootstrap.layouts import Found, Trial, code_of
from counterfoil.bootstrap.server import Server
from counterfoil.config import checks_state
from counterfoil.election.folder import load_folder
from counterfoil.election.templates import (
    FormTemplate,
    picture_of,
    read_template_bytes,
    template_plain,
    write_template_yaml,
    write_template_zip,
)
from counterfoil.evidence.picture import encode
from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.errors import InputError, RecordError, Refusal
from counterfoil.simulate.blank import blank_form
from counterfoil.simulate.sheets import random_sheet
from counterfoil.storage import imports, organise
from counterfoil.storage import layouts as store
from counterfoil.storage.models import Account, Layout, Proposal
from counterfoil.workflow.imports import Upload, read_upload
from tests.election.template_world import archive, plain
from tests.server.conftest import Clock, Person
from tests.server.organise.world import grow, means

AsPerson = Callable[[Account], Client]
FIELDS = ("voters", "ballots", "spoilt", "valid", "ada", "bob", "against")


def lined(width: int = 600, height: int = 800, rows: int = 7) -> bytes:
    """A page of ruled rows, as a picture of ours."""
    image = np.full((height, width, 3), 250, np.uint8)
    for row in range(rows + 1):
        image[100 + 60 * row : 103 + 60 * row, 60:540] = 40
    image[100 : 100 + 60 * rows, 60:63] = image[100 : 100 + 60 * rows, 400:403] = 40
    image[100 : 100 + 60 * rows, 537:540] = 40
    image[20:50, 60:300] = 90
    return encode(image)


def place(row: int) -> list[list[int]]:
    top = 101 + 60 * row
    return [[401, top], [538, top], [538, top + 60], [401, top + 60]]


@pytest.fixture
def ann(person: Person) -> Account:
    return person("organiser", name="ann")


def drawn(server: Server, by: Account, *, whole: bool = True) -> Layout:
    """A draft of the example's form with one page; with `whole` each field has its place."""
    election = server.election
    made = store.begin(election.forms[0], election, lambda data: data, by, means(server))
    given = store.PagePicture(lined(), lined(), 600, 800, filled=False)
    made = store.add_page(made, 1, "", given, by, means(server))
    if whole:
        plain = {
            **made.plain,
            "pages": [{**made.plain["pages"][0], "places": {f: place(n) for n, f in enumerate(FIELDS)}}],
        }
        made = store.save(made, plain, str, store.mark_of(made), by, means(server))
    return made


def test_a_draft_begins_with_the_forms_fields_and_checks_and_says_what_is_missing(
    server: Server, ann: Account, as_person: AsPerson
) -> None:
    client = as_person(ann)
    answer = client.post("/organise/layouts/", {"form": "protocol"})
    made = Layout.objects.get()
    assert answer["Location"] == f"/organise/layouts/{made.pk}/"
    template = store.template_of(made)
    form = server.election.form("protocol")
    assert [one.id for one in template.fields] == list(form.field_ids)
    assert [one.rule.text for one in template.checks] == [one.rule.text for one in form.checks]
    assert template.unplaced == form.field_ids
    shown = client.get(answer["Location"]).content.decode()
    assert "Without a place yet" in shown
    assert "propose" not in shown


def test_a_page_is_added_without_a_script_and_drawn_on_its_picture(
    server: Server, ann: Account, as_person: AsPerson
) -> None:
    client = as_person(ann)
    made = drawn(server, ann)
    answer = client.post(
        f"/organise/layouts/{made.pk}/page",
        {"picture": SimpleUploadedFile("x.jpg", lined()), "number": "2", "variant": "", "filled": "yes"},
    )
    assert answer.status_code == 302
    template = store.template_of(Layout.objects.get())
    assert [page.name for page in template.pages] == ["1", "2"]
    second = template.pages[1]
    assert second.picture.filled
    assert server.pictures.get(second.picture.sha256)[:2] == b"\xff\xd8"
    page = client.get(f"/organise/layouts/{made.pk}/")
    text = page.content.decode()
    assert text.count("<polygon") == len(FIELDS)
    assert 'points="401,101 538,101 538,161 401,161"' in text
    picture = client.get(f"/organise/layouts/{made.pk}/picture/1")
    assert picture["Content-Type"] == "image/jpeg"
    assert client.get(f"/organise/layouts/{made.pk}/picture/9").status_code == 404


def test_a_filled_sheet_is_changed_a_little_so_that_its_hash_says_nothing(server: Server) -> None:
    photo = lined()
    hashes = {bootstrap.page_picture(photo, server.sandbox, filled=True).data for _ in range(2)}
    assert len(hashes) == 2
    assert photo not in hashes


def test_what_is_written_as_text_is_saved_and_what_is_wrong_is_named_and_not_lost(
    server: Server, ann: Account, as_person: AsPerson
) -> None:
    client, made = as_person(ann), drawn(server, ann)
    text = write_template_yaml(template_plain(store.template_of(made))).decode()
    address = f"/organise/layouts/{made.pk}/"
    changed = text.replace("[401, 101]", "[399, 101]")
    assert client.post(address, {"template": changed, "mark": store.mark_of(made)}).status_code == 302
    made.refresh_from_db()
    assert made.plain["pages"][0]["places"]["voters"][0] == [399, 101]
    wrong = changed.replace("[538, 101]", "[638, 101]")
    answer = client.post(address, {"template": wrong, "mark": store.mark_of(made)})
    assert answer.status_code == 400
    said = html.unescape(answer.content.decode())
    assert "inside the picture of 600 x 800 pixels" in said
    assert "[638, 101]" in said
    made.refresh_from_db()
    assert made.plain["pages"][0]["places"]["voters"][1] == [538, 101]


def test_two_who_draw_at_once_do_not_overwrite_each_other(server: Server, ann: Account, as_person: AsPerson) -> None:
    client, made = as_person(ann), drawn(server, ann)
    mark = store.mark_of(made)
    changed = {**made.plain, "version": 5}
    store.save(made, changed, str, mark, ann, means(server))
    with pytest.raises(Refusal) as caught:
        store.save(made, {**changed, "version": 6}, str, mark, ann, means(server))
    assert caught.value.code == "changed"
    text = write_template_yaml(changed).decode()
    answer = client.post(f"/organise/layouts/{made.pk}/", {"template": text, "mark": mark})
    assert answer.status_code == 400
    assert store.template_of(Layout.objects.get()).version == 5


def test_attack_a_text_that_names_a_picture_of_somebody_else_is_refused(server: Server, ann: Account) -> None:
    made = drawn(server, ann)
    server.pictures.put(b"a sender's picture")
    plain = template_plain(store.template_of(made))
    plain["pages"][0]["picture"] = {**plain["pages"][0]["picture"], "sha256": "0" * 64}
    with pytest.raises(InputError) as caught:
        store.save(made, plain, str, store.mark_of(made), ann, means(server))
    assert caught.value.code == "no-picture"


def adopt(server: Server, forward: Callable[..., None], made: Layout, ann: Account, ben: Account) -> None:
    """The draft is the form's template in the record."""
    at = means(server)
    data = store.definition_with(made, "protocol", server.election)
    change = read_upload(Upload("election", data), imports.standing(at), at.pseudonyms, at.slot)
    at.objects.put(change.data)
    proposal = organise.propose("import_tables", imports.payload(change), ann, at, draft=True)
    if organise.confirm_import(proposal.pk, ann, at).state == "open":
        organise.decide(proposal.pk, "approve", ben, at)
    grow(server, forward)


def blank() -> FormTemplate:
    return blank_form(2).template


def test_a_file_is_brought_in_shown_and_handed_out_with_the_same_bytes(
    server: Server, ann: Account, as_person: AsPerson
) -> None:
    client = as_person(ann)
    data = write_template_zip(blank())
    answer = client.post("/organise/layouts/", {"file": SimpleUploadedFile("x.zip", data)})
    assert answer.status_code == 302
    made = Layout.objects.get()
    assert client.get(answer["Location"]).status_code == 200
    handed = client.get(f"/organise/layouts/{made.pk}/file")
    assert handed.content == data
    assert handed["Content-Disposition"].endswith('.template.zip"')
    stored = picture_of(read_template_bytes(data).pages[0])
    assert client.get(f"/organise/layouts/{made.pk}/picture/0").content != stored  # what a browser sees is ours


def test_a_yaml_is_brought_in_with_its_pictures_by_their_hash(
    server: Server, ann: Account, as_person: AsPerson
) -> None:
    client, template = as_person(ann), blank()
    text = write_template_yaml(template_plain(template))
    files: dict[str, Any] = {"file": SimpleUploadedFile("t.yaml", text)}
    client.post("/organise/layouts/", files)
    assert not Layout.objects.exists()
    files["file"] = SimpleUploadedFile("t.yaml", text)
    files["pictures"] = [
        SimpleUploadedFile("other.png", lined()),
        *(SimpleUploadedFile("p.png", picture_of(page)) for page in template.pages),
    ]
    client.post("/organise/layouts/", files)
    assert store.template_of(Layout.objects.get()).pages == template.pages


def test_attack_a_file_whose_picture_is_none_leaves_nothing_behind(
    server: Server, ann: Account, as_person: AsPerson
) -> None:
    head = b"\x89PNG\r\n\x1a\n" + bytes(4) + b"IHDR" + (200).to_bytes(4) + (300).to_bytes(4)
    fake = head + b"<script>alert(1)</script>" * 10
    value = plain()
    value["pages"] = value["pages"][:1]
    value["fields"] = value["fields"][:3]
    value["checks"] = value["checks"][:1]
    value["pages"][0]["picture"]["sha256"] = sha256_hex(fake)
    data = archive({"template.yaml": write_template_yaml(value), "page-1.png": fake})
    before = set(server.pictures.names())
    answer = as_person(ann).post("/organise/layouts/", {"file": SimpleUploadedFile("x.zip", data)}, follow=True)
    assert "damaged or cut-off" in answer.content.decode()
    assert not Layout.objects.exists()
    assert set(server.pictures.names()) == before


def test_a_layout_is_tried_on_several_photos_and_a_foreign_one_is_said_to_be_none(
    server: Server, ann: Account, as_person: AsPerson
) -> None:
    form = blank_form(2)
    made = store.take(form.template, lambda data: data, ann, means(server))
    sheet = random_sheet(form.template, 3, words=form.words)
    noise = encode(np.random.default_rng(1).integers(0, 255, (700, 500, 3), dtype=np.uint8))
    before = set(server.pictures.names())
    answer = as_person(ann).post(
        f"/organise/layouts/{made.pk}/try",
        {"photos": [SimpleUploadedFile("a.jpg", sheet.picture), SimpleUploadedFile("b.jpg", noise)]},
    )
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "was found" in text
    assert "No page of this layout was found in it." in text or "another page" in text or "Too little" in text
    assert text.count("data:image/jpeg;base64,") == 2
    assert "img-src 'self' blob: data:" in answer["Content-Security-Policy"]
    assert set(server.pictures.names()) == before  # photos are kept nowhere
    assert "data:" not in as_person(ann).get("/organise/layouts/")["Content-Security-Policy"]


def test_where_a_draft_lies_in_a_photo_is_where_the_photo_has_its_fields(server: Server, ann: Account) -> None:
    form = blank_form(2)
    sheet = random_sheet(form.template, 3, words=form.words)
    given = bootstrap.page_picture(sheet.picture, server.sandbox, filled=False)
    with Trial(form.template) as trial:
        laid = trial.lay(given.shown)
    assert laid.accepted
    assert laid.fields is not None
    scale = given.width / sheet.width
    for name, truth in sheet.fields.items():
        quad = np.array(truth.quad) * scale
        height = float(np.linalg.norm(quad[3] - quad[0]))
        assert np.abs(np.array(laid.fields[name]) - quad).max() < height / 3, name


def test_codes_of_a_page_are_found_and_the_part_that_names_a_station_is_guessed(server: Server) -> None:
    form = blank_form(2)
    pages = [page for page in form.template.pages if page.codes]
    with Trial() as trial:
        for page in pages:
            found = trial.codes(bootstrap.show(picture_of(page), server.sandbox))
            assert {code.kind for code in found} <= {code.kind for code in page.codes}
    corners = ((10.0, 10.0), (50.0, 10.0), (50.0, 50.0), (10.0, 50.0))
    code = code_of(Found("qr", "KE-030157078100101-34", None, corners), 600, 800, ["030157078100101", "1"])
    assert code == {
        "kind": "qr",
        "pattern": "KE-(?P<station>[0-9]{15})-[0-9]{2}",
        "outline": [[10, 10], [50, 10], [50, 50], [10, 50]],
    }
    behind = code_of(Found("apriltag", "7", "36h10", corners[::-1]), 600, 800, [])
    assert behind == {"kind": "apriltag", "pattern": "7", "dictionary": "36h10"}
    assert code_of(Found("qr", "two words", None, corners), 600, 800, []) is None


@pytest.mark.parametrize(
    "said",
    [
        "no json",
        "[]",
        '{"accepted": true, "page": "9"}',
        '{"accepted": true, "page": "1", "fields": {}, "masks": [], "residual_px": 1}',
        '{"accepted": true, "page": "1", "fields": null, "masks": [], "residual_px": 1}',
    ],
)
def test_attack_an_answer_of_the_jail_that_is_none_is_thrown_away(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = Trial(blank())
    monkeypatch.setattr(trial._program, "ask", lambda question: said.encode())
    with trial, pytest.raises(RecordError):
        trial.lay(b"")


def test_a_reason_out_of_the_jail_is_a_known_word_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = Trial(blank())
    monkeypatch.setattr(trial._program, "ask", lambda question: b'{"accepted": false, "reason": "<script>"}')
    with trial:
        assert trial.lay(b"").reason == "refused"


def test_a_layout_becomes_the_forms_by_a_proposal_and_goes_into_the_record(
    server: Server, clock: Clock, ann: Account, person: Person, as_person: AsPerson
) -> None:
    client, made = as_person(ann), drawn(server, ann)
    answer = client.post(f"/organise/layouts/{made.pk}/propose", {"form": "protocol"})
    proposal = Proposal.objects.get()
    assert answer["Location"] == f"/organise/proposals/{proposal.pk}/"
    assert proposal.state == "draft"
    assert "forms" in client.get(answer["Location"]).content.decode()
    done = organise.confirm_import(proposal.pk, ann, means(server))
    if done.state == "open":
        done = organise.decide(proposal.pk, "approve", person("organiser", name="ben"), means(server))
    assert done.state == "approved"
    grow(server, clock.forward)
    form = server.election.form("protocol")
    assert form.template is not None
    assert form.template.pages[0].place("ada").quad[0] == (401, 341)
    assert [one.id for one in form.fields] == [one.id for one in form.template.fields]
    assert server.pictures.has(form.template.pages[0].picture.sha256)
    again = client.post(f"/organise/layouts/{made.pk}/propose", {"form": "protocol"}, follow=True)
    assert "already" in again.content.decode()
    client.post("/organise/layouts/", {"form": "protocol"})
    copy = Layout.objects.exclude(pk=made.pk).get()
    assert store.template_of(copy).version == form.template.version + 1
    assert store.template_of(copy).pages == form.template.pages


def test_a_definition_that_is_uploaded_alone_keeps_the_template_that_stands(
    server: Server, clock: Clock, ann: Account, person: Person, as_person: AsPerson
) -> None:
    adopt(server, clock.forward, drawn(server, ann), ann, person("organiser", name="ben"))
    client = as_person(ann)
    plain = {**server.election.plain, "tolerance": 1}
    plain["forms"] = [{"id": "protocol", "template": "protocol.template.zip"}]
    answer = client.post(
        "/organise/import/", {"kind": "election", "file": SimpleUploadedFile("e", json.dumps(plain).encode())}
    )
    assert answer.status_code == 302, re.findall(r'id="error">([^<]*)', answer.content.decode())
    body = Proposal.objects.get(state="draft").payload["body"]
    kept = json.loads(server.objects.get(body["definition"]["sha256"]))
    assert kept["forms"][0]["template"] == dict(server.election.plain["forms"][0]["template"])
    plain["forms"] = [{"id": "other", "template": "protocol.template.zip"}]
    answer = client.post(
        "/organise/import/", {"kind": "election", "file": SimpleUploadedFile("e", json.dumps(plain).encode())}
    )
    assert "Layouts of forms" in html.unescape(answer.content.decode())


def test_the_check_of_a_server_says_when_a_picture_of_a_template_is_gone(
    server: Server, clock: Clock, ann: Account, person: Person
) -> None:
    assert list(checks_state.form_pictures(server.settings, server.now()) or ()) == []
    made = drawn(server, ann)
    adopt(server, clock.forward, made, ann, person("organiser", name="ben"))
    assert list(checks_state.form_pictures(server.settings, server.now()) or ()) == []
    server.pictures.delete(store.template_of(made).pages[0].picture.sha256)
    assert list(checks_state.form_pictures(server.settings, server.now()) or ()) == [
        "none of page 1 of the form protocol"
    ]


def test_an_unfinished_layout_makes_no_definition(server: Server, ann: Account) -> None:
    made = drawn(server, ann, whole=False)
    with pytest.raises(InputError, match="a place for each field"):
        store.definition_with(made, "protocol", server.election)


def test_a_draft_that_is_deleted_takes_its_pictures_with_it_but_none_that_is_needed(
    server: Server, clock: Clock, ann: Account, person: Person, as_person: AsPerson
) -> None:
    made, kept = drawn(server, ann), drawn(server, ann)
    extra = store.PagePicture(lined(rows=3), lined(rows=3), 600, 800, filled=False)
    made = store.add_page(made, 2, "", extra, ann, means(server))
    both, own = (page.picture.sha256 for page in store.template_of(made).pages)
    client = as_person(ann)
    client.post(f"/organise/layouts/{made.pk}/delete")
    assert server.pictures.has(both)
    assert not server.pictures.has(own)
    adopt(server, clock.forward, kept, ann, person("organiser", name="ben"))
    client.post(f"/organise/layouts/{kept.pk}/delete")
    assert not Layout.objects.exists()
    assert server.pictures.has(both)  # the record's definition needs it


def test_the_pictures_of_a_folders_template_are_there_when_the_server_opens(server: Server, ann: Account) -> None:
    made = drawn(server, ann)
    data = write_template_zip(store.complete(made, means(server)))
    folder = server.settings.folder
    (folder / "protocol.template.zip").write_bytes(data)
    text = (folder / "election.yaml").read_text("utf-8")
    start = text.index("forms:")
    end = text.index("\ntables:") if "\ntables:" in text else len(text)
    (folder / "election.yaml").write_text(
        text[:start] + "forms:\n  - {id: protocol, template: protocol.template.zip}\n" + text[end:], "utf-8"
    )
    election = load_folder(folder).election
    sha256 = store.template_of(made).pages[0].picture.sha256
    server.pictures.delete(sha256)
    bootstrap.keep_pictures(folder, server.election, server.pictures)
    assert not server.pictures.has(sha256)  # this election needs none
    bootstrap.keep_pictures(folder, election, server.pictures)
    assert server.pictures.get(sha256)


def test_a_reader_may_not_see_layouts(person: Person, as_person: AsPerson, server: Server, ann: Account) -> None:
    made = drawn(server, ann)
    client = as_person(person("reader"))
    for address in ("", f"{made.pk}/", f"{made.pk}/picture/0", f"{made.pk}/file"):
        assert client.get(f"/organise/layouts/{address}").status_code == 403
