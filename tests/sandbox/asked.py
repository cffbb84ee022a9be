"""A program that stands where the reader stands, in the real jail: what one that was taken over could do.

The question is the name of an attack and its argument (`tests.sandbox.attacker`); the answer says whether it was
possible. `say` gives the argument back, `setup` what the program was handed at first.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from tests.sandbox.attacker import decode


def prepare(setup: bytes) -> Callable[[bytes], bytes]:
    kept: list[bytes] = []

    def answer(question: bytes) -> bytes:
        word, _, rest = question.partition(b" ")
        if word == b"say":
            return rest
        if word == b"setup":
            return setup
        if word == b"remember":
            kept.append(rest)
            return b"".join(kept)
        if word == b"much":
            return b"x" * int(rest)
        if word == b"raise":
            raise ValueError(rest.decode())
        if word == b"silence":
            os._exit(0)
        ((_, _, pixel),) = decode(question, documents=False)
        return b"possible" if pixel[0] == 0 else b"refused"

    return answer
