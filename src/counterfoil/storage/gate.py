"""The line before the decoders: who waits, who gives way. In memory of one process, without any name.

`workflow.sending.who_waits` and `next_of` decide; here threads wait. Whoever gives way is told so before their photo
was looked at, so nothing that was acknowledged is touched.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from counterfoil.workflow.sending import Lane, NotNow, Place, next_of, who_waits


class Gate:
    """At most `decoders` inside at once and `places` waiting; a share of the places is kept for invited senders."""

    def __init__(self, decoders: int, places: int) -> None:
        self._decoders, self._places = decoders, places
        self._change = threading.Condition()
        self._waiting: list[Place] = []
        self._sent_away: set[int] = set()
        self._inside = 0
        self._count = 0

    @contextmanager
    def inside(self, lane: Lane, *, reserve_share: float) -> Iterator[None]:
        """Wait for a decoder, and have it for the block.

        Raises:
            NotNow: `busy`: no place, or the place went to a higher lane.
        """
        self._enter(lane, reserve_share)
        try:
            yield
        finally:
            with self._change:
                self._inside -= 1
                self._change.notify_all()

    def _enter(self, lane: Lane, reserve_share: float) -> None:
        with self._change:
            me = Place(self._count, lane)
            self._count += 1
            if self._inside < self._decoders and not self._waiting:
                self._inside += 1
                return
            verdict = who_waits(self._waiting, me, places=self._places, reserve_share=reserve_share)
            if not verdict.comes_in:
                raise self._busy()
            if verdict.gives_way is not None:
                self._waiting.remove(verdict.gives_way)
                self._sent_away.add(verdict.gives_way.number)
                self._change.notify_all()
            self._waiting.append(me)
            try:
                self._change.wait_for(lambda: me.number in self._sent_away or self._my_turn(me))
            except BaseException:
                if me in self._waiting:
                    self._waiting.remove(me)
                raise
            if me.number in self._sent_away:
                self._sent_away.remove(me.number)
                raise self._busy()
            self._waiting.remove(me)
            self._inside += 1
            self._change.notify_all()  # another decoder may be free for the next

    def _my_turn(self, me: Place) -> bool:
        return self._inside < self._decoders and next_of(self._waiting) == me

    def _busy(self) -> NotNow:
        seconds = max(2, min(60, (self._inside + len(self._waiting)) // self._decoders))
        return NotNow(
            f"not received: too many photos are coming in at this moment; keep the photo and send it again in "
            f"{seconds} seconds",
            code="busy",
            retry_after_s=seconds,
        )
