"""Labels for the reader: what persons settled, by sheet, in a file that only the server's user can read."""

from __future__ import annotations

import json
import stat

from counterfoil.bootstrap.labels import labels, write_labels
from counterfoil.storage.models import Copy
from tests.server.machine.conftest import Machines, reading
from tests.server.reading.conftest import PAPER


def test_what_two_persons_typed_becomes_a_label_and_what_nobody_settled_does_not(hall: Machines) -> None:
    copy = hall.copy(reading({**PAPER, "ada": 318, "against": "struck"}, outcome="suggest"))
    hall.machine()
    hall.type(copy, PAPER)
    assert list(labels(hall.server)) == []
    hall.type(copy, PAPER)
    path, count = write_labels(hall.server)
    assert count == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (line,) = map(json.loads, path.read_text("utf-8").splitlines())
    assert (line["sheet"], line["template"], line["page"]) == ("001 president 1", "example", 1)
    assert line["picture"] == copy.picture
    assert {name: one["value"] for name, one in line["fields"].items()} == PAPER
    assert line["fields"]["ada"]["machine"] == {
        "raw": "318",
        "state": "number",
        "value": 318,
        "p": 0.9999,
        "outcome": "suggest",
    }
    assert list(labels(hall.server)) == [line]


def test_a_page_that_the_machine_refused_or_a_purged_picture_is_no_label(hall: Machines) -> None:
    refused = {"page": {"accepted": False, "reason": "wrong-page"}, "fields": {}, "codes": []}
    for told, purge in ((refused, False), (reading(), True)):
        Copy.objects.all().delete()
        copy = hall.copy(told)
        hall.machine()
        hall.type(copy, PAPER)
        hall.type(copy, PAPER)
        if purge:
            Copy.objects.filter(pk=copy.pk).update(picture="")
        assert list(labels(hall.server)) == []
