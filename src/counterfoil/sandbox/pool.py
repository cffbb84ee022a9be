"""`Sandbox`: hands files to jailed workers and takes pixels back; the only door for strangers' pictures.

* This process never looks into a file: it copies the bytes into a memory file, and reads numbers and pixels.
* What comes back is held to the limits again: sides, exact length, nothing after the end. A jail that breaks them is
  killed, whatever it meant.
* Printed codes are looked for where they are asked for; a photo never fails for them.
* A worker that dies, hangs or is killed costs its caller a refusal and everybody else nothing: a new one is started.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from counterfoil.sandbox.answer import Pixels, hand_over
from counterfoil.sandbox.jail.codes import MAX_FILE_BYTES, MAX_PAGES, Code
from counterfoil.sandbox.refusals import FileRefused, SandboxStopped
from counterfoil.sandbox.workers import Pool

STRANGER_WALL_S = 20.0
DOCUMENT_FACTOR = 3


class Sandbox(Pool):
    """A pool of jailed decoders.

    Args:
        workers: files decoded at the same time; about one per core. Each may use 1.5 GB at worst.
        waiting: callers that may wait in line for a worker; one more is refused as `busy`.
        bubblewrap: False never tries bubblewrap (for tests, and machines where it must not be used).
        wall_s: seconds one photo may take; a document may take three times as long.

    Raises:
        SandboxUnavailable: by the first file or by `level`, where no jail can be started.
    """

    def __init__(
        self, workers: int = 2, waiting: int = 8, *, bubblewrap: bool = True, wall_s: float = STRANGER_WALL_S
    ) -> None:
        self._wall_s = wall_s
        super().__init__(workers, waiting, bubblewrap=bubblewrap)

    def pictures(self, data: bytes, *, documents: bool = False, codes: Sequence[str] = ()) -> Iterator[Pixels]:
        """The picture in `data`, or with `documents` the pages of a PDF or TIFF, one after the other.

        `codes`: the printed codes to look for, by `jail.printed.KINDS` and `DICTIONARIES`. Holds a worker until the
        last page is taken or the iterator is closed.

        Raises:
            FileRefused: this file is not taken, `code` says why; pages already given out must then be thrown away.
            SandboxBusy, SandboxStopped, SandboxUnavailable: the file may be fine; try again later.
        """
        if not data:
            raise FileRefused(Code.EMPTY)
        if len(data) > MAX_FILE_BYTES:
            raise FileRefused(Code.FILE_TOO_LARGE)
        with self._place():
            yield from self._decoded(data, documents, codes)

    def _decoded(self, data: bytes, documents: bool, codes: Sequence[str]) -> Iterator[Pixels]:
        deadline = time.monotonic() + self._wall_s * (DOCUMENT_FACTOR if documents else 1)
        for last in (False, True):
            worker = self._take()
            begun = whole = False
            try:
                with hand_over(worker, data, documents=documents, codes=codes, deadline=deadline) as answer:
                    for _ in range(MAX_PAGES + 1):
                        pixels = answer.next()
                        if pixels is None:
                            whole = not answer.over
                            return
                        begun = True
                        yield pixels
                raise SandboxStopped("expected at most 20 pages from the decoder, found more", "decoder-broke-rules")
            except FileRefused:
                whole = True
                raise
            except SandboxStopped:
                # A worker that is gone was killed from outside (a file only ends its child): once more, with another.
                if last or begun or not worker.gone():
                    raise
            finally:
                if whole:
                    self._give_back(worker)
                else:
                    worker.end()
