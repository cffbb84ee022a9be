"""Tasks, their photos and drafts: nobody sees or touches what another holds."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from counterfoil.bootstrap.server import Server
from counterfoil.storage.models import Account, Copy, Task
from tests.server.objects import Case


def _task(address: str) -> Callable[[Server, Account], tuple[str, Callable[[], Any]]]:
    def make(server: Server, owner: Account) -> tuple[str, Callable[[], Any]]:
        copy = Copy.objects.create(
            copy=secrets.token_hex(32),
            salt=secrets.token_hex(32),
            picture=server.pictures.put(b"a sanitised picture")["sha256"],
            width=600,
            height=800,
            exact=secrets.token_hex(32),
            station="001",
            contest="president",
            kind="wall_copy",
            lane="stranger",
            slot=server.slot,
            state="read",
            identified=True,
        )
        task = Task.objects.create(
            kind="read",
            copy=copy,
            leased_by=owner,
            leased_until=server.now() + timedelta(minutes=15),
            draft={"typed": {}},
        )
        return address.format(task.pk), lambda: Task.objects.filter(pk=task.pk).values().get()

    return make


_READING = (("field-ballots", "7"), ("problem", "illegible"))

CASES = [
    Case("look at another's task", "reader", _task("/work/task/{}/"), method="GET"),
    Case("look at another's photo", "reader", _task("/work/task/{}/photo"), method="GET"),
    Case("look at another's photo as an organiser", "organiser", _task("/work/task/{}/photo"), method="GET"),
    Case("look at another's photo as a coordinator", "sender_coordinator", _task("/work/task/{}/photo"), "GET", (403,)),
    Case("answer another's task", "reader", _task("/work/task/{}/"), data=_READING),
    Case("write into another's draft", "reader", _task("/work/task/{}/draft"), data=_READING),
    Case("give another's task back", "reader", _task("/work/task/{}/back")),
    Case("look at another's task by the API", "reader", _task("/api/v1/tasks/{}"), method="GET"),
    Case("look at another's photo by the API", "reader", _task("/api/v1/tasks/{}/picture"), method="GET"),
    Case("give another's task back by the API", "reader", _task("/api/v1/tasks/{}/back")),
]
