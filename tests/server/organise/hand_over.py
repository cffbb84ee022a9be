"""`python -m tests.server.organise.hand_over FOLDER TO`: an organiser of the election in FOLDER makes the sealed file.

Draws parts and makes the file by the pages. Writes TO/state.handover and TO/parts (three of five), prints how many
entries there are.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from counterfoil.bootstrap.setup import setup_django


def main() -> int:
    folder, to = Path(sys.argv[1]), Path(sys.argv[2])
    setup_django(folder)
    from django.test import Client

    from counterfoil.bootstrap.jobs import grow_now
    from counterfoil.bootstrap.prepare import prepare
    from counterfoil.storage.models import Account, Head
    from counterfoil.web.permissions import FACTOR

    at = prepare()
    grow_now(at)
    ann = Account.objects.create_account("ann", ["organiser"])
    client = Client(headers={"host": "localhost"})
    client.force_login(ann, backend="allauth.account.auth_backends.AuthenticationBackend")
    session = client.session
    session[FACTOR] = str(ann.pk)
    session.save()
    page = client.post("/organise/handover/parts", {"count": "5", "needed": "3"})
    lines = re.findall(r"counterfoil-key-part/v1 [^<]+", page.content.decode())
    answer = client.post("/organise/handover/bundle", {"parts": "\n".join(lines[1:4])})
    assert answer.status_code == 200, answer.content
    (to / "state.handover").write_bytes(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    answer.close()
    (to / "parts").write_text("\n".join(lines[2:]) + "\n", "utf-8")
    assert not list(at.settings.private.glob("handover-*")), "nothing of it stays here"
    print(Head.objects.get().size)  # noqa: T201 - what a program for tests answers
    at.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
