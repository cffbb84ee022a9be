"""What was said goes into the log once, in batches, and the rows learn where."""

from __future__ import annotations

import pytest

from counterfoil.bootstrap.server import Server
from counterfoil.primitives.errors import RecordError
from counterfoil.storage import inbox
from counterfoil.storage.models import Batch, Entry, Head
from tests.server.conftest import Clock

NOTICE = {"type": "notice", "kind": "announced", "text": {"en": "We count."}}


def put(server: Server) -> Batch | None:
    head = Head.objects.get()
    batch = inbox.seal(server.now(), server.settings.batch_s, server.intake, server.pictures, lambda copies: None, head)
    if batch is not None:
        with server.log() as log:
            inbox.put_into_log(batch, log, head)
    return batch


def test_an_entry_waits_until_its_slot_is_over_then_stands_in_the_log(server: Server, clock: Clock) -> None:
    before = Head.objects.get().size
    entry = inbox.say(NOTICE, slot=server.slot)
    assert put(server) is None
    clock.forward(minutes=10)
    assert put(server) is not None
    entry.refresh_from_db()
    assert entry.index == before
    assert Head.objects.get().size == before + 1
    assert put(server) is None


def test_a_crash_after_the_log_took_the_batch_appends_nothing_twice(server: Server, clock: Clock) -> None:
    inbox.say(NOTICE, slot=server.slot)
    clock.forward(minutes=10)
    head = Head.objects.get()
    batch = inbox.seal(clock(), 600, server.intake, server.pictures, lambda copies: None, head)
    assert batch is not None
    with server.log() as log:
        log.append(inbox._encoded(list(batch.entries.order_by("position")), batch))
        size = log.size
    server.open_election()
    put(server)
    with server.log(read_only=True) as log:
        assert log.size == size
    assert Entry.objects.filter(index__isnull=True).count() == 0


def test_a_database_restored_from_an_older_backup_signs_nothing(server: Server, clock: Clock) -> None:
    inbox.say(NOTICE, slot=server.slot)
    clock.forward(minutes=10)
    put(server)
    Entry.objects.filter(batch__isnull=False).delete()
    Batch.objects.all().delete()
    Head.objects.update(size=1, root="00" * 32)
    with server.log(read_only=True) as log:
        note = log.note
    with pytest.raises(RecordError, match="restored"):
        server.open_election()
    inbox.say(NOTICE, slot="2026-03-01T20:00Z")
    with pytest.raises(RecordError, match="restored"):
        put(server)
    with server.log(read_only=True) as log:
        assert log.note == note


def test_what_could_not_stand_in_the_record_is_refused_when_it_is_said(server: Server) -> None:
    with pytest.raises(RecordError):
        inbox.say({**NOTICE, "name": "somebody"}, slot=server.slot)
    assert not Entry.objects.filter(type="notice", index__isnull=True).exists()
