"""The receipt: six words, kept only as a slow hash, that open where a photo stands and the proof of it."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.db import connection
from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.record.note import Verifier
from counterfoil.record.proof import check_proof
from counterfoil.storage import organise
from counterfoil.storage.models import Account, Arrival, Copy, Head, Proposal, WithdrawalRequest
from counterfoil.web.organise.common import means
from counterfoil.web.sending.memory import memory
from counterfoil.workflow.codes import words
from tests.server.conftest import Clock, Person
from tests.server.sending.conftest import Send, token_of
from tests.server.sending.photos import jpeg
from tests.server.test_inbox import put


def words_of(answer: object) -> str:
    found = re.search(r'class="receipt"><b>([a-z -]+)</b>', answer.content.decode())  # type: ignore[attr-defined]
    assert found
    return found[1]


def opened(words: str, **fields: str) -> str:
    client = Client()
    token = token_of(client.get("/send/receipt/"))
    answer = client.post("/send/receipt/", {"words": words, "token": token, **fields})
    assert not client.cookies
    return " ".join(answer.content.decode().split())


def test_a_receipt_is_given_only_when_asked_for(send: Send) -> None:
    assert "Your receipt" not in send(jpeg(1)).content.decode()
    assert Arrival.objects.get().receipt == ""
    form = Client().get("/send/to/001/").content.decode()
    assert 'name="receipt"' in form and "checked" not in form


def test_the_words_are_kept_only_as_a_hash(server: Server, send: Send) -> None:
    said = words_of(send(jpeg(1), receipt="on"))
    assert len(said.split()) == 6
    assert Arrival.objects.get().receipt not in ("", said)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM storage_arrival")
        assert said.split()[0] not in str(cursor.fetchall()).replace("wall_copy", "")


def test_a_receipt_shows_received_then_the_proof_that_it_stands_in_the_record(
    server: Server, send: Send, clock: Clock
) -> None:
    said = words_of(send(jpeg(1), receipt="on"))
    assert "Received; it goes into the public record" in opened(said)
    clock.forward(minutes=10)
    put(server)
    page = opened(said)
    assert "In the public record; not read yet." in page
    client = Client()
    answer = client.post("/send/receipt/", {"words": said, "token": token_of(client.get("/send/receipt/"))})
    proof = re.search(r"<pre[^>]*>(.*?)</pre>", answer.content.decode(), re.DOTALL)
    assert proof
    text = proof[1].replace("&#x27;", "'").replace("&quot;", '"').replace("&amp;", "&").encode()
    with server.log(read_only=True) as log:
        index, _ = check_proof(text, list(log.entries())[Head.objects.get().size - 1], Verifier(log.vkey))
    assert index == Head.objects.get().size - 1


def test_words_are_read_in_any_case_with_any_space_and_hyphens(send: Send) -> None:
    said = words_of(send(jpeg(1), receipt="on"))
    assert "Station 001" in opened("  " + said.upper().replace(" ", " -  ") + " ")


def test_words_that_nobody_got_open_nothing(server: Server) -> None:
    assert "Nothing was sent under these words" in opened("abacus abdomen abdominal abide abiding ability")
    assert "not six words" in opened("six words that nobody ever got")


def test_the_sender_can_ask_that_a_copy_is_taken_out_and_nothing_changes_yet(
    server: Server, send: Send, clock: Clock
) -> None:
    said = words_of(send(jpeg(1), receipt="on"))
    clock.forward(minutes=10)
    put(server)
    copy = Copy.objects.get()
    assert "You asked" not in opened(said, withdraw=copy.copy)
    assert "You asked for it to be taken out" in opened(said, withdraw=copy.copy, sure="on")
    assert WithdrawalRequest.objects.get().copy == copy.copy
    copy.refresh_from_db()
    assert copy.state != "withdrawn"


def test_nobody_takes_out_what_their_receipt_does_not_hold(server: Server, send: Send) -> None:
    mine = words_of(send(jpeg(1), receipt="on"))
    send(jpeg(2), receipt="on")
    other = Arrival.objects.exclude(receipt="").order_by("pk")
    for one in other:
        opened(mine, withdraw=one.copy, sure="on")
    assert WithdrawalRequest.objects.count() == 1


def test_a_receipt_pasted_into_the_search_is_not_looked_for(server: Server) -> None:
    answer = Client().get("/send/", {"q": " ".join(words()[:6])})
    assert answer.status_code == 422
    assert "look like the words of a receipt" in answer.content.decode()


def test_looking_up_receipts_is_slowed_for_all_together(server: Server) -> None:
    client = Client()
    memory(server.settings).attempts.resize(3)
    found = set()
    for _ in range(5):
        token = token_of(client.get("/send/receipt/"))
        answer = client.post("/send/receipt/", {"words": "abacus abdomen abdominal abide abiding zoom", "token": token})
        found.add((answer.status_code, "Retry-After" in answer.headers))
    assert found == {(404, False), (503, True)}


def test_two_organisers_take_out_what_its_sender_asked_for(
    server: Server, send: Send, clock: Clock, person: Person, as_person: Callable[[Account], Client]
) -> None:
    said = words_of(send(jpeg(1), receipt="on"))
    opened(said, withdraw=Arrival.objects.get().copy, sure="on")
    one, two = person("organiser"), person("organiser")
    assert "wait for the batch" in as_person(one).get("/send/wishes/").content.decode()
    clock.forward(minutes=10)
    put(server)
    assert as_person(person("sender_coordinator")).get("/send/wishes/").status_code == 403
    as_person(one).post("/send/wishes/", {"wish": str(WithdrawalRequest.objects.get().pk)})
    proposal = Proposal.objects.get()
    organise.decide(proposal.pk, "approve", two, means())
    assert Copy.objects.get().state == "withdrawn"
    assert "Taken out: it does not count." in opened(said)
