"""The evidence pack: everything about one station, the same bytes each time, readable in every script."""

from __future__ import annotations

import json

import pypdfium2
import pytest
from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.evidence import Mask as Regions
from counterfoil.evidence import Region
from counterfoil.record.note import Verifier
from counterfoil.record.proof import check_proof
from counterfoil.record.reader import FolderReader
from counterfoil.storage import organise, releases
from counterfoil.storage.models import Account, Entry
from counterfoil.web.organise.packs import _entries
from counterfoil.workflow.pack import Pack, gather
from counterfoil.workflow.pack_pdf import render
from tests.server.conftest import Clock, Person
from tests.server.organise.world import bring, grow, means, read

PAPER = {"voters": 1200, "ballots": 810, "spoilt": 10, "valid": 790, "ada": 450, "bob": 330, "against": 20}


@pytest.fixture
def told(server: Server, clock: Clock, person: Person) -> tuple[Account, Account]:
    """A count whose sums do not come out, a released picture, a published site."""
    copy = bring(server)
    for name in ("lee", "kim"):
        read(server, copy, person("reader", name=name), **PAPER)
    grow(server, clock.forward)
    ann, ben = person("organiser", name="ann"), person("organiser", name="ben")
    mask = Regions((Region.rectangle(0, 0, 300_000, 100_000),))
    made = organise.propose("release", releases.draw(copy, mask, ann, means(server)), ann, means(server))
    organise.decide(made.pk, "approve", ben, means(server))
    grow(server, clock.forward, publish=True)
    return ann, ben


def pack(server: Server) -> Pack:
    reader = FolderReader(server.settings.site)
    return gather(reader, server.election, "001", "president", _entries("001", "president"), "en")


def text_of(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    found = "\n".join(page.get_textpage().get_text_range() for page in document)
    document.close()
    return found


def test_it_holds_figures_formulas_readings_deadline_and_a_proof_that_holds(server: Server, told: object) -> None:
    found = pack(server)
    assert {f.field: f.ours for f in found.figures} == PAPER
    assert [(f.rule, f.left, f.right, f.difference) for f in found.formulas][:1] == [
        ("ada + bob + against == valid", 800, 790, 10)
    ]
    assert found.deadline == "2026-03-04"
    (copy,) = found.copies
    assert [dict(one) for one in copy.readings if not isinstance(one, str)] == [PAPER, PAPER]
    assert copy.picture == server.objects.get(copy.picture_sha256)
    with server.log(read_only=True) as log:
        entry = list(log.entries())[copy.entry]
        verifier = Verifier(log.vkey)
    assert check_proof(copy.proof, entry, verifier)[0] == copy.entry
    assert json.loads(entry)["copy"] == copy.copy


def test_it_names_no_person_and_no_pseudonym(server: Server, told: object) -> None:
    text = text_of(render(pack(server), "en", lambda said: said))
    for name in ("lee", "kim", "ann", "ben"):
        assert f" {name} " not in f" {text.replace(chr(10), ' ')} "
    for entry in Entry.objects.filter(type="reading"):
        assert entry.body["reader"] not in text


@pytest.mark.parametrize("language", ["en", "ru", "ar"])
def test_the_same_state_gives_the_same_bytes(server: Server, told: object, language: str) -> None:
    first = render(pack(server), language, lambda said: said)
    assert first == render(pack(server), language, lambda said: said)
    assert first.startswith(b"%PDF-") and len(first) < 2_000_000
    assert "10" in text_of(first) and "2026-03-04" in text_of(first)


def test_what_was_said_since_the_publication_is_not_in_it(server: Server, told: object, person: Person) -> None:
    before = render(pack(server), "en", lambda said: said)
    copy = bring(server, "001", "another")
    read(server, copy, person("reader"), voters=1)
    assert render(pack(server), "en", lambda said: said) == before


def test_the_page_gives_it_to_auditors_and_says_why_not_for_an_unknown_station(
    server: Server, told: object, person: Person, as_person: object
) -> None:
    client: Client = as_person(person("auditor"))  # type: ignore[operator]
    answer = client.get("/organise/packs/pdf?station=001&contest=president")
    assert answer["Content-Type"] == "application/pdf" and answer["Content-Disposition"].endswith('"001-president.pdf"')
    assert client.get("/organise/packs/pdf?station=009&contest=president").status_code == 404
    assert client.get("/organise/packs/pdf?station=001&contest=x").status_code == 404
    reader: Client = as_person(person("reader"))  # type: ignore[operator]
    assert reader.get("/organise/packs/pdf?station=001&contest=president").status_code == 403
